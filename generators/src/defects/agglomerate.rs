//! Unwanted loose components that have gathered into a solid compound.

use super::effects::Add;
use super::element::Element;
use super::profiles::Soft;
use super::shapes::Blob;
use super::{Defect, ZEISER_2023};
use crate::registry::Kind;

/// A lumpy blob with soft edges on the part.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "agglomerate",
    summary: "loose components gathered into a lump: a blob with soft edges on the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
radius_mm = { uniform = [4.0, 8.0], jitter = { normal = [0.0, 0.1] } }
edge = 0.45
",
    build: |table| {
        Ok(Box::new(Element::on_part(Blob::read(table)?, Soft::read(table, 0.45)?, Add::read(table)?)))
    },
};
