//! The `synthgen` program.

fn main() {}
