//! Several shapes made into one.

use super::{KINDS, Shape};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::Draws;
use crate::registry::{self, Kind};

/// Union, intersection or difference of shapes.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "combined",
    summary: "the union, the intersection or the difference (the first without the others) of several shapes",
    source: "own",
    example: "\
how = \"intersection\"
of = [{ kind = \"band\", band_mm = 10.0 }, { kind = \"speckle\", density = 0.5 }]
",
    build: |table| {
        let how = How::ALL[table.choice("how", None, &How::NAMES)?];
        let tables = table.tables("of")?;
        if tables.len() < 2 {
            return Err(table
                .place_of("of")
                .error(format!("`of` needs two shapes at least, not {}", tables.len()))
                .with_help("write of = [{ kind = \"band\" }, { kind = \"speckle\" }]"));
        }
        let shapes = tables.into_iter().map(|t| registry::build(KINDS, t).map(|built| built.1));
        Ok(Box::new(Combined { how, shapes: shapes.collect::<Result<_, _>>()? }))
    },
};

/// How two shapes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// What either covers.
    Union,
    /// What both cover.
    Intersection,
    /// What the first covers and the second does not.
    Difference,
}

impl How {
    const ALL: [Self; 3] = [Self::Union, Self::Intersection, Self::Difference];
    const NAMES: [&str; 3] = ["union", "intersection", "difference"];

    /// Strengths behave as the shares of independent events, so that soft edges stay soft.
    pub fn combine(self, a: &Field, b: &Field) -> Field {
        let strength = |(&a, &b): (&f32, &f32)| match self {
            Self::Union => a + b * (1.0 - a.abs()),
            Self::Intersection => a * b,
            Self::Difference => a * (1.0 - b.abs()),
        };
        Field { size_px: a.size_px, values: a.values.iter().zip(&b.values).map(strength).collect() }
    }
}

struct Combined {
    how: How,
    shapes: Vec<Box<dyn Shape>>,
}

impl Shape for Combined {
    /// Each shape draws from streams of its own, `of1`, `of2` and so on; all lie at the same place.
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let fields = self.shapes.iter().zip(1..).map(|(shape, number)| {
            draws.scoped(&format!("of{number}"), |draws| shape.draw(site, curve, draws))
        });
        let fields: Option<Vec<Field>> = fields.collect();
        fields?.into_iter().reduce(|a, b| self.how.combine(&a, &b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_combine_as_shares() {
        let field = |values: [f32; 4]| Field { size_px: 2, values: values.to_vec() };
        let (a, b) = (field([0.0, 1.0, 0.5, -0.5]), field([1.0, 0.0, 0.5, 1.0]));
        assert_eq!(How::Union.combine(&a, &b).values, [1.0, 1.0, 0.75, 0.0]);
        assert_eq!(How::Intersection.combine(&a, &b).values, [0.0, 0.0, 0.25, -0.5]);
        assert_eq!(How::Difference.combine(&a, &b).values, [0.0, 1.0, 0.25, 0.0]);
    }
}
