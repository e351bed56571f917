//! Defects of the process (Zeiser et al. 2023, Fig. 4), each an exact change of a layer.

use crate::layer::{Layer, Mask};
use crate::params::Draws;
use crate::registry::Kind;

/// Changes a layer, and says where.
pub trait Defect: Send + Sync {
    /// Changes `layer.temperature_c` and returns the footprint: exactly the pixels that changed,
    /// none where the defect found no place.
    ///
    /// Geometry comes from the steady streams of `draws` (one episode over several layers stays in
    /// place), what varies from layer to layer from the layer streams. Severity is drawn as `cnr`,
    /// the mean absolute change inside the footprint over [`Layer::texture_deviation_c`] there,
    /// except where the geometry fixes it; the measured value is noted as `cnr_layer`.
    fn inject(&self, layer: &mut Layer, draws: &mut Draws) -> Mask;
}

/// Every defect that a scenario can name.
pub const KINDS: &[Kind<dyn Defect>] = &[];
