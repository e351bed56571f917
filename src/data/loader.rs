//! Batches for training, made ahead of the step that reads them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

use generators::stream::Stream;

use super::{Augment, Batches, Context, ImageSet};

/// Batches that wait at most; a step never waits for one unless making it takes longer than the step.
const AHEAD: usize = 3;

/// Some training images, changed as the scenario asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Which images of the training set.
    pub indices: Vec<usize>,
    /// Grey values 0 to 1, laid out as in [`ImageSet`].
    pub pixels: Vec<f32>,
    /// The channels of the [`Context`], image by image, each laid out and changed as its image.
    pub context: Vec<f32>,
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
    context: Context,
    stream: Stream,
}

impl<'a> Loader<'a> {
    /// Batches of `size` images in an order that `stream` draws.
    pub fn new(images: &'a ImageSet, size: usize, augment: Augment, stream: &Stream) -> Self {
        let batches = Batches::new(stream.clone(), images.len(), size);
        let context = Context::default();
        Self { images, batches, augment, context, stream: stream.child("augment") }
    }

    /// The same batches with `context`, which the images have to know.
    pub fn with_context(self, context: Context) -> Self {
        Self { context, ..self }
    }

    /// The order of the images.
    pub fn batches(&self) -> &Batches {
        &self.batches
    }

    /// Batch `index`, counted from 0 over all epochs.
    pub fn batch(&mut self, index: usize) -> Batch {
        let indices = self.batches.batch(index).to_vec();
        let n = self.images.size_px.pow(2);
        let mut pixels = Vec::with_capacity(indices.len() * n);
        let mut context = Vec::with_capacity(indices.len() * n * self.context.channels());
        let stream = self.stream.item("batch", index);
        for (place, &image) in indices.iter().enumerate() {
            let moved = self.augment.draw(self.images.size_px, &mut stream.item("image", place));
            let put = |channel: Option<&[f32]>, out: &mut Vec<f32>| match (channel, moved) {
                (None, _) => out.resize(out.len() + n, 0.0),
                (Some(values), None) => out.extend_from_slice(values),
                (Some(values), Some(moved)) => moved.apply(values, out),
            };
            put(Some(self.images.image(image)), &mut pixels);
            self.images.context(image, self.context).for_each(|channel| put(channel, &mut context));
        }
        Batch { indices, pixels, context }
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
    use std::sync::Arc;

    use super::*;
    use crate::data::Past;

    const CONTEXT: Context = Context { slice: true, layers: 1 };

    fn images() -> ImageSet {
        let pixels: Vec<f32> = (0..7 * 16).map(|v| v as f32).collect();
        let nominal: Vec<f32> = pixels.iter().map(|v| -v).collect();
        // The layer before each image is the image before it.
        let past = Past {
            layers: 1,
            images: Arc::new(pixels.clone()),
            slices: Arc::new(nominal.clone()),
            frames: (0..7u32).map(|i| i.checked_sub(1)).collect(),
        };
        ImageSet { size_px: 4, pixels, nominal, job: vec![0; 7], layer: (0..7).collect(), past }
    }

    #[test]
    fn batches_made_ahead_are_those_made_when_asked_for() {
        let (images, stream) = (images(), Stream::root(9));
        let augment = Augment { flip_x: true, flip_y: true, shift_px: 1 };
        let mut loader = Loader::new(&images, 3, augment, &stream).with_context(CONTEXT);
        let ahead: Vec<Batch> = loader.ahead(0..20, |batches| batches.iter().collect());
        assert_eq!(ahead.len(), 20);
        let mut other = Loader::new(&images, 3, augment, &stream).with_context(CONTEXT);
        for index in [19, 3, 4, 0] {
            assert_eq!(other.batch(index), ahead[index]);
        }
        // Slices and the image of the layer before, 16 grey levels darker, move with their image.
        for batch in &ahead {
            for (place, &image) in batch.indices.iter().enumerate() {
                let pixels = &batch.pixels[place * 16..][..16];
                let [slice, slice_before, before] =
                    [0, 1, 2].map(|channel| &batch.context[(place * 3 + channel) * 16..][..16]);
                assert!(pixels.iter().zip(slice).all(|(p, s)| *p == -s));
                let expected = |p: &f32| if image == 0 { 0.0 } else { p - 16.0 };
                assert!(pixels.iter().zip(before).all(|(p, b)| expected(p) == *b));
                assert!(before.iter().zip(slice_before).all(|(b, s)| *b == -s));
            }
        }
        assert!(ahead.windows(3).any(|w| w[0].pixels != w[1].pixels));
    }

    #[test]
    fn without_changes_the_images_are_those_of_the_set_and_the_end_may_come_early() {
        let images = images();
        let mut loader = Loader::new(&images, 2, Augment::default(), &Stream::root(1));
        let taken: Vec<Batch> = loader.ahead(5..1000, |batches| batches.iter().take(2).collect());
        for batch in taken {
            let expected = images.select(&batch.indices);
            assert_eq!((batch.pixels, batch.context), (expected.pixels, Vec::new()));
        }
    }
}
