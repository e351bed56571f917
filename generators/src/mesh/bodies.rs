//! Which facets make a body, where a mesh has nothing to mend.

use super::edges::Ends;
use super::orient::signed_volume;
use super::twins::{Twins, turns_upwards};
use super::union::Union;

/// The bodies of a sound mesh: each of its edges joins two facets that agree about what is outside, or more of them,
/// as many each way, where bodies touch.
pub(super) struct Bodies {
    /// The body of each triangle.
    of_triangle: Vec<u32>,
    count: usize,
    /// Those that are open at an edge of more than two facets, where others close them.
    open: Vec<bool>,
    /// The edges of more than two facets, in order, each with the vertex that its first facet walks it from.
    pub touching: Vec<(Ends, u32)>,
}

/// Of a side that runs from a lower vertex to an upper one: the upper one, and the triangle.
#[derive(Clone, Copy)]
struct Rise {
    upper: u32,
    triangle: u32,
}

impl Rise {
    /// No vertex has that number.
    const MET: u32 = u32::MAX;
    /// Set in the upper vertex of a side that others share their edge with; vertices' numbers are below it.
    const SHARED: u32 = 1 << 31;
}

/// A side of an edge that more than two facets share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    edge: Ends,
    triangle: u32,
    from: u32,
}

impl Bodies {
    /// `None` of a mesh that is not sound, or may hold facets that say what others say. The time is linear in the
    /// triangles, none of which may have a vertex twice.
    ///
    /// In a sound mesh, and in no other, half of all sides run upwards, and each of the others meets one
    /// of these that no other meets.
    pub fn of(vertices: usize, triangles: &[[u32; 3]]) -> Option<Self> {
        let sides = |t: &[u32; 3]| [[t[0], t[1]], [t[1], t[2]], [t[2], t[0]]];
        // The sides that run upwards, sorted by counting into the bucket of their lower vertex.
        let mut starts = vec![0u32; vertices + 1];
        for corners in triangles {
            for [from, to] in sides(corners) {
                starts[from.min(to) as usize] += u32::from(from < to);
            }
        }
        let mut end = 0;
        for size in &mut starts {
            end += *size;
            *size = end;
        }
        if 2 * end as usize != 3 * triangles.len() {
            return None;
        }
        let mut rises = vec![Rise { upper: 0, triangle: 0 }; end as usize + 1];
        for (triangle, corners) in (0..).zip(triangles) {
            for [from, to] in sides(corners) {
                // Filled from its end, so that the bucket's end becomes its beginning; what runs downwards goes
                // behind the last: a branch here would be guessed wrong every other time.
                let rising = from < to;
                let bucket = &mut starts[from.min(to) as usize];
                *bucket -= u32::from(rising);
                rises[if rising { *bucket } else { end } as usize] = Rise { upper: to, triangle };
            }
        }
        let mut joined = Union::of(triangles.len());
        let mut shared = Vec::new();
        for (triangle, corners) in (0..).zip(triangles) {
            for [from, to] in sides(corners) {
                if from < to {
                    continue;
                }
                let bucket = &mut rises[starts[to as usize] as usize..starts[to as usize + 1] as usize];
                let (mut meets, mut at) = (0, 0);
                for (i, rise) in bucket.iter().enumerate() {
                    let meeting = rise.upper & !Rise::SHARED == from;
                    meets += u32::from(meeting);
                    at = if meeting { i } else { at };
                }
                if meets == 0 {
                    return None;
                }
                if meets > 1 || bucket[at].upper != from {
                    let edge = [to, from];
                    shared.push(Shared { edge, triangle, from });
                    for rise in bucket.iter_mut().filter(|rise| rise.upper == from) {
                        rise.upper |= Rise::SHARED;
                        shared.push(Shared { edge, triangle: rise.triangle, from: to });
                    }
                } else {
                    joined.join(triangle, bucket[at].triangle);
                }
                bucket[at].upper = Rise::MET;
            }
        }
        shared.sort_unstable();
        if has_surplus(&shared, triangles) {
            return None;
        }
        let (of_triangle, count) = joined.numbered();
        let open = open(&shared, &of_triangle, count);
        let edges = shared.chunk_by(|a, b| a.edge == b.edge);
        let touching = edges.map(|sides| (sides[0].edge, sides[0].from)).collect();
        Some(Self { of_triangle, count, open, touching })
    }

    /// The volume of all bodies in mm³, by the divergence theorem about `centre`; `None` where it is negative, or that of one
    /// which is closed by itself.
    pub fn upright_mm3(
        &self,
        vertices: &[[f64; 3]],
        triangles: &[[u32; 3]],
        centre: [f64; 3],
    ) -> Option<f64> {
        let mut volumes = vec![0.0; self.count];
        for (&body, corners) in self.of_triangle.iter().zip(triangles) {
            let corner = |corner: usize| vertices[corners[corner] as usize];
            volumes[body as usize] += signed_volume([corner(0), corner(1), corner(2)], centre);
        }
        let upright = volumes.iter().zip(&self.open).all(|(&volume, &open)| open || volume >= 0.0);
        let all: f64 = volumes.iter().sum();
        (upright && all >= 0.0).then_some(all)
    }
}

/// Which of `count` bodies have an odd number of facets at an edge of several: others close them there. `shared` are sorted by edge.
fn open(shared: &[Shared], of_triangle: &[u32], count: usize) -> Vec<bool> {
    let mut open = vec![false; count];
    for sides in shared.chunk_by(|a, b| a.edge == b.edge) {
        let mut bodies: Vec<u32> = sides.iter().map(|side| of_triangle[side.triangle as usize]).collect();
        bodies.sort_unstable();
        let odd = bodies.chunk_by(|a, b| a == b).filter(|sides| sides.len() % 2 == 1);
        odd.for_each(|sides| open[sides[0] as usize] = true);
    }
    open
}

/// Whether there may be a facet that is there twice, or a body all of whose facets are there twice, once each way: three facets
/// with the same corners, two that turn the same way, or two that turn either way and have no other facets beside them. `shared` are
/// sorted by edge; facets with the same corners share all of theirs.
fn has_surplus(shared: &[Shared], triangles: &[[u32; 3]]) -> bool {
    let suspects = Twins::among(shared.iter().map(|side| side.triangle).collect(), triangles);
    let mut twins = Vec::new();
    for same in suspects.groups() {
        match *same {
            [_] => {}
            [one, other] if turns_upwards(triangles, one) != turns_upwards(triangles, other) => {
                twins.extend([one, other]);
            }
            _ => return true,
        }
    }
    twins.sort_unstable();
    let place = |side: &Shared| twins.binary_search(&side.triangle);
    let mut beside_others = vec![false; twins.len()];
    for sides in shared.chunk_by(|a, b| a.edge == b.edge) {
        if sides.iter().any(|side| place(side).is_err()) {
            sides.iter().filter_map(|side| place(side).ok()).for_each(|twin| beside_others[twin] = true);
        }
    }
    beside_others.contains(&false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tetrahedra, the second of which begins at vertex `at`.
    fn two(at: u32) -> Vec<[u32; 3]> {
        let one = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];
        one.iter().copied().chain(one.map(|t| t.map(|v| v + at))).collect()
    }

    #[test]
    fn bodies_are_joined_by_edges_alone() {
        for (at, vertices) in [(4, 8), (3, 7)] {
            let bodies = Bodies::of(vertices, &two(at)).unwrap();
            assert_eq!((bodies.count, &bodies.of_triangle[..]), (2, &[0, 0, 0, 0, 1, 1, 1, 1][..]));
        }
    }

    #[test]
    fn bodies_that_touch_in_an_edge_are_two() {
        // The two share the edge from 2 to 3.
        let bodies = Bodies::of(6, &two(2)).unwrap();
        assert_eq!((bodies.count, &bodies.of_triangle[..]), (2, &[0, 0, 0, 0, 1, 1, 1, 1][..]));
        // The third facet is the first on it, and walks it from 2 to 3.
        assert_eq!(bodies.touching, [([2, 3], 2)]);
    }

    /// Two tetrahedra on the two sides of a facet that is there twice, once each way.
    #[test]
    fn a_wall_between_bodies_is_no_surplus() {
        let below = [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]];
        let above = [[0, 2, 1], [0, 1, 4], [1, 2, 4], [2, 0, 4]];
        let both = [below, above].concat();
        let bodies = Bodies::of(5, &both).unwrap();
        assert_eq!((bodies.count, bodies.touching.len()), (4, 3));
        // The same wall twice the same way is one too many, and so is a body of two facets.
        let twice = [&both[..], &[[0, 1, 2], [0, 2, 1]]].concat();
        let sheet = [&two(4)[..], &[[8, 9, 10], [8, 10, 9]]].concat();
        assert!(Bodies::of(5, &twice).is_none());
        assert_eq!(Bodies::of(11, &sheet).unwrap().count, 3, "a sheet of two facets is sound by its edges");
    }

    /// Each edge has two sides each way, and nothing is enclosed.
    #[test]
    fn a_body_and_its_mirror_image_are_a_surplus() {
        let body = &two(4)[..4];
        let mirrored: Vec<[u32; 3]> = body.iter().map(|&[a, b, c]| [a, c, b]).collect();
        assert!(Bodies::of(4, &[body, &mirrored].concat()).is_none());
    }

    /// The pieces that a wall closes have no volume of their own: seen from afar, one side of the wall has a negative one.
    #[test]
    fn a_piece_that_others_close_need_not_be_upright() {
        let below = [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]];
        let above = [[0, 2, 1], [0, 1, 4], [1, 2, 4], [2, 0, 4]];
        let both = [below, above].concat();
        let vertices = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 1.0]];
        let centre = [0.0, 0.0, -10.0];
        let volume = |[a, b, c]: [u32; 3]| signed_volume([a, b, c].map(|v| vertices[v as usize]), centre);
        assert!(volume(below[0]) * volume(above[0]) < 0.0);
        // Two tetrahedra of a sixth each.
        let all = Bodies::of(5, &both).unwrap().upright_mm3(&vertices, &both, centre).unwrap();
        assert!((all - 1.0 / 3.0).abs() < 1e-12, "{all}");
        let turned: Vec<[u32; 3]> = both.iter().map(|&[a, b, c]| [a, c, b]).collect();
        assert_eq!(Bodies::of(5, &turned).unwrap().upright_mm3(&vertices, &turned, centre), None);
    }

    /// The edge that they share is sound; the smaller of the two is inside out all the same.
    #[test]
    fn a_body_that_is_closed_by_itself_has_to_be_upright() {
        let mut bodies = two(2);
        let vertices = [
            [0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 2.0, 0.0],
            [-0.5, 1.0, 0.0],
        ];
        let volume =
            |bodies: &[[u32; 3]]| Bodies::of(6, bodies).unwrap().upright_mm3(&vertices, bodies, [0.2; 3]);
        let upright = volume(&bodies).unwrap();
        assert!((upright - (1.0 / 6.0 + 1.0 / 12.0)).abs() < 1e-12, "{upright}");
        bodies[4..].iter_mut().for_each(|facet| facet.swap(0, 1));
        assert_eq!(volume(&bodies), None);
    }

    #[test]
    fn what_is_not_sound_has_no_bodies() {
        let sound = two(4);
        let mut turned = sound.clone();
        turned[5].swap(0, 1);
        let mut turned_twice = turned.clone();
        turned_twice[6].swap(0, 1);
        let twice = [sound.clone(), sound.clone()].concat();
        for broken in [&sound[1..], &turned, &turned_twice, &twice] {
            assert!(Bodies::of(8, broken).is_none(), "{broken:?}");
        }
    }
}
