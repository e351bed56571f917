//! Screening: telling images that a fault has spoilt (Type 1 of Zeiser et al. 2023, section 4.1) from
//! images of the process, sound or with a defect, without labels and without training.
//!
//! Each check looks for one kind of fault. What is usual it takes from the folder itself: the medians
//! over the images of a series, and the images before and after in time. A process may change for good,
//! as the part's section does, so that an image is suspicious only where it is unlike both.

mod blank;
mod block;
mod dead_block;
mod dead_lines;
mod dropped_rows;
mod files;
mod fourier;
mod frame;
mod garbled_rows;
mod hand;
mod image;
mod impulse_noise;
mod lines;
mod repeated_frame;
mod saturated;
mod series;
mod shifted_frame;
mod statistics;
mod stuck_bit;

use std::path::PathBuf;

use rayon::prelude::*;

pub use files::{ScreenError, find, find_series};
pub use image::Image;

use frame::Frame;
use series::Series;

/// The kind of a file that is no image or only a part of one.
pub const UNREADABLE: &str = "unreadable";

/// Why an image is no data of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The kind of fault, as in [`crate::faults::KINDS`], or [`UNREADABLE`].
    pub kind: &'static str,
    /// How clear it is; 1 is the limit at strictness 1.
    pub score: f64,
    /// In words.
    pub reason: String,
}

/// Looks for one kind of fault in image `at` of a series; `None` where there is no trace of it.
type Check = fn(series: &Series<'_>, at: usize) -> Option<Finding>;

/// Checks that need no other image than to know what is usual, the more specific first.
const ALONE: [Check; 7] = [
    blank::check,
    dead_lines::check,
    dead_block::check,
    saturated::check,
    impulse_noise::check,
    shifted_frame::check_edges,
    dropped_rows::check,
];
/// Checks against images before and after, of which those that failed alone are no part.
const IN_TIME: [Check; 5] =
    [repeated_frame::check, stuck_bit::check, shifted_frame::check, hand::check, garbled_rows::check];

/// Judges images: for each file of each series, in order of time, what is wrong with it, `None` for data
/// of the process.
///
/// A `strictness` of 1 is what the limits were set for; one of 2 finds what is half as clear, and throws
/// away more of what is sound.
pub fn screen(series: &[Vec<PathBuf>], strictness: f64) -> Vec<Vec<Option<Finding>>> {
    let measured: Vec<Vec<Result<Frame, String>>> = (series.par_iter())
        .map(|files| files.par_iter().map(|f| Image::read(f).map(|i| Frame::measure(&i))).collect())
        .collect();
    measured.into_par_iter().map(|frames| judge(&frames, strictness)).collect()
}

fn judge(measured: &[Result<Frame, String>], strictness: f64) -> Vec<Option<Finding>> {
    let mut found: Vec<Option<Finding>> = measured
        .iter()
        .map(|frame| {
            let why = frame.as_ref().err()?;
            let reason = format!("it cannot be read: {why}");
            Some(Finding { kind: UNREADABLE, score: f64::INFINITY, reason })
        })
        .collect();
    let readable: Vec<usize> = (0..measured.len()).filter(|&i| found[i].is_none()).collect();
    let frames: Vec<&Frame> = measured.iter().filter_map(|frame| frame.as_ref().ok()).collect();
    let clear = |finding: &Finding| finding.score * strictness >= 1.0;
    let run = |series: &Series<'_>, checks: &[Check], at: usize| -> Option<Finding> {
        checks.iter().filter_map(|check| check(series, at)).find(clear)
    };
    for like in series::alike(&frames) {
        let frames: Vec<&Frame> = like.iter().map(|&i| frames[i]).collect();
        let all = Series::new(&frames, vec![true; frames.len()]);
        let alone: Vec<Option<Finding>> =
            (0..frames.len()).into_par_iter().map(|at| run(&all, &ALONE, at)).collect();
        let sound = Series::new(&frames, alone.iter().map(Option::is_none).collect());
        let both = alone.into_par_iter().enumerate();
        let both: Vec<_> = both.map(|(at, alone)| alone.or_else(|| run(&sound, &IN_TIME, at))).collect();
        for (at, finding) in like.into_iter().zip(both) {
            found[readable[at]] = finding;
        }
    }
    found
}

/// A share in words.
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
