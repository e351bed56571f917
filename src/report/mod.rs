//! The record of a run, and what people read of it.

pub mod record;
