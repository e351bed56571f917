//! Triangle meshes in, closed contours out.
//!
//! [`Mesh::read`] reads an STL file, joins its facets and repairs what can be repaired;
//! [`slice()`] cuts the mesh at the heights of [`layer_heights_mm`]; [`svg::svg`] draws a
//! slice. Everything here works relative to the size of the part: neither its scale nor its place
//! matters.

mod area;
mod bounds;
mod contour;
mod edges;
mod error;
mod orient;
mod slice;
mod stl;
pub mod svg;
mod unit;
mod weld;

use std::fmt;
use std::path::Path;

pub use bounds::Bounds;
pub use contour::Contour;
pub use error::MeshError;
pub use slice::{FillRule, MAX_LAYERS, Slice, layer_heights_mm, slice};
pub use unit::Unit;

use edges::Edges;

/// A part: triangles that share vertices, repaired as far as slicing needs it.
#[derive(Clone, Debug)]
pub struct Mesh {
    vertices: Vec<[f64; 3]>,
    triangles: Vec<[u32; 3]>,
    /// The edges of each triangle, from its corner 0 to 1, 1 to 2 and 2 to 0, by number.
    edges: Vec<[u32; 3]>,
    bounds: Bounds,
    repairs: Repairs,
    hash: String,
}

/// What was wrong with a mesh, and what was done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Repairs {
    /// Facets in the file.
    pub triangles_read: usize,
    /// Facets left out for a coordinate that is infinite or not a number.
    pub not_finite_dropped: usize,
    /// Facets left out since two of their corners are the same vertex.
    pub degenerate_dropped: usize,
    /// Facets left out since the same facet was there before.
    pub duplicates_dropped: usize,
    /// Vertices at open edges that were joined with a neighbour.
    pub vertices_joined: usize,
    /// Facets turned so that their corners run counter-clockwise seen from outside.
    pub facets_turned: usize,
    /// Edges of one facet only, where the surface is open; slicing closes what it can.
    pub boundary_edges: usize,
    /// Edges of more than two facets.
    pub non_manifold_edges: usize,
    /// Edges whose facets disagreed about what is outside, before facets were turned.
    pub inconsistent_edges: usize,
}

impl Repairs {
    /// Whether the surface is closed, each edge joins two facets, and nothing had to be changed.
    pub fn is_sound(&self) -> bool {
        *self == Self { triangles_read: self.triangles_read, ..Self::default() }
    }
}

impl fmt::Display for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} triangles", self.triangles_read)?;
        for (count, what) in [
            (self.not_finite_dropped, "without finite coordinates dropped"),
            (self.degenerate_dropped, "degenerate dropped"),
            (self.duplicates_dropped, "duplicates dropped"),
            (self.facets_turned, "turned"),
            (self.vertices_joined, "vertices joined"),
            (self.boundary_edges, "open edges"),
            (self.non_manifold_edges, "edges of more than two facets"),
            (self.inconsistent_edges, "edges inconsistently oriented"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl Mesh {
    /// Reads a binary or text STL file whose numbers are in `unit`.
    pub fn read(path: &Path, unit: Unit) -> Result<Self, MeshError> {
        let bytes =
            std::fs::read(path).map_err(|source| MeshError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, &path.display().to_string(), unit)
    }

    /// As [`Mesh::read`], of a file's content; `name` is what errors call it.
    pub fn from_bytes(bytes: &[u8], name: &str, unit: Unit) -> Result<Self, MeshError> {
        let stl::Facets { mut triangles, not_finite } = stl::parse(bytes, name)?;
        if triangles.is_empty() && not_finite > 0 {
            return Err(MeshError::NothingFinite { name: name.to_owned(), triangles: not_finite });
        }
        if unit != Unit::Millimetre {
            let scale = unit.millimetres();
            triangles.as_flattened_mut().as_flattened_mut().iter_mut().for_each(|x| *x *= scale);
        }
        let mut mesh = Self::build(&triangles, name, blake3::hash(bytes).to_hex().to_string())?;
        mesh.repairs.triangles_read += not_finite;
        mesh.repairs.not_finite_dropped = not_finite;
        Ok(mesh)
    }

    /// A mesh of triangles in mm, their corners counter-clockwise seen from outside; `name` is what
    /// errors call it. Triangles with a coordinate that is not a number, or beyond 1e100 mm, are left
    /// out.
    pub fn from_triangles(triangles: &[[[f64; 3]; 3]], name: &str) -> Result<Self, MeshError> {
        let finite = |t: &&[[f64; 3]; 3]| t.as_flattened().iter().all(|x| x.abs() < 1e100);
        let kept: Vec<_> = triangles.iter().filter(finite).copied().collect();
        let not_finite = triangles.len() - kept.len();
        if kept.is_empty() && not_finite > 0 {
            return Err(MeshError::NothingFinite { name: name.to_owned(), triangles: not_finite });
        }
        let mut hash = blake3::Hasher::new();
        for x in kept.as_flattened().as_flattened() {
            hash.update(&x.to_le_bytes());
        }
        let mut mesh = Self::build(&kept, name, hash.finalize().to_hex().to_string())?;
        mesh.repairs.triangles_read = triangles.len();
        mesh.repairs.not_finite_dropped = not_finite;
        Ok(mesh)
    }

    fn build(facets: &[[[f64; 3]; 3]], name: &str, hash: String) -> Result<Self, MeshError> {
        let weld::Welded { vertices, mut triangles, edges, degenerate, duplicates, joined } =
            weld::weld(facets);
        if triangles.is_empty() {
            return Err(MeshError::NoTriangles { name: name.to_owned() });
        }
        let mut bounds = Bounds::EMPTY;
        triangles.as_flattened().iter().for_each(|&v| bounds.include(vertices[v as usize]));
        if bounds.size()[2] <= 0.0 {
            return Err(MeshError::Flat { name: name.to_owned() });
        }
        let facets_turned = orient::orient(&vertices, &mut triangles, &edges);
        let repairs = Repairs {
            triangles_read: facets.len(),
            not_finite_dropped: 0,
            degenerate_dropped: degenerate,
            duplicates_dropped: duplicates,
            vertices_joined: joined,
            facets_turned,
            boundary_edges: edges.boundary().count(),
            non_manifold_edges: edges.non_manifold(),
            inconsistent_edges: edges.inconsistent(),
        };
        // A turned facet has its edges in another order.
        let edges = if facets_turned > 0 { Edges::of(vertices.len(), &triangles) } else { edges };
        Ok(Self { vertices, triangles, edges: edges.of_triangle, bounds, repairs, hash })
    }

    /// The box around the part in mm.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Volume in mm³ by the divergence theorem: exact for a closed mesh whose bodies do not overlap.
    pub fn volume_mm3(&self) -> f64 {
        let tip = self.bounds.centre();
        self.triangles.iter().map(|t| orient::signed_volume(t.map(|v| self.vertices[v as usize]), tip)).sum()
    }

    /// How many triangles were kept.
    pub fn triangle_count(&self) -> usize {
        self.triangles.len()
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
