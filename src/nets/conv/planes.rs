//! Images as the sums of products read them.
//!
//! A channel is padded with zeros and its columns are split by their remainder modulo the stride (its phases):
//! `plane[row][phase][column / stride]`. What neighbouring windows read then lies side by side.

use super::direction::Direction;

/// How the planes of a source are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    /// `[height, width]` of the source.
    size: [usize; 2],
    /// Rows above and columns left of the source.
    before: [usize; 2],
    rows: usize,
    phases: usize,
    /// Columns of one phase.
    columns: usize,
}

impl Plane {
    pub fn new(direction: &Direction) -> Self {
        let size = [direction.source[1], direction.source[2]];
        let reach = |axis: usize| {
            let (mut before, mut all) = (0, size[axis]);
            for (first, count) in direction.kinds(axis + 1) {
                for (_, from) in direction.taps(first) {
                    let to = from + ((count - 1) * direction.stride()).cast_signed();
                    before = before.max((-from).max(0).unsigned_abs());
                    all = all.max((to + 1).max(0).unsigned_abs());
                }
            }
            (before, before + all)
        };
        let ((top, rows), (left, columns)) = (reach(0), reach(1));
        let phases = direction.stride();
        Self { size, before: [top, left], rows, phases, columns: columns.div_ceil(phases) }
    }

    /// Scalars of one row, all phases.
    pub fn row(&self) -> usize {
        self.phases * self.columns
    }

    /// Scalars of one channel.
    pub fn len(&self) -> usize {
        self.rows * self.row()
    }

    /// Where a pixel of the source lies, or of the zeros around it.
    pub fn position(&self, [y, x]: [isize; 2]) -> usize {
        let [y, x] = [(y, 0), (x, 1)].map(|(at, axis)| (at + self.before[axis].cast_signed()).unsigned_abs());
        y * self.row() + x % self.phases * self.columns + x / self.phases
    }

    /// Lays out one channel.
    #[inline(always)]
    pub fn fill(&self, source: &[f32], plane: &mut [f32]) {
        let ([height, width], [top, left]) = (self.size, self.before);
        let (above, rest) = plane.split_at_mut(top * self.row());
        let (rows, below) = rest.split_at_mut(height * self.row());
        above.fill(0.0);
        below.fill(0.0);
        for (row, source) in rows.chunks_exact_mut(self.row()).zip(source.chunks_exact(width)) {
            row.fill(0.0);
            if self.phases == 2 {
                let (even, odd) = row.split_at_mut(self.columns);
                deal(source, left, even, odd);
                continue;
            }
            for (phase, target) in row.chunks_exact_mut(self.columns).enumerate() {
                // The first column of the phase that the source fills, and the source's column there.
                let start = left.saturating_sub(phase).div_ceil(self.phases).min(self.columns);
                let source = source.get(start * self.phases + phase - left..).unwrap_or_default();
                let target = &mut target[start..];
                if self.phases == 1 {
                    target[..source.len()].copy_from_slice(source);
                } else {
                    target.iter_mut().zip(source.iter().step_by(self.phases)).for_each(|(t, s)| *t = *s);
                }
            }
        }
    }
}

/// Deals a row that begins at column `left` to the columns of even and of odd number: whole vectors, not one by one.
#[inline(always)]
fn deal(mut row: &[f32], left: usize, even: &mut [f32], odd: &mut [f32]) {
    if left % 2 == 1
        && let Some((&first, rest)) = row.split_first()
    {
        odd[left / 2] = first;
        row = rest;
    }
    let (even, odd) = (&mut even[left.div_ceil(2)..], &mut odd[left.div_ceil(2)..]);
    let (pairs, last) = row.as_chunks::<2>();
    for ((even, odd), pair) in even.iter_mut().zip(odd).zip(pairs) {
        [*even, *odd] = *pair;
    }
    if let [last] = last {
        even[pairs.len()] = *last;
    }
}
