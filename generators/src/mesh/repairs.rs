//! What was wrong with a mesh, what was done about it, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Bounds;

/// Places that are listed one by one; the box around all of them says the rest.
const LISTED: usize = 4;

/// A kind of fault, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Facets left out for a coordinate that is infinite or not a number.
    NotFinite,
    /// Facets left out since two of their corners are the same vertex.
    Degenerate,
    /// Facets left out since the same facet was there before.
    Duplicate,
    /// Facets left out since a surface was there twice, once each way.
    DoubleSided,
    /// Vertices at open edges that were joined with a neighbour.
    Joined,
    /// Facets turned so that their corners run counter-clockwise seen from outside.
    Turned,
    /// Edges of an odd number of facets, where the surface is open; slicing closes what it can.
    Open,
    /// Edges of more than two facets.
    NonManifold,
    /// Edges whose facets disagreed about what is outside, before facets were turned.
    Inconsistent,
}

impl Fault {
    /// What a count of it stands before: "12 open edges".
    fn words(self) -> &'static str {
        match self {
            Self::NotFinite => "without finite coordinates dropped",
            Self::Degenerate => "degenerate dropped",
            Self::Duplicate => "duplicates dropped",
            Self::DoubleSided => "inner sides of a doubled surface dropped",
            Self::Joined => "vertices joined",
            Self::Turned => "turned",
            Self::Open => "open edges",
            Self::NonManifold => "edges of more than two facets",
            Self::Inconsistent => "edges inconsistently oriented",
        }
    }
}

/// All faults of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repair {
    /// The kind.
    pub fault: Fault,
    /// How many facets, vertices or edges.
    pub count: usize,
    /// The box around all of them, in mm; none where they have no place.
    pub bounds_mm: Option<Bounds>,
    /// The first few of them, in mm.
    pub first_mm: Vec<[f64; 3]>,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.fault.words())
    }
}

impl Repair {
    /// The faults at these places.
    pub(super) fn at(fault: Fault, places_mm: impl IntoIterator<Item = [f64; 3]>) -> Self {
        let mut repair = Self { fault, count: 0, bounds_mm: None, first_mm: Vec::new() };
        for place in places_mm {
            repair.count += 1;
            repair.bounds_mm.get_or_insert(Bounds::EMPTY).include(place);
            if repair.first_mm.len() < LISTED {
                repair.first_mm.push(place);
            }
        }
        repair
    }

    /// Faults without a place.
    pub(super) fn nowhere(fault: Fault, count: usize) -> Self {
        Self { fault, count, bounds_mm: None, first_mm: Vec::new() }
    }
}

/// What was wrong with a mesh, and what was done about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repairs {
    /// Facets in the file.
    pub triangles_read: usize,
    /// Facets that are left.
    pub triangles_kept: usize,
    /// The faults, each kind at most once.
    pub faults: Vec<Repair>,
}

impl Repairs {
    /// Whether the surface is closed and nothing had to be changed. Bodies may touch: an edge of four
    /// facets, two of them each way, is no fault of theirs.
    pub fn is_sound(&self) -> bool {
        self.faults.iter().all(|repair| repair.fault == Fault::NonManifold)
    }

    /// How many faults of one kind there are.
    pub fn count(&self, fault: Fault) -> usize {
        self.faults.iter().filter(|repair| repair.fault == fault).map(|repair| repair.count).sum()
    }

    /// Notes faults, if there are any.
    pub(super) fn note(&mut self, repair: Repair) {
        if repair.count > 0 {
            self.faults.push(repair);
        }
    }
}

impl fmt::Display for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} triangles", self.triangles_read)?;
        self.faults.iter().try_for_each(|repair| write!(f, ", {repair}"))
    }
}
