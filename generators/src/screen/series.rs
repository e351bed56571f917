//! Images in order of time, and what is usual among them.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::frame::Frame;
use super::image::SMALL;
use super::lines::Lines;
use super::shifted_frame::Side;
use super::statistics::{correlation, median};
use crate::quantile::{nearest_quantile, upper_median};

/// As many images before and as many after are what an image is compared with.
const REACH: usize = 5;
/// Images whose median correlation with those before is below this show no common scene.
const COMMON: f64 = 0.5;

/// This share of an image's rows and columns differ least from the one before.
const CALMEST: f64 = 0.05;

/// The shares of an image's cells by which images are compared: a few may always differ.
const MOST: f64 = 0.97;
pub(super) const NEARLY_ALL: f64 = 0.99;

/// Images of one size, in order of time.
pub(super) struct Series<'a> {
    pub frames: &'a [&'a Frame],
    /// Which of them others may be compared with.
    sound: Vec<bool>,
    pub usual: Usual,
    pub medians: Medians,
}

/// Medians over all images of what a check measures, see [`Series::median`]; two for rows and columns, or black and white.
#[derive(Default)]
pub(super) struct Medians {
    pub dead_block: OnceLock<f64>,
    pub dead_lines: [OnceLock<f64>; 2],
    pub dropped_rows: OnceLock<f64>,
    pub impulses: OnceLock<f64>,
    pub clipped: [OnceLock<f64>; 2],
}

/// Medians over the sound images of a series.
pub(super) struct Usual {
    /// Difference of neighbours along rows, and along columns.
    pub along: [f64; 2],
    /// Difference of neighbouring rows, and columns.
    pub across: [f64; 2],
    /// The same where the image is calmest: a smooth scene without noise differs less there than elsewhere, and is not spoilt.
    /// Rows that are equal do not count: a black frame, or a clipped bed, has nothing to do with the others.
    pub calmest: [f64; 2],
    /// See [`Lines::ends_stand_out`], of rows and of columns.
    pub ends_stand_out: [f64; 2],
    /// Lines that are all alike at each of [`Side::ALL`].
    pub alike: [f64; 3],
    /// The darkest and brightest value of all.
    pub ends: [u16; 2],
    /// How far an image's brightness varies, from its 5th to its 95th percentile.
    pub contrast: f64,
    /// Root mean square difference of an image and the one before.
    pub step: f64,
    /// See [`Series::unlike`], for all but few and for all but very few cells.
    pub unlike: f64,
    pub unlike_at_all: f64,
    /// The images show one scene that changes slowly.
    pub one_scene: bool,
}

/// The images by size and depth, each group in order of time.
pub(super) fn alike(frames: &[&Frame]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        match groups.iter_mut().find(|group| frames[group[0]].is_like(frame)) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

impl<'a> Series<'a> {
    pub fn new(frames: &'a [&'a Frame], sound: Vec<bool>) -> Self {
        let mut series = Self { frames, sound, usual: Usual::default(), medians: Medians::default() };
        series.usual = series.measure();
        series
    }

    fn measure(&self) -> Usual {
        let sound: Vec<usize> = (0..self.frames.len()).filter(|&i| self.sound[i]).collect();
        let over = |measure: &dyn Fn(&Frame) -> f64| median(sound.iter().map(|&i| measure(self.frames[i])));
        let inside = |lines: &[f32], share: f64| nearest_quantile(lines.iter().map(|&v| f64::from(v)), share);
        let both =
            |measure: &dyn Fn(&Lines) -> f64| [over(&|f| measure(&f.rows)), over(&|f| measure(&f.columns))];
        let low = sound.iter().map(|&i| self.frames[i].ends.values[0]).min();
        let high = sound.iter().map(|&i| self.frames[i].ends.values[1]).max();
        let pairs = sound.windows(2).filter(|w| w[0] + 1 == w[1]);
        let compared: Vec<[f64; 3]> = (sound.par_iter())
            .filter_map(|&at| {
                let references: Vec<Vec<f32>> = self.references(at).collect();
                let least = |share| references.iter().map(|r| self.unlike(at, r, share)).reduce(f64::min);
                Some([
                    least(MOST)?,
                    least(NEARLY_ALL)?,
                    correlation(&self.frames[at].small, references.first()?),
                ])
            })
            .collect();
        let differing =
            |lines: &Lines| lines.between().iter().copied().filter(|&v| v > 0.0).collect::<Vec<_>>();
        let calmest = both(&|l| inside(&differing(l), CALMEST));
        Usual {
            along: both(&|l| inside(&l.along, 0.5)),
            across: both(&|l| inside(&l.across, 0.5)),
            calmest,
            ends_stand_out: both(&Lines::ends_stand_out),
            alike: Side::ALL.map(|side| over(&|f| side.alike(f, calmest) as f64)),
            ends: [low.unwrap_or(0), high.unwrap_or(u16::MAX)],
            contrast: over(&|f| contrast(&f.small)),
            step: median(pairs.map(|w| distance(&self.frames[w[0]].small, &self.frames[w[1]].small))),
            unlike: median(compared.iter().map(|c| c[0])),
            unlike_at_all: median(compared.iter().map(|c| c[1])),
            one_scene: compared.len() > REACH && median(compared.iter().map(|c| c[2])) > COMMON,
        }
    }

    /// The median over all images of what a check measures, kept in `slot`: found for each image anew, it would make judging a
    /// series take time in proportion to the square of its length.
    pub fn median(&self, slot: &OnceLock<f64>, measure: impl Fn(&Frame) -> f64) -> f64 {
        *slot.get_or_init(|| median(self.frames.iter().map(|frame| measure(frame))))
    }

    /// The median image of up to [`REACH`] sound ones before `at`, and that of those after.
    pub fn references(&self, at: usize) -> impl Iterator<Item = Vec<f32>> {
        self.around(at).map(|near| {
            let middle = |i: usize| upper_median(near.iter().map(|&k| self.frames[k].small[i]));
            (0..SMALL * SMALL).filter_map(middle).collect()
        })
    }

    /// As [`Series::references`], of the pixels that were left unchanged.
    pub fn sampled_references(&self, at: usize) -> impl Iterator<Item = Vec<u16>> {
        self.around(at).map(|near| {
            let middle = |i: usize| upper_median(near.iter().map(|&k| self.frames[k].sampled[i]));
            (0..SMALL * SMALL).filter_map(middle).collect()
        })
    }

    /// The nearest sound images before and after; a side with less than half as many is left out.
    fn around(&self, at: usize) -> impl Iterator<Item = Vec<usize>> {
        let before: Vec<usize> = (0..at).rev().filter(|&i| self.sound[i]).take(REACH).collect();
        let after: Vec<usize> = (at + 1..self.frames.len()).filter(|&i| self.sound[i]).take(REACH).collect();
        [before, after].into_iter().filter(|near| near.len() > REACH / 2)
    }

    /// How far `share` of an image's cells are from a reference at most.
    fn unlike(&self, at: usize, reference: &[f32], share: f64) -> f64 {
        let pairs = self.frames[at].small.iter().zip(reference);
        nearest_quantile(pairs.map(|(a, b)| f64::from((a - b).abs())), share)
    }
}

/// Root mean square difference.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (squares / a.len() as f64).sqrt()
}

/// From the 5th to the 95th percentile.
fn contrast(small: &[f32]) -> f64 {
    let at = |share| nearest_quantile(small.iter().map(|&v| f64::from(v)), share);
    at(0.95) - at(0.05)
}

impl Default for Usual {
    fn default() -> Self {
        Self {
            along: [0.0; 2],
            across: [0.0; 2],
            calmest: [0.0; 2],
            ends_stand_out: [0.0; 2],
            alike: [0.0; 3],
            ends: [0, u16::MAX],
            contrast: 0.0,
            step: 0.0,
            unlike: 0.0,
            unlike_at_all: 0.0,
            one_scene: false,
        }
    }
}
