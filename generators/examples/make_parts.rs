//! Makes the project's own parts: `cargo run -p synthgen-generators --release --example make_parts [FOLDER]`
//! writes `core.stl`, `bracket.stl`, `lattice.stl`, `flange.stl`, `gear.stl` and `housing.stl` (default folder:
//! `scenarios/parts`);
//! `make_parts --gyroid FILE` writes a bracket of over a million triangles, for measuring.
//!
//! Each part is the inside of a signed distance, meshed on a grid by marching cubes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use stl_io::{Normal, Triangle, Vertex};

type Point = [f64; 3];
/// Negative inside.
type Shape = fn(Point) -> f64;

fn main() -> io::Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/parts");
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if let (true, Some(file)) = (first.as_ref().is_some_and(|word| word == "--gyroid"), arguments.next()) {
        let triangles = gyroid();
        println!("{}: {} triangles", file.display(), triangles.len());
        return stl_io::write_stl(&mut io::BufWriter::new(std::fs::File::create(file)?), triangles.iter());
    }
    let folder = first.map_or(default, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for (name, stl) in parts()? {
        println!("{}: {} triangles", folder.join(name).display(), (stl.len() - 84) / 50);
        std::fs::write(folder.join(name), stl)?;
    }
    Ok(())
}

/// The parts' file names and contents.
pub fn parts() -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let step = |size: f64, cells: usize| Vec::from_iter((0..=cells).map(|i| size * i as f64 / cells as f64));
    // Grid planes close to each side of a flat face keep its rims sharp.
    let around = |mut planes: Vec<f64>, faces: &[f64]| {
        planes.retain(|x| faces.iter().all(|face| (x - face).abs() > 0.7));
        planes.extend(faces.iter().flat_map(|face| [face - 0.2, face + 0.2]));
        planes.sort_by(f64::total_cmp);
        planes
    };
    let shift = |planes: Vec<f64>, by: f64| Vec::from_iter(planes.into_iter().map(|x| x + by));
    let wide = || shift(step(66.0, 44), -33.0);
    let core_grid = [wide(), wide(), around(step(18.0, 12), &[0.0, 5.0, 11.0, 18.0])];
    let bracket_grid = [
        around(step(70.0, 46), &[0.0, 5.0, 8.0, 26.0, 29.0, 44.0, 47.0, 62.0, 65.0, 70.0]),
        around(step(45.0, 30), &[0.0, 45.0, 9.0, 12.0]),
        around(step(25.0, 14), &[0.0, 4.0, 25.0]),
    ];
    let cube = || around(step(40.0, 21), &[0.0, 40.0]);
    let round = || shift(step(64.0, 40), -32.0);
    let housing_grid = [
        around(shift(step(62.0, 31), -31.0), &[-27.0, -1.5, 1.5, 27.0]),
        around(shift(step(42.0, 21), -21.0), &[-17.0, 17.0]),
        around(step(24.0, 10), &[0.0, 4.0, 24.0]),
    ];
    [
        ("core.stl", core as Shape, core_grid),
        ("bracket.stl", bracket, bracket_grid),
        ("lattice.stl", lattice, [cube(), cube(), cube()]),
        ("flange.stl", flange, [round(), round(), around(step(22.0, 11), &[0.0, 6.0, 22.0])]),
        ("gear.stl", gear, [round(), round(), around(step(20.0, 8), &[0.0, 20.0])]),
        ("housing.stl", housing, housing_grid),
    ]
    .into_iter()
    .map(|(name, shape, grid)| {
        let mut stl = Vec::new();
        stl_io::write_stl(&mut stl, march(&grid, shape).iter())?;
        Ok((name, stl))
    })
    .collect()
}

/// A core for casting a pump housing: a drafted, lobed body on a foot, around two vertical channels
/// that lean and widen, a curved channel between them at half height, and vents.
fn core([x, y, z]: Point) -> f64 {
    let height = z / 18.0;
    // Four lobes that turn and draw in with height.
    let turn = 0.5 * height;
    let (cos2, sin2) = (x * x - y * y, 2.0 * x * y);
    let r = x.hypot(y).max(1e-9);
    let (cos4, sin4) = (cos2 * cos2 - sin2 * sin2, 2.0 * cos2 * sin2);
    let lobes = (cos4 * turn.cos() + sin4 * turn.sin()) / r.powi(4);
    let waist = 2.5 * (2.0 * height - 1.0).powi(2);
    let body = r - (22.0 + 2.2 * lobes * (r / 25.0).min(1.0) + waist);
    // The foot: a rounded square that ends at a third of the height.
    let foot = union(
        rounded_box([x, y], [0.0, 0.0], [29.5, 20.0], 6.0).max(z - 5.0),
        circle([x, y], [0.0, 0.0], 24.0 - 3.0 * height),
        2.0,
    );
    let print_mark = rounded_box([x, y], [0.0, 26.0], [7.0, 4.0], 2.0).max(z - 11.0);
    let outer = union(union(body, foot, 3.0), print_mark, 2.0);
    let left = circle([x, y], [-10.5 + 3.0 * height, 2.0], 4.6 + 1.6 * height);
    let right = rounded_box([x, y], [10.5 - 2.0 * height, -2.0], [3.4 + height, 7.0 - 2.0 * height], 3.2);
    // Part of a ring around the middle, in the plane between top and bottom.
    let ring = ((r - 10.0).hypot(z - 9.0) - 3.0).max(-y - 4.0);
    let vents = circle([x, y], [0.0, -14.0], 2.2).min(circle([x, y], [0.0, 12.5], 2.6));
    let bolts = circle([x.abs(), y.abs()], [24.0, 14.0], 2.3);
    let holes = union(left.min(right), ring, 1.0).min(vents).min(bolts);
    intersection(intersection(outer, -holes, 0.6), (z - 9.0).abs() - 9.0, 0.0)
}

/// A bracket: a plate with a wall and thin ribs on it, and bolt holes, one of them through the wall.
fn bracket([x, y, z]: Point) -> f64 {
    let plate = rounded_box([x, y], [35.0, 22.5], [35.0, 22.5], 5.0).max(z - 4.0);
    let wall = slab(y, 9.0, 12.0).max(slab(x, 5.0, 65.0)).max(z - 25.0);
    let slope = (0.8 * (y - 12.0) + 0.8 * (z - 4.0)) / 1.131 - 13.0;
    let rib = |from: f64| slab(x, from, from + 3.0).max(slope).max(10.0 - y);
    let ribs = [5.0, 26.0, 44.0, 62.0].into_iter().map(rib).fold(f64::INFINITY, f64::min);
    let corners = circle([(x - 35.0).abs(), y], [28.5, 38.5], 2.75);
    let slot = rounded_box([x, y], [16.5, 30.0], [5.5, 3.0], 3.0);
    let window = circle([x, z], [36.5, 15.0], 5.0).max(y - 14.0).min(circle([x, z], [17.0, 14.0], 3.5));
    let front = circle([(x - 35.0).abs(), y], [28.0, 5.0], 1.8).min(circle([x, y], [36.5, 30.0], 4.5));
    let holes = corners.min(slot).min(window).min(front).min(circle([x, y], [54.5, 28.0], 5.0));
    plate.min(wall).min(ribs).max(-holes).max(-z)
}

/// A block of the gyroid's solid network, 2 cells of 20 mm along each side.
fn lattice([x, y, z]: Point) -> f64 {
    let k = std::f64::consts::TAU / 20.0;
    let (x0, y0, z0) = (k * x, k * y, k * z);
    let gyroid = x0.sin() * y0.cos() + y0.sin() * z0.cos() + z0.sin() * x0.cos();
    let block = slab(x, 0.0, 40.0).max(slab(y, 0.0, 40.0)).max(slab(z, 0.0, 40.0));
    ((gyroid + 0.25) / (1.5 * k)).max(block)
}

/// A flange: a disc with a hub, four ribs between them, a bore and six bolt holes.
fn flange([x, y, z]: Point) -> f64 {
    let r = x.hypot(y);
    let disc = (r - 30.0).max(z - 6.0);
    let hub = r - (16.0 - 0.15 * z);
    let rib = (x.abs().min(y.abs()) - 1.6).max(r - 28.0).max(0.8 * (r + z - 34.0));
    let bolts = [0.0, 1.0, 2.0].map(|sixth: f64| {
        let (sin, cos) = (0.3 + sixth * std::f64::consts::FRAC_PI_3).sin_cos();
        (x - 23.5 * cos).hypot(y - 23.5 * sin).min((x + 23.5 * cos).hypot(y + 23.5 * sin)) - 2.7
    });
    let holes = bolts.into_iter().fold(r - 7.0, f64::min);
    disc.min(hub).min(rib).max(-holes).max((z - 11.0).abs() - 11.0)
}

/// A helical gear wheel of eleven teeth with a bore, its keyway, and five round windows.
fn gear([x, y, z]: Point) -> f64 {
    let (r, angle) = (x.hypot(y), y.atan2(x));
    let teeth = r - (26.0 + 3.0 * (2.0 * (11.0 * angle + 0.04 * z).sin()).clamp(-1.0, 1.0));
    let fifth = std::f64::consts::TAU / 5.0;
    let window = (angle / fifth).round() * fifth;
    let windows = circle([x, y], [15.0 * window.cos(), 15.0 * window.sin()], 4.2);
    let bore = (r - 6.0).min(slab(x, -1.7, 1.7).max(slab(y, 0.0, 8.2)));
    teeth.max(-windows).max(-bore).max((z - 10.0).abs() - 10.0)
}

/// An open housing: a floor, thin walls, a wall across with a passage, and a boss with a hole in each corner.
fn housing([x, y, z]: Point) -> f64 {
    let outer = rounded_box([x, y], [0.0, 0.0], [30.0, 20.0], 5.0);
    let hollow = rounded_box([x, y], [0.0, 0.0], [27.0, 17.0], 3.0).max(4.0 - z);
    let across = slab(x, -1.5, 1.5).max(-(y.hypot(z - 14.0) - 6.0));
    let corner = [x.abs(), y.abs()];
    let bosses = circle(corner, [24.0, 14.0], 5.0);
    let inner = hollow.max(-across).max(-bosses);
    let drain = circle([x, y], [14.0, 3.0], 4.0);
    let holes = circle(corner, [24.0, 14.0], 2.0).min(drain);
    outer.max(-inner).max(-holes).max((z - 12.0).abs() - 12.0)
}

/// An angle bracket of gyroid sheets with bolt holes, as for a light core.
fn gyroid() -> Vec<Triangle> {
    // Grid planes that meet no face of the bracket.
    let planes = |size: f64, cells: usize| {
        Vec::from_iter((0..=cells + 2).map(|i| size * (i as f64 - 0.7) / cells as f64))
    };
    march(&[planes(120.0, 148), planes(90.0, 111), planes(75.0, 93)], angle_of_gyroid)
}

fn angle_of_gyroid([x, y, z]: Point) -> f64 {
    let foot = slab(x, 0.3, 119.7).max(slab(y, 0.3, 89.7)).max(slab(z, 0.3, 24.7));
    let wall = slab(x, 0.3, 34.7).max(slab(y, 0.3, 89.7)).max(slab(z, 0.3, 74.7));
    let bolts =
        [(60.0, 22.0, 9.0), (60.0, 68.0, 9.0), (95.0, 22.0, 9.0), (95.0, 68.0, 9.0), (17.0, 45.0, 11.0)];
    let holes = bolts
        .map(|(cx, cy, radius)| circle([x, y], [cx, cy], radius))
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    let k = std::f64::consts::TAU / 9.0;
    let (x, y, z) = (k * x, k * y, k * z);
    let sheet = ((x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()).abs() - 0.45) / k;
    foot.min(wall).max(-holes).max(sheet)
}

fn circle([x, y]: [f64; 2], centre: [f64; 2], radius: f64) -> f64 {
    (x - centre[0]).hypot(y - centre[1]) - radius
}

fn slab(x: f64, from: f64, to: f64) -> f64 {
    (from - x).max(x - to)
}

/// A rectangle of the given half sides with rounded corners.
fn rounded_box([x, y]: [f64; 2], centre: [f64; 2], half: [f64; 2], radius: f64) -> f64 {
    let (dx, dy) = ((x - centre[0]).abs() - half[0] + radius, (y - centre[1]).abs() - half[1] + radius);
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

/// The smaller, with a fillet of about `radius`.
fn union(a: f64, b: f64, radius: f64) -> f64 {
    let blend = (radius - (a - b).abs()).max(0.0);
    a.min(b) - if radius > 0.0 { blend * blend / (4.0 * radius) } else { 0.0 }
}

/// The larger, with a fillet of about `radius`.
fn intersection(a: f64, b: f64, radius: f64) -> f64 {
    -union(-a, -b, radius)
}

/// Marching cubes on a grid of planes: each cube's surface is found by walking over its faces, and
/// faces that could be joined in two ways always part their inner corners, on both of their sides.
fn march(planes: &[Vec<f64>; 3], shape: Shape) -> Vec<Triangle> {
    let size = [0, 1, 2].map(|axis| planes[axis].len());
    let at = |[i, j, k]: [usize; 3]| [planes[0][i], planes[1][j], planes[2][k]];
    let index = |[i, j, k]: [usize; 3]| (k * size[1] + j) * size[0] + i;
    let mut inside = vec![false; size[0] * size[1] * size[2]];
    for node in nodes(size) {
        inside[index(node)] = shape(at(node)) < 0.0;
    }
    let mut triangles = Vec::new();
    for cube in nodes(size.map(|n| n - 1)) {
        let corner = |c: usize| [cube[0] + (c & 1), cube[1] + (c >> 1 & 1), cube[2] + (c >> 2)];
        let inner = [0, 1, 2, 3, 4, 5, 6, 7].map(|c| inside[index(corner(c))]);
        for ring in loops(inner) {
            let points = ring.iter().map(|&[a, b]| surface(at(corner(a)), at(corner(b)), shape)).collect();
            triangles.extend(triangulate(points).map(facet));
        }
    }
    triangles
}

/// Cuts off the corner with the shortest chord until a triangle is left.
fn triangulate(mut ring: Vec<Point>) -> impl Iterator<Item = [Point; 3]> {
    std::iter::from_fn(move || {
        let n = ring.len();
        let corner = |i: usize| [ring[(i + n - 1) % n], ring[i], ring[(i + 1) % n]];
        let chord = |i: usize| {
            let [a, _, b] = corner(i);
            (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>()
        };
        let shortest = (0..n).filter(|_| n > 2).min_by(|&i, &j| chord(i).total_cmp(&chord(j)))?;
        let ear = corner(shortest);
        ring.remove(shortest);
        Some(ear)
    })
}

fn nodes([nx, ny, nz]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..nz).flat_map(move |k| (0..ny).flat_map(move |j| (0..nx).map(move |i| [i, j, k])))
}

/// A cube's faces, their corners counter-clockwise seen from outside; bit 0 of a corner is x, bit 1
/// y, bit 2 z.
const FACES: [[usize; 4]; 6] =
    [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

/// The closed lines in which the surface cuts a cube's faces, as the cube's edges that they cross:
/// counter-clockwise seen from outside the part.
fn loops(inner: [bool; 8]) -> Vec<Vec<[usize; 2]>> {
    // On each face the line runs from where its rim leaves the part to where it came in.
    let mut next: HashMap<[usize; 2], [usize; 2]> = HashMap::new();
    let mut starts = Vec::new();
    for face in FACES {
        for i in 0..4 {
            let (a, b) = (face[i], face[(i + 1) % 4]);
            if !inner[a] && inner[b] {
                let leave = (1..4).map(|s| (face[(i + s) % 4], face[(i + s + 1) % 4]));
                if let Some((c, d)) = leave.into_iter().find(|&(c, d)| inner[c] && !inner[d]) {
                    let (from, to) = ([a.min(b), a.max(b)], [c.min(d), c.max(d)]);
                    next.insert(from, to);
                    starts.push(from);
                }
            }
        }
    }
    let mut loops = Vec::new();
    for start in starts {
        let mut ring = Vec::new();
        let mut edge = start;
        while let Some(to) = next.remove(&edge) {
            ring.push(edge);
            edge = to;
        }
        if ring.len() > 2 {
            loops.push(ring);
        }
    }
    loops
}

/// Where the surface cuts the line between two grid points, by bisection. The ends are kept clear so
/// that no two edges share a point, and coordinates are rounded to 1/1024 mm so that the last digit
/// of a machine's sine does not show.
fn surface(a: Point, b: Point, shape: Shape) -> Point {
    let on = |t: f64| [0, 1, 2].map(|axis| a[axis] + t * (b[axis] - a[axis]));
    let a_inside = shape(a) < 0.0;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if (shape(on(middle)) < 0.0) == a_inside { low = middle } else { high = middle }
    }
    on((0.5 * (low + high)).clamp(0.05, 0.95)).map(|x| (x * 1024.0).round() / 1024.0)
}

fn facet(corners: [Point; 3]) -> Triangle {
    let [a, b, c] = corners;
    let (u, v) = ([0, 1, 2].map(|i| b[i] - a[i]), [0, 1, 2].map(|i| c[i] - a[i]));
    let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt().max(f64::MIN_POSITIVE);
    Triangle {
        normal: Normal::new(n.map(|x| (x / length) as f32)),
        vertices: corners.map(|p| Vertex::new(p.map(|x| x as f32))),
    }
}
