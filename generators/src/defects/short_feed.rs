//! Too little powder before the recoater: it runs out before the far end.

use super::Defect;
use super::effects::Add;
use super::element::Element;
use super::profiles::Soft;
use super::region::Ground;
use super::shapes::FarEnd;
use crate::registry::Kind;

/// The far end of the bed, behind a ragged front that thins out.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "short-feed",
    summary: "powder missing at the far end of the recoater's travel (y), thinning out behind a ragged front",
    source: "Scime & Beuth 2018, doi:10.1016/j.addma.2017.11.009 (incomplete spreading)",
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
reach_mm = { uniform = [20.0, 50.0] }
ragged_mm = { uniform = [1.0, 3.0] }
edge = 0.3
",
    build: |table| {
        let end = Element::on_part(FarEnd::read(table)?, Soft::read(table, 0.3)?, Add::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, ..end }))
    },
};
