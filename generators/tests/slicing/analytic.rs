//! Solids whose sections are known.

use generators::mesh::{FillRule, Slice, layer_heights_mm, slice};

use crate::solids::*;

const BOX: ([f64; 3], [f64; 3]) = ([-1.0, -2.0, 0.0], [3.0, 1.0, 5.0]);

fn sound(slice: &Slice) {
    assert_eq!((slice.guess.open_chains, slice.guess.closed_gaps, slice.fill), (0, 0, FillRule::NonZero));
}

#[test]
fn a_box_has_one_contour_counter_clockwise_and_the_same_area_everywhere() {
    let part = mesh(&cuboid(BOX.0, BOX.1));
    assert!(part.repairs().is_sound());
    close(part.volume_mm3(), 60.0, 1e-14);
    let heights = layer_heights_mm(&part.bounds(), 0.5);
    assert_eq!(heights.len(), 10);
    assert_eq!((heights[0], heights[9]), (0.25, 4.75));
    for slice in slice(&part, &heights) {
        sound(&slice);
        assert_eq!(slice.contours.len(), 1);
        close(slice.contours[0].signed_area_mm2(), 12.0, 1e-14);
        close(slice.area_mm2(), 12.0, 1e-14);
        assert_eq!(slice.centre_mm, [1.0, -0.5]);
    }
}

#[test]
fn heights_stop_where_the_middle_of_a_layer_leaves_the_part() {
    let bounds = mesh(&cuboid([0.0; 3], [1.0, 1.0, 1.0])).bounds();
    let layers = |height| layer_heights_mm(&bounds, height).len();
    assert_eq!([0.1, 0.3, 0.4, 0.65, 1.9, 2.0, 3.0].map(layers), [10, 3, 2, 2, 1, 0, 0]);
    assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300].map(layers), [0; 5]);
}

#[test]
fn the_order_of_heights_is_kept_and_heights_outside_are_empty() {
    let facets = mapped(&prism(&ring(5, 1.0), [0.0, 1.0]), |[x, y, z]| [x * (2.0 - z), y * (2.0 - z), z]);
    let heights = [0.7, -1.0, 0.2, 5.0, 0.2, f64::NAN, 0.5];
    let slices = slice(&mesh(&facets), &heights);
    for (slice, z) in slices.iter().zip(heights) {
        assert!(slice.z_mm == z || z.is_nan());
        if (0.0..1.0).contains(&z) {
            close(slice.area_mm2(), oracle(&facets, z), 1e-12);
        } else {
            assert_eq!((slice.contours.len(), slice.area_mm2()), (0, 0.0));
        }
    }
}

#[test]
fn a_cylinder_is_its_polygon() {
    for n in [3, 4, 7, 360] {
        let slice = cut(&prism(&ring(n, 10.0), [-1.0, 1.0]), 0.3);
        sound(&slice);
        let angle = std::f64::consts::TAU / n as f64;
        close(slice.area_mm2(), 0.5 * n as f64 * 100.0 * angle.sin(), 1e-12);
    }
}

#[test]
fn a_sphere_follows_the_circle_and_the_midpoint_rule_its_volume() {
    let facets = sphere(256, 10.0);
    let part = mesh(&facets);
    assert!(part.repairs().is_sound());
    let heights = layer_heights_mm(&part.bounds(), 0.05);
    let slices = slice(&part, &heights);
    for (slice, z) in slices.iter().zip(&heights) {
        sound(slice);
        assert_eq!(slice.contours.len(), 1);
        close(slice.area_mm2(), oracle(&facets, *z), 1e-9);
        assert!((slice.area_mm2() - std::f64::consts::PI * (100.0 - z * z)).abs() < 0.2);
    }
    let volume: f64 = slices.iter().map(|s| 0.05 * s.area_mm2()).sum();
    close(volume, part.volume_mm3(), 1e-4);
    close(volume, 4000.0 / 3.0 * std::f64::consts::PI, 1e-3);
}

#[test]
fn a_hole_through_a_box_is_not_material() {
    let square = |half: f64| [[-half, -half], [half, -half], [half, half], [-half, half]];
    let (outer, inner) = (square(4.0), square(1.0));
    let mut facets = Vec::new();
    for i in 0..4 {
        let j = (i + 1) % 4;
        let [a, b, c, d] = [outer[i], outer[j], inner[j], inner[i]];
        let mut quad =
            |p: [f64; 2], pz: f64, q: [f64; 2], qz: f64, r: [f64; 2], rz: f64, s: [f64; 2], sz: f64| {
                let [p, q, r, s] = [[p[0], p[1], pz], [q[0], q[1], qz], [r[0], r[1], rz], [s[0], s[1], sz]];
                facets.extend([[p, q, r], [p, r, s]]);
            };
        quad(a, 0.0, b, 0.0, b, 2.0, a, 2.0); // outside
        quad(c, 0.0, d, 0.0, d, 2.0, c, 2.0); // inside
        quad(a, 2.0, b, 2.0, c, 2.0, d, 2.0); // top
        quad(b, 0.0, a, 0.0, d, 0.0, c, 0.0); // bottom
    }
    let slice = cut(&facets, 1.0);
    sound(&slice);
    let mut areas: Vec<f64> = slice.contours.iter().map(|c| c.signed_area_mm2()).collect();
    areas.sort_by(f64::total_cmp);
    assert_eq!(areas, [-4.0, 64.0]);
    close(slice.area_mm2(), 60.0, 1e-14);
}

#[test]
fn a_cavity_is_empty_and_a_solid_in_a_solid_counts_once() {
    let outer = cuboid([0.0; 3], [10.0; 3]);
    let inner = cuboid([2.0; 3], [6.0; 3]);
    let cavity = cut(&[outer.clone(), flipped(&inner)].concat(), 4.0);
    close(cavity.area_mm2(), 84.0, 1e-14);
    let solid = cut(&[outer, inner].concat(), 4.0);
    assert_eq!(solid.contours.len(), 2);
    close(solid.area_mm2(), 100.0, 1e-14);
}

#[test]
fn overlapping_bodies_are_united() {
    let a = cuboid([0.0; 3], [4.0, 4.0, 4.0]);
    let b = cuboid([3.0, 1.0, 1.0], [7.0, 9.0, 3.0]);
    close(cut(&[a.clone(), b.clone()].concat(), 2.0).area_mm2(), 16.0 + 32.0 - 3.0, 1e-14);
    // Two discs that cross: a lens is counted once.
    let disc = prism(&ring(720, 5.0), [0.0, 1.0]);
    let both = [disc.clone(), moved(&disc, [6.0, 0.0, 0.0])].concat();
    let circle = cut(&disc, 0.5).area_mm2();
    let lens = 2.0 * 25.0 * (0.6f64).acos() - 0.5 * 6.0 * (100.0f64 - 36.0).sqrt();
    close(cut(&both, 0.5).area_mm2(), 2.0 * circle - lens, 1e-5);
    // One of the two turned inside out is the same.
    let turned = [disc.clone(), flipped(&moved(&disc, [6.0, 0.0, 0.0]))].concat();
    close(cut(&turned, 0.5).area_mm2(), cut(&both, 0.5).area_mm2(), 1e-12);
}

#[test]
fn touching_bodies_add_up() {
    let a = cuboid([0.0; 3], [2.0; 3]);
    for (by, what) in [([2.0, 0.0, 0.0], "face"), ([2.0, 2.0, 0.0], "edge"), ([2.0, 1.0, 0.0], "half a face")]
    {
        let slice = cut(&[a.clone(), moved(&a, by)].concat(), 0.3);
        sound(&slice);
        assert_eq!(slice.area_mm2(), 8.0, "{what}");
    }
    // Four around a common edge.
    let four: Vec<Facet> = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]
        .iter()
        .flat_map(|&[x, y]| moved(&a, [x, y, 0.0]))
        .collect();
    close(cut(&four, 1.0).area_mm2(), 16.0, 1e-14);
}

#[test]
fn planes_through_vertices_edges_and_facets_lose_and_double_nothing() {
    let [px, nx, py, ny, pz, nz] =
        [[1., 0., 0.], [-1., 0., 0.], [0., 1., 0.], [0., -1., 0.], [0., 0., 1.], [0., 0., -1.]];
    let upper = [[px, py, pz], [py, nx, pz], [nx, ny, pz], [ny, px, pz]];
    let lower = [[py, px, nz], [nx, py, nz], [ny, nx, nz], [px, ny, nz]];
    let octahedron = [upper, lower].concat();
    for z in [0.0, -0.25, 0.25, 1e-300, -1e-300, 0.5] {
        let slice = cut(&octahedron, z);
        sound(&slice);
        assert_eq!(slice.contours.len(), 1);
        close(slice.area_mm2(), 2.0 * (1.0 - z.abs()).powi(2), 1e-14);
    }
    assert_eq!(cut(&octahedron, 1.0).area_mm2(), 0.0);

    // A cube whose walls have a ring of vertices at half height.
    let ring_at_half: Vec<Facet> =
        [cuboid([0.0; 3], [2.0, 2.0, 1.0]), cuboid([0.0, 0.0, 1.0], [2.0, 2.0, 2.0])]
            .concat()
            .into_iter()
            .filter(|facet| !facet.iter().all(|corner| corner[2] == 1.0))
            .collect();
    let slice = cut(&ring_at_half, 1.0);
    sound(&slice);
    assert_eq!(slice.area_mm2(), 4.0);
}

#[test]
fn a_step_belongs_to_the_section_below_it() {
    let square = |half: f64| [[-half, -half], [half, -half], [half, half], [-half, half]];
    let (wide, narrow) = (square(5.0), square(3.0));
    let mut facets = Vec::new();
    let mut wall = |ring: [[f64; 2]; 4], low: f64, high: f64| {
        for i in 0..4 {
            let ([ax, ay], [bx, by]) = (ring[i], ring[(i + 1) % 4]);
            facets.push([[ax, ay, low], [bx, by, low], [bx, by, high]]);
            facets.push([[ax, ay, low], [bx, by, high], [ax, ay, high]]);
        }
    };
    wall(wide, 0.0, 2.0);
    wall(narrow, 2.0, 4.0);
    for i in 0..4 {
        let j = (i + 1) % 4;
        let at = |p: [f64; 2], z: f64| [p[0], p[1], z];
        facets.push([at(wide[i], 2.0), at(wide[j], 2.0), at(narrow[j], 2.0)]);
        facets.push([at(wide[i], 2.0), at(narrow[j], 2.0), at(narrow[i], 2.0)]);
        facets.push([at(narrow[i], 4.0), at(narrow[j], 4.0), [0.0, 0.0, 4.0]]);
        facets.push([at(wide[j], 0.0), at(wide[i], 0.0), [0.0, 0.0, 0.0]]);
    }
    let part = mesh(&facets);
    assert!(part.repairs().is_sound(), "{}", part.repairs());
    for (z, area) in [
        (0.0, 100.0),
        (1e-12, 100.0),
        (1.0, 100.0),
        (2.0 - 1e-9, 100.0),
        (2.0, 100.0),
        (2.0 + 1e-9, 36.0),
        (3.0, 36.0),
        (4.0 - 1e-12, 36.0),
        (4.0, 36.0),
        (4.0 + 1e-12, 0.0),
        (-1e-12, 0.0),
    ] {
        let slice = &slice(&part, &[z])[0];
        sound(slice);
        assert!((slice.area_mm2() - area).abs() < 1e-9, "{z}: {} is not {area}", slice.area_mm2());
    }
}

#[test]
fn neither_scale_nor_place_matters() {
    let facets = sphere(48, 3.0);
    let area = cut(&facets, 0.7).area_mm2();
    for scale in [1e-6, 1e6] {
        let slice = cut(&mapped(&facets, |p| p.map(|x| x * scale)), 0.7 * scale);
        sound(&slice);
        close(slice.area_mm2(), area * scale * scale, 1e-12);
    }
    let slice = cut(&moved(&facets, [1e6, -1e6, 1e6]), 1e6 + 0.7);
    sound(&slice);
    close(slice.area_mm2(), area, 1e-8);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let part = mesh(&sphere(64, 3.0));
    let heights = layer_heights_mm(&part.bounds(), 0.1);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| slice(&part, &heights))
    };
    assert_eq!(on(1), on(3));
}
