//! Turning facets so that their corners run counter-clockwise seen from outside.

use super::Bounds;
use super::edges::Edges;

/// Corners of a patch that are asked whether they lie inside others, all of them where a patch has
/// few.
const SAMPLES: usize = 48;
/// Triangles that are looked at to tell cavities from bodies turned inside out; the bounds decide on
/// what is left.
const MOST_LOOKS: usize = 50_000_000;

/// Triangles joined across edges of two sides.
struct Patch {
    triangles: Vec<u32>,
    bounds: Bounds,
    volume: f64,
    closed: bool,
}

/// A mesh whose facets agree as far as they can.
pub(super) struct Oriented {
    /// The facets that were turned.
    pub turned: Vec<u32>,
    /// By the divergence theorem about the centre.
    pub volume_mm3: f64,
}

/// Turns facets in place, and tells which:
/// - inside a patch whose facets disagree, those that turn against the rest (a closed patch then
///   gets a positive volume; an open one keeps the way that most of its area has);
/// - all facets of a mesh of negative volume;
/// - closed patches of negative volume that lie in no other patch, hence are no cavities.
///
/// A patch with one side only (a Möbius strip) stays as it is.
pub(super) fn orient(
    vertices: &[[f64; 3]],
    triangles: &mut [[u32; 3]],
    edges: &Edges,
    centre: [f64; 3],
) -> Oriented {
    let before = triangles.to_vec();
    let volume = |t: &[u32; 3]| signed_volume(t.map(|v| vertices[v as usize]), centre);
    let mut patches = Vec::new();
    let mut seen = vec![false; triangles.len()];
    let mut against = vec![false; triangles.len()];
    for seed in 0..triangles.len() as u32 {
        if !seen[seed as usize] {
            patches.push(grow(seed, vertices, triangles, edges, &mut seen, &mut against));
        }
    }
    for patch in &mut patches {
        patch.volume = patch.triangles.iter().map(|&t| volume(&triangles[t as usize])).sum();
    }
    if patches.iter().map(|p| p.volume).sum::<f64>() < 0.0 {
        for patch in &mut patches {
            turn(patch, triangles);
        }
    }
    let mut by_size: Vec<usize> = (0..patches.len()).collect();
    by_size.sort_by(|&a, &b| patches[b].volume.abs().total_cmp(&patches[a].volume.abs()));
    let mut looks = MOST_LOOKS;
    for rank in 0..by_size.len() {
        let patch = &patches[by_size[rank]];
        if patch.closed && patch.volume < 0.0 {
            let around = by_size[..rank].iter().map(|&other| &patches[other]);
            let around: Vec<&Patch> = around.filter(|other| other.bounds.encloses(&patch.bounds)).collect();
            if !lies_inside(patch, &around, vertices, triangles, &mut looks) {
                turn(&mut patches[by_size[rank]], triangles);
            }
        }
    }
    let turned = (0..triangles.len() as u32).filter(|&t| before[t as usize] != triangles[t as usize]);
    Oriented { turned: turned.collect(), volume_mm3: triangles.iter().map(volume).sum() }
}

/// Whether a patch lies in others whose bounds enclose its own: some of its corners tell, as long as
/// there are `looks` left, each at one triangle.
fn lies_inside(
    patch: &Patch,
    around: &[&Patch],
    vertices: &[[f64; 3]],
    triangles: &[[u32; 3]],
    looks: &mut usize,
) -> bool {
    let cost: usize = around.iter().map(|other| other.triangles.len()).sum();
    let corner = |k: usize| {
        let at = k * (3 * patch.triangles.len() - 1) / (SAMPLES - 1);
        vertices[triangles[patch.triangles[at / 3] as usize][at % 3] as usize]
    };
    let wound = |point: [f64; 3]| -> f64 {
        let of = |other: &&Patch| {
            other
                .triangles
                .iter()
                .map(|&t| triangles[t as usize])
                .map(solid_angle(vertices, point))
                .sum::<f64>()
        };
        around.iter().map(of).sum()
    };
    !around.is_empty()
        && (0..SAMPLES).all(|k| match looks.checked_sub(cost) {
            Some(left) => {
                *looks = left;
                // A corner on the surface of the other sees half of it.
                wound(corner(k)) > 0.25
            }
            None => true,
        })
}

/// The share of the sphere around `point` that a triangle covers, positive where it is seen from
/// behind (van Oosterom and Strackee 1983, equation 8).
fn solid_angle(vertices: &[[f64; 3]], point: [f64; 3]) -> impl Fn([u32; 3]) -> f64 {
    move |corners| {
        let [a, b, c] = corners.map(|v| sub(vertices[v as usize], point));
        let dot = |u: [f64; 3], v: [f64; 3]| u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
        let [la, lb, lc] = [a, b, c].map(|v| dot(v, v).sqrt());
        let below = la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb;
        dot(a, cross(b, c)).atan2(below) / std::f64::consts::TAU
    }
}

/// Collects the patch around `seed` and makes its facets agree.
fn grow(
    seed: u32,
    vertices: &[[f64; 3]],
    triangles: &mut [[u32; 3]],
    edges: &Edges,
    seen: &mut [bool],
    against: &mut [bool],
) -> Patch {
    let mut patch = Patch { triangles: vec![seed], bounds: Bounds::EMPTY, volume: 0.0, closed: true };
    let (mut next, mut orientable, mut rim) = (0, true, Vec::new());
    seen[seed as usize] = true;
    while let Some(&t) = patch.triangles.get(next) {
        next += 1;
        for edge in edges.of_triangle[t as usize] {
            let &[a, b] = edges.sides(edge) else {
                rim.push(edge);
                continue;
            };
            let other = if a.triangle() == t { b.triangle() } else { a.triangle() } as usize;
            let opposed = against[t as usize] ^ (a.backward() == b.backward());
            if !seen[other] {
                seen[other] = true;
                against[other] = opposed;
                patch.triangles.push(other as u32);
            } else if against[other] != opposed {
                orientable = false;
            }
        }
    }
    // Closed by itself, though it may touch others in an edge.
    rim.sort_unstable();
    patch.closed = rim.chunk_by(|a, b| a == b).all(|sides| sides.len() % 2 == 0);
    let corners = |t: u32, triangles: &[[u32; 3]]| triangles[t as usize].map(|v| vertices[v as usize]);
    for &t in &patch.triangles {
        corners(t, triangles).into_iter().for_each(|corner| patch.bounds.include(corner));
    }
    if orientable && patch.triangles.iter().any(|&t| against[t as usize]) {
        let sign = |t: u32| if against[t as usize] { -1.0 } else { 1.0 };
        let centre = patch.bounds.centre();
        let weight = |t: u32| {
            let corners = corners(t, triangles);
            if patch.closed { signed_volume(corners, centre) } else { area(corners) }
        };
        let most = patch.triangles.iter().map(|&t| sign(t) * weight(t)).sum::<f64>() >= 0.0;
        for &t in patch.triangles.iter().filter(|&&t| against[t as usize] == most) {
            triangles[t as usize].swap(1, 2);
        }
    }
    patch
}

fn turn(patch: &mut Patch, triangles: &mut [[u32; 3]]) {
    patch.triangles.iter().for_each(|&t| triangles[t as usize].swap(1, 2));
    patch.volume = -patch.volume;
}

/// The volume of the tetrahedron over a triangle with its tip in `tip`: positive where the tip sees
/// the triangle from behind.
pub(super) fn signed_volume(corners: [[f64; 3]; 3], tip: [f64; 3]) -> f64 {
    let [a, b, c] = [sub(corners[0], tip), sub(corners[1], tip), sub(corners[2], tip)];
    let n = cross(b, c);
    (a[0] * n[0] + a[1] * n[1] + a[2] * n[2]) / 6.0
}

fn area([a, b, c]: [[f64; 3]; 3]) -> f64 {
    let n = cross(sub(b, a), sub(c, a));
    0.5 * (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt()
}

fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
