//! Layers as states of one thermal process.
//!
//! What happens between two images, in this order ([`Pass::next`]). The paper (Zeiser et al. 2023,
//! section 4.2) has the last stage alone, the temperature decrease from layer to layer; a scenario switches
//! the others on by their tables.
//!
//! | stage | table | what it does |
//! |---|---|---|
//! | [`spread`](spread::Spread) | `[thermal.spread]` | the heat of the last surface diffuses sideways |
//! | [`recoat`](recoat::Recoat) | `[thermal.recoat]` | new powder cools that surface |
//! | [`lamp`](lamp::Lamp) | `[thermal.lamp]` | the lamp sweeps over the fresh layer and heats it |
//! | [`ground`](ground::Ground) | `[thermal.ground]` | printed layers below warm the fresh one and keep more heat |
//! | [`retain`] | `[thermal] retain` | the fresh layer comes to lie on the old surface and takes on some of its heat |

pub mod ground;
pub mod lamp;
pub mod recoat;
mod retain;
pub mod spread;

use std::borrow::Cow;

use crate::layer::{Field, Layer};
use crate::params::{Draws, Param, ScenarioError, Table};

pub use retain::retain;

use ground::Ground;
use lamp::{Lamp, Sweep};
use recoat::Recoat;
use spread::Spread;

/// The process as the scenario states it.
#[derive(Clone, Debug)]
pub struct Thermal {
    spread: Option<Spread<Param>>,
    recoat: Option<Recoat<Param>>,
    lamp: Option<Lamp>,
    ground: Option<Ground<Param>>,
    /// Share of the last surface's temperature that stays, 0 to 1.
    retain: Param,
}

/// What the process does in one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    spread: Option<Spread<f64>>,
    recoat: Option<Recoat<f64>>,
    lamp: Option<Sweep>,
    ground: Option<Ground<f64>>,
    retain: f64,
}

/// The bed after a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Surface temperature in degrees Celsius.
    pub surface_c: Field,
    /// How much of the layers up to here was printed, 0 to 1, where the scenario asks for it.
    ground: Option<Field>,
}

impl Thermal {
    /// Reads the table `[thermal]`.
    pub(crate) fn read(mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let thermal = Self {
            spread: table.stage("spread", Spread::read)?,
            recoat: table.stage("recoat", Recoat::read)?,
            lamp: table.stage("lamp", Lamp::read)?,
            ground: table.stage("ground", Ground::read)?,
            retain: table.param("retain", Param::fixed(0.0), retain::SHARE)?,
        };
        table.finish().map(|()| thermal)
    }

    /// Draws what happens in one layer.
    pub fn draw(&self, draws: &mut Draws) -> Pass {
        Pass {
            spread: self.spread.as_ref().map(|s| draws.scoped("spread", |draws| s.draw(draws))),
            recoat: self.recoat.as_ref().map(|s| draws.scoped("recoat", |draws| s.draw(draws))),
            lamp: self.lamp.as_ref().map(|s| draws.scoped("lamp", |draws| s.draw(draws))),
            ground: self.ground.as_ref().map(|s| draws.scoped("ground", |draws| s.draw(draws))),
            retain: draws.draw("retain", &self.retain),
        }
    }
}

impl Pass {
    /// The bed after `layer` was put on `before`; the first layer comes to lie on nothing.
    ///
    /// A pixel depends on the last surface within the reach of the spread and on itself alone, bit for
    /// bit.
    ///
    /// # Panics
    /// Where the fields differ in size.
    pub fn next(&self, before: Option<&State>, layer: &Layer) -> State {
        let mut fresh_c = Cow::Borrowed(&layer.temperature_c);
        if let Some(sweep) = &self.lamp {
            sweep.heat(fresh_c.to_mut(), &layer.coverage, &layer.frame);
        }
        let below = before.and_then(|b| b.ground.as_ref());
        let ground = self.ground.as_ref().map(|g| g.bury(below, &layer.coverage));
        let Some(before) = before else { return State { surface_c: fresh_c.into_owned(), ground } };
        let mut old_c = match &self.spread {
            Some(spread) => Cow::Owned(spread.diffuse(&before.surface_c, layer.frame.px_per_mm)),
            None => Cow::Borrowed(&before.surface_c),
        };
        if let Some(recoat) = &self.recoat {
            recoat.cool(old_c.to_mut());
        }
        let surface_c = match self.ground.as_ref().zip(below) {
            Some((warm, below)) => {
                warm.rise(fresh_c.to_mut(), below);
                retain(&old_c, &fresh_c, |i| warm.retains(below.values[i], self.retain))
            }
            None => {
                let share = self.retain;
                retain(&old_c, &fresh_c, move |_| share)
            }
        };
        State { surface_c, ground }
    }
}
