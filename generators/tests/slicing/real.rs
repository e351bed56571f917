//! Every STL file of the real data, by name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use generators::layer::Frame;
use generators::mesh::{Certificate, Fault, FillRule, Mesh, Slice, Unit, Verdict, layer_heights_mm, slice};
use generators::raster::{Placement, coverage};

use crate::real_data;
use crate::solids::{Facet, oracle};

fn folder() -> Option<PathBuf> {
    real_data::folder("stl")
}

pub fn mesh(name: &str) -> Option<Mesh> {
    Some(Mesh::read(&folder()?.join(name), Unit::Millimetre).unwrap())
}

/// The heights of two hundred layers.
pub fn two_hundred(part: &Mesh) -> Vec<f64> {
    let heights = layer_heights_mm(&part.bounds(), part.bounds().size()[2] / 200.0);
    assert_eq!(heights.len(), 200);
    heights
}

/// What is to become of a file.
#[derive(Clone, Copy)]
enum Fate {
    /// Closed, bodies disjoint: the oracle's area in each layer.
    Exact,
    /// Closed, bodies overlap or lie in each other: at most the oracle's area.
    United,
    /// Consistent only after facets were turned, hence no oracle: nothing open.
    Turned,
    /// Open somewhere: what was guessed is counted, and every area is sure to this share of the
    /// largest.
    Open(f64),
    /// Refused, with this after the name.
    Refused(&'static str),
}
use Fate::*;

const EMPTY: Fate = Refused(": holds no triangle with an area; export the part again with its body selected");
const FLAT: Fate = Refused(": flat, without height along z; turn the part so that it stands on the bed");

const FILES: &[(&str, Fate)] = &[
    ("assimp/STL/3DSMaxExport.STL", Open(1e-5)),
    ("assimp/STL/Spider_ascii.stl", Open(0.06)),
    ("assimp/STL/Spider_binary.stl", Open(0.06)),
    ("assimp/STL/Wuson.stl", Open(0.06)),
    ("assimp/STL/sphereWithHole.stl", Open(0.05)),
    ("assimp/STL/triangle.stl", FLAT),
    ("assimp/STL/triangle_with_empty_solid.stl", FLAT),
    ("assimp/STL/triangle_with_two_solids.stl", FLAT),
    ("hschendel/complex_bin.stl", Exact),
    ("hschendel/confusingheader_bin.stl", Exact),
    ("hschendel/simple_ascii.stl", Exact),
    ("hschendel/simple_bin.stl", Exact),
    ("numpy-stl/stl_ascii/Cube.stl", Exact),
    ("numpy-stl/stl_ascii/HalfDonut.stl", Exact),
    ("numpy-stl/stl_ascii/Moon.stl", Exact),
    ("numpy-stl/stl_ascii/Moon_Chinese.stl", Exact),
    ("numpy-stl/stl_ascii/Star.stl", Exact),
    ("numpy-stl/stl_binary/Cube.stl", Exact),
    ("numpy-stl/stl_binary/CubeInvalidUnicode.stl", Exact),
    ("numpy-stl/stl_binary/HalfDonut.stl", Exact),
    ("numpy-stl/stl_binary/Moon.stl", Exact),
    ("numpy-stl/stl_binary/Star.stl", Exact),
    ("numpy-stl/stl_binary/StarWithEmptyHeader.stl", Exact),
    ("numpy-stl/stl_binary/rear_case.stl", United),
    ("numpy-stl/stl_tests/bwb.stl", Exact),
    ("numpy-stl/stl_tests/dos.stl", Exact),
    ("numpy-stl/stl_tests/triamid.stl", Turned),
    ("numpy-stl/stl_tests/unix.stl", Exact),
    ("openscad-cc0/Basics/projection.stl", Exact),
    ("openscad-cc0/Old/example012.stl", Exact),
    ("openscad-cc0/Old/example016.stl", Exact),
    ("stl_io/bunny_99.stl", Open(0.02)),
    ("stl_io/bunny_99_ascii.stl", Open(0.02)),
    ("trimesh/1002_tray_bottom.STL", Exact),
    ("trimesh/20mm-xyz-cube.stl", Exact),
    ("trimesh/7_8ths_cube.stl", Exact),
    ("trimesh/ADIS16480.STL", Exact),
    ("trimesh/angle_block.STL", Exact),
    ("trimesh/box.STL", United),
    ("trimesh/busted.STL", Exact),
    ("trimesh/counter.unitsmm.STL", United),
    ("trimesh/cylinder.stl", Exact),
    ("trimesh/empty.stl", EMPTY),
    ("trimesh/emptyIO/stl_empty_ascii.stl", EMPTY),
    ("trimesh/emptyIO/stl_empty_bin.stl", EMPTY),
    ("trimesh/featuretype.STL", Exact),
    ("trimesh/idler_riser.STL", Exact),
    ("trimesh/large_block.STL", Exact),
    ("trimesh/large_block_obb.STL", Exact),
    ("trimesh/multibody.stl", Turned),
    ("trimesh/octagonal_pocket.stl", Exact),
    ("trimesh/origin_inside.STL", Exact),
    ("trimesh/plate_holes.STL", Exact),
    ("trimesh/round.stl", Exact),
    ("trimesh/shared.STL", Exact),
    ("trimesh/soup.stl", Open(2.0)),
    ("trimesh/teapot.stl", Open(1e-5)),
    ("trimesh/torus.STL", Exact),
    ("trimesh/two_objects_mixed_case_names.stl", Exact),
    ("trimesh/unit_cube.STL", Exact),
    ("trimesh/unit_sphere.STL", Exact),
];

#[test]
fn every_real_file_ends_as_it_should() {
    let Some(folder) = folder() else { return };
    let mut found = stl_files(&folder, &folder);
    found.sort();
    assert_eq!(found, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let facts = facts(&folder);
    for (name, fate) in FILES {
        let path = folder.join(name);
        match (fate, Mesh::read(&path, Unit::Millimetre)) {
            (Refused(message), Err(error)) => {
                assert_eq!(error.to_string(), format!("{}{message}", path.display()));
            }
            (Refused(_), Ok(_)) => panic!("{name}: was read"),
            (_, Err(error)) => panic!("{error}"),
            (fate, Ok(part)) => {
                let slices = slice(&part, &two_hundred(&part));
                let certificate = Certificate::of(&part, &slices);
                slices_as_it_should(name, *fate, &slices, &certificate, &raw(&path));
                agrees_with_the_facts(name, &part, &certificate, &facts[*name]);
                if facts[*name]["watertight"] == "True" {
                    keeps_its_area_in_pixels(name, &part, &slices, certificate.largest_area_mm2);
                }
            }
        }
    }
}

fn slices_as_it_should(
    name: &str,
    fate: Fate,
    slices: &[Slice],
    certificate: &Certificate,
    facets: &[Facet],
) {
    let guessed = certificate.open_chains + certificate.closed_gaps;
    let (most, repairs) = (certificate.largest_area_mm2, &certificate.repairs);
    assert!(most > 0.0, "{name}");
    if let Open(share) = fate {
        assert!(repairs.count(Fault::Open) > 0 && guessed > 0, "{name}");
        assert!(certificate.doubt_mm2 <= share * most, "{name}: {certificate}");
        let verdict =
            if certificate.doubt_mm2 > 1e-3 * most { Verdict::Uncertain } else { Verdict::Repaired };
        assert_eq!(certificate.verdict, verdict, "{name}");
        return;
    }
    assert_eq!(guessed, 0, "{name}");
    // Where vertices had to be joined, the raw facets have gaps of that size themselves.
    let joined = repairs.count(Fault::Joined) > 0;
    let mended = joined || matches!(fate, Turned);
    assert_eq!(certificate.verdict, if mended { Verdict::Repaired } else { Verdict::Sound }, "{name}");
    // The layers' sum is the volume but for the midpoint rule's own error.
    assert!(certificate.unexplained_mm3.abs() <= 1e-9 * certificate.volume_mm3, "{name}: {certificate}");
    let slack = most * if joined { 1e-5 } else { 1e-9 };
    let mut overlap = false;
    for (slice, layer) in slices.iter().zip(&certificate.layers) {
        assert_eq!(slice.fill, FillRule::NonZero, "{name}");
        let (area, expected) = (layer.area_mm2, oracle(facets, slice.z_mm).abs());
        overlap |= area < expected - slack;
        let holds = match fate {
            Exact => (area - expected).abs() <= slack,
            // How much is tested against a boolean union.
            United => area <= expected + slack,
            _ => true,
        };
        assert!(holds, "{name} at {}: {area} is not {expected}", slice.z_mm);
    }
    if !matches!(fate, Turned) {
        assert_eq!(overlap, matches!(fate, United), "{name}");
    }
}

/// The printed shares of 512 x 512 pixels add up to the area of the slice, to 0.2 % of the largest.
fn keeps_its_area_in_pixels(name: &str, part: &Mesh, slices: &[Slice], largest_mm2: f64) {
    let [width, depth, _] = part.bounds().size();
    let side_mm = width.hypot(depth) / 0.95;
    let frame = Frame { size_px: 512, px_per_mm: 512.0 / side_mm };
    for (rotation_deg, slice) in [0.0, 17.0].into_iter().cycle().zip(slices) {
        let placement = Placement { rotation_deg, at_mm: [side_mm / 2.0; 2] };
        let area_mm2 = coverage(&[(slice, placement)], &frame).sum() / frame.px_per_mm.powi(2);
        let off = (area_mm2 - slice.area_mm2()).abs() / largest_mm2;
        assert!(off <= 0.002, "{name} at {}: off by {off}", slice.z_mm);
    }
}

/// The topology and volume that another program measured.
fn agrees_with_the_facts(
    name: &str,
    part: &Mesh,
    certificate: &Certificate,
    facts: &HashMap<String, String>,
) {
    let Ok(triangles) = facts["tris"].parse::<usize>() else { return }; // its reader refused the file
    let number = |key: &str| facts[key].parse::<f64>().unwrap();
    let count = |fault| certificate.repairs.count(fault) as f64;
    assert_eq!(certificate.repairs.triangles_read, triangles, "{name}");
    assert!(count(Fault::Degenerate) >= number("degenerate"), "{name}");
    assert_eq!(facts["watertight"] == "True", certificate.repairs == sound(triangles), "{name}");
    for (size, expected) in part.bounds().size().iter().zip(facts["bbox"].split(' ')) {
        assert!((size - expected.parse::<f64>().unwrap()).abs() <= 6e-4, "{name}: {size} is not {expected}");
    }
    if count(Fault::Joined) + count(Fault::DoubleSided) == 0.0 {
        assert!(count(Fault::Open) >= number("boundary"), "{name}");
        assert_eq!(count(Fault::NonManifold), number("nonmanifold"), "{name}");
    }
    if count(Fault::Turned) + count(Fault::Open) == 0.0 {
        // Three decimals, and the reader's own rounding.
        let slack = 6e-4 + 1e-8 * number("vol");
        assert!((certificate.volume_mm3 - number("vol")).abs() <= slack, "{name}");
    }
}

fn sound(triangles: usize) -> generators::mesh::Repairs {
    generators::mesh::Repairs { triangles_read: triangles, triangles_kept: triangles, faults: Vec::new() }
}

/// `stl-facts.csv`: by file, by column.
fn facts(folder: &Path) -> HashMap<String, HashMap<String, String>> {
    let text = std::fs::read_to_string(folder.join("../stl-facts.csv")).unwrap();
    // One cell holds a comma, in quotes.
    let rows: Vec<Vec<String>> = text
        .lines()
        .map(|line| {
            let mut quoted = false;
            line.split(|c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .map(str::to_owned)
            .collect()
        })
        .collect();
    let row = |cells: &Vec<String>| {
        let file = cells[0].trim_start_matches("stl/").to_owned();
        (file, rows[0].iter().cloned().zip(cells.iter().cloned()).collect())
    };
    rows[1..].iter().map(row).collect()
}

/// The facets as they stand in the file, read without this project's reader.
fn raw(path: &Path) -> Vec<Facet> {
    let bytes = std::fs::read(path).unwrap();
    let count = bytes.get(80..84).map_or(0, |b| u32::from_le_bytes(b.try_into().unwrap()) as usize);
    let number = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().unwrap()));
    if bytes.len() >= 84 + 50 * count {
        let facet = |f: &[u8]| [12, 24, 36].map(|at| [0, 4, 8].map(|i| number(&f[at + i..at + i + 4])));
        return bytes[84..84 + 50 * count].chunks_exact(50).map(facet).collect();
    }
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let mut corners = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word == "vertex" {
            corners.push([0; 3].map(|_| f64::from(words.next().unwrap().parse::<f32>().unwrap())));
        }
    }
    corners.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect()
}

fn stl_files(root: &Path, folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(stl_files(root, &path));
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("stl")) {
            names.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        }
    }
    names
}
