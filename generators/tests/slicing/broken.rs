//! Surfaces with faults that people print all the same.

use generators::mesh::{Certificate, Fault, FillRule, Mesh, slice};

use crate::solids::*;

#[test]
fn a_mesh_inside_out_is_turned() {
    let facets = flipped(&cuboid([0.0; 3], [2.0, 3.0, 4.0]));
    let part = mesh(&facets);
    assert_eq!(part.repairs().count(Fault::Turned), 12);
    close(part.volume_mm3(), 24.0, 1e-14);
    let slice = &slice(&part, &[1.0])[0];
    assert_eq!(slice.contours[0].signed_area_mm2(), 6.0);
}

#[test]
fn a_small_body_inside_out_is_a_cavity_only_where_it_lies_in_another() {
    let ball = sphere(64, 5.0);
    // In the ball, and in the corner of the box around it.
    for (low, z, share) in [(0.5, 0.8, -0.36), (3.5, 3.8, 0.36)] {
        let small = flipped(&cuboid([low; 3], [low + 0.6; 3]));
        let part = mesh(&[ball.clone(), small].concat());
        assert_eq!(part.repairs().count(Fault::Turned), if share > 0.0 { 12 } else { 0 });
        close(slice(&part, &[z])[0].area_mm2(), oracle(&ball, z) + share, 1e-12);
    }
}

#[test]
fn facets_turned_at_random_are_turned_back() {
    for pattern in [0b1u32, 0b101, 0b1011_0010_1001, 0b0111_1111_1111] {
        let mut facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
        for (_, facet) in facets.iter_mut().enumerate().filter(|(i, _)| pattern >> i & 1 == 1) {
            facet.swap(1, 2);
        }
        let part = mesh(&facets);
        assert!(part.repairs().count(Fault::Inconsistent) > 0);
        close(part.volume_mm3(), 24.0, 1e-14);
        close(slice(&part, &[1.0])[0].area_mm2(), 6.0, 1e-14);
    }
}

#[test]
fn repeated_and_degenerate_facets_are_dropped() {
    let once = sphere(32, 5.0);
    let mut facets = [once.clone(), once[..20].to_vec(), once.clone()].concat();
    let [a, b, _] = once[7];
    facets.extend([[a, b, b], [a, a, a], [a, b, [f64::NAN, 0.0, 0.0]], [a, b, [f64::INFINITY, 0.0, 0.0]]]);
    let part = mesh(&facets);
    let repairs = part.repairs();
    assert_eq!(repairs.triangles_read, facets.len());
    assert_eq!(repairs.count(Fault::Duplicate), once.len() + 20);
    assert_eq!((repairs.count(Fault::Degenerate), repairs.count(Fault::NotFinite)), (2, 2));
    assert_eq!((repairs.count(Fault::Open), repairs.count(Fault::NonManifold)), (0, 0));
    close(slice(&part, &[0.1])[0].area_mm2(), oracle(&once, 0.1), 1e-12);
    assert_eq!(
        repairs.to_string(),
        format!(
            "{} triangles, 2 without finite coordinates dropped, 2 degenerate dropped, {} duplicates dropped",
            facets.len(),
            once.len() + 20
        )
    );
}

#[test]
fn a_missing_triangle_leaves_the_section_whole() {
    for missing in 0..12 {
        let mut facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
        facets.remove(missing);
        let part = mesh(&facets);
        assert_eq!(part.repairs().count(Fault::Open), 3);
        for slice in slice(&part, &[0.5, 2.0, 3.5]) {
            assert_eq!(slice.guess.open_chains, 0);
            close(slice.area_mm2(), 6.0, 1e-14);
        }
    }
    let facets = sphere(64, 5.0);
    let (cut_at, z) = (facets.len() / 2, facets[facets.len() / 2][0][2] + 0.01);
    let holed = [&facets[..cut_at], &facets[cut_at + 1..]].concat();
    let slice = &slice(&mesh(&holed), &[z])[0];
    assert_eq!(slice.guess.closed_gaps, 1);
    assert!(slice.guess.longest_gap_mm > 0.0 && slice.guess.longest_gap_mm < 0.5);
    close(slice.area_mm2(), oracle(&facets, z), 1e-12);
}

#[test]
fn several_gaps_in_one_contour_are_closed_where_they_are() {
    let facets = prism(&ring(40, 10.0), [0.0, 1.0]);
    // Both triangles of every eighth wall.
    let open: Vec<Facet> =
        facets.iter().enumerate().filter(|(i, _)| !(i / 4 % 8 == 3 && i % 4 < 2)).map(|(_, f)| *f).collect();
    let slice = cut(&open, 0.4);
    assert_eq!((slice.contours.len(), slice.guess.closed_gaps, slice.guess.open_chains), (1, 5, 0));
    close(slice.area_mm2(), oracle(&facets, 0.4), 1e-12);
    close(slice.guess.longest_gap_mm, 20.0 * (std::f64::consts::PI / 40.0).sin(), 1e-9);
}

#[test]
fn a_sheet_is_no_body_and_is_reported() {
    let sheet = [[[0., 0., 0.], [4., 0., 0.], [4., 0., 3.]], [[0., 0., 0.], [4., 0., 3.], [0., 0., 3.]]];
    let slice = cut(&[cuboid([0.0, 2.0, 0.0], [2.0, 4.0, 2.0]), sheet.to_vec()].concat(), 1.0);
    assert_eq!((slice.contours.len(), slice.guess.open_chains), (1, 1));
    close(slice.area_mm2(), 4.0, 1e-14);
}

#[test]
fn vertices_that_rounding_has_parted_are_joined() {
    let facets: Vec<Facet> = sphere(32, 5.0)
        .iter()
        .enumerate()
        .map(|(i, facet)| facet.map(|p| p.map(|x| x + 1e-6 * ((i * 7 + 3) % 5) as f64)))
        .collect();
    let part = mesh(&facets);
    assert!(part.repairs().count(Fault::Joined) > 0);
    assert_eq!(part.repairs().count(Fault::Open), 0, "{}", part.repairs());
    let slice = &slice(&part, &[1.0])[0];
    assert_eq!((slice.contours.len(), slice.guess.closed_gaps), (1, 0));
    close(slice.area_mm2(), oracle(&sphere(32, 5.0), 1.0), 1e-5);
}

#[test]
fn a_surface_with_one_side_is_filled_by_even_and_odd() {
    // A band with half a turn in it.
    let n = 24;
    let rail = |i: usize, side: f64| {
        // Where the band closes it stands upright, so that planes cut the seam.
        let angle = std::f64::consts::TAU * (i as f64 / n as f64 + 0.5);
        let r = 10.0 + side * 2.0 * (angle / 2.0).cos();
        [r * angle.cos(), r * angle.sin(), side * 2.0 * (angle / 2.0).sin()]
    };
    let at = |i: usize, side: f64| if i < n { rail(i, side) } else { rail(i - n, -side) };
    let facets: Vec<Facet> = (0..n)
        .flat_map(|i| {
            let [a, b, c, d] = [at(i, -1.0), at(i + 1, -1.0), at(i + 1, 1.0), at(i, 1.0)];
            [[a, b, c], [a, c, d]]
        })
        .collect();
    let part = mesh(&facets);
    assert!(part.repairs().count(Fault::Inconsistent) > 0);
    let heights: Vec<f64> = (0..50).map(|i| -2.0 + 0.08 * i as f64).collect();
    assert!(slice(&part, &heights).iter().any(|s| s.fill == FillRule::EvenOdd));
}

#[test]
fn what_is_no_part_says_so_in_one_line() {
    let error = |facets: &[Facet]| Mesh::from_triangles(facets, "part.stl").unwrap_err().to_string();
    let a = [0.0, 0.0, 1.0];
    assert_eq!(
        error(&[]),
        "part.stl: holds no triangle with an area; export the part again with its body selected"
    );
    assert_eq!(error(&[[a, a, a]]), error(&[]));
    assert_eq!(
        error(&[[a, [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]]),
        "part.stl: flat, without height along z; turn the part so that it stands on the bed"
    );
    assert_eq!(
        error(&[[a, a, [f64::NAN; 3]]]),
        "part.stl: none of its 1 triangles has finite coordinates; export the part again"
    );
}

/// A flat cone whose side was exported a little above its base: joining the two moves the side, and on its slope that is a long way.
#[test]
fn what_moved_vertices_may_change_on_a_slope_is_in_the_doubt() {
    let (rim, gap) = (ring(64, 50.0), 1.2e-3);
    let around = || (0..rim.len()).map(|i| [rim[i], rim[(i + 1) % rim.len()]]);
    let at = |[x, y]: [f64; 2], z: f64| [x, y, z];
    let side = around().map(|[a, b]| [at(a, gap), at(b, gap), [0.0, 0.0, 1.0]]);
    let base = around().map(|[a, b]| [at(b, 0.0), at(a, 0.0), [0.0, 0.0, 0.0]]);
    let part = mesh(&base.chain(side.clone()).collect::<Vec<Facet>>());
    let layer = Certificate::of(&part, &slice(&part, &[0.5])).layers[0].clone();
    // Of the side as it was exported.
    let exported = oracle(&side.collect::<Vec<Facet>>(), 0.5);
    let off = (layer.area_mm2 - exported).abs();
    assert!(off > 3.0, "the side was moved: {off}");
    assert!((off..10.0 * off).contains(&layer.doubt_mm2), "{} for {off}", layer.doubt_mm2);
}
