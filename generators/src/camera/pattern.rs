//! What differs from one sensor element to the next.

use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::stream::Stream;

/// Fixed-pattern noise: `[camera.pattern]`. Offsets of single elements and of columns, which share an
/// amplifier, as the correction before a job left them; the same in all its layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern<T> {
    /// Standard deviation from element to element in degrees.
    pub pixel_c: T,
    /// Standard deviation from column to column in degrees.
    pub column_c: T,
}

/// The pattern of one sensor.
#[derive(Clone, Debug)]
pub struct Sensor {
    pattern: Pattern<f64>,
    stream: Stream,
}

impl Pattern<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            pixel_c: table.param("pixel_c", Param::fixed(0.1), 0.0..=1000.0)?,
            column_c: table.param("column_c", Param::fixed(0.1), 0.0..=1000.0)?,
        })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Sensor {
        let pattern = Pattern {
            pixel_c: draws.draw("pixel_c", &self.pixel_c),
            column_c: draws.draw("column_c", &self.column_c),
        };
        Sensor { pattern, stream: draws.steady_stream("elements") }
    }
}

impl Sensor {
    /// Adds the pattern to the temperatures.
    pub(super) fn offset(&self, celsius: &mut Field) {
        let Pattern { pixel_c, column_c } = self.pattern;
        let (pixel_c, column_c) = (pixel_c as f32, column_c as f32);
        let mut stream = self.stream.clone();
        let [mut columns, mut elements] = [(); 2].map(|()| vec![0.0; celsius.size_px]);
        stream.fill_normal(&mut columns);
        for row in celsius.values.chunks_exact_mut(celsius.size_px.max(1)) {
            stream.fill_normal(&mut elements);
            for ((t, column), element) in row.iter_mut().zip(&columns).zip(&elements) {
                *t += column_c * column + pixel_c * element;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_columns_have_the_stated_variances() {
        let n = 256;
        let pattern = Pattern { pixel_c: 0.3, column_c: 0.5 };
        let sensor = Sensor { pattern, stream: Stream::root(1) };
        let mut field = Field::constant(n, 0.0);
        sensor.offset(&mut field);
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n as f64;
        let at = |x: usize, y: usize| f64::from(field.values[y * n + x]);
        let columns: Vec<f64> = (0..n).map(|x| mean(&mut (0..n).map(|y| at(x, y)))).collect();
        let between = mean(&mut columns.iter().map(|c| c * c));
        let within = mean(&mut (0..n).map(|x| mean(&mut (0..n).map(|y| (at(x, y) - columns[x]).powi(2)))));
        // Five standard errors: sqrt(2 / 256) of the variance between columns, sqrt(2 / 65536) within.
        assert!(
            (between / (0.25 + 0.09 / n as f64) - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(),
            "{between}"
        );
        assert!((within / 0.09 - 1.0).abs() < 0.03, "{within}");
        let mut again = Field::constant(n, 0.0);
        sensor.offset(&mut again);
        assert_eq!(again, field, "the same in every image");
    }
}
