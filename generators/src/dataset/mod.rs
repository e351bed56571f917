//! Labelled images on disk, and back.
