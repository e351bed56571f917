//! Labelled images on disk, and back.

mod ledger;

pub use ledger::{Row, Split};
