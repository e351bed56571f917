//! What a detector reads: images and their context, never a label.

mod augment;
mod batches;
mod context;
pub mod files;
mod jobs;
mod load;
mod loader;
pub mod photographs;
mod reduce;

pub use augment::Augment;
pub use batches::Batches;
pub use context::{Context, Past};
pub use jobs::split_jobs;
pub use load::load;
pub use loader::{Batch, Loader};

/// A stack of square grey images with what a printer knows of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageSet {
    /// Pixels along one side.
    pub size_px: usize,
    /// Grey values, 0 to 1: image by image, row by row from the top left.
    pub pixels: Vec<f32>,
    /// Nominal slices, printed share of each pixel 0 to 1, laid out as `pixels`.
    pub nominal: Vec<f32>,
    /// The print job of each image.
    pub job: Vec<u32>,
    /// The layer number of each image in its job.
    pub layer: Vec<u32>,
    /// The layers before each image, as many as were asked for.
    pub past: Past,
}

impl ImageSet {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.job.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.job.is_empty()
    }

    /// The pixels of image `index`.
    pub fn image(&self, index: usize) -> &[f32] {
        let n = self.size_px * self.size_px;
        &self.pixels[index * n..(index + 1) * n]
    }

    /// The nominal slice of image `index`.
    pub fn slice(&self, index: usize) -> &[f32] {
        let n = self.size_px * self.size_px;
        &self.nominal[index * n..(index + 1) * n]
    }

    /// Whether all that `context` asks for is known of the images.
    pub fn knows(&self, context: Context) -> bool {
        let slices = !context.slice || self.nominal.len() == self.pixels.len();
        slices && (context.layers <= self.past.layers || self.is_empty())
    }

    /// The channels of `context` for image `index`, in its order; absent where all of one is zero.
    pub fn context<'a>(&'a self, index: usize, context: Context) -> impl Iterator<Item = Option<&'a [f32]>> {
        let n = self.size_px * self.size_px;
        let before = move |back: usize, frames: &'a [f32]| {
            self.past.frame(index, back).map(|frame| &frames[frame * n..(frame + 1) * n])
        };
        let slices = (0..context.slices()).map(move |back| match back {
            0 => Some(self.slice(index)),
            _ => before(back, &self.past.slices),
        });
        slices.chain((1..=context.layers).map(move |back| before(back, &self.past.images)))
    }

    /// These images, then those of `other`, which are of the same size, without the layers before them.
    pub fn followed_by(&self, other: &Self) -> Self {
        Self {
            size_px: self.size_px,
            pixels: [&self.pixels[..], &other.pixels].concat(),
            nominal: [&self.nominal[..], &other.nominal].concat(),
            job: [&self.job[..], &other.job].concat(),
            layer: [&self.layer[..], &other.layer].concat(),
            past: Past::default(),
        }
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        let n = self.size_px * self.size_px;
        let rows =
            |values: &[f32]| indices.iter().flat_map(|&i| &values[i * n..(i + 1) * n]).copied().collect();
        Self {
            size_px: self.size_px,
            pixels: rows(&self.pixels),
            nominal: rows(&self.nominal),
            job: indices.iter().map(|&i| self.job[i]).collect(),
            layer: indices.iter().map(|&i| self.layer[i]).collect(),
            past: self.past.select(indices),
        }
    }
}
