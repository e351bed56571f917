//! Which anomalies are of one type: groups of images with like defects, found without labels.
//!
//! What a layer's drawing and healthy images lead to expect is taken away from an image ([`residual`]); what is left is
//! described by its shape ([`shape`]), on average over the layers that show the same anomaly ([`tracks`]); images whose residual
//! rises above a threshold are grouped by these descriptors ([`clusters`]). Arrays in, groups out: this room knows no detector and no label.

pub mod clusters;
pub mod residual;
pub mod shape;
pub mod tracks;

use generators::params::{ScenarioError, Table};
use generators::stream::Stream;

use crate::representations::Matrix;
use clusters::Clusters;
use shape::Shape;

/// How anomalies are grouped, as the scenario's `[typing]` states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typing {
    /// How many types there are.
    pub types: usize,
    /// Runs of the clustering from different starts; the tightest is kept.
    pub runs: usize,
    /// The most types that are tried where the data choose their number.
    pub most_types: usize,
}

impl Typing {
    /// From the table `[typing]` with `types`, `runs` and `most_types`.
    ///
    /// # Errors
    /// A wrong type or range, or an unknown key.
    pub fn read(mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let typing = Self {
            types: table.count("types", None, 1..=40)?,
            runs: table.count("runs", Some(20), 1..=1000)?,
            most_types: table.count("most_types", Some(10), 2..=40)?,
        };
        table.finish()?;
        Ok(typing)
    }
}

/// Types of anomalies: a group per image, the first of which is the healthy one.
pub struct Types {
    threshold: f64,
    scale: Option<shape::Scale>,
    clusters: Option<Clusters>,
}

impl Types {
    /// Groups those of `shapes` whose peak is above `threshold` into `types` clusters.
    pub fn fit(shapes: &[Shape], threshold: f64, types: usize, runs: usize, stream: &Stream) -> Self {
        let anomalous: Vec<&Shape> = shapes.iter().filter(|shape| shape.peak > threshold).collect();
        let scale = shape::Scale::of(&anomalous);
        let clusters = scale.and_then(|scale| Clusters::fit(&table(&anomalous, &scale), types, runs, stream));
        Self { threshold, scale, clusters }
    }

    /// The group of each: 0 where the peak is not above the threshold, otherwise its cluster, from 1.
    pub fn groups(&self, shapes: &[Shape]) -> Vec<usize> {
        let group = |shape: &Shape| match (&self.scale, &self.clusters) {
            (Some(scale), Some(clusters)) if shape.peak > self.threshold => {
                1 + clusters.nearest(&shape.coordinates(scale))
            }
            _ => usize::from(shape.peak > self.threshold),
        };
        shapes.iter().map(group).collect()
    }
}

/// How many types the anomalies among `shapes` fall into by themselves: the number of clusters, 2 to `typing.most_types`,
/// with the greatest mean silhouette (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7). `None` of fewer than three.
pub fn natural_types(shapes: &[Shape], threshold: f64, typing: &Typing, stream: &Stream) -> Option<usize> {
    let anomalous: Vec<&Shape> = shapes.iter().filter(|shape| shape.peak > threshold).collect();
    let rows = table(&anomalous, &shape::Scale::of(&anomalous)?);
    let tried = (2..=typing.most_types).filter_map(|types| {
        let clusters = Clusters::fit(&rows, types, typing.runs, stream)?;
        Some((types, clusters.silhouette(&rows)?))
    });
    tried.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(types, _)| types)
}

fn table(shapes: &[&Shape], scale: &shape::Scale) -> Matrix {
    let values = shapes.iter().flat_map(|shape| shape.coordinates(scale)).map(|x| x as f32).collect();
    Matrix::new(shapes.len(), shape::COORDINATES, values)
}
