//! A layer that lifts off at the edge of the part and curls inwards.

use super::effects::{Add, Effect, displace};
use super::profiles::{Gaussian, Profile};
use super::region::{Ground, Region};
use super::shapes::{Disc, Shape};
use super::site::{At, Site};
use super::{Course, Defect, Evolution, Phase, footprint};
use crate::layer::{Field, Layer, Mask};
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// A patch at the contour that changes its temperature and draws the contour in.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "delamination",
    summary: "a patch at the part's edge that lifts: another temperature, and a contour that curls inwards",
    source: "own",
    example: "\
radius_mm = { uniform = [6.0, 12.0] }
sigma = 0.5
curl_mm = { uniform = [1.0, 3.0] }
lift = { cnr = { uniform = [3.0, 6.0] }, polarity = \"cold\" }
",
    build: |table| {
        let (disc, bell) = (Disc::read(table)?, Gaussian::read(table)?);
        let curl_mm = table.param("curl_mm", Param::uniform(1.0, 3.0), 0.01..=10_000.0)?;
        let mut lift = table.table("lift")?;
        let delamination = Delamination { disc, bell, curl_mm, lift: Add::read(&mut lift)? };
        lift.finish()?;
        Ok(Box::new(delamination))
    },
};

struct Delamination {
    disc: Disc,
    bell: Gaussian,
    /// How far the contour is drawn in where it lifts most.
    curl_mm: Param,
    lift: Add,
}

impl Defect for Delamination {
    /// The contrast asked for is that of the lifted patch by itself, `lift.cnr` in the ledger.
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let place = draws.steady_stream("place");
        footprint::of(layer, draws, |layer, draws| {
            let curve = self.bell.curve(draws);
            let site = Site::new(layer, phase, At::Contour, place);
            let Some(patch) = self.disc.draw(&site, &curve, draws) else { return };
            let curl_mm = phase.draw_severity("curl_mm", &self.curl_mm, draws);
            let by_mm = inwards(layer, &patch).map(|share| share * curl_mm);
            let bent = Region::new(&layer.coverage, &patch, Ground::Layer);
            let lifted = Region::new(&displace(layer, &bent, by_mm), &patch, Ground::Part);
            draws.scoped("lift", |draws| self.lift.act(layer, &lifted, phase, draws));
        })
    }

    /// What bends a layer up, shrinkage against the layers below, adds up from layer to layer: it does not begin at its
    /// most.
    fn evolution(&self) -> Evolution {
        Evolution::new(Course::Grow)
    }
}

/// The direction from the middle of `patch` to the middle of what is printed of it; 0 where there is none.
fn inwards(layer: &Layer, patch: &Field) -> [f64; 2] {
    let (mut all, mut printed) = ([0.0; 3], [0.0; 3]);
    for (i, &share) in patch.values.iter().enumerate() {
        let [x, y] = layer.frame.centre_mm(i);
        let share = f64::from(share);
        let part = share * f64::from(layer.coverage.values[i]);
        all = [all[0] + share, all[1] + share * x, all[2] + share * y];
        printed = [printed[0] + part, printed[1] + part * x, printed[2] + part * y];
    }
    let [x, y] = [1, 2].map(|k| printed[k] / printed[0] - all[k] / all[0]);
    let length = x.hypot(y);
    if length > 0.0 { [x / length, y / length] } else { [0.0; 2] }
}
