//! Defects of the process (Zeiser et al. 2023, Fig. 4), each an exact change of a layer.

mod agglomerate;
mod contrast;
mod evolution;
mod foreign_object;
mod place;
mod porous;
mod shape;
mod shift;
mod striation;

use crate::layer::{Layer, Mask};
use crate::params::Draws;
use crate::registry::Kind;

pub use evolution::{Course, Evolution, Phase};

/// Changes a layer, and says where.
pub trait Defect: Send + Sync {
    /// Changes `layer.temperature_c` and returns the footprint: exactly the pixels that changed,
    /// none where the defect found no place.
    ///
    /// Geometry comes from the steady streams of `draws` (one episode over several layers stays in
    /// place), what varies from layer to layer from the layer streams. Severity is drawn as `cnr`,
    /// the mean absolute change inside the footprint over [`Layer::texture_deviation_c`] there,
    /// except where the geometry fixes it; the measured value is noted as `cnr_layer`, beside the
    /// footprint's size (`area_px`) and the diameter of a disc of that size (`diameter_px`). On ground
    /// without texture the ratio means nothing, and a defect that is stated by it changes nothing.
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
pub const KINDS: &[Kind<dyn Defect>] =
    &[agglomerate::KIND, foreign_object::KIND, porous::KIND, shift::KIND, striation::KIND];

/// Names and pictures the five defects.
const ZEISER_2023: &str = "Zeiser et al. 2023, Evaluation of deep unsupervised anomaly detection methods with a data-centric approach, Fig. 4";
