//! Images made smaller by averaging.

use std::sync::Arc;

use super::{ImageSet, Past};

impl ImageSet {
    /// The same images, each square of `by` x `by` px averaged to one, and so their nominal slices and the layers before; `by` divides
    /// their side.
    pub fn reduced(&self, by: usize) -> Self {
        if by == 1 {
            return self.clone();
        }
        let side = self.size_px / by;
        let averaged = |images: &[f32]| -> Vec<f32> {
            let mut means = Vec::with_capacity(images.len() / (by * by));
            for image in images.chunks(self.size_px * self.size_px) {
                for (y, x) in (0..side * side).map(|i| (i / side, i % side)) {
                    let rows = (y * by..(y + 1) * by).map(|row| &image[row * self.size_px + x * by..][..by]);
                    let sum: f64 = rows.flatten().map(|&v| f64::from(v)).sum();
                    means.push((sum / (by * by) as f64) as f32);
                }
            }
            means
        };
        Self {
            size_px: side,
            pixels: averaged(&self.pixels),
            nominal: averaged(&self.nominal),
            past: Past {
                images: Arc::new(averaged(&self.past.images)),
                slices: Arc::new(averaged(&self.past.slices)),
                ..self.past.clone()
            },
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_averaged() {
        let pixels =
            [0.0, 1.0, 0.5, 0.5, 1.0, 0.0, 0.5, 0.5, 0.0, 0.0, 1.0, 0.25, 0.0, 0.0, 0.5, 0.25].to_vec();
        let set = ImageSet {
            size_px: 4,
            nominal: pixels.clone(),
            pixels: pixels.clone(),
            job: vec![3],
            layer: vec![7],
            past: Past {
                layers: 1,
                images: Arc::new(pixels.clone()),
                slices: Arc::new(pixels),
                frames: vec![Some(0)],
            },
        };
        let small = set.reduced(2);
        assert_eq!((&*small.past.images, &*small.past.slices), (&small.pixels, &small.pixels));
        assert_eq!((small.past.layers, &small.past.frames), (1, &vec![Some(0)]));
        assert_eq!((small.size_px, &small.pixels[..]), (2, &[0.5, 0.5, 0.0, 0.5][..]));
        assert_eq!((small.nominal, small.job, small.layer), (small.pixels, vec![3], vec![7]));
        assert_eq!(set.reduced(1), set);
    }
}
