//! Random changes of a training image that leave it healthy.

use generators::params::{ScenarioError, Table};
use generators::stream::Stream;

/// What may happen to a training image and its context, both alike. Nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Augment {
    /// Left and right change places in every other image.
    pub flip_x: bool,
    /// Top and bottom change places in every other image.
    pub flip_y: bool,
    /// Whole pixels by which an image moves at most, along either axis; the outermost pixels fill the gap.
    pub shift_px: usize,
}

impl Augment {
    /// From the table `augment = { flip_x = true, flip_y = true, shift_px = 2 }`.
    ///
    /// # Errors
    /// A wrong type or range, or an unknown key.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let mut table = table.table("augment")?;
        let augment = Self {
            flip_x: table.flag("flip_x", false)?,
            flip_y: table.flag("flip_y", false)?,
            shift_px: table.count("shift_px", Some(0), 0..=64)?,
        };
        table.finish()?;
        Ok(augment)
    }

    /// Where each pixel of a changed image of `size_px` comes from; `None` where nothing changes.
    pub fn draw(self, size_px: usize, stream: &mut Stream) -> Option<Move> {
        if self == Self::default() {
            return None;
        }
        let mut shift = || stream.below(2 * self.shift_px + 1) as isize - self.shift_px as isize;
        let shift = [shift(), shift()];
        let flip = [stream.chance(0.5) && self.flip_x, stream.chance(0.5) && self.flip_y];
        Some(Move { size_px, flip, shift })
    }
}

/// A flip and a shift, drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    size_px: usize,
    flip: [bool; 2],
    shift: [isize; 2],
}

impl Move {
    /// Appends the changed image to `out`.
    pub fn apply(self, image: &[f32], out: &mut Vec<f32>) {
        let last = self.size_px.saturating_sub(1);
        let from = |axis: usize, at: usize| {
            let moved = at.saturating_add_signed(-self.shift[axis]).min(last);
            if self.flip[axis] { last - moved } else { moved }
        };
        for y in 0..self.size_px {
            let row = &image[from(1, y) * self.size_px..][..self.size_px];
            out.extend((0..self.size_px).map(|x| row[from(0, x)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_and_shifts_move_pixels_and_repeat_the_border() {
        let image: Vec<f32> = (1..=9).map(|v| v as f32).collect();
        let moved = |flip, shift| {
            let mut out = Vec::new();
            Move { size_px: 3, flip, shift }.apply(&image, &mut out);
            out
        };
        assert_eq!(moved([false; 2], [0, 0]), image);
        assert_eq!(moved([true, false], [0, 0]), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0, 9.0, 8.0, 7.0]);
        assert_eq!(moved([false, true], [0, 0]), [7.0, 8.0, 9.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved([false; 2], [1, 0]), [1.0, 1.0, 2.0, 4.0, 4.0, 5.0, 7.0, 7.0, 8.0]);
        assert_eq!(moved([false; 2], [0, -2]), [7.0, 8.0, 9.0, 7.0, 8.0, 9.0, 7.0, 8.0, 9.0]);
    }

    #[test]
    fn every_move_that_was_asked_for_is_drawn_and_no_other() {
        let draws = |augment: Augment| -> Vec<Move> {
            (0..400).filter_map(|i| augment.draw(8, &mut Stream::root(3).item("image", i))).collect()
        };
        assert!(draws(Augment::default()).is_empty());
        let both = draws(Augment { flip_x: true, flip_y: true, shift_px: 1 });
        for flip in [[false, false], [false, true], [true, false], [true, true]] {
            for shift in [[-1, -1], [0, 1], [1, 0]] {
                assert!(both.iter().any(|m| m.flip == flip && m.shift == shift), "{flip:?} {shift:?}");
            }
        }
        assert!(both.iter().all(|m| m.shift.iter().all(|s| s.abs() <= 1)));
        let shifted = draws(Augment { shift_px: 2, ..Default::default() });
        assert!(shifted.len() == 400 && shifted.iter().all(|m| m.flip == [false, false]));
    }
}
