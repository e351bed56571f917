//! Arithmetic on slices, as wide as the processor is: what the networks and the projections have in common. No room is below
//! this one, and nothing here knows a tensor or a table.

pub(crate) mod panels;
pub(crate) mod transpose;
pub(crate) mod vectors;
