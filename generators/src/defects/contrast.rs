//! How strongly a defect shows: the contrast-to-noise ratio that was asked for.

use super::Phase;
use super::region::Region;
use crate::layer::Layer;
use crate::params::{Draws, Param, ScenarioError, Table};

/// The keys `cnr` and `polarity`, common to all effects whose contrast is free.
pub(super) struct Contrast {
    cnr: Param,
    /// 1 hot, -1 cold, `None` either.
    polarity: Option<f64>,
}

impl Contrast {
    /// Reads `cnr` and `polarity` (`"hot"`, `"cold"` or `"either"`, drawn once per episode).
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            cnr: table.param("cnr", Param::uniform(3.0, 6.0), 0.001..=1000.0)?,
            polarity: match table.choice("polarity", Some(2), &["hot", "cold", "either"])? {
                0 => Some(1.0),
                1 => Some(-1.0),
                _ => None,
            },
        })
    }

    /// The mean absolute change in degrees over `region` that gives the contrast, and its sign.
    pub fn draw(&self, layer: &Layer, region: &Region, phase: &Phase, draws: &mut Draws) -> (f64, f64) {
        let sign = self.polarity.unwrap_or_else(|| draws.steady_stream("polarity").sign());
        draws.note("polarity", sign);
        let cnr = phase.draw_severity("cnr", &self.cnr, draws);
        (cnr * layer.texture_deviation_c(&region.support()), sign)
    }
}
