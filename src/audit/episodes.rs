//! The test on unpaired samples: does a defect keep to layers of its own?
//!
//! The statistic is the area under the ROC curve between the layers of one defect and those of all others, from what is known
//! of a layer without its image. Where the defect's place in a job was left to chance, the episodes' defects could
//! have come in any order: a replicate exchanges them ([`Design::shuffled`]), all layers of an episode together.

use generators::stream::Stream;
use rayon::prelude::*;

use super::design::Design;
use super::null::Statistic;
use crate::metrics::ranking::midranks;

/// One number per pair, and the defect whose layers it may betray.
pub struct Place {
    defect: usize,
    /// Sum of the ranks of each episode's layers.
    ranks: Vec<f64>,
    /// Layers of each episode.
    layers: Vec<f64>,
}

impl Place {
    /// Asks whether `values` tell the layers of `defect` from those of the others; `None` where there are no others.
    pub fn new(values: &[f64], design: &Design, defect: usize) -> Option<Self> {
        let of = (0..design.len()).filter(|&i| design.defect(i) == defect).count();
        if of == 0 || of == design.len() {
            return None;
        }
        let (mut ranks, mut layers) = (vec![0.0; design.episodes.len()], vec![0.0; design.episodes.len()]);
        for (&episode, rank) in design.episode.iter().zip(midranks(values)) {
            ranks[episode] += rank;
            layers[episode] += 1.0;
        }
        Some(Self { defect, ranks, layers })
    }

    /// The area where episode `e` is of defect `defects[e]` (Mann and Whitney 1947).
    fn area(&self, defects: impl Iterator<Item = usize>) -> f64 {
        let (mut ranks, mut of, mut all) = (0.0, 0.0, 0.0);
        for ((defect, rank), layers) in defects.zip(&self.ranks).zip(&self.layers) {
            all += layers;
            if defect == self.defect {
                ranks += rank;
                of += layers;
            }
        }
        (ranks - of * (of + 1.0) / 2.0) / (of * (all - of))
    }
}

/// Each area with its replicates; the same exchange of episodes for all.
pub fn statistics(places: &[Place], design: &Design, replicates: usize, stream: &Stream) -> Vec<Statistic> {
    let shuffled: Vec<Vec<f64>> = (0..replicates)
        .into_par_iter()
        .map(|b| {
            let defects = design.shuffled(&mut stream.item("shuffle", b));
            places.iter().map(|place| place.area(defects.iter().copied())).collect()
        })
        .collect();
    let of = |(k, place): (usize, &Place)| Statistic {
        observed: place.area(design.episodes.iter().map(|e| e.defect)),
        replicates: shuffled.iter().map(|areas| areas[k]).collect(),
    };
    places.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::design::Episode;
    use crate::metrics::ranking::auroc;

    #[test]
    fn the_area_is_the_metrics() {
        let mut stream = Stream::root(1);
        let episodes: Vec<Episode> = (0..12).map(|e| Episode { job: e / 3, defect: e % 3 }).collect();
        let episode: Vec<usize> = (0..12).flat_map(|e| vec![e; 1 + e % 4]).collect();
        let job = episode.iter().map(|&e| episodes[e].job).collect();
        let defects = ["a", "b", "c"].map(String::from).to_vec();
        let design = Design { defects, job, episode, episodes };
        let values: Vec<f64> = (0..design.len()).map(|_| stream.below(9) as f64).collect();
        for defect in 0..3 {
            let truth: Vec<bool> = (0..design.len()).map(|i| design.defect(i) == defect).collect();
            let place = Place::new(&values, &design, defect).unwrap();
            let area = statistics(&[place], &design, 1, &Stream::root(2))[0].observed;
            assert!((area - auroc(&truth, &values).unwrap().unwrap()).abs() < 1e-12);
        }
        assert!(Place::new(&values, &design, 3).is_none());
    }
}
