//! What is known of a layer beside its image: its drawing, and the layers before it.

use std::sync::Arc;

use generators::params::{ScenarioError, Table};

/// What a detector wants to know of a layer beside its image.
///
/// Each image gets [`Context::channels`] channels of its size, in this order: the nominal slice; the slices of the layers
/// before, the nearest first; the images of the layers before, the nearest first. A layer that a job does not have, before its
/// first, is zero everywhere: no slice of it was printed, and no image is black throughout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The nominal slice, and those of the layers before.
    pub slice: bool,
    /// How many layers before: the images that the camera took of them, defects included.
    pub layers: usize,
}

/// Layers back at most.
const MOST_LAYERS: usize = 16;

impl Context {
    /// From the table `context = { slice = true, layers = 2 }`; what is absent is as in `default`.
    ///
    /// # Errors
    /// A wrong type or range, or an unknown key.
    pub fn read(table: &mut Table, default: Self) -> Result<Self, Box<ScenarioError>> {
        let mut table = table.table("context")?;
        let context = Self {
            slice: table.flag("slice", default.slice)?,
            layers: table.count("layers", Some(default.layers), 0..=MOST_LAYERS)?,
        };
        table.finish()?;
        Ok(context)
    }

    /// The table that [`Context::read`] reads, for a model's file.
    pub fn to_json(self) -> serde_json::Value {
        serde_json::json!({ "slice": self.slice, "layers": self.layers })
    }

    /// Channels beside the image.
    pub fn channels(self) -> usize {
        self.slices() + self.layers
    }

    /// How many of them are slices.
    pub fn slices(self) -> usize {
        if self.slice { 1 + self.layers } else { 0 }
    }
}

/// The layers before each image of a set. Images of neighbouring layers share their frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Layers before each image, as far as its job has them.
    pub layers: usize,
    /// The images of those layers, frame by frame, grey values 0 to 1.
    pub images: Arc<Vec<f32>>,
    /// Their nominal slices, frame by frame.
    pub slices: Arc<Vec<f32>>,
    /// For each image its `layers` frames, the nearest first; absent before the first layer of a job.
    pub frames: Vec<Option<u32>>,
}

impl Past {
    /// The frame `back` layers (1 or more) before image `index`.
    pub fn frame(&self, index: usize, back: usize) -> Option<usize> {
        let known = (1..=self.layers).contains(&back);
        known.then(|| self.frames[index * self.layers + back - 1]).flatten().map(|frame| frame as usize)
    }

    /// The layers before the images at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        let frames = indices.iter().flat_map(|&i| &self.frames[i * self.layers..][..self.layers]);
        Self { frames: frames.copied().collect(), ..self.clone() }
    }
}
