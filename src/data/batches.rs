//! The order in which training reads its images.

use generators::stream::Stream;

/// Shuffled batches without end: each epoch reads every image once, in an order of its own.
///
/// Batch `step` depends on the stream and on `step` alone, so that training goes on from any step
/// without the state of a random generator.
#[derive(Clone, Debug)]
pub struct Batches {
    stream: Stream,
    images: usize,
    size: usize,
    epoch: Option<usize>,
    order: Vec<usize>,
}

impl Batches {
    /// Batches of `size` out of `images` images, or of all of them where there are fewer; at least one.
    pub fn new(stream: Stream, images: usize, size: usize) -> Self {
        Self { stream, images, size: size.min(images).max(1), epoch: None, order: Vec::new() }
    }

    /// Images in each batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches in one epoch; the images left over at its end wait for the next, in another order.
    pub fn per_epoch(&self) -> usize {
        (self.images / self.size).max(1)
    }

    /// The indices of the images in batch `step`, counted from 0 over all epochs.
    pub fn batch(&mut self, step: usize) -> &[usize] {
        let epoch = step / self.per_epoch();
        if self.epoch != Some(epoch) {
            self.order = (0..self.images).collect();
            self.stream.item("epoch", epoch).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        let start = step % self.per_epoch() * self.size;
        &self.order[start..(start + self.size).min(self.order.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_reads_every_image_once() {
        let mut batches = Batches::new(Stream::root(1), 12, 4);
        let mut seen: Vec<usize> = (0..3).flat_map(|step| batches.batch(step).to_vec()).collect();
        let first = seen.clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
        let second: Vec<usize> = (3..6).flat_map(|step| batches.batch(step).to_vec()).collect();
        assert_ne!(first, second);
    }

    #[test]
    fn a_batch_depends_on_its_step_alone() {
        let stream = Stream::root(5);
        let mut from_start = Batches::new(stream.clone(), 10, 3);
        let all: Vec<Vec<usize>> = (0..9).map(|step| from_start.batch(step).to_vec()).collect();
        let mut late = Batches::new(stream, 10, 3);
        assert_eq!(late.batch(7), all[7]);
        assert_eq!(late.batch(2), all[2]);
    }

    #[test]
    fn few_images_make_small_batches() {
        let mut batches = Batches::new(Stream::root(1), 3, 16);
        assert_eq!(batches.size(), 3);
        assert_eq!(batches.batch(4).len(), 3);
    }
}
