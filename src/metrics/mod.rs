//! Judging scores and splits against the synthetic labels.
