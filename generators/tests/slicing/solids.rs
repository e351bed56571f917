//! Solids made of raw triangles, and the area oracle.

use generators::mesh::{Mesh, Slice, slice};

pub type Facet = [[f64; 3]; 3];

/// A convex or star-shaped ring of `(x, y)`, counter-clockwise, extruded from `z[0]` to `z[1]`.
pub fn prism(ring: &[[f64; 2]], z: [f64; 2]) -> Vec<Facet> {
    let n = ring.len();
    let middle = [0, 1].map(|axis| ring.iter().map(|p| p[axis]).sum::<f64>() / n as f64);
    let at = |p: [f64; 2], level: usize| [p[0], p[1], z[level]];
    let mut facets = Vec::new();
    for i in 0..n {
        let (a, b) = (ring[i], ring[(i + 1) % n]);
        facets.push([at(a, 0), at(b, 0), at(b, 1)]);
        facets.push([at(a, 0), at(b, 1), at(a, 1)]);
        facets.push([at(middle, 1), at(a, 1), at(b, 1)]);
        facets.push([at(middle, 0), at(b, 0), at(a, 0)]);
    }
    facets
}

/// An axis-parallel box of twelve triangles.
pub fn cuboid(min: [f64; 3], max: [f64; 3]) -> Vec<Facet> {
    let corner = |c: usize| [0, 1, 2].map(|axis| if c >> axis & 1 == 0 { min[axis] } else { max[axis] });
    let quads = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];
    quads.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).map(|t| t.map(corner)).collect()
}

/// A regular ring of `n` corners around the origin.
pub fn ring(n: usize, radius: f64) -> Vec<[f64; 2]> {
    (0..n)
        .map(|i| std::f64::consts::TAU * i as f64 / n as f64)
        .map(|angle| [radius * angle.cos(), radius * angle.sin()])
        .collect()
}

/// A sphere around the origin with `n` meridians and `n / 2` belts.
pub fn sphere(n: usize, radius: f64) -> Vec<Facet> {
    let belts = n / 2;
    let at = |belt: usize, meridian: usize| {
        let (polar, angle) = (
            std::f64::consts::PI * belt as f64 / belts as f64,
            std::f64::consts::TAU * (meridian % n) as f64 / n as f64,
        );
        let r = if belt == belts { 0.0 } else { radius * polar.sin() };
        [r * angle.cos(), r * angle.sin(), -radius * polar.cos()]
    };
    let mut facets = Vec::new();
    for belt in 0..belts {
        for m in 0..n {
            let [a, b, c, d] = [at(belt, m), at(belt, m + 1), at(belt + 1, m + 1), at(belt + 1, m)];
            if belt > 0 {
                facets.push([a, b, c]);
            }
            if belt + 1 < belts {
                facets.push([a, c, d]);
            } else {
                facets.pop();
                facets.push([a, b, d]);
            }
        }
    }
    facets
}

pub fn flipped(facets: &[Facet]) -> Vec<Facet> {
    facets.iter().map(|&[a, b, c]| [a, c, b]).collect()
}

pub fn moved(facets: &[Facet], by: [f64; 3]) -> Vec<Facet> {
    mapped(facets, |p| [p[0] + by[0], p[1] + by[1], p[2] + by[2]])
}

pub fn mapped(facets: &[Facet], f: impl Fn([f64; 3]) -> [f64; 3]) -> Vec<Facet> {
    facets.iter().map(|facet| facet.map(&f)).collect()
}

pub fn mesh(facets: &[Facet]) -> Mesh {
    Mesh::from_triangles(facets, "solid").unwrap()
}

pub fn cut(facets: &[Facet], z: f64) -> Slice {
    slice(&mesh(facets), &[z]).remove(0)
}

/// The section's area by Green's theorem over the raw cuts of oriented triangles, direction by the
/// facet's normal: no welding, no chaining. Right for closed surfaces of disjoint bodies.
pub fn oracle(facets: &[Facet], z: f64) -> f64 {
    let inverse = 1.0 / facets.len() as f64;
    let middle = [0, 1].map(|axis| facets.iter().map(|f| f[0][axis] * inverse).sum::<f64>());
    let mut area = 0.0;
    for &[a, b, c] in facets {
        let ends: Vec<[f64; 2]> = [(a, b), (b, c), (c, a)]
            .into_iter()
            .filter(|(p, q)| (p[2] < z) != (q[2] < z))
            .map(|(p, q)| {
                let t = (z - p[2]) / (q[2] - p[2]);
                [0, 1].map(|axis| p[axis] + t * (q[axis] - p[axis]) - middle[axis])
            })
            .collect();
        let [p, q] = ends[..] else { continue };
        let (u, v) = ([0, 1, 2].map(|i| b[i] - a[i]), [0, 1, 2].map(|i| c[i] - a[i]));
        let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2]];
        let outside_on_the_right = normal[0] * (q[1] - p[1]) - normal[1] * (q[0] - p[0]) > 0.0;
        let cross = 0.5 * (p[0] * q[1] - p[1] * q[0]);
        area += if outside_on_the_right { cross } else { -cross };
    }
    area
}

#[track_caller]
pub fn close(measured: f64, expected: f64, relative: f64) {
    let error = (measured - expected).abs();
    assert!(error <= relative * expected.abs().max(f64::MIN_POSITIVE), "{measured} is not {expected}");
}
