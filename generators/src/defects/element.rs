//! One element of a defect: a shape with a profile, and what happens there.

use super::effects::Effect;
use super::profiles::Profile;
use super::region::{Ground, Region};
use super::shapes::Shape;
use super::site::{At, Site};
use super::{Course, Defect, Evolution, Phase, footprint};
use crate::layer::{Layer, Mask};
use crate::params::Draws;
use crate::stream::Stream;

/// What most defects consist of.
pub(super) struct Element {
    pub shape: Box<dyn Shape>,
    pub profile: Box<dyn Profile>,
    pub effect: Box<dyn Effect>,
    /// Where the shape looks for its place.
    pub at: At,
    /// What it touches of the layer.
    pub ground: Ground,
    /// What becomes of it over the layers where the scenario does not say.
    pub course: Course,
}

impl Element {
    /// That shape, profile and effect on the part, the same in every layer.
    pub fn on_part(
        shape: impl Shape + 'static,
        profile: impl Profile + 'static,
        effect: impl Effect + 'static,
    ) -> Self {
        Self {
            shape: Box::new(shape),
            profile: Box::new(profile),
            effect: Box::new(effect),
            at: At::Part,
            ground: Ground::Part,
            course: Course::Constant,
        }
    }

    /// Changes the layer; `place` is the steady stream of its places.
    pub fn act(&self, layer: &mut Layer, phase: &Phase, place: Stream, draws: &mut Draws) {
        let curve = self.profile.curve(draws);
        let site = Site::new(layer, phase, self.at, place);
        let Some(shape) = self.shape.draw(&site, &curve, draws) else { return };
        let region = Region::new(&layer.coverage, &shape, self.ground);
        self.effect.act(layer, &region, phase, draws);
    }
}

impl Defect for Element {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let place = draws.steady_stream("place");
        footprint::of(layer, draws, |layer, draws| self.act(layer, phase, place, draws))
    }

    fn evolution(&self) -> Evolution {
        Evolution::new(self.course)
    }
}
