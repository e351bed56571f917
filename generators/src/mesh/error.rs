//! Why a file is not a part that can be sliced.

use std::path::PathBuf;

/// A file that gives no part: what, where, and what to do about it, in one line.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The file cannot be read at all.
    #[error("{}: cannot be read ({source}); check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Neither a binary nor a text STL.
    #[error("{name}: not an STL file ({why}); export the part as a binary or text STL")]
    NotStl {
        /// The file.
        name: String,
        /// What gives it away.
        why: String,
    },
    /// The file ends too early.
    #[error("{name}: cut off ({why}); copy or export the file again")]
    Truncated {
        /// The file.
        name: String,
        /// What is missing.
        why: String,
    },
    /// A facet of a text STL is not written as one.
    #[error("{name}:{line}: the facet that begins here cannot be read ({why}); export the part again")]
    Facet {
        /// The file.
        name: String,
        /// The line of the facet's first word, from 1.
        line: usize,
        /// What the reader says.
        why: String,
    },
    /// A sound file without facets, or none but degenerate ones.
    #[error("{name}: holds no triangle with an area; export the part again with its body selected")]
    NoTriangles {
        /// The file.
        name: String,
    },
    /// Every facet has a coordinate that is infinite or not a number.
    #[error("{name}: none of its {triangles} triangles has finite coordinates; export the part again")]
    NothingFinite {
        /// The file.
        name: String,
        /// How many facets it has.
        triangles: usize,
    },
    /// More facets than can be numbered.
    #[error("{name}: {triangles} triangles are more than can be sliced; export the part more coarsely")]
    TooMany {
        /// The file.
        name: String,
        /// How many facets it has.
        triangles: usize,
    },
    /// All facets lie in one horizontal plane.
    #[error("{name}: flat, without height along z; turn the part so that it stands on the bed")]
    Flat {
        /// The file.
        name: String,
    },
}
