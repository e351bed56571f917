//! Measures in Bencher Metric Format, which continuous benchmarking services read.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::measures::measures;
use super::record::Record;

/// The file's name inside the run's folder.
pub const FILE: &str = "benchmark.json";

/// `{ subject: { measure: { "value", "lower_value", "upper_value" } } }`.
pub fn json(record: &Record) -> Value {
    let mut subjects: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for measure in measures(record) {
        let estimate = measure.estimate;
        let value = match estimate.interval {
            Some([low, high]) => {
                json!({ "value": estimate.value, "lower_value": low, "upper_value": high })
            }
            None => json!({ "value": estimate.value }),
        };
        subjects.entry(measure.subject).or_default().insert(measure.name.to_owned(), value);
    }
    json!(subjects)
}
