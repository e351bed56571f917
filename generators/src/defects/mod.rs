//! Defects of the process (Zeiser et al. 2023, Fig. 4, and those it leaves open), each an exact change of a layer.
//!
//! Most are an element: a shape with a profile, and an effect on what lies there. The same [`shapes`],
//! [`profiles`] and [`effects`] make a defect in the scenario alone (`composed`).

mod agglomerate;
mod composed;
mod contrast;
mod delamination;
mod element;
mod evolution;
mod footprint;
mod foreign_object;
mod heat_buildup;
mod lamp_drift;
mod nozzle_clog;
mod porous;
mod recoater_streak;
mod region;
mod shift;
mod short_feed;
mod site;
mod spot;
mod striation;
mod uneven_heating;

pub mod effects;
pub mod profiles;
pub mod shapes;

use crate::layer::{Layer, Mask};
use crate::params::Draws;
use crate::registry::Kind;

pub use evolution::{Course, Evolution, Phase};
pub use region::{Ground, Region};
pub use site::{At, Site};

/// Changes a layer, and says where.
pub trait Defect: Send + Sync {
    /// Changes `layer.temperature_c` and returns the footprint: exactly the pixels that changed,
    /// none where the defect found no place, all of them where it changes the whole layer.
    ///
    /// Geometry comes from the steady streams of `draws` (one episode over several layers stays in
    /// place), what varies from layer to layer from the layer streams. Severity is drawn as `cnr`,
    /// the mean absolute change inside the footprint over [`Layer::texture_deviation_c`] there,
    /// except where the geometry fixes it; the measured value is noted as `cnr_layer`, beside the
    /// footprint's size (`area_px`) and the diameter of a disc of that size (`diameter_px`). On ground
    /// without texture the ratio means nothing, and a defect that is stated by it changes nothing.
    ///
    /// The noise of that ratio is the texture within one layer. A defect of the whole layer changes
    /// its mean, and what hides it is how the mean varies from layer to layer and from job to job: at the
    /// same ratio it can be harder to find than a local one, or easier.
    ///
    /// `phase` tells how far the episode is: severity and size are drawn through
    /// [`Phase::draw_severity`] and [`Phase::draw_size`], so that every defect evolves alike.
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask;

    /// What becomes of the defect from layer to layer where the scenario does not say.
    fn evolution(&self) -> Evolution {
        Evolution::new(Course::Constant)
    }
}

/// Every defect that a scenario can name.
pub const KINDS: &[Kind<dyn Defect>] = &[
    agglomerate::KIND,
    foreign_object::KIND,
    porous::KIND,
    shift::KIND,
    striation::KIND,
    delamination::KIND,
    nozzle_clog::KIND,
    recoater_streak::KIND,
    short_feed::KIND,
    spot::KIND,
    uneven_heating::KIND,
    lamp_drift::KIND,
    heat_buildup::KIND,
    composed::KIND,
];

/// Names and pictures the first five.
const ZEISER_2023: &str = "Zeiser et al. 2023, Evaluation of deep unsupervised anomaly detection methods with a data-centric approach, Fig. 4";
