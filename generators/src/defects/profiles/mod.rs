//! Profiles: how strongly a shape shows between its edge and its middle.

mod gaussian;
mod hard;
mod ramp;
mod soft;

pub(super) use gaussian::Gaussian;
pub(super) use hard::Hard;
pub(super) use ramp::Ramp;
pub(super) use soft::Soft;

use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// A profile as the scenario states it.
pub trait Profile: Send + Sync {
    /// Draws the parameters, and returns the strength (0 to 1) at each depth: 0 at the edge of the
    /// shape, 1 in its middle.
    fn curve(&self, draws: &mut Draws) -> Box<dyn Fn(f64) -> f64>;
}

/// Every profile that a composed defect can name.
pub const KINDS: &[Kind<dyn Profile>] = &[gaussian::KIND, hard::KIND, ramp::KIND, soft::KIND];

/// Reads `edge`, the share of the way to the middle over which a profile rises.
fn edge(table: &mut Table, default: f64) -> Result<Param, Box<ScenarioError>> {
    table.param("edge", Param::fixed(default), 0.001..=1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use crate::stream::Stream;

    fn curve(text: &str) -> Box<dyn Fn(f64) -> f64> {
        let (_, profile) = registry::build(KINDS, Table::parse("s.toml", text).unwrap()).unwrap();
        profile.curve(&mut Draws::new(&Stream::root(1), &Stream::root(2)))
    }

    #[test]
    fn profiles_rise_to_1_and_never_fall() {
        for kind in KINDS {
            let curve = curve(&format!("kind = \"{}\"\n{}", kind.name, kind.example));
            let values: Vec<f64> = (0..=100).map(|i| curve(f64::from(i) / 100.0)).collect();
            assert!(values.is_sorted() && values.iter().all(|v| (0.0..=1.0).contains(v)), "{}", kind.name);
            assert_eq!(values[100], 1.0, "{}", kind.name);
        }
    }

    #[test]
    fn profiles_are_what_they_are_called() {
        assert_eq!(curve("kind = \"hard\"")(0.001), 1.0);
        let ramp = curve("kind = \"ramp\"\nedge = 0.5");
        assert_eq!([0.0, 0.125, 0.25, 0.5, 0.9].map(ramp), [0.0, 0.25, 0.5, 1.0, 1.0]);
        // 3 t^2 - 2 t^3
        let soft = curve("kind = \"soft\"\nedge = 0.5");
        assert_eq!([0.0, 0.125, 0.25, 0.5, 0.9].map(soft), [0.0, 0.15625, 0.5, 1.0, 1.0]);
        let gaussian = curve("kind = \"gaussian\"\nsigma = 0.5");
        assert!(
            (gaussian(0.5) - (-0.5f64).exp()).abs() < 1e-15 && (gaussian(0.0) - (-2f64).exp()).abs() < 1e-15
        );
    }
}
