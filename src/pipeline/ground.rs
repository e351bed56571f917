//! What every stage stands on once the images are read.

use std::path::Path;

use candle_core::Device;
use generators::stream::Stream;

use super::learn::Images;
use super::separate::Halves;
use super::test_images::Test;
use crate::detectors::Progress;
use crate::plan::Plan;

/// A run whose images are read and whose test jobs are dealt out.
pub struct Ground<'a> {
    /// The scenario.
    pub plan: &'a Plan,
    /// The run's folder.
    pub run: &'a Path,
    /// Where the networks live.
    pub device: &'a Device,
    /// What all that is learnt and judged is drawn from.
    pub stream: Stream,
    /// The scenario's images.
    pub images: Images,
    /// What is known of its test images.
    pub test: Test<'a>,
    /// The halves of its test images in every separation.
    pub halves: Vec<Halves>,
    /// Who is told how far it is.
    pub progress: &'a dyn Progress,
}
