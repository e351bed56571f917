//! Exact shares of pixels by signed area: each edge adds the area between it and the right border of
//! the image to the pixels that it passes, and a sum along each row carries it on to the pixels beyond.
//! Where contours wind around every point once or not at all, the sum is the share.
//!
//! The scheme is that of R. Levien's font-rs ("Inside the fastest font renderer in the world", 2016), in
//! integers: what the edges of a row add cancels to the last digit, so that pixels without an edge come
//! out as 0 or 1, and the order of edges does not matter.

use pulp::Arch;

use crate::layer::Field;

/// The area of a pixel.
const ONE: f64 = (1 << 24) as f64;

/// An image, as the difference between each pixel's share and its left neighbour's.
pub(super) struct Shares {
    size_px: usize,
    differences: Vec<i32>,
    /// Least and greatest x, and y, of all that was added, in px.
    touched: [[f64; 2]; 2],
}

impl Shares {
    /// Nothing covered.
    pub fn new(size_px: usize) -> Self {
        let nowhere = [f64::INFINITY, f64::NEG_INFINITY];
        Self { size_px, differences: vec![0; size_px * size_px], touched: [nowhere; 2] }
    }

    /// Adds what a closed contour encloses; `px` gives a point in px from the top left of the image. As
    /// seen there, a contour that runs clockwise takes away.
    pub fn add(&mut self, contour: &[[f64; 2]], px: impl Fn([f64; 2]) -> [f64; 2]) {
        let Some(&last) = contour.last() else { return };
        let mut from = px(last);
        for &point in contour {
            let to = px(point);
            for (range, c) in self.touched.iter_mut().zip(to) {
                *range = [range[0].min(c), range[1].max(c)];
            }
            // What goes down has the material on its right.
            if from[1] < to[1] {
                self.edge(from, to, 1)
            } else {
                self.edge(to, from, -1)
            }
            from = to;
        }
    }

    /// Adds the area to the right of an edge, row by row from its top.
    fn edge(&mut self, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2], sign: i32) {
        let (leftmost, rightmost) = (x0.min(x1), x0.max(x1));
        let (top, bottom) = (y0.max(0.0), y1.min(self.size_px as f64));
        if top >= bottom || leftmost >= self.size_px as f64 {
            return;
        }
        let first = top as usize;
        if y0 >= 0.0 && y1 <= (first + 1).min(self.size_px) as f64 {
            // Most edges of a fine mesh stay in their row.
            let row = &mut self.differences[first * self.size_px..][..self.size_px];
            let [above, below] = [y0, y1].map(|y| fixed(y - first as f64));
            return piece(row, leftmost, rightmost, sign * (below - above));
        }
        let slope = (x1 - x0) / (y1 - y0);
        let x = |y: f64| if y == y1 { x1 } else { (x0 + (y - y0) * slope).clamp(leftmost, rightmost) };
        let rows = self.differences[first * self.size_px..].chunks_exact_mut(self.size_px);
        let (mut from_x, mut from_y) = (if y0 == top { x0 } else { x(top) }, fixed(top - first as f64));
        for (row, pixels) in (first..).zip(rows) {
            let end = bottom.min((row + 1) as f64);
            let (to_x, to_y) = (x(end), fixed(end - row as f64));
            piece(pixels, from_x.min(to_x), from_x.max(to_x), sign * (to_y - from_y));
            if end == bottom {
                break;
            }
            (from_x, from_y) = (to_x, 0);
        }
    }

    /// The shares, 0 to 1.
    pub fn into_field(mut self) -> Field {
        // An edge changes the pixel after it too.
        let [columns, rows] =
            self.touched.map(|[low, high]| low as usize..(high as usize).saturating_add(2).min(self.size_px));
        for row in self.differences.chunks_exact_mut(self.size_px).skip(rows.start).take(rows.len()) {
            if let Some(row) = row.get_mut(columns.clone()) {
                Arch::new().dispatch(
                    #[inline(always)]
                    || sum_up(row),
                );
            }
        }
        // 0 has the same bits as 0.0, so that the numbers take the integers' memory as it is.
        let values = self.differences.into_iter().map(|bits| f32::from_bits(bits as u32)).collect();
        Field { size_px: self.size_px, values }
    }
}

/// A height inside a row. Edges that meet there agree about it.
fn fixed(share: f64) -> i32 {
    (share * ONE + 0.5) as i32
}

/// Adds the area to the right of a piece of edge that spans `left` to `right` and `height` of a row.
fn piece(row: &mut [i32], mut left: f64, right: f64, mut height: i32) {
    let columns = row.len();
    let mut add = |column: usize, area: i32| {
        if let Some(difference) = row.get_mut(column) {
            *difference = difference.wrapping_add(area);
        }
    };
    if left < 0.0 {
        // Of what is cut off at the left, the whole row lies to the right.
        let cut = if right > 0.0 { (f64::from(height) * left / (left - right)) as i32 } else { height };
        add(0, cut);
        (left, height) = (0.0, height - cut);
    }
    let (first, whole) = (left as usize, f64::from(height));
    if right <= (first + 1) as f64 {
        let area = (whole * ((first + 1) as f64 - 0.5 * (left + right))) as i32;
        add(first, area);
        add(first + 1, height - area);
        return;
    }
    let (last, density) = (right.ceil() as usize - 1, whole / (right - left));
    let mut before = 0;
    for column in first..=last.min(columns) {
        let area = if column == first {
            0.5 * density * ((first + 1) as f64 - left).powi(2)
        } else if column < last {
            density * (column as f64 + 0.5 - left)
        } else {
            whole - 0.5 * density * (right - last as f64).powi(2)
        } as i32;
        add(column, area - before);
        before = area;
    }
    add(last + 1, height - before);
}

/// Pixels that are looked at together for edges: mostly there are none.
const BLOCK: usize = 16;

/// Makes each difference the bits of the share that the differences up to it add up to.
#[inline(always)]
fn sum_up(row: &mut [i32]) {
    let mut sum = 0i32;
    let mut add = |difference: &mut i32| {
        sum = sum.wrapping_add(*difference);
        *difference = sum;
        sum
    };
    let (blocks, rest) = row.as_chunks_mut::<BLOCK>();
    let mut even = 0;
    for block in blocks {
        if *block == [0; BLOCK] {
            *block = [even; BLOCK];
        } else {
            let last = block.iter_mut().map(&mut add).last();
            block.iter_mut().for_each(|area| *area = share(*area));
            even = last.map_or(even, share);
        }
    }
    rest.iter_mut().for_each(|difference| *difference = share(add(difference)));
}

/// The bits of an area's share of a pixel.
#[inline(always)]
fn share(area: i32) -> i32 {
    (area as f32 * (1.0 / ONE) as f32).clamp(0.0, 1.0).to_bits() as i32
}
