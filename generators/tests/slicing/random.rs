//! Solids at random: turned, scaled, far away, and broken in the ways that files are broken.

use generators::mesh::{Certificate, Fault, Mesh, Slice, Verdict, slice};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::polygons::{clipped, polygon_area};
use crate::solids::*;

/// Closed bodies of flat facets, about 2 across.
fn body() -> impl Strategy<Value = Vec<Facet>> {
    let star = |n: usize| -> Vec<[f64; 2]> {
        let corner = |(i, [x, y]): (usize, [f64; 2])| if i % 2 == 0 { [x, y] } else { [0.45 * x, 0.45 * y] };
        ring(2 * n, 1.0).into_iter().enumerate().map(corner).collect()
    };
    prop_oneof![
        (0.05f64..1.0, 0.05f64..1.0).prop_map(|(y, z)| cuboid([-1.0, -y, -z], [1.0, y, z])),
        (3usize..9).prop_map(move |n| prism(&star(n), [-0.7, 0.6])),
        (6usize..16).prop_map(|n| sphere(2 * n, 1.0)),
    ]
}

/// A rotation by three angles, a scale from 1e-3 to 1e4, and a shift up to that many sizes.
fn place(sizes: f64) -> impl Strategy<Value = Place> {
    let angle = || 0.0..std::f64::consts::TAU;
    ((angle(), angle(), angle()), -3.0f64..4.0, prop::array::uniform3(-1.0f64..1.0)).prop_map(
        move |(angles, exponent, shift)| {
            let scale = 10f64.powf(exponent);
            Place { angles: [angles.0, angles.1, angles.2], scale, shift: shift.map(|x| x * sizes * scale) }
        },
    )
}

#[derive(Clone, Debug)]
struct Place {
    angles: [f64; 3],
    scale: f64,
    shift: [f64; 3],
}

impl Place {
    fn put(&self, facets: &[Facet]) -> Vec<Facet> {
        mapped(facets, |mut p| {
            for (axis, angle) in self.angles.into_iter().enumerate() {
                let (sin, cos) = angle.sin_cos();
                let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
                (p[a], p[b]) = (cos * p[a] - sin * p[b], sin * p[a] + cos * p[b]);
            }
            [0, 1, 2].map(|axis| self.scale * p[axis] + self.shift[axis])
        })
    }

    /// An area in mm² that rounding may take or give.
    fn rounding_mm2(&self) -> f64 {
        let far = self.shift.iter().fold(self.scale, |far, x| far.max(x.abs()));
        1e-9 * self.scale * self.scale + 1e-13 * self.scale * far
    }
}

/// Slices at shares of the height, the certificate of them, and the areas of the whole surface.
fn sliced(whole: &[Facet], given: &[Facet], shares: &[f64]) -> (Mesh, Vec<Slice>, Certificate, Vec<f64>) {
    let part = mesh(given);
    let (low, height) = (part.bounds().min[2], part.bounds().size()[2]);
    let heights: Vec<f64> = shares.iter().map(|share| low + share * height).collect();
    let slices = slice(&part, &heights);
    let certificate = Certificate::of(&part, &slices);
    let expected = heights.iter().map(|&z| oracle(whole, z)).collect();
    (part, slices, certificate, expected)
}

fn shares() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.001f64..0.999, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn order_turns_and_repetitions_change_no_area(
        body in body(), place in place(100.0), shares in shares(),
        turned in prop::collection::vec(any::<bool>(), 16),
        again in prop::collection::vec(any::<Index>(), 0..8),
        by in any::<Index>(),
    ) {
        let whole = place.put(&body);
        let mut given: Vec<Facet> = whole.iter().enumerate()
            .map(|(i, &[a, b, c])| if turned[i * i % 16] { [c, b, a] } else { [b, c, a] })
            .collect();
        given.extend(again.iter().map(|index| given[index.index(given.len())]).collect::<Vec<_>>());
        given.rotate_left(by.index(whole.len()));
        given.push([whole[0][0], whole[0][1], whole[0][0]]);
        let (part, slices, certificate, expected) = sliced(&whole, &given, &shares);
        prop_assert_eq!(part.repairs().count(Fault::Degenerate), 1);
        prop_assert_ne!(certificate.verdict, Verdict::Uncertain, "{}", &certificate);
        for ((slice, layer), expected) in slices.iter().zip(&certificate.layers).zip(expected) {
            prop_assert_eq!((slice.guess.open_chains, slice.guess.closed_gaps), (0, 0));
            prop_assert!((layer.area_mm2 - expected).abs() <= place.rounding_mm2(), "{} is not {}", layer.area_mm2, expected);
        }
    }

    #[test]
    fn split_edges_that_the_neighbour_does_not_know_change_no_area(
        body in body(), place in place(1000.0), shares in shares(),
        splits in prop::collection::vec((any::<Index>(), 0.05f64..0.95), 1..12),
    ) {
        let whole = place.put(&body);
        let mut given = whole.clone();
        for (index, t) in splits {
            let at = index.index(given.len());
            let [a, b, c] = given[at];
            let middle = [0, 1, 2].map(|i| a[i] + t * (b[i] - a[i]));
            given[at] = [a, middle, c];
            given.push([middle, b, c]);
        }
        let (_, slices, certificate, expected) = sliced(&whole, &given, &shares);
        prop_assert_ne!(certificate.verdict, Verdict::Uncertain, "{}", &certificate);
        for ((slice, layer), expected) in slices.iter().zip(&certificate.layers).zip(expected) {
            prop_assert_eq!(slice.guess.open_chains, 0);
            prop_assert!((layer.area_mm2 - expected).abs() <= place.rounding_mm2(), "{} is not {}", layer.area_mm2, expected);
        }
    }

    #[test]
    fn one_missing_facet_changes_no_area(
        body in body(), place in place(100.0), shares in shares(), missing in any::<Index>(),
    ) {
        let whole = place.put(&body);
        let mut given = whole.clone();
        given.remove(missing.index(whole.len()));
        let part = mesh(&given);
        prop_assume!(part.bounds() == mesh(&whole).bounds());
        let (_, slices, certificate, expected) = sliced(&whole, &given, &shares);
        prop_assert_ne!(certificate.verdict, Verdict::Sound);
        for ((slice, layer), expected) in slices.iter().zip(&certificate.layers).zip(expected) {
            prop_assert_eq!(slice.guess.open_chains, 0);
            prop_assert!((layer.area_mm2 - expected).abs() <= place.rounding_mm2(), "{} is not {}", layer.area_mm2, expected);
        }
    }

    #[test]
    fn the_doubt_covers_what_missing_facets_change(
        n in 6usize..14, place in place(10.0), shares in shares(),
        missing in prop::collection::vec(any::<Index>(), 1..4), run in 1usize..4,
    ) {
        let whole = place.put(&sphere(2 * n, 1.0));
        let mut given = whole.clone();
        for index in missing {
            let at = index.index(given.len());
            given.drain(at..(at + run).min(given.len()));
        }
        let (_, slices, certificate, expected) = sliced(&whole, &given, &shares);
        for ((slice, layer), expected) in slices.iter().zip(&certificate.layers).zip(expected) {
            prop_assert_eq!(slice.guess.open_chains, 0);
            prop_assert!(
                (layer.area_mm2 - expected).abs() <= layer.doubt_mm2 + place.rounding_mm2(),
                "{} is not {} to {}", layer.area_mm2, expected, layer.doubt_mm2
            );
        }
    }

    /// Two boxes turned about z, either or both inside out: what they share counts once.
    #[test]
    fn turned_boxes_have_the_area_of_their_union(
        half in prop::array::uniform4(0.1f64..1.0), angle in 0.0..std::f64::consts::TAU,
        shift in prop::array::uniform2(-1.2f64..1.2), inside_out in prop::array::uniform2(any::<bool>()),
        far in -1e6f64..1e6,
    ) {
        let corners = |half: &[f64], angle: f64, shift: [f64; 2]| -> Vec<[f64; 2]> {
            let (sin, cos) = angle.sin_cos();
            [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
                .map(|[x, y]| [x * half[0], y * half[1]])
                .map(|[x, y]| [cos * x - sin * y + shift[0], sin * x + cos * y + shift[1]])
                .to_vec()
        };
        let (a, b) = (corners(&half[..2], 0.7, [0.0; 2]), corners(&half[2..], angle, shift));
        let union = polygon_area(&a) + polygon_area(&b) - polygon_area(&clipped(a.clone(), &b));
        // One inside the other and inside out is a cavity.
        let nested = |inner: &[[f64; 2]], outer: &[[f64; 2]]| {
            (polygon_area(&clipped(inner.to_vec(), outer)) - polygon_area(inner)).abs() < 1e-9
        };
        prop_assume!(inside_out[0] == inside_out[1] || !(nested(&a, &b) || nested(&b, &a)));
        let body = |ring: &[[f64; 2]], z: [f64; 2], inside_out: bool| {
            let facets = prism(ring, z);
            if inside_out { flipped(&facets) } else { facets }
        };
        let bodies = [body(&a, [-1.0, 1.0], inside_out[0]), body(&b, [-0.9, 0.9], inside_out[1])].concat();
        let given = moved(&bodies, [far, -far, 0.0]);
        let part = mesh(&given);
        let slices = slice(&part, &[0.3]);
        let certificate = Certificate::of(&part, &slices);
        let rounding = 1e-12 + 1e-15 * far.abs();
        prop_assert!((slices[0].area_mm2() - union).abs() <= rounding, "{} is not {}", slices[0].area_mm2(), union);
        prop_assert_ne!(certificate.verdict, Verdict::Uncertain, "{}", &certificate);
    }
}
