//! A scenario, resolved: everything that the stages need, checked before any of them runs.
