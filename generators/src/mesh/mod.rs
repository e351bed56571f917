//! Triangle meshes in, closed contours out.
//!
//! [`Mesh::read`] reads an STL file, joins its facets and repairs what can be repaired;
//! [`slice()`] cuts the mesh at the heights of [`layer_heights_mm`]; [`svg::svg`] draws a
//! slice. Everything here works relative to the size of the part: neither its scale nor its place
//! matters.

mod area;
mod bands;
mod bodies;
mod bounds;
mod certificate;
mod contour;
mod corners;
mod edges;
mod error;
mod gaps;
mod oracle;
mod orient;
mod planes;
mod repairs;
mod rims;
mod slice;
mod stl;
pub mod svg;
mod sweep;
mod twins;
mod union;
mod unit;
mod weld;

use std::path::Path;

pub use bounds::Bounds;
pub use certificate::{Certificate, LayerCertificate, Verdict};
pub use contour::Contour;
pub use error::MeshError;
pub use gaps::Guess;
pub use repairs::{Fault, Repair, Repairs};
pub use slice::{FillRule, MAX_LAYERS, Slice, layer_heights_mm, slice};
pub use unit::Unit;

use corners::Corners;
use edges::Edges;
use rims::Rims;
use weld::{Joints, Welded};

/// A part: triangles that share vertices, repaired as far as slicing needs it.
#[derive(Clone, Debug)]
pub struct Mesh {
    vertices: Vec<[f64; 3]>,
    triangles: Vec<[u32; 3]>,
    rims: Rims,
    bounds: Bounds,
    repairs: Repairs,
    /// The farthest that a vertex was moved to join a neighbour, in mm.
    moved_mm: f64,
    volume_mm3: f64,
    hash: String,
}

impl Mesh {
    /// Reads a binary or text STL file whose numbers are in `unit`.
    pub fn read(path: &Path, unit: Unit) -> Result<Self, MeshError> {
        let stl::Read { corners, hash } = stl::read(path, unit.millimetres())?;
        Self::build(corners, &path.display().to_string(), hash)
    }

    /// As [`Mesh::read`], of a file's content; `name` is what errors call it.
    pub fn from_bytes(bytes: &[u8], name: &str, unit: Unit) -> Result<Self, MeshError> {
        let stl::Read { corners, hash } = stl::parse(bytes, name, unit.millimetres())?;
        Self::build(corners, name, hash)
    }

    /// A mesh of triangles in mm, their corners counter-clockwise seen from outside; `name` is what
    /// errors call it. Triangles with a coordinate that is not a number, or beyond 1e100 mm, are left
    /// out.
    pub fn from_triangles(triangles: &[[[f64; 3]; 3]], name: &str) -> Result<Self, MeshError> {
        let mut hash = blake3::Hasher::new();
        let mut corners = Corners::with_capacity(triangles.len());
        corners.push(triangles);
        for x in triangles.as_flattened().as_flattened() {
            hash.update(&x.to_le_bytes());
        }
        Self::build(corners, name, hash.finalize().to_hex().to_string())
    }

    fn build(corners: Corners, name: &str, hash: String) -> Result<Self, MeshError> {
        let (finite, not_finite) = (corners.triangles.len(), corners.not_finite);
        if finite == 0 && not_finite > 0 {
            return Err(MeshError::NothingFinite { name: name.to_owned(), triangles: not_finite });
        }
        if finite > edges::MOST_TRIANGLES {
            return Err(MeshError::TooMany { name: name.to_owned(), triangles: finite });
        }
        let mut repairs = Repairs { triangles_read: finite + not_finite, ..Repairs::default() };
        repairs.note(Repair::nowhere(Fault::NotFinite, not_finite));
        let Welded { vertices, mut triangles, joints, moved_mm } = weld::weld(corners, &mut repairs);
        if triangles.is_empty() {
            return Err(MeshError::NoTriangles { name: name.to_owned() });
        }
        let mut bounds = Bounds::of(&vertices);
        if !repairs.faults.is_empty() {
            // Some vertices may belong to dropped facets alone.
            bounds = Bounds::EMPTY;
            triangles.as_flattened().iter().for_each(|&v| bounds.include(vertices[v as usize]));
        }
        if bounds.size()[2] <= 0.0 {
            return Err(MeshError::Flat { name: name.to_owned() });
        }
        let centre = bounds.centre();
        let upright = match &joints {
            Joints::Sound(bodies) => bodies.upright_mm3(&vertices, &triangles, centre),
            Joints::Any(_) => None,
        };
        let (volume_mm3, rims) = match (&joints, upright) {
            (Joints::Sound(bodies), Some(volume_mm3)) => {
                let places = bodies.touching.iter().map(|&(_, from)| vertices[from as usize]);
                repairs.note(Repair::at(Fault::NonManifold, places));
                (volume_mm3, Rims::default())
            }
            _ => orient(&vertices, &mut triangles, joints, centre, &mut repairs),
        };
        repairs.triangles_kept = triangles.len();
        Ok(Self { vertices, triangles, rims, bounds, repairs, moved_mm, volume_mm3, hash })
    }

    /// The box around the part in mm.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Volume in mm³ by the divergence theorem: exact for a closed mesh whose bodies do not overlap.
    pub fn volume_mm3(&self) -> f64 {
        self.volume_mm3
    }

    /// What was wrong with the file.
    pub fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// BLAKE3 of the file, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// Turns what faces the wrong way, and notes what else is wrong; the volume in mm³, and the rims that are left.
fn orient(
    vertices: &[[f64; 3]],
    triangles: &mut [[u32; 3]],
    joints: Joints,
    centre: [f64; 3],
    repairs: &mut Repairs,
) -> (f64, Rims) {
    let edges = match joints {
        Joints::Any(edges) => edges,
        Joints::Sound(_) => Edges::of(vertices.len(), triangles),
    };
    let end = |edge: u32| vertices[edges.walked(edge, triangles)[0] as usize];
    let faults = [
        Repair::at(Fault::Open, edges.open().map(end)),
        Repair::at(Fault::NonManifold, edges.non_manifold().map(end)),
        Repair::at(Fault::Inconsistent, edges.inconsistent().map(end)),
    ];
    let orient::Oriented { turned, volume_mm3 } = orient::orient(vertices, triangles, &edges, centre);
    let at = |&t: &u32| vertices[triangles[t as usize][0] as usize];
    repairs.note(Repair::at(Fault::Turned, turned.iter().map(at)));
    faults.into_iter().for_each(|fault| repairs.note(fault));
    // A turned facet has its edges in another order.
    let edges = if turned.is_empty() { edges } else { Edges::of(vertices.len(), triangles) };
    (volume_mm3, Rims::of(vertices, triangles, &edges))
}
