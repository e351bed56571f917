//! Parameters: how they are written in a scenario, and how they are drawn.

mod distribution;
mod draws;
mod error;
mod table;
mod variability;

pub use distribution::{Distribution, Param, Per};
pub use draws::Draws;
pub use error::ScenarioError;
pub use table::{Key, Table, nearest};
pub(crate) use variability::Variability;
pub use variability::{Clamped, Widened};
