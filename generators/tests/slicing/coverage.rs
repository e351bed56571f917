//! Printed shares of pixels against analytic shapes.

use generators::layer::{Field, Frame};
use generators::mesh::{Mesh, Slice, Unit, slice};
use generators::raster::{Placement, coverage};

use crate::solids::*;

const FRAME: Frame = Frame { size_px: 256, px_per_mm: 2.56 };

fn area_mm2(field: &Field, frame: &Frame) -> f64 {
    field.values.iter().map(|&share| f64::from(share)).sum::<f64>() / frame.px_per_mm.powi(2)
}

fn placed(rotation_deg: f64, x: f64, y: f64) -> Placement {
    Placement { rotation_deg, at_mm: [x, y] }
}

fn section(facets: &[Facet]) -> Slice {
    let middle = mesh(facets).bounds().centre()[2];
    cut(facets, middle)
}

#[test]
fn coverage_measures_discs_boxes_and_rings() {
    let disc = section(&prism(&ring(720, 30.0), [0.0, 1.0]));
    let plate = section(&cuboid([0.0; 3], [50.0, 20.0, 1.0]));
    let tube = section(
        &[prism(&ring(720, 30.0), [0.0, 1.0]), flipped(&prism(&ring(720, 20.0), [0.2, 0.8]))].concat(),
    );
    for rotation in [0.0, 17.0, 45.0, 90.0, -133.7] {
        for (at_x, at_y) in [(50.0, 50.0), (47.31, 52.09)] {
            for slice in [&disc, &plate, &tube] {
                let field = coverage(&[(slice, placed(rotation, at_x, at_y))], &FRAME);
                close(area_mm2(&field, &FRAME), slice.area_mm2(), 0.005);
                assert!(field.values.iter().all(|share| (0.0..=1.0).contains(share)));
            }
        }
    }
}

#[test]
fn a_part_that_fills_whole_pixels_fills_them_wholly() {
    let frame = Frame { size_px: 8, px_per_mm: 1.0 };
    let plate = section(&cuboid([100.0, 7.0, 0.0], [103.0, 8.0, 1.0]));
    // Three wide, one high, near corner at (1, 6): row 1 from the top.
    let field = coverage(&[(&plate, placed(0.0, 2.5, 6.5))], &frame);
    let full: Vec<usize> = (0..64).filter(|&i| field.values[i] > 0.0).collect();
    assert_eq!(full, [9, 10, 11]);
    assert!(full.iter().all(|&i| field.values[i] == 1.0));
    // A quarter turn counter-clockwise stands it upright.
    let field = coverage(&[(&plate, placed(90.0, 2.5, 5.5))], &frame);
    let full: Vec<usize> = (0..64).filter(|&i| field.values[i] > 0.5).collect();
    assert_eq!(full, [10, 18, 26]);
}

#[test]
fn turning_is_counter_clockwise_about_the_centre() {
    let placement = placed(90.0, 10.0, 20.0);
    let [x, y] = placement.place([2.0, 1.0])([3.0, 1.0]);
    assert!((x - 10.0).abs() < 1e-15 && (y - 21.0).abs() < 1e-15);
}

#[test]
fn copies_are_united_and_touching_bodies_leave_no_seam() {
    let plate = section(&cuboid([0.0; 3], [20.0, 20.0, 1.0]));
    let both = [(&plate, placed(0.0, 30.3, 40.0)), (&plate, placed(0.0, 40.3, 50.0))];
    let field = coverage(&both, &FRAME);
    close(area_mm2(&field, &FRAME), 700.0, 0.005);
    let swapped = coverage(&[both[1], both[0]], &FRAME);
    assert_eq!(field, swapped);
    let touching =
        section(&[cuboid([0.0; 3], [10.3, 20.0, 1.0]), cuboid([10.3, 0.0, 0.0], [20.0, 20.0, 1.0])].concat());
    let seamless = coverage(&[(&touching, placed(0.0, 30.3, 40.0))], &FRAME);
    assert_eq!(seamless, coverage(&both[..1], &FRAME));
}

#[test]
fn what_lies_outside_the_frame_is_cut_off() {
    let plate = section(&cuboid([0.0; 3], [50.0, 25.0, 1.0]));
    let half = coverage(&[(&plate, placed(0.0, 0.0, 50.0))], &FRAME);
    close(area_mm2(&half, &FRAME), 625.0, 1e-6);
    let none = coverage(&[(&plate, placed(0.0, -500.0, 50.0))], &FRAME);
    assert_eq!(none, Field::constant(256, 0.0));
    assert_eq!(coverage(&[], &FRAME), Field::constant(256, 0.0));
    let empty = cut(&cuboid([0.0; 3], [20.0, 20.0, 1.0]), 7.0);
    assert_eq!(coverage(&[(&empty, Placement::default())], &FRAME), Field::constant(256, 0.0));
}

#[test]
fn the_projects_own_parts_keep_their_area() {
    for name in ["core.stl", "bracket.stl", "lattice.stl"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/parts").join(name);
        let part = Mesh::read(&path, Unit::Millimetre).unwrap();
        let low = part.bounds().min[2];
        for slice in slice(&part, &[0.5, 2.0, 6.3, 10.1].map(|z| low + z)) {
            let field = coverage(&[(&slice, placed(30.0, 50.0, 50.0))], &FRAME);
            close(area_mm2(&field, &FRAME), slice.area_mm2(), 0.005);
        }
    }
}
