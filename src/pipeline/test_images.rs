//! The test images, and the part of them that a detector scored.

use generators::dataset::{Dataset, Row, Split};

use super::facts;
use super::learn::Learnt;
use super::separate::Halves;
use crate::plan::Plan;
use crate::report::record;

/// The test images as they are.
pub struct Test<'a> {
    /// Their rows in the ledger.
    pub rows: Vec<&'a Row>,
    /// What the record says of each.
    pub images: Vec<record::TestImage>,
    /// Labels of the defects, in the scenario's order.
    pub defects: Vec<&'a str>,
}

impl<'a> Test<'a> {
    /// Those of `dataset`, the one of `plan`.
    pub fn of(plan: &'a Plan, dataset: &'a Dataset) -> Self {
        let rows: Vec<&Row> = dataset.rows().iter().filter(|r| r.split == Split::Test).collect();
        let images = rows.iter().map(|row| facts::test_image(row)).collect();
        Self { rows, images, defects: plan.scenario().defects().map(|(name, _)| name).collect() }
    }

    /// The defect of each image; `None` for a healthy one.
    pub fn shown(&self) -> Vec<Option<&str>> {
        self.images.iter().map(|image| image.defect.as_deref()).collect()
    }
}

impl Test<'_> {
    /// The part of the test images that a detector scored.
    pub fn seen(&self, detector: &Learnt, halves: &[Halves]) -> Seen {
        let rows = |of: &[usize]| of.iter().filter_map(|&image| detector.row(image)).collect();
        Seen {
            images: detector.scored.iter().map(|&image| self.images[image].clone()).collect(),
            halves: halves.iter().map(|h| Halves { fit: rows(&h.fit), judge: rows(&h.judge) }).collect(),
        }
    }
}

/// The test images that one detector scored, and their halves in every separation.
pub struct Seen {
    /// What the record says of each.
    pub images: Vec<record::TestImage>,
    /// As indices into these.
    pub halves: Vec<Halves>,
}
