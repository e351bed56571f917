//! Drawing parameters, and remembering what was drawn.

use std::collections::BTreeMap;

use super::{Param, Per};
use crate::stream::Stream;

/// Draws parameters for one layer from two streams, one that stays the same from layer to layer
/// (a job's, or a defect episode's) and one of the layer alone; keeps every value for the ledger.
///
/// A value depends on the stream and on the parameter's name, not on the order of the calls: a
/// steady parameter has the same value in every layer.
#[derive(Debug)]
pub struct Draws {
    steady: Stream,
    layer: Stream,
    /// How many layers the steady stream has seen before this one.
    age_layers: usize,
    scope: String,
    record: BTreeMap<String, f64>,
}

impl Draws {
    /// Draws from `steady` what holds for all layers, and from `layer` what is drawn anew.
    pub fn new(steady: &Stream, layer: &Stream) -> Self {
        Self {
            steady: steady.clone(),
            layer: layer.clone(),
            age_layers: 0,
            scope: String::new(),
            record: BTreeMap::new(),
        }
    }

    /// So many layers after the steady stream's first: parameters that drift have come that far.
    pub fn after(mut self, age_layers: usize) -> Self {
        self.age_layers = age_layers;
        self
    }

    /// Runs `body` with names below `scope`: `shape.radius_mm` in the ledger for `radius_mm` drawn in it.
    pub fn scoped<T>(&mut self, scope: &str, body: impl FnOnce(&mut Self) -> T) -> T {
        let outer = (self.steady.clone(), self.layer.clone(), self.scope.clone());
        self.steady = self.steady.child(scope);
        self.layer = self.layer.child(scope);
        self.scope = format!("{}{scope}.", self.scope);
        let result = body(self);
        (self.steady, self.layer, self.scope) = outer;
        result
    }

    /// The value of `param` here, recorded under `name`; the slope of its drift under `name.drift`.
    pub fn draw(&mut self, name: &str, param: &Param) -> f64 {
        let mut value = match param.per {
            Per::Job => param.distribution.draw(&mut self.steady.child(name)),
            Per::Layer => param.distribution.draw(&mut self.layer.child(name)),
        };
        if let Some(drift) = &param.drift {
            let per_layer = drift.draw(&mut self.steady.child(name).child("drift"));
            value += per_layer * self.age_layers as f64;
            self.note(&format!("{name}.drift"), per_layer);
        }
        if let Some(jitter) = &param.jitter {
            value += jitter.draw(&mut self.layer.child(name).child("jitter"));
        }
        value = value.clamp(*param.range.start(), *param.range.end());
        self.note(name, value);
        value
    }

    /// What `param` is about in all layers: its value without drift and jitter, drawn once for what is drawn anew in every
    /// layer. Not recorded.
    pub fn steady(&self, name: &str, param: &Param) -> f64 {
        param.distribution.draw(&mut self.steady.child(name))
    }

    /// As [`Draws::draw`], rounded to the nearest whole number.
    pub fn draw_count(&mut self, name: &str, param: &Param) -> usize {
        let count = self.draw(name, param).round().max(0.0);
        self.note(name, count);
        count as usize
    }

    /// Keeps a value that was derived rather than drawn.
    pub fn note(&mut self, name: &str, value: f64) {
        self.record.insert(format!("{}{name}", self.scope), value);
    }

    /// A stream for geometry that stays the same from layer to layer.
    pub fn steady_stream(&self, name: &str) -> Stream {
        self.steady.child(name)
    }

    /// A stream for what differs from layer to layer.
    pub fn layer_stream(&self, name: &str) -> Stream {
        self.layer.child(name)
    }

    /// Everything drawn and noted, by scoped name.
    pub fn into_record(self) -> BTreeMap<String, f64> {
        self.record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Distribution;

    #[test]
    fn steady_values_stay_and_layer_values_change() {
        let root = Stream::root(3);
        let steady = Param::uniform(0.0, 1.0);
        let layered = Param { per: Per::Layer, ..steady.clone() };
        let jittered =
            Param { jitter: Some(Distribution::Uniform { low: -0.1, high: 0.1 }), ..steady.clone() };
        let draw = |layer: usize, param: &Param| {
            Draws::new(&root.child("job"), &root.item("layer", layer)).draw("x", param)
        };
        assert_eq!(draw(0, &steady), draw(1, &steady));
        assert_ne!(draw(0, &layered), draw(1, &layered));
        assert!((draw(0, &jittered) - draw(1, &jittered)).abs() <= 0.2);
        assert_ne!(draw(0, &jittered), draw(1, &jittered));
    }

    #[test]
    fn a_drift_goes_on_by_its_slope_and_stays_in_the_range() {
        let root = Stream::root(3);
        let drift = Some(Distribution::Uniform { low: 0.01, high: 0.02 });
        let param = Param { drift, ..Param::uniform(0.0, 1.0) };
        let draw = |layer: usize| {
            let mut draws = Draws::new(&root.child("job"), &root.item("layer", layer)).after(layer);
            let value = draws.draw("x", &param);
            (value, draws.into_record()["x.drift"])
        };
        let (first, slope) = draw(0);
        assert_eq!(first, Draws::new(&root.child("job"), &root).draw("x", &Param::uniform(0.0, 1.0)));
        assert!((0.01..0.02).contains(&slope));
        for layer in 1..10 {
            assert_eq!(draw(layer), ((first + slope * layer as f64).min(1.0), slope));
        }
        assert_eq!(draw(1000), (1.0, slope));
    }

    #[test]
    fn scopes_name_the_record_and_separate_the_streams() {
        let root = Stream::root(3);
        let mut draws = Draws::new(&root, &root);
        let param = Param::uniform(0.0, 1.0);
        let outer = draws.draw("x", &param);
        let inner = draws.scoped("bed", |d| d.draw("x", &param));
        assert_ne!(outer, inner);
        let record = draws.into_record();
        assert_eq!(record["x"], outer);
        assert_eq!(record["bed.x"], inner);
    }
}
