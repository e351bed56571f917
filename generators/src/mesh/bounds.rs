//! The axis-parallel box around a part.

/// The smallest axis-parallel box around a set of points, in mm.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// The corner with the least coordinates.
    pub min: [f64; 3],
    /// The corner with the greatest coordinates.
    pub max: [f64; 3],
}

impl Bounds {
    pub(super) const EMPTY: Bounds = Bounds { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };

    pub(super) fn of(points: &[[f64; 3]]) -> Self {
        let mut bounds = Self::EMPTY;
        points.iter().for_each(|&point| bounds.include(point));
        bounds
    }

    pub(super) fn include(&mut self, point: [f64; 3]) {
        for (axis, x) in point.into_iter().enumerate() {
            self.min[axis] = self.min[axis].min(x);
            self.max[axis] = self.max[axis].max(x);
        }
    }

    pub(super) fn encloses(&self, other: &Bounds) -> bool {
        (0..3).all(|axis| self.min[axis] <= other.min[axis] && other.max[axis] <= self.max[axis])
    }

    /// Its edge lengths in mm.
    pub fn size(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.max[axis] - self.min[axis])
    }

    /// Its centre in mm.
    pub fn centre(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.min[axis] + 0.5 * (self.max[axis] - self.min[axis]))
    }
}
