//! A defect written in the scenario alone.

use super::element::Element;
use super::region::Ground;
use super::site::At;
use super::{Course, Defect, Evolution, Phase, effects, footprint, profiles, shapes};
use crate::layer::{Layer, Mask};
use crate::params::{Draws, ScenarioError, Table};
use crate::registry::{self, Kind};

/// Elements of a shape, a profile and an effect each.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "composed",
    summary: "whatever the scenario makes of shapes, profiles and effects; here a drop of binder and its dried rim",
    source: "own",
    example: "\
element = [
  { at = \"part\", on = \"part\", place = \"shared\", shape = { kind = \"disc\", radius_mm = 7.0 }, \
    profile = { kind = \"gaussian\", sigma = 0.6 }, effect = { kind = \"add\", cnr = 5.0, polarity = \"cold\" } },
  { shape = { kind = \"combined\", how = \"difference\", of = [{ kind = \"disc\", radius_mm = 10.0 }, \
    { kind = \"disc\", radius_mm = 7.5 }] }, effect = { kind = \"add\", cnr = 4.0, polarity = \"hot\" }, \
    evolution = { course = \"grow\" } },
]
",
    build: |table| {
        let tables = table.tables("element")?;
        if tables.is_empty() {
            return Err(table
                .place()
                .error("a composed defect needs an `element`")
                .with_help("write [[defect.element]] with a `shape` and an `effect`"));
        }
        let parts = tables.into_iter().map(Part::read).collect::<Result<_, _>>()?;
        Ok(Box::new(Composed { parts }))
    },
};

struct Composed {
    parts: Vec<Part>,
}

/// An element, and what it does not share with the others.
struct Part {
    element: Element,
    own_place: bool,
    /// `None`: as the whole defect.
    evolution: Option<Evolution>,
}

impl Part {
    /// Reads `shape`, `profile` (a hard one where absent) and `effect`, each a table with its kind; where it
    /// lies (`at`), what it touches (`on`), whether all elements lie at one `place` (`"shared"`) or this
    /// one at its `"own"`, and its `evolution` if that is not the defect's.
    fn read(mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let (_, shape) = registry::build(shapes::KINDS, table.table("shape")?)?;
        let (_, profile) = registry::build_or(profiles::KINDS, Some("hard"), table.table("profile")?)?;
        let (_, effect) = registry::build(effects::KINDS, table.table("effect")?)?;
        let ground = Ground::read(&mut table, effect.ground())?;
        let element =
            Element { shape, profile, effect, at: At::read(&mut table)?, ground, course: Course::Constant };
        let own_place = table.choice("place", Some(0), &["shared", "own"])? == 1;
        let stated = table.table_if_stated("evolution")?;
        let evolution = stated.map(|table| Evolution::new(Course::Constant).stated(table)).transpose()?;
        table.finish()?;
        Ok(Self { element, own_place, evolution })
    }
}

impl Defect for Composed {
    /// The numbers of several elements are told apart by `element1.`, `element2.` and so on; a single
    /// one draws the same from the same streams as a built-in defect of the same make.
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let shared = draws.steady_stream("place");
        let act = |part: &Part, layer: &mut Layer, draws: &mut Draws| {
            let place = if part.own_place { draws.steady_stream("own place") } else { shared.clone() };
            let own =
                part.evolution.as_ref().map(|e| e.phase(phase.age_layers, phase.duration_layers, draws));
            part.element.act(layer, &own.unwrap_or(*phase), place, draws);
        };
        footprint::of(layer, draws, |layer, draws| match &self.parts[..] {
            [only] => act(only, layer, draws),
            parts => {
                for (part, number) in parts.iter().zip(1..) {
                    draws.scoped(&format!("element{number}"), |draws| act(part, layer, draws));
                }
            }
        })
    }
}
