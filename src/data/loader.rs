//! Batches for training, made ahead of the step that reads them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

use generators::stream::Stream;

use super::{Augment, Batches, ImageSet};

/// Batches that wait at most; a step never waits for one unless making it takes longer than the step.
const AHEAD: usize = 3;

/// Some training images, changed as the scenario asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Which images of the training set.
    pub indices: Vec<usize>,
    /// Grey values 0 to 1, laid out as in [`ImageSet`].
    pub pixels: Vec<f32>,
    /// Nominal slices, laid out and changed as `pixels`.
    pub nominal: Vec<f32>,
}

/// The one place where training gets its images from.
///
/// Batch `k` depends on streams named by `k` alone: neither a training that was cut off nor the thread on
/// which batches are made changes what is in it.
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    images: &'a ImageSet,
    batches: Batches,
    augment: Augment,
    stream: Stream,
}

impl<'a> Loader<'a> {
    /// Batches of `size` images in an order that `stream` draws.
    pub fn new(images: &'a ImageSet, size: usize, augment: Augment, stream: &Stream) -> Self {
        let batches = Batches::new(stream.clone(), images.len(), size);
        Self { images, batches, augment, stream: stream.child("augment") }
    }

    /// The order of the images.
    pub fn batches(&self) -> &Batches {
        &self.batches
    }

    /// Batch `index`, counted from 0 over all epochs.
    pub fn batch(&mut self, index: usize) -> Batch {
        let indices = self.batches.batch(index).to_vec();
        let n = indices.len() * self.images.size_px.pow(2);
        let (mut pixels, mut nominal) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let stream = self.stream.item("batch", index);
        for (place, &image) in indices.iter().enumerate() {
            let (grey, slice) = (self.images.image(image), self.images.slice(image));
            match self.augment.draw(self.images.size_px, &mut stream.item("image", place)) {
                None => {
                    pixels.extend_from_slice(grey);
                    nominal.extend_from_slice(slice);
                }
                Some(moved) => {
                    moved.apply(grey, &mut pixels);
                    moved.apply(slice, &mut nominal);
                }
            }
        }
        Batch { indices, pixels, nominal }
    }

    /// Gives `body` the batches of `range`, in order, which a thread makes ahead of it.
    pub fn ahead<T>(&mut self, range: Range<usize>, body: impl FnOnce(Receiver<Batch>) -> T) -> T {
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            // It ends when the receiver is dropped, however `body` ends.
            scope
                .spawn(move || range.map(|index| self.batch(index)).try_for_each(|batch| sender.send(batch)));
            body(receiver)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> ImageSet {
        let pixels: Vec<f32> = (0..7 * 16).map(|v| v as f32).collect();
        let nominal = pixels.iter().map(|v| -v).collect();
        ImageSet { size_px: 4, pixels, nominal, job: vec![0; 7], layer: (0..7).collect() }
    }

    #[test]
    fn batches_made_ahead_are_those_made_when_asked_for() {
        let (images, stream) = (images(), Stream::root(9));
        let augment = Augment { flip_x: true, flip_y: true, shift_px: 1 };
        let mut loader = Loader::new(&images, 3, augment, &stream);
        let ahead: Vec<Batch> = loader.ahead(0..20, |batches| batches.iter().collect());
        assert_eq!(ahead.len(), 20);
        let mut other = Loader::new(&images, 3, augment, &stream);
        for index in [19, 3, 4, 0] {
            assert_eq!(other.batch(index), ahead[index]);
        }
        // The slice moves with its image.
        assert!(ahead.iter().all(|b| b.pixels.iter().zip(&b.nominal).all(|(p, n)| *p == -n)));
        assert!(ahead.windows(3).any(|w| w[0].pixels != w[1].pixels));
    }

    #[test]
    fn without_changes_the_images_are_those_of_the_set_and_the_end_may_come_early() {
        let images = images();
        let mut loader = Loader::new(&images, 2, Augment::default(), &Stream::root(1));
        let taken: Vec<Batch> = loader.ahead(5..1000, |batches| batches.iter().take(2).collect());
        for batch in taken {
            let expected = images.select(&batch.indices);
            assert_eq!((batch.pixels, batch.nominal), (expected.pixels, expected.nominal));
        }
    }
}
