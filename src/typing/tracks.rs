//! Which images show the same anomaly: it lies where it lay in the layer before.

use std::collections::BTreeMap;

/// Two anomalies in successive layers are one where they share more than this part of all pixels that either takes.
const OVERLAP: f64 = 0.4;

/// The track of each image, numbered from 0: images of one job whose anomalies lie over one another from layer to layer.
///
/// `support` holds the pixels that each image's anomaly takes, ascending; none where there is no anomaly, which is a track of its own.
pub fn tracks(job: &[u32], layer: &[u32], support: &[Vec<u32>]) -> Vec<usize> {
    let mut by_layer: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for image in (0..support.len()).filter(|&image| !support[image].is_empty()) {
        by_layer.entry((job[image], layer[image])).or_default().push(image);
    }
    let mut track: Vec<usize> = (0..support.len()).collect();
    for (&(job, layer), images) in &by_layer {
        for &image in images {
            for &next in by_layer.get(&(job, layer + 1)).into_iter().flatten() {
                if overlap(&support[image], &support[next]) > OVERLAP {
                    let [one, other] = [root(&track, image), root(&track, next)];
                    track[one.max(other)] = one.min(other);
                }
            }
        }
    }
    let roots: Vec<usize> = (0..track.len()).map(|image| root(&track, image)).collect();
    let mut number = BTreeMap::new();
    let mut of = |root: usize| {
        let next = number.len();
        *number.entry(root).or_insert(next)
    };
    roots.into_iter().map(&mut of).collect()
}

fn root(track: &[usize], mut image: usize) -> usize {
    while track[image] != image {
        image = track[image];
    }
    image
}

/// What two ascending lists share, of all that is in either (Jaccard).
fn overlap(a: &[u32], b: &[u32]) -> f64 {
    let shared = a.iter().filter(|at| b.binary_search(at).is_ok()).count();
    let all = a.len() + b.len() - shared;
    if all > 0 { shared as f64 / all as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_over_each_other_from_layer_to_layer_is_one() {
        let at = |from: u32| (from..from + 10).collect::<Vec<u32>>();
        // Job 1: an anomaly in layers 4 to 6 that moves a little, another one in layer 5, the first place again in layer 8.
        // Job 2: the same place.
        let job = [1, 1, 1, 1, 1, 2, 1];
        let layer = [4, 5, 6, 5, 8, 5, 4];
        let support = [at(0), at(3), at(6), at(50), at(6), at(3), Vec::new()];
        assert_eq!(tracks(&job, &layer, &support), [0, 0, 0, 1, 2, 3, 4]);
        // 4 of 10 + 10 - 4 pixels are no more than a quarter.
        assert_eq!(tracks(&[1, 1], &[4, 5], &[at(0), at(6)]), [0, 1]);
    }

    #[test]
    fn order_does_not_matter() {
        let at = |from: u32| (from..from + 10).collect::<Vec<u32>>();
        assert_eq!(tracks(&[3, 3, 3], &[7, 5, 6], &[at(2), at(0), at(1)]), [0, 0, 0]);
        assert!(tracks(&[], &[], &[]).is_empty());
    }
}
