//! Printed shares, pixel by pixel, against polygons clipped to the pixel.

use generators::layer::{Field, Frame};
use generators::raster::{Placement, coverage};
use proptest::prelude::*;

use crate::polygons::{clipped, polygon_area};
use crate::solids::*;

const SIZE_PX: usize = 24;

/// A ring around the middle of the frame, seldom convex, radii in px.
fn star(radius: std::ops::Range<f64>) -> impl Strategy<Value = Vec<[f64; 2]>> {
    prop::collection::vec(radius, 3..24).prop_map(|radii| {
        let corners = ring(radii.len(), 1.0).into_iter().zip(&radii);
        corners.map(|([x, y], radius)| [radius * x, radius * y]).collect()
    })
}

/// The shares of all pixels, each by itself; `rings` are those of bodies and the holes in them.
fn shares(rings: &[&[[f64; 2]]]) -> Vec<f64> {
    let pixel = |i: usize| {
        let (x, y) = ((i % SIZE_PX) as f64, (SIZE_PX - 1 - i / SIZE_PX) as f64);
        let pixel = [[x, y], [x + 1.0, y], [x + 1.0, y + 1.0], [x, y + 1.0]];
        rings.iter().map(|ring| polygon_area(&clipped(ring.to_vec(), &pixel))).sum()
    };
    (0..SIZE_PX * SIZE_PX).map(pixel).collect()
}

/// The ring turned and moved as the placement does to a part around the origin, in px.
fn placed(ring: &[[f64; 2]], placement: &Placement) -> Vec<[f64; 2]> {
    ring.iter().map(|&p| placement.place([0.0; 2])(p)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A star with a star-shaped hole, wholly or partly in the frame.
    #[test]
    fn every_pixel_has_its_share(
        outer in star(5.0..11.9), hole in star(0.2..2.4), rotation_deg in -180.0f64..180.0,
        shift in prop::array::uniform2(-16.0f64..16.0), inside in any::<bool>(),
    ) {
        // A box around the origin, so that the part's middle is there.
        let frame = Frame { size_px: SIZE_PX, px_per_mm: 1.0 };
        let at_mm = if inside { [12.0; 2] } else { shift.map(|by| 12.0 + by) };
        let placement = Placement { rotation_deg, at_mm };
        let anchor = cuboid([-20.0, -20.0, 5.0], [20.0, 20.0, 6.0]);
        let body = prism(&outer, [0.0, 2.0]);
        let slice = cut(&[body, flipped(&prism(&hole, [0.5, 1.5])), anchor].concat(), 1.0);
        let Field { values, .. } = coverage(&[(&slice, placement)], &frame);
        let (outer, mut hole) = (placed(&outer, &placement), placed(&hole, &placement));
        hole.reverse();
        for (i, (&share, expected)) in values.iter().zip(shares(&[&outer, &hole])).enumerate() {
            prop_assert!((f64::from(share) - expected).abs() <= 1e-6, "pixel {i}: {share} is not {expected}");
        }
        let sum: f64 = values.iter().map(|&share| f64::from(share)).sum();
        let area = polygon_area(&outer) + polygon_area(&hole);
        if inside {
            prop_assert!((sum - area).abs() <= 1e-4, "{sum} is not {area}");
        }
        prop_assert_eq!(slice.winds_once(), true);
    }

    /// Two bars that cross. Samples lie in four rows a pixel, hence an edge may be off by an eighth of
    /// a pixel; there are two at most in each.
    #[test]
    fn overlaps_count_once(length in 4.0f64..11.0, width in 1.0f64..3.0, rotation_deg in -180.0f64..180.0) {
        let frame = Frame { size_px: SIZE_PX, px_per_mm: 1.0 };
        let placement = Placement { rotation_deg, at_mm: [12.0; 2] };
        let bar = |[x, y]: [f64; 2]| cuboid([-x, -y, 0.0], [x, y, 1.0]);
        let slice = cut(&[bar([length, width]), bar([width, length])].concat(), 0.5);
        prop_assert!(!slice.winds_once());
        let quarter = [[length, width], [width, width], [width, length]];
        let corners = ring(4, 1.0).into_iter().flat_map(|[c, s]| quarter.map(|[x, y]| [c * x - s * y, s * x + c * y]));
        let cross = placed(&corners.collect::<Vec<_>>(), &placement);
        let field = coverage(&[(&slice, placement)], &frame);
        for (&share, expected) in field.values.iter().zip(shares(&[&cross])) {
            prop_assert!((f64::from(share) - expected).abs() <= 0.25, "{share} is not {expected}");
        }
        let (area, outline) = (polygon_area(&cross), 8.0 * length);
        prop_assert!((field.sum() - area).abs() <= outline / 8.0, "{} is not {area}", field.sum());
    }
}
