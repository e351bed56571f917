//! The report of a run that never happened.

pub(crate) mod fake;
mod page;
mod record;
mod verdict;
mod views;
