//! One image of a dataset: its files, its label, and every parameter that made it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which part of the benchmark an image belongs to. No job is in two of them, but that the history is of the test's jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Healthy images for fitting.
    Train,
    /// Healthy images for watching the fit.
    Validation,
    /// Healthy and anomalous images of the same jobs and layers.
    Test,
    /// The healthy layers of the test jobs that are no test images: what a detector with a memory has seen before one.
    /// Nothing is trained on them, and nothing judged.
    History,
    /// Whole jobs as the camera delivered them: healthy, anomalous, and spoilt by faults.
    Screening,
}

impl Split {
    /// Every split, in order.
    pub const ALL: [Split; 5] =
        [Split::Train, Split::Validation, Split::Test, Split::History, Split::Screening];

    /// Its name in the ledger and on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::History => "history",
            Self::Screening => "screening",
        }
    }
}

/// One image of the dataset; paths are relative to the dataset's folder, with `/` between names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The image: `test/striation/job0012_layer0034.png`.
    pub file: String,
    /// Its part of the benchmark.
    pub split: Split,
    /// Name of the defect, `None` for a healthy image.
    pub defect: Option<String>,
    /// The layer shows only what the defect left behind.
    pub afterglow: bool,
    /// Name of the fault that spoilt an image of [`Split::Screening`].
    pub fault: Option<String>,
    /// Number of the job.
    pub job: u32,
    /// Number of the layer in its job.
    pub layer: u32,
    /// The healthy twin of an anomalous image.
    pub twin: Option<String>,
    /// The footprint of an anomalous image; of one that a fault spoilt, the pixels that it changed.
    pub mask: Option<String>,
    /// The change map |image - twin| of an anomalous image.
    pub change: Option<String>,
    /// The nominal slice.
    pub nominal: String,
    /// The temperatures that the sensor read; none of an image that a fault spoilt.
    pub temperature: Option<String>,
    /// Path of the random stream that made the layer.
    pub stream: String,
    /// Every number drawn or derived for this image, by name: `bed.temperature_c`, `defect.cnr`.
    #[serde(with = "exact")]
    pub parameters: BTreeMap<String, f64>,
}

impl Row {
    /// What the image shows that a healthy one does not: its fault, or else its defect.
    pub fn label(&self) -> Option<&str> {
        self.fault.as_deref().or(self.defect.as_deref())
    }

    /// Every file that it names but the twin's: image, nominal slice, mask, change map and temperatures.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let others = [&self.mask, &self.change, &self.temperature].map(Option::as_ref);
        [Some(&self.file), Some(&self.nominal)].into_iter().chain(others).flatten().map(String::as_str)
    }
}

/// Numbers as their bits: a resumed run has to end in the same bytes.
mod exact {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(numbers: &BTreeMap<String, f64>, to: S) -> Result<S::Ok, S::Error> {
        let bits: BTreeMap<&str, u64> = numbers.iter().map(|(k, v)| (k.as_str(), v.to_bits())).collect();
        bits.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
        let bits = BTreeMap::<String, u64>::deserialize(from)?;
        Ok(bits.into_iter().map(|(k, v)| (k, f64::from_bits(v))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_a_completion_record() {
        let numbers = [("a", 0.1 + 0.2), ("b", f64::NAN.abs()), ("c", f64::INFINITY), ("d", -0.0)];
        let row = Row {
            file: "train/good/job0000_layer0000.png".to_owned(),
            split: Split::Train,
            defect: None,
            fault: None,
            afterglow: false,
            job: 0,
            layer: 0,
            twin: None,
            mask: None,
            change: None,
            nominal: "nominal/job0000_layer0000.png".to_owned(),
            temperature: None,
            stream: "train/job/0/layer/0".to_owned(),
            parameters: numbers.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        let text = serde_json::to_string(&row).unwrap();
        let read: Row = serde_json::from_str(&text).unwrap();
        let bits = |row: &Row| row.parameters.values().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&row));
    }
}
