//! The record of a run, and what people read of it.

mod assets;
pub mod colour;
mod numbers;
pub mod picture;
pub mod record;
mod sheet;
mod verdict;
pub use picture::{Picture, false_colour_png};
pub use record::Record;
pub use sheet::{Tile, contact_sheet};
pub use verdict::{Point, Verdict, verdict};
