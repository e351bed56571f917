//! Slicing against analytic solids, against an oracle without chaining, against trimesh, and over
//! real files.

#![allow(clippy::unwrap_used)]

mod analytic;
mod broken;
mod bytes;
mod coverage;
mod parts;
mod pixels;
mod polygons;
mod random;
mod real;
#[path = "../real_data/mod.rs"]
mod real_data;
mod solids;
mod trimesh;
mod unions;
