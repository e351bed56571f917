//! Synthetic layer images with exactly labelled defects, and a benchmark of unsupervised anomaly
//! detectors on them.
//!
//! Data flows one way: a scenario is resolved into a [`plan`]; the `generators` crate makes the
//! dataset; [`detectors`] (on [`nets`]) learn from its healthy part and score [`data`]; scores and
//! features become [`representations`], which [`separators`] split, [`thresholds`] cut and [`metrics`] judge; the
//! [`audit`] asks whether the dataset is fair; the [`report`] shows the record, and a
//! [`comparison`] holds it against an earlier one. [`pipeline`] is the only room that knows them all.

pub mod audit;
pub mod cli;
pub mod comparison;
pub mod data;
pub mod detectors;
mod files;
pub mod metrics;
pub mod nets;
pub mod pipeline;
pub mod plan;
mod quantile;
pub mod report;
pub mod representations;
pub mod separators;
mod signed;
pub mod thresholds;
pub mod typing;
