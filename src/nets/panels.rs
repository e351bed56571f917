//! The sum of products behind the convolutions, read where the operands lie.
//!
//! Element (row, vector, lane) of the result is the sum over `steps` of
//! `a[row + step.a] * b[vector + step.b + lane]`, where a row and a vector are known by where they start. A step is a
//! weight of the window or a pixel, so that no matrix of unfolded windows is ever made. A tile of rows and vectors stays
//! in registers while the steps go by (Goto and van de Geijn 2008).
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop, reason = "arrays that are indexed stay in registers")]

use pulp::{Arch, Simd, WithSimd};

/// Rows of the result that lie together; see [`Sums`].
pub(super) const ROWS: usize = 8;
/// Vectors of one tile: with eight rows, their factors and all sums stay in 32 registers, as do those of four rows in 16.
const VECTORS: usize = 2;

/// Scalars that the processor works on at a time.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// Where one product of a sum reads, from the starts of its row and of its vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub a: u32,
    pub b: u32,
}

/// A vector of the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    /// Where it reads in `b`.
    pub start: usize,
    /// Its number among the vectors of the result.
    pub place: usize,
}

/// The result: row r of vector v of `vectors` begins at ((r / ROWS * `vectors` + v) * ROWS + r % ROWS) * lanes.
pub(super) struct Sums<'a> {
    pub values: &'a mut [f32],
    pub vectors: usize,
    /// Whether the values are added to, not overwritten.
    pub accumulate: bool,
}

/// Sums for the rows of `a` that start at `rows` and for `vectors` of `b`, each in the order of `steps`.
///
/// # Panics
/// Where a step leaves `a` or `b`, or a result has no place.
pub(super) fn multiply(
    sums: &mut Sums<'_>,
    (a, rows): (&[f32], &[usize]),
    (b, vectors): (&[f32], &[Vector]),
    steps: &[Step],
) {
    Arch::new().dispatch(Multiply { sums, a, rows, b, vectors, steps });
}

struct Multiply<'a, 'b> {
    sums: &'a mut Sums<'b>,
    a: &'a [f32],
    rows: &'a [usize],
    b: &'a [f32],
    vectors: &'a [Vector],
    steps: &'a [Step],
}

impl WithSimd for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.assert_inside(S::F32_LANES);
        let out = self.sums.values.as_mut_ptr();
        for tile in self.vectors.chunks(VECTORS) {
            // SAFETY: `assert_inside` held above.
            unsafe {
                match *tile {
                    [x, y] => self.columns(simd, out, [x, y]),
                    [x] => self.columns(simd, out, [x]),
                    _ => {}
                }
            }
        }
    }
}

impl Multiply<'_, '_> {
    /// That every row, vector and step lies inside the three slices.
    fn assert_inside(&self, lanes: usize) {
        let last = |of: fn(&Step) -> u32| self.steps.iter().map(of).max().map_or(0, |last| last as usize);
        let row = self.rows.iter().max().map_or(0, |row| row + last(|step| step.a));
        let vector =
            self.vectors.iter().map(|v| v.start).max().map_or(0, |v| v + last(|step| step.b) + lanes);
        assert!(
            self.steps.is_empty() || row < self.a.len() && vector <= self.b.len(),
            "a step leaves its operand"
        );
        let place = self.vectors.iter().map(|v| v.place + 1).max().unwrap_or(0);
        let needed = self.rows.len().div_ceil(ROWS) * self.sums.vectors * ROWS * lanes;
        assert!(place <= self.sums.vectors && needed <= self.sums.values.len(), "a result has no place");
    }

    /// All rows of a few vectors, to the sums, which begin at `out`.
    ///
    /// # Safety
    /// As [`Self::assert_inside`] says.
    #[inline(always)]
    unsafe fn columns<S: Simd, const V: usize>(&self, simd: S, out: *mut f32, vectors: [Vector; V]) {
        let all_rows = S::REGISTER_COUNT >= 32;
        for (panel, rows) in self.rows.chunks(ROWS).enumerate() {
            let mut out = [out; V];
            for v in 0..V {
                // SAFETY: the place is inside.
                out[v] = unsafe {
                    out[v].add((panel * self.sums.vectors + vectors[v].place) * ROWS * S::F32_LANES)
                };
            }
            let mut done = 0;
            while done < rows.len() {
                let rest = &rows[done..];
                // SAFETY: as of this function; rows `done` and later of a panel are inside where the panel is.
                unsafe {
                    let mut at = out;
                    for v in 0..V {
                        at[v] = at[v].add(done * S::F32_LANES);
                    }
                    done += match *rest {
                        [a, b, c, d, e, f, g, h, ..] if all_rows => {
                            self.tile(simd, at, [a, b, c, d, e, f, g, h], vectors)
                        }
                        [a, b, c, d, ..] => self.tile(simd, at, [a, b, c, d], vectors),
                        [a, b, ..] => self.tile(simd, at, [a, b], vectors),
                        [a, ..] => self.tile(simd, at, [a], vectors),
                        [] => 0,
                    };
                }
            }
        }
    }

    /// `R` rows of `V` vectors, to `out`, where the rows of each vector follow each other. Gives `R`.
    ///
    /// # Safety
    /// As [`Self::assert_inside`] says, and `R` rows have room at each `out`.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        out: [*mut f32; V],
        rows: [usize; R],
        vectors: [Vector; V],
    ) -> usize {
        let (a, b) = (self.a.as_ptr(), self.b.as_ptr());
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        // SAFETY: all reads and writes are inside, which `assert_inside` has made sure of; vectors are read and written
        // without asking for their alignment; `out` points into `sums`, which is borrowed mutably, so that no other
        // reference sees it.
        unsafe {
            if self.sums.accumulate {
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (sum, out) in sums.iter_mut().zip(out) {
                        *sum = out.add(r * S::F32_LANES).cast::<S::f32s>().read_unaligned();
                    }
                }
            }
            let mut a_rows = [a; R];
            for (at, row) in a_rows.iter_mut().zip(rows) {
                *at = at.wrapping_add(row);
            }
            let mut b_vectors = [b; V];
            for (at, vector) in b_vectors.iter_mut().zip(vectors) {
                *at = at.wrapping_add(vector.start);
            }
            for step in self.steps {
                let mut x = [simd.splat_f32s(0.0); V];
                for v in 0..V {
                    x[v] = b_vectors[v].add(step.b as usize).cast::<S::f32s>().read_unaligned();
                }
                for r in 0..R {
                    let w = simd.splat_f32s(*a_rows[r].add(step.a as usize));
                    for v in 0..V {
                        sums[r][v] = simd.mul_add_e_f32s(w, x[v], sums[r][v]);
                    }
                }
            }
            for (r, sums) in sums.into_iter().enumerate() {
                for (sum, out) in sums.into_iter().zip(out) {
                    out.add(r * S::F32_LANES).cast::<S::f32s>().write_unaligned(sum);
                }
            }
        }
        R
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose sums are exact.
    fn whole(count: usize, of: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * i + of * i + 3) % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn sums_are_exact_for_all_tiles() {
        let (width, steps) = (lanes(), [[0, 0], [3, 40], [1, 7], [2, 7], [9, 21]]);
        let steps = steps.map(|[a, b]| Step { a, b });
        let (a, b) = (whole(400, 1), whole(900, 2));
        for (row_count, count) in (1..=17).flat_map(|r| (1..=7).map(move |v| (r, v))) {
            let rows: Vec<usize> = (0..row_count).map(|r| r * 17 % 350).collect();
            let vectors: Vec<Vector> =
                (0..count).map(|v| Vector { start: v * 101 % 640, place: (v + 1) % (count + 1) }).collect();
            let wide = count + 1;
            let mut values = whole(row_count.div_ceil(ROWS) * wide * ROWS * width, 5);
            let before = values.clone();
            for accumulate in [false, true] {
                let mut sums = Sums { values: &mut values, vectors: wide, accumulate };
                multiply(&mut sums, (&a, &rows), (&b, &vectors), &steps);
            }
            for (r, row) in rows.iter().enumerate() {
                for vector in &vectors {
                    let at = ((r / ROWS * wide + vector.place) * ROWS + r % ROWS) * width;
                    for (lane, found) in values[at..at + width].iter().enumerate() {
                        let product =
                            |s: &Step| a[row + s.a as usize] * b[vector.start + s.b as usize + lane];
                        // Once to overwrite, once to add.
                        assert_eq!(*found, 2.0 * steps.iter().map(product).sum::<f32>(), "{r} {vector:?}");
                    }
                }
            }
            let untouched = (row_count.div_ceil(ROWS) * wide * ROWS - row_count * count) * width;
            let same = values.iter().zip(&before).filter(|(now, then)| now == then).count();
            assert!(same >= untouched, "{row_count} rows and {count} vectors: something else was written");
        }
    }

    #[test]
    #[should_panic(expected = "a step leaves its operand")]
    fn steps_stay_inside() {
        let mut values = vec![0.0; ROWS * lanes()];
        let mut sums = Sums { values: &mut values, vectors: 1, accumulate: false };
        let (a, b) = ([0.0; 4], [0.0; 20]);
        multiply(
            &mut sums,
            (&a, &[0]),
            (&b, &[Vector { start: 21 - lanes().min(20), place: 0 }]),
            &[Step { a: 3, b: 0 }],
        );
    }
}
