//! The pictures of a run, read from its folder. One that is missing becomes a grey placeholder and a
//! line of warning: a report with a gap is better than none.

use std::cell::RefCell;
use std::path::{Component, Path};

use super::picture::Picture;

/// Reads pictures and remembers what was missing.
pub struct Assets<'a> {
    run: &'a Path,
    size_px: usize,
    missing: RefCell<Vec<String>>,
}

/// Grey values 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Grey {
    /// Pixels across.
    pub width: usize,
    /// Values row by row.
    pub values: Vec<f32>,
}

impl<'a> Assets<'a> {
    /// Pictures under `run`; placeholders are `size_px` wide.
    pub fn new(run: &'a Path, size_px: usize) -> Self {
        Self { run, size_px: size_px.clamp(1, 1024), missing: RefCell::default() }
    }

    /// The grey values of a PNG of 8 or 16 bits.
    pub fn grey(&self, file: &str) -> Option<Grey> {
        let image = self.open(file)?.into_luma16();
        let width = image.width() as usize;
        let values = image.into_raw().into_iter().map(|v| f32::from(v) / 65535.0).collect();
        Some(Grey { width, values })
    }

    /// A PNG in its own colours.
    pub fn picture(&self, file: &str) -> Picture {
        match self.open(file).map(image::DynamicImage::into_rgb8) {
            Some(image) => Picture {
                width: image.width() as usize,
                height: image.height() as usize,
                rgb: image.into_raw(),
            },
            None => self.placeholder(),
        }
    }

    /// What stands for a picture that is not there: a grey square with a diagonal.
    pub fn placeholder(&self) -> Picture {
        let mut picture = Picture::filled(self.size_px, self.size_px, [0xe3, 0xe7, 0xea]);
        (0..self.size_px).for_each(|i| picture.set(i, i, [0xb4, 0xbc, 0xc3]));
        picture
    }

    /// One line for every picture that could not be read.
    pub fn warnings(&self) -> Vec<String> {
        self.missing.borrow().clone()
    }

    fn open(&self, file: &str) -> Option<image::DynamicImage> {
        let inside = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
        let problem = if inside {
            let path = self.run.join(file);
            let opened = image::ImageReader::open(&path).map_err(image::ImageError::IoError);
            match opened.and_then(image::ImageReader::decode) {
                Ok(image) => return Some(image),
                Err(error) => error.to_string(),
            }
        } else {
            "it is outside the run's folder".to_owned()
        };
        let line = format!("The picture {file} could not be shown: {problem}.");
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&line) {
            missing.push(line);
        }
        None
    }
}
