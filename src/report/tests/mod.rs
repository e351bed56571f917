//! The report of a run that never happened.

mod fake;
mod page;
mod record;
mod verdict;
