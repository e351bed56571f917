//! Areas of polygons, whole and cut.

/// The shoelace formula.
pub fn polygon_area(ring: &[[f64; 2]]) -> f64 {
    let next = |i: usize| ring[(i + 1) % ring.len()];
    ring.iter().enumerate().map(|(i, a)| 0.5 * (a[0] * next(i)[1] - next(i)[0] * a[1])).sum()
}

/// What a convex ring leaves of another (Sutherland and Hodgman): where it falls apart, the pieces are
/// joined by edges that enclose nothing.
pub fn clipped(mut ring: Vec<[f64; 2]>, by: &[[f64; 2]]) -> Vec<[f64; 2]> {
    for i in 0..by.len() {
        let (a, b) = (by[i], by[(i + 1) % by.len()]);
        let side = |p: [f64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
        let mut left = Vec::new();
        for (j, &p) in ring.iter().enumerate() {
            let q = ring[(j + 1) % ring.len()];
            if side(p) >= 0.0 {
                left.push(p);
            }
            if (side(p) >= 0.0) != (side(q) >= 0.0) {
                let t = side(p) / (side(p) - side(q));
                left.push([0, 1].map(|axis| p[axis] + t * (q[axis] - p[axis])));
            }
        }
        ring = left;
    }
    ring
}
