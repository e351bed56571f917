//! Too little binder or sand along the way of the print head.

use super::effects::Add;
use super::element::Element;
use super::profiles::Hard;
use super::shapes::{Along, Band, How, Shape, Speckle};
use super::site::Site;
use super::{Defect, ZEISER_2023};
use crate::layer::Field;
use crate::params::Draws;
use crate::registry::Kind;

/// A band of pores along x.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "porous",
    summary: "a speckled band along the print head's travel (x) on the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
band_mm = { uniform = [6.0, 14.0] }
pore_mm = 1.5
density = { uniform = [0.4, 0.7] }
",
    build: |table| {
        let pores = Pores { band: Band::read(table, Along::X)?, speckle: Speckle::read(table)? };
        Ok(Box::new(Element::on_part(pores, Hard, Add::read(table)?)))
    },
};

/// The band stays; where exactly binder was missing differs from layer to layer.
struct Pores {
    band: Band,
    speckle: Speckle,
}

impl Shape for Pores {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let band = self.band.draw(site, curve, draws)?;
        Some(How::Intersection.combine(&band, &self.speckle.draw(site, curve, draws)?))
    }
}
