//! Files as bytes: dialects of text, binary files that look like text, and garbage.

use generators::mesh::{Fault, Mesh, MeshError, Unit, layer_heights_mm, slice};
use proptest::prelude::*;

use crate::solids::*;

fn read(bytes: &[u8]) -> Result<Mesh, MeshError> {
    Mesh::from_bytes(bytes, "part.stl", Unit::Millimetre)
}

fn text(facets: &[Facet]) -> String {
    let mut out = String::from("solid part\n");
    for facet in facets {
        out += " facet normal 0 0 0\n  outer loop\n";
        for [x, y, z] in facet {
            out += &format!("   vertex {x} {y} {z}\n");
        }
        out += "  endloop\n endfacet\n";
    }
    out + "endsolid part\n"
}

fn binary(facets: &[Facet], header: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.resize(80, b' ');
    bytes.extend((facets.len() as u32).to_le_bytes());
    for facet in facets {
        bytes.extend([0; 12]);
        bytes.extend(facet.as_flattened().iter().flat_map(|&x| (x as f32).to_le_bytes()));
        bytes.extend([0; 2]);
    }
    bytes
}

#[test]
fn every_dialect_of_text_is_the_same_box() {
    let facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
    let plain = text(&facets);
    let latin: Vec<u8> = plain
        .replace("solid part", "solid K@rper")
        .bytes()
        .map(|b| if b == b'@' { 0xf6 } else { b })
        .collect();
    let half = text(&facets[..6]) + &text(&facets[6..]);
    for bytes in [
        plain.clone().into_bytes(),
        plain.replace('\n', "\r\n").into_bytes(),
        plain.replace('\n', "\r").into_bytes(),
        plain.to_uppercase().into_bytes(),
        plain.replace("facet normal 0 0 0", "Facet Normal nan -inf 1e99").into_bytes(),
        plain.replace("facet normal 0 0 0", "facet normal").into_bytes(),
        plain.replace("solid part", "solid").into_bytes(),
        plain.replace("solid part", "solid 立方体 facet").into_bytes(),
        plain.replace("endsolid part\n", "").into_bytes(),
        format!("\u{feff}  {plain}\n\n").into_bytes(),
        format!("solid nothing\nendsolid nothing\n{half}").into_bytes(),
        latin,
    ] {
        let mesh = read(&bytes).unwrap();
        close(mesh.volume_mm3(), 24.0, 1e-14);
        assert!(mesh.repairs().is_sound());
        assert_eq!(mesh.hash(), blake3::hash(&bytes).to_hex().as_str());
    }
}

#[test]
fn the_length_tells_binary_from_text() {
    let facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
    for header in [&b""[..], b"solid", b"solid part\nfacet", b"SOLID", b"\xff\xfe\0", b"\n"] {
        let mut bytes = binary(&facets, header);
        close(read(&bytes).unwrap().volume_mm3(), 24.0, 1e-14);
        bytes.extend(b"\n made by hand");
        close(read(&bytes).unwrap().volume_mm3(), 24.0, 1e-14);
    }
}

#[test]
fn units_scale() {
    let bytes = binary(&cuboid([0.0; 3], [2.0, 3.0, 4.0]), b"");
    let volume = |unit| Mesh::from_bytes(&bytes, "part.stl", unit).unwrap().volume_mm3();
    close(volume(Unit::Metre), 24e9, 1e-14);
    close(volume(Unit::Inch), 24.0 * 25.4f64.powi(3), 1e-14);
}

#[test]
fn facets_without_finite_corners_are_left_out() {
    let facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
    let bad = [[0.0, 1.0, f64::INFINITY], [1.0; 3], [f64::NAN; 3]];
    let with_bad = [facets, vec![bad]].concat();
    for bytes in [text(&with_bad).into_bytes(), binary(&with_bad, b"")] {
        let mesh = read(&bytes).unwrap();
        assert_eq!((mesh.repairs().count(Fault::NotFinite), mesh.repairs().triangles_read), (1, 13));
        close(mesh.volume_mm3(), 24.0, 1e-14);
    }
}

#[test]
fn each_refusal_is_one_clear_line() {
    let facets = cuboid([0.0; 3], [2.0, 3.0, 4.0]);
    let plain = text(&facets);
    let cut_binary = &binary(&facets, b"solid")[..300];
    let mut many = binary(&facets, b"");
    many[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    let wrong = plain.replacen("vertex 0 0 0", "vertex 0 0", 1);
    let comma = plain.replacen("vertex 0 0 0", "vertex 0,0 0 0", 1);
    let at = plain.find("endloop").unwrap();
    for (bytes, message) in [
        (&b""[..], "part.stl: not an STL file (the file is empty); export the part as a binary or text STL"),
        (
            b"%PDF-1.7",
            "part.stl: not an STL file (neither the length of a binary STL nor the word solid at its start); \
             export the part as a binary or text STL",
        ),
        (
            cut_binary,
            "part.stl: cut off (it announces 12 triangles and holds 4); copy or export the file again",
        ),
        (
            &many,
            "part.stl: cut off (it announces 4294967295 triangles and holds 12); copy or export the file again",
        ),
        (
            &plain.as_bytes()[..at],
            "part.stl: cut off (the file ends inside the facet of line 2); copy or export the file again",
        ),
        (
            wrong.as_bytes(),
            "part.stl:2: the facet that begins here cannot be read (vertex f32 f32 f32, got [\"vertex\", \"0\", \
             \"0\"]); export the part again",
        ),
        (
            comma.as_bytes(),
            "part.stl:2: the facet that begins here cannot be read (invalid float literal); export the part again",
        ),
        (
            b"solid part\nendsolid",
            "part.stl: holds no triangle with an area; export the part again with its body selected",
        ),
    ] {
        assert_eq!(read(bytes).unwrap_err().to_string(), message);
    }
    let missing =
        Mesh::read(std::path::Path::new("nowhere/part.stl"), Unit::Millimetre).unwrap_err().to_string();
    assert!(missing.starts_with("nowhere/part.stl: cannot be read (No such file"), "{missing}");
    assert!(missing.ends_with("; check the path and its permissions"), "{missing}");
}

/// Whatever is read can be sliced.
fn survives(bytes: &[u8]) {
    if let Ok(mesh) = read(bytes) {
        let height = mesh.bounds().size()[2] / 20.0;
        for slice in slice(&mesh, &layer_heights_mm(&mesh.bounds(), height)) {
            let _ = slice.area_mm2();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&bytes);
        survives(&[b"solid ", &bytes[..]].concat());
        survives(&[b"solid\nfacet normal ", &bytes[..], b"\nendfacet"].concat());
    }

    #[test]
    fn binary_garbage_never_panics(floats in prop::collection::vec(any::<f32>(), 12..600)) {
        let facets: Vec<Facet> = floats.chunks_exact(9)
            .map(|c| [0, 3, 6].map(|i| [c[i], c[i + 1], c[i + 2]].map(f64::from)))
            .collect();
        survives(&binary(&facets, b""));
    }

    #[test]
    fn a_crowd_of_small_numbers_never_panics(grid in prop::collection::vec(0u8..4, 9..900)) {
        let facets: Vec<Facet> = grid.chunks_exact(9)
            .map(|c| [0, 3, 6].map(|i| [c[i], c[i + 1], c[i + 2]].map(f64::from)))
            .collect();
        survives(&binary(&facets, b""));
    }

    #[test]
    fn cut_files_never_panic(length in 0usize..3000, binary_file in any::<bool>()) {
        let facets = sphere(12, 1.0);
        let bytes = if binary_file { binary(&facets, b"solid") } else { text(&facets).into_bytes() };
        survives(&bytes[..length.min(bytes.len())]);
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((84usize..700, any::<u8>()), 1..20)) {
        let mut bytes = binary(&cuboid([0.0; 3], [2.0, 3.0, 4.0]), b"");
        for (at, byte) in changes {
            if let Some(b) = bytes.get_mut(at) { *b = byte }
        }
        survives(&bytes);
    }

    /// Boxes on a coarse grid overlap, touch, and share walls; cells of the grid count their union.
    #[test]
    fn boxes_have_the_area_of_their_union(
        boxes in prop::collection::vec((0u8..5, 1u8..4, 0u8..5, 1u8..4, 0u8..2, 2u8..4), 1..7),
    ) {
        let mut facets = Vec::new();
        let mut cells = [[false; 8]; 8];
        for &(x, dx, y, dy, z, dz) in &boxes {
            facets.extend(cuboid([x, y, z].map(f64::from), [x + dx, y + dy, z + dz].map(f64::from)));
            for column in &mut cells[x as usize..(x + dx) as usize] {
                column[y as usize..(y + dy) as usize].fill(true);
            }
        }
        let slice = cut(&facets, 1.6);
        prop_assert_eq!((slice.guess.open_chains, slice.guess.closed_gaps), (0, 0));
        let area = cells.as_flattened().iter().filter(|&&c| c).count() as f64;
        prop_assert!((slice.area_mm2() - area).abs() < 1e-12, "{} is not {}", slice.area_mm2(), area);
    }

    /// Points on a sphere, joined by their convex hull: gift wrapping over all triples.
    #[test]
    fn random_convex_bodies_have_the_oracles_area(
        points in prop::collection::vec((-1.0f64..1.0, 0.0..std::f64::consts::TAU), 5..14),
        heights in prop::collection::vec(-1.0f64..1.0, 1..8),
        turned in any::<bool>(),
    ) {
        let points: Vec<[f64; 3]> = points.iter()
            .map(|&(z, a)| { let r = (1.0 - z * z).sqrt(); [r * a.cos(), r * a.sin(), z] })
            .collect();
        let facets = hull(&points);
        prop_assume!(facets.len() >= 4);
        let given = if turned { flipped(&facets) } else { facets.clone() };
        let part = mesh(&given);
        prop_assume!(part.repairs().count(Fault::Open) == 0 && part.repairs().count(Fault::Degenerate) == 0);
        for slice in slice(&part, &heights) {
            prop_assert_eq!((slice.guess.open_chains, slice.guess.closed_gaps), (0, 0));
            prop_assert!(slice.contours.len() <= 1);
            prop_assert!((slice.area_mm2() - oracle(&facets, slice.z_mm)).abs() < 1e-12);
        }
    }
}

fn hull(points: &[[f64; 3]]) -> Vec<Facet> {
    let sub = |a: [f64; 3], b: [f64; 3]| [0, 1, 2].map(|i| a[i] - b[i]);
    let det = |a: [f64; 3], b: [f64; 3], c: [f64; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    let n = points.len();
    let mut facets = Vec::new();
    for i in 0..n {
        for j in 0..n {
            for k in 0..n {
                // Each triple once, in the turn that leaves all other points behind it.
                let ([a, b, c], distinct) = ([points[i], points[j], points[k]], i < j && i < k && j != k);
                let behind = |p: usize| {
                    p == i || p == j || p == k || det(sub(b, a), sub(c, a), sub(points[p], a)) < -1e-9
                };
                if distinct && (0..n).all(behind) {
                    facets.push([a, b, c]);
                }
            }
        }
    }
    facets
}
