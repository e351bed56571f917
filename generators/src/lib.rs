//! Domain randomisation: STL meshes to layer images with randomised thermal textures and
//! injected, exactly labelled defects (Zeiser et al. 2023, section 4).
//!
//! The rooms, from the bottom up: [`stream`], [`params`] and [`mesh`]; [`layer`], the state that
//! textures and defects act on, and [`gaussian`]; [`textures`] and [`defects`]; [`thermal`] and [`camera`];
//! [`faults`], which act on what the camera saw; [`bed`], [`scenario`] and [`job`]; [`dataset`]
//! on top, its tables written by [`parquet`]. [`calibrate`] and [`screen`] read images that were not made here.

pub mod bed;
pub mod calibrate;
pub mod camera;
pub mod dataset;
pub mod defects;
pub mod faults;
pub mod gaussian;
pub mod job;
pub mod layer;
pub mod mesh;
pub mod params;
pub mod parquet;
mod quantile;
pub mod raster;
pub mod registry;
pub mod scenario;
pub mod screen;
pub mod stream;
pub mod textures;
pub mod thermal;
