//! What a false alarm and a missed defect cost.

use generators::params::{ScenarioError, Table};

/// The two ways to be wrong, priced; in any unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A healthy layer that is called anomalous: what is thrown away, or looked at in vain.
    pub scrap: f64,
    /// A defective layer that is called healthy, and goes on its way.
    pub escape: f64,
    /// Share of the layers in production that are defective, 0 to 1.
    pub defective: f64,
}

impl Costs {
    /// Reads `scrap`, `escape` and `defective`.
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            scrap: table.number("scrap", Some(1.0), 0.0..=1e12)?,
            escape: table.number("escape", Some(10.0), 0.0..=1e12)?,
            defective: table.number("defective", Some(0.01), 1e-9..=0.999_999)?,
        })
    }

    /// What a layer costs on average where this share of the healthy ones is called anomalous, and this share of the
    /// defective ones is not.
    pub fn per_layer(&self, false_alarm_rate: f64, escape_rate: f64) -> f64 {
        self.scrap * (1.0 - self.defective) * false_alarm_rate + self.escape * self.defective * escape_rate
    }
}
