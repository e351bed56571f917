//! Yes-or-no decisions of every training and separation, counted by print job, so that they can be resampled.

use super::MetricError;
use super::classification::Confusion;
use super::interval::Drawn;

/// Decisions of every training and separation.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    judgements: Vec<Judgement>,
}

/// The decisions of one training and separation.
#[derive(Clone, Debug)]
struct Judgement {
    training: usize,
    separation: usize,
    /// Each job that was judged, by its place among all, with what was counted in it.
    jobs: Vec<(usize, Confusion)>,
}

impl Decisions {
    /// Adds the decisions of one training and separation on some images: whether each is anomalous, was called so, and the
    /// place of its job among all (see [`places`](super::interval::places)).
    ///
    /// # Errors
    /// Where there is nothing to count or the lengths differ.
    pub fn add(
        &mut self,
        (training, separation): (usize, usize),
        truth: &[bool],
        called: &[bool],
        place: &[usize],
    ) -> Result<(), MetricError> {
        let mut counts: Vec<Confusion> = Vec::new();
        counts.resize_with(place.iter().max().map_or(0, |last| last + 1), Default::default);
        // The whole is checked once.
        Confusion::count(truth, called)?;
        for ((truth, called), &place) in truth.iter().zip(called).zip(place) {
            counts[place].add(&Confusion::count(&[*truth], &[*called])?, 1);
        }
        let judged = counts.into_iter().enumerate().filter(|(_, counts)| *counts != Confusion::default());
        self.judgements.push(Judgement { training, separation, jobs: judged.collect() });
        Ok(())
    }

    /// The mean of `figure` over the drawn trainings and separations, each on the drawn jobs; those without a figure are
    /// left out, and there is none where all are.
    pub fn mean(&self, drawn: &Drawn, figure: impl Fn(&Confusion) -> Option<f64>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for judgement in &self.judgements {
            let times = drawn.trainings[judgement.training] * drawn.separations[judgement.separation];
            if times == 0 {
                continue;
            }
            let mut counts = Confusion::default();
            judgement.jobs.iter().for_each(|(job, of_job)| counts.add(of_job, drawn.jobs[*job]));
            if let Some(figure) = figure(&counts) {
                sum += times as f64 * figure;
                count += times as f64;
            }
        }
        (count > 0.0).then(|| sum / count)
    }

    /// The decisions of the drawn trainings, separations and jobs, counted together.
    pub fn total(&self, drawn: &Drawn) -> Confusion {
        let mut total = Confusion::default();
        for judgement in &self.judgements {
            let times = drawn.trainings[judgement.training] * drawn.separations[judgement.separation];
            judgement.jobs.iter().for_each(|(job, counts)| total.add(counts, times * drawn.jobs[*job]));
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::super::interval::Design;
    use super::*;

    #[test]
    fn means_by_hand() {
        let mut decisions = Decisions::default();
        // Two separations, jobs 0 and 1, then 1 and 2.
        decisions.add((0, 0), &[true, false, false], &[true, true, false], &[0, 0, 1]).unwrap();
        decisions.add((0, 1), &[true, true, false], &[true, false, false], &[2, 2, 1]).unwrap();
        let whole = Drawn::whole(Design { trainings: 1, separations: 2, jobs: 3 });
        assert_eq!(decisions.mean(&whole, Confusion::accuracy), Some(2.0 / 3.0));
        assert_eq!(decisions.mean(&whole, Confusion::balanced_accuracy), Some(0.75));
        let total = decisions.total(&whole);
        assert_eq!((total.true_positives, total.false_negatives, total.false_positives), (2, 1, 1));
        // Job 0 twice and no other: only the first separation judges it; without job 2 the second has one class.
        let drawn = Drawn { jobs: vec![2, 0, 0], ..whole.clone() };
        assert_eq!(decisions.mean(&drawn, Confusion::balanced_accuracy), Some(0.5));
        let drawn = Drawn { separations: vec![0, 2], jobs: vec![0, 1, 2], ..whole.clone() };
        assert_eq!(decisions.mean(&drawn, Confusion::accuracy), Some(0.6));
        assert_eq!(decisions.mean(&Drawn { separations: vec![0, 0], ..whole }, Confusion::accuracy), None);
        assert!(decisions.add((0, 0), &[true], &[], &[]).is_err());
    }
}
