//! The lamp that sweeps over the fresh layer.

use std::f64::consts::TAU;

use crate::layer::{Field, Frame};
use crate::params::{Draws, Param, ScenarioError, Table};

/// The lamp pass heats the fresh layer: `[thermal.lamp]`.
///
/// The rise at a place is `rise_c` times the energy along the travel, the energy across it, and what the
/// material absorbs:
/// `(1 + gradient (s - 1/2) + ripple sin(2 pi x / ripple_mm + phase)) (1 - edge_loss (2 u - 1)^2) a`, where `s` and `u`
/// run from 0 to 1 along and across the travel, `x` is the way in mm, and `a` goes from 1 on powder to
/// `printed_absorption` on printed ground.
#[derive(Clone, Debug)]
pub struct Lamp {
    energy: Energy<Param>,
    along: Axis,
}

/// What the numbers of a lamp are.
#[derive(Clone, Debug, PartialEq)]
pub struct Energy<T> {
    /// Rise of the powder's temperature in degrees in the middle of the bed.
    pub rise_c: T,
    /// Relative change of the energy from the start to the end of the travel.
    pub gradient: T,
    /// Relative amplitude of a wave along the travel: a lamp whose power or carriage is not steady.
    pub ripple: T,
    /// Length of that wave in mm.
    pub ripple_mm: T,
    /// Relative loss of energy at the two ends of the tube.
    pub edge_loss: T,
    /// How much more printed ground absorbs than powder; binder makes it darker.
    pub printed_absorption: T,
}

/// The direction of the lamp's travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    /// With the print head, to the right.
    X,
    /// With the recoater, upwards.
    Y,
}

/// One pass of the lamp.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    energy: Energy<f64>,
    along: Axis,
    phase_rad: f64,
}

impl Lamp {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let energy = Energy {
            rise_c: table.param("rise_c", Param::fixed(5.0), -1000.0..=1000.0)?,
            gradient: table.param("gradient", Param::fixed(0.0), -2.0..=2.0)?,
            ripple: table.param("ripple", Param::fixed(0.0), 0.0..=1.0)?,
            ripple_mm: table.param("ripple_mm", Param::fixed(20.0), 0.01..=100_000.0)?,
            edge_loss: table.param("edge_loss", Param::fixed(0.0), 0.0..=1.0)?,
            printed_absorption: table.param("printed_absorption", Param::fixed(1.0), 0.0..=100.0)?,
        };
        let along = [Axis::X, Axis::Y][table.choice("along", Some(0), &["x", "y"])?];
        Ok(Self { energy, along })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Sweep {
        let energy = Energy {
            rise_c: draws.draw("rise_c", &self.energy.rise_c),
            gradient: draws.draw("gradient", &self.energy.gradient),
            ripple: draws.draw("ripple", &self.energy.ripple),
            ripple_mm: draws.draw("ripple_mm", &self.energy.ripple_mm),
            edge_loss: draws.draw("edge_loss", &self.energy.edge_loss),
            printed_absorption: draws.draw("printed_absorption", &self.energy.printed_absorption),
        };
        let phase_rad = draws.layer_stream("phase").uniform(0.0, TAU);
        draws.note("phase_rad", phase_rad);
        Sweep { energy, along: self.along, phase_rad }
    }
}

impl Sweep {
    /// Heats the fresh layer of that nominal slice.
    pub(super) fn heat(&self, fresh_c: &mut Field, coverage: &Field, frame: &Frame) {
        let Energy { rise_c, gradient, ripple, ripple_mm, edge_loss, printed_absorption } = self.energy;
        let n = frame.size_px;
        let share = |pixel: usize| (pixel as f64 + 0.5) / n as f64;
        let wave = |s: f64| (TAU * s * frame.side_mm() / ripple_mm + self.phase_rad).sin();
        let along: Vec<f64> =
            (0..n).map(share).map(|s| 1.0 + gradient * (s - 0.5) + ripple * wave(s)).collect();
        let across: Vec<f64> = (0..n).map(share).map(|u| 1.0 - edge_loss * (2.0 * u - 1.0).powi(2)).collect();
        let [by_column, by_row] = match self.along {
            Axis::X => [along, across],
            Axis::Y => [across, along],
        };
        let rows = fresh_c.values.chunks_exact_mut(n.max(1)).zip(coverage.values.chunks_exact(n.max(1)));
        // Row 0 is the far edge.
        for ((row, printed), energy) in rows.zip(by_row.iter().rev()) {
            for ((t, printed), share) in row.iter_mut().zip(printed).zip(&by_column) {
                let absorbed = 1.0 + (printed_absorption - 1.0) * f64::from(*printed);
                *t += (rise_c * (energy * share) * absorbed) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { size_px: 50, px_per_mm: 0.5 };

    fn energy() -> Energy<f64> {
        Energy {
            rise_c: 4.0,
            gradient: 0.0,
            ripple: 0.0,
            ripple_mm: 20.0,
            edge_loss: 0.0,
            printed_absorption: 1.0,
        }
    }

    fn rise(energy: Energy<f64>, along: Axis, printed: f32) -> Field {
        let mut fresh_c = Field::constant(50, 0.0);
        let sweep = Sweep { energy, along, phase_rad: 0.0 };
        sweep.heat(&mut fresh_c, &Field::constant(50, printed), &FRAME);
        fresh_c
    }

    fn mean(field: &Field) -> f64 {
        field.values.iter().copied().map(f64::from).sum::<f64>() / field.values.len() as f64
    }

    #[test]
    fn the_energy_of_a_pass_adds_up() {
        assert_eq!(rise(energy(), Axis::X, 0.0), Field::constant(50, 4.0));
        let absorbing = rise(Energy { printed_absorption: 1.5, ..energy() }, Axis::X, 0.5);
        assert_eq!(absorbing, Field::constant(50, 5.0));
        // A gradient and a whole number of waves move energy along the travel; the tube's ends lose a third
        // of `edge_loss` of it: the integral of (2 u - 1)^2.
        let moved = Energy { gradient: 0.3, ripple: 0.1, edge_loss: 0.2, ..energy() };
        for along in [Axis::X, Axis::Y] {
            let expected = 4.0 * (1.0 - 0.2 / 3.0);
            assert!((mean(&rise(moved.clone(), along, 0.0)) / expected - 1.0).abs() < 2e-4);
        }
    }

    #[test]
    fn energy_varies_along_the_travel_and_across_it() {
        let sloped = rise(Energy { gradient: 0.5, ..energy() }, Axis::X, 0.0);
        assert!((sloped.values[49] - sloped.values[0] - 4.0 * 0.5 * 0.98).abs() < 1e-5);
        assert_eq!(sloped.values[49 * 50], sloped.values[0]);
        let upwards = rise(Energy { gradient: 0.5, ..energy() }, Axis::Y, 0.0);
        assert_eq!(upwards.values[0], sloped.values[49], "row 0 is the far edge, where the travel ends");
        assert_eq!(upwards.values[49], upwards.values[0]);
        let dim = rise(Energy { edge_loss: 0.25, ..energy() }, Axis::X, 0.0);
        assert!((dim.values[0] - 4.0 * (1.0 - 0.25 * 0.98f32.powi(2))).abs() < 1e-5);
        assert!((dim.values[25 * 50] - 4.0).abs() < 1e-3);
        // 100 mm of bed hold five waves of 20 mm, 10 px each.
        let waves = rise(Energy { ripple: 0.1, ..energy() }, Axis::X, 0.0);
        assert!((0..40).all(|x| (waves.values[x] - waves.values[x + 10]).abs() < 1e-5));
        assert!((waves.values[2] - 4.4).abs() < 0.001, "a quarter of a wave from the edge");
    }
}
