//! Closed outlines of a mask: one polygon per connected component, holes and all.
//!
//! Outlines run along pixel edges, a quarter of a pixel inside them, with the component on the right. That makes
//! them exact for both ways to fill a polygon: by pixel centres, and by drawing it with coordinates cut to
//! whole pixels, border included, as OpenCV's `fillPoly` does for YOLO's tools.
//!
//! A component (pixels that touch in an edge or a corner) may have several outlines: its outer one, those of
//! its holes, and those of pieces that hang on a corner. A polygon has one; so they are joined by
//! bridges of no width, crossed once in each direction, which cover no pixel that is not the component's.

use std::collections::HashMap;

use crate::layer::Mask;

/// How far inside the pixel edge the outline runs, in pixels.
const INSET_PX: f64 = 0.25;
/// Along each side of a pixel, clockwise from the top: the direction, with y downwards.
const AHEAD: [[isize; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];
/// Out of the pixel across each side.
const OUT: [[isize; 2]; 4] = [[0, -1], [1, 0], [0, 1], [-1, 0]];

/// The points of a closed polygon in pixels: x to the right, y downwards, from the image's top left corner.
pub type Polygon = Vec<[f64; 2]>;

/// The polygons of the components of `mask`, in the order of their first pixels, row by row.
pub fn polygons(mask: &Mask) -> Vec<Polygon> {
    let mut outlines = Outlines::trace(mask);
    outlines.bridge_holes();
    outlines.bridge_corners();
    let mut seen = vec![false; outlines.loops.len()];
    let mut polygons = Vec::new();
    for start in 0..outlines.loops.len() {
        if !seen[start] {
            polygons.push(outlines.walk(outlines.loops[start][0], &mut seen));
        }
    }
    polygons
}

/// One side of one pixel of the mask that is an edge of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Edge {
    x: isize,
    y: isize,
    /// 0 to 3: top, right, bottom, left.
    side: usize,
}

impl Edge {
    /// The point where it ends, moved inside along it and `next`, the edge that follows.
    fn corner(self, next: Edge) -> [f64; 2] {
        let end = match self.side {
            0 => [self.x + 1, self.y],
            1 => [self.x + 1, self.y + 1],
            2 => [self.x, self.y + 1],
            _ => [self.x, self.y],
        };
        [0, 1].map(|axis| end[axis] as f64 - INSET_PX * (OUT[self.side][axis] + OUT[next.side][axis]) as f64)
    }

    /// The point half-way along it, moved inside.
    fn middle(self) -> [f64; 2] {
        let centre = [self.x as f64 + 0.5, self.y as f64 + 0.5];
        [0, 1].map(|axis| centre[axis] + (0.5 - INSET_PX) * OUT[self.side][axis] as f64)
    }
}

/// The outlines of a mask, and the bridges between them.
struct Outlines<'a> {
    mask: &'a Mask,
    loops: Vec<Vec<Edge>>,
    loop_of: HashMap<Edge, usize>,
    /// The outline, or one that it is joined to already, directly or not.
    joined: Vec<usize>,
    /// Bridges from the middle of one edge to that of another, in both directions.
    middles: HashMap<Edge, Edge>,
    /// Bridges from the end of one edge to that of another, in both directions.
    corners: HashMap<Edge, Edge>,
}

impl<'a> Outlines<'a> {
    /// Follows every outline of pixels that touch in an edge.
    fn trace(mask: &'a Mask) -> Self {
        let mut outlines = Self {
            mask,
            loops: Vec::new(),
            loop_of: HashMap::new(),
            joined: Vec::new(),
            middles: HashMap::new(),
            corners: HashMap::new(),
        };
        let n = mask.size_px as isize;
        for (y, x) in (0..n).flat_map(|y| (0..n).map(move |x| (y, x))) {
            for (side, out) in OUT.iter().enumerate() {
                let start = Edge { x, y, side };
                if outlines.inside(x, y)
                    && !outlines.inside(x + out[0], y + out[1])
                    && !outlines.loop_of.contains_key(&start)
                {
                    outlines.follow(start);
                }
            }
        }
        outlines.joined = (0..outlines.loops.len()).collect();
        outlines
    }

    fn follow(&mut self, start: Edge) {
        let (mut edges, mut edge) = (Vec::new(), start);
        loop {
            self.loop_of.insert(edge, self.loops.len());
            edges.push(edge);
            edge = self.next(edge);
            if edge == start {
                break;
            }
        }
        self.loops.push(edges);
    }

    fn inside(&self, x: isize, y: isize) -> bool {
        let n = self.mask.size_px as isize;
        (0..n).contains(&x) && (0..n).contains(&y) && self.mask.pixels[(y * n + x) as usize]
    }

    /// The edge after `edge`: around its own pixel, on to the next one, or up along the one outside.
    fn next(&self, edge: Edge) -> Edge {
        let Edge { x, y, side } = edge;
        let (x, y) = (x + AHEAD[side][0], y + AHEAD[side][1]);
        if !self.inside(x, y) {
            return Edge { side: (side + 1) % 4, ..edge };
        }
        let (out_x, out_y) = (x + OUT[side][0], y + OUT[side][1]);
        if self.inside(out_x, out_y) {
            Edge { x: out_x, y: out_y, side: (side + 3) % 4 }
        } else {
            Edge { x, y, side }
        }
    }

    /// Joins two outlines; false where they were already.
    fn join(&mut self, a: Edge, b: Edge) -> bool {
        let mut roots = [a, b].map(|edge| self.loop_of.get(&edge).copied().unwrap_or_default());
        for root in &mut roots {
            while self.joined[*root] != *root {
                self.joined[*root] = self.joined[self.joined[*root]];
                *root = self.joined[*root];
            }
        }
        self.joined[roots[0]] = roots[1];
        roots[0] != roots[1]
    }

    /// A bridge from each hole's topmost, leftmost pixel to the left, through the component, to its next edge.
    fn bridge_holes(&mut self) {
        for number in 0..self.loops.len() {
            let edges = &self.loops[number];
            // Twice the signed area would do as well: holes run the other way round.
            let area: isize = edges.iter().map(|e| [0, e.x + 1, 0, -e.x][e.side]).sum();
            let left_of_hole = edges.iter().filter(|e| e.side == 1).min_by_key(|e| (e.y, e.x)).copied();
            let (true, Some(from)) = (area < 0, left_of_hole) else { continue };
            let mut x = from.x;
            while self.inside(x - 1, from.y) {
                x -= 1;
            }
            let to = Edge { x, y: from.y, side: 3 };
            if self.join(from, to) {
                self.middles.extend([(from, to), (to, from)]);
            }
        }
    }

    /// Bridges between outlines whose pixels touch in a corner.
    fn bridge_corners(&mut self) {
        for number in 0..self.loops.len() {
            for at in 0..self.loops[number].len() {
                let from = self.loops[number][at];
                let Edge { x, y, side } = from;
                let (ahead_x, ahead_y) = (x + AHEAD[side][0], y + AHEAD[side][1]);
                let to = Edge { x: ahead_x + OUT[side][0], y: ahead_y + OUT[side][1], side: (side + 2) % 4 };
                if !self.inside(ahead_x, ahead_y) && self.inside(to.x, to.y) && self.join(from, to) {
                    self.corners.extend([(from, to), (to, from)]);
                }
            }
        }
    }

    /// Once around the outline of `start` and all that are joined to it.
    fn walk(&self, start: Edge, seen: &mut [bool]) -> Polygon {
        let (mut polygon, mut edge) = (Polygon::new(), start);
        loop {
            // The first half of the edge lies behind.
            if let Some(number) = self.loop_of.get(&edge) {
                seen[*number] = true;
            }
            if let Some(&other) = self.middles.get(&edge) {
                polygon.extend([edge.middle(), other.middle()]);
                edge = other;
            }
            let mut next = self.next(edge);
            if let Some(&other) = self.corners.get(&edge) {
                polygon.push(edge.corner(next));
                edge = other;
                next = self.next(edge);
            }
            if next.side != edge.side {
                polygon.push(edge.corner(next));
            }
            edge = next;
            if edge == start {
                return polygon;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(picture: &str) -> Mask {
        let rows: Vec<&str> = picture.split_whitespace().collect();
        let pixels = rows.iter().flat_map(|row| row.bytes().map(|b| b == b'#')).collect();
        Mask { size_px: rows.len(), pixels }
    }

    /// How often the ray from `at` to the right crosses the polygon, even or odd.
    fn contains(polygon: &Polygon, at: [f64; 2]) -> bool {
        let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
        let crossed = edges.filter(|&(&[x1, y1], &[x2, y2])| {
            (y1 > at[1]) != (y2 > at[1]) && at[0] < x1 + (at[1] - y1) / (y2 - y1) * (x2 - x1)
        });
        crossed.count() % 2 == 1
    }

    /// The pixels whose centres are in one of the polygons.
    fn filled(polygons: &[Polygon], n: usize) -> Vec<bool> {
        let centre = |i: usize| [(i % n) as f64 + 0.5, (i / n) as f64 + 0.5];
        (0..n * n).map(|i| polygons.iter().any(|p| contains(p, centre(i)))).collect()
    }

    /// The pixels inside or on the border of one of the polygons once their coordinates are cut to
    /// whole pixels, which is what `fillPoly` of OpenCV paints. Its borders run along rows, columns and
    /// diagonals.
    fn painted(polygons: &[Polygon], n: usize) -> Vec<bool> {
        let mut pixels = vec![false; n * n];
        for polygon in polygons {
            let cut: Polygon = polygon.iter().map(|p| p.map(f64::trunc)).collect();
            for (i, pixel) in pixels.iter_mut().enumerate() {
                *pixel |= contains(&cut, [(i % n) as f64 + 1e-6, (i / n) as f64 + 1e-6]);
            }
            for (&[x1, y1], &[x2, y2]) in cut.iter().zip(cut.iter().cycle().skip(1)) {
                let steps = (x2 - x1).abs().max((y2 - y1).abs());
                for step in 0..=steps as usize {
                    let share = if steps > 0.0 { step as f64 / steps } else { 0.0 };
                    let [x, y] = [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
                    assert_eq!([x.fract(), y.fract()], [0.0, 0.0], "{polygon:?}");
                    pixels[y as usize * n + x as usize] = true;
                }
            }
        }
        pixels
    }

    #[test]
    fn a_pixel_is_a_square_inside_it() {
        let polygon = polygons(&mask(".... .#.. .... ....")).remove(0);
        assert_eq!(polygon, [[1.75, 1.25], [1.75, 1.75], [1.25, 1.75], [1.25, 1.25]]);
    }

    #[test]
    fn every_component_is_one_polygon_whatever_its_holes() {
        let cases = [
            ("##.. ##.. ..## ..##", 1),
            (".... .... .... ....", 0),
            ("#### #..# #..# ####", 1),
            ("#.#. .... #.#. ....", 4),
            ("#.#. .#.# #.#. .#.#", 1),
            ("####### #.....# #.###.# #.#.#.# #.###.# #.....# #######", 2),
            ("####### ##.#.## ####### #.#.#.# ####### ##.#.## #######", 1),
        ];
        for (picture, count) in cases {
            let mask = mask(picture);
            let polygons = polygons(&mask);
            assert_eq!(polygons.len(), count, "{picture}");
            assert_eq!(filled(&polygons, mask.size_px), mask.pixels, "{picture}");
            assert_eq!(painted(&polygons, mask.size_px), mask.pixels, "{picture}");
        }
    }

    proptest! {
        #[test]
        fn the_polygons_cover_the_mask_and_nothing_else(
            n in 1usize..14,
            dense in 0.05f64..0.95,
            seed in proptest::collection::vec(0.0f64..1.0, 196),
        ) {
            let mask = Mask { size_px: n, pixels: seed[..n * n].iter().map(|&v| v < dense).collect() };
            let polygons = polygons(&mask);
            prop_assert_eq!(filled(&polygons, n), mask.pixels.clone());
            prop_assert_eq!(painted(&polygons, n), mask.pixels);
        }
    }
}
