//! How the test set is laid out: twins, episodes and jobs, and which of them chance may exchange.

use std::collections::BTreeMap;
use std::path::Path;

use generators::dataset::{Row, Split};
use generators::stream::Stream;

use super::AuditError;

/// The pairs of a test set: an anomalous image and its healthy twin each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Design {
    /// Names of the defects, sorted.
    pub defects: Vec<String>,
    /// The job of each pair, counted from 0 without gaps.
    pub job: Vec<usize>,
    /// The episode of each pair: an index of `episodes`.
    pub episode: Vec<usize>,
    /// Every episode: its job, and the defect that acts in it.
    pub episodes: Vec<Episode>,
}

/// Consecutive layers of a job in which one defect acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its job.
    pub job: usize,
    /// Its defect: an index of [`Design::defects`].
    pub defect: usize,
}

/// An anomalous image and its healthy twin, as the ledger has them.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The twin.
    pub healthy: &'a Row,
    /// The image with the defect.
    pub anomalous: &'a Row,
    /// Where the two stand in the ledger.
    pub places: [usize; 2],
}

impl Design {
    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.job.len()
    }

    /// How many jobs there are.
    pub fn jobs(&self) -> usize {
        self.job.iter().max().map_or(0, |last| last + 1)
    }

    /// The defect of pair `index`.
    pub fn defect(&self, index: usize) -> usize {
        self.episodes[self.episode[index]].defect
    }

    /// The episodes with their defects exchanged as the making of a dataset might have done: every job's defects
    /// come in a random order, and jobs of as many episodes may have been each other.
    pub fn shuffled(&self, stream: &mut Stream) -> Vec<usize> {
        let mut by_job: Vec<Vec<usize>> = vec![Vec::new(); self.jobs()];
        for (at, episode) in self.episodes.iter().enumerate() {
            by_job[episode.job].push(at);
        }
        let mut alike: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (job, episodes) in by_job.iter().enumerate() {
            alike.entry(episodes.len()).or_default().push(job);
        }
        let mut defects = vec![0; self.episodes.len()];
        for jobs in alike.values() {
            let mut from = jobs.clone();
            stream.shuffle(&mut from);
            for (&to, &from) in jobs.iter().zip(&from) {
                let mut drawn: Vec<usize> = by_job[from].iter().map(|&e| self.episodes[e].defect).collect();
                stream.shuffle(&mut drawn);
                by_job[to].iter().zip(drawn).for_each(|(&e, defect)| defects[e] = defect);
            }
        }
        defects
    }

    /// The pairs at `indices` as a design of their own.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut chosen = Self { defects: self.defects.clone(), ..Self::default() };
        let (mut jobs, mut episodes) = (BTreeMap::new(), BTreeMap::new());
        for &index in indices {
            let count = jobs.len();
            let job = *jobs.entry(self.job[index]).or_insert(count);
            let count = episodes.len();
            let episode = *episodes.entry(self.episode[index]).or_insert(count);
            if episode == chosen.episodes.len() {
                chosen.episodes.push(Episode { job, defect: self.defect(index) });
            }
            chosen.job.push(job);
            chosen.episode.push(episode);
        }
        chosen
    }
}

/// The pairs of the test set in the order of the ledger `rows` of the dataset in `folder`, and how they hang together.
///
/// # Errors
/// A test set without an anomalous image or of one job only; an anomalous image whose twin is not in the ledger.
pub fn pairs<'a>(rows: &'a [Row], folder: &Path) -> Result<(Vec<Pair<'a>>, Design), AuditError> {
    let folder = || folder.to_owned();
    let places: BTreeMap<&str, usize> =
        rows.iter().enumerate().map(|(at, r)| (r.file.as_str(), at)).collect();
    let mut pairs = Vec::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, r)| r.split == Split::Test && r.defect.is_some()) {
        let twin = row.twin.as_deref().and_then(|twin| places.get(twin).copied());
        let Some(twin) = twin.filter(|&twin| rows[twin].defect.is_none()) else {
            return Err(AuditError::NoTwin { folder: folder(), file: row.file.clone() });
        };
        pairs.push(Pair { healthy: &rows[twin], anomalous: row, places: [twin, at] });
    }
    if pairs.is_empty() {
        return Err(AuditError::NothingAnomalous { folder: folder() });
    }
    let design = Design::of(&pairs);
    if design.jobs() < 2 {
        return Err(AuditError::OneJob { folder: folder() });
    }
    Ok((pairs, design))
}

impl Design {
    fn of(pairs: &[Pair<'_>]) -> Self {
        fn number<K: Ord>(known: &mut BTreeMap<K, usize>, key: K) -> usize {
            let next = known.len();
            *known.entry(key).or_insert(next)
        }
        let name = |pair: &Pair<'_>| pair.anomalous.defect.clone().unwrap_or_default();
        let mut design = Self { defects: pairs.iter().map(name).collect(), ..Self::default() };
        design.defects.sort_unstable();
        design.defects.dedup();
        let (mut jobs, mut episodes) = (BTreeMap::new(), BTreeMap::new());
        for pair in pairs {
            let job = number(&mut jobs, pair.anomalous.job);
            let defect = design.defects.partition_point(|d| *d < name(pair));
            // A job holds one episode of a defect; were there more, their starts would tell them apart.
            let start = pair.anomalous.parameters.get("defect.start_layer").map(|start| start.to_bits());
            let episode = number(&mut episodes, (job, defect, start));
            if episode == design.episodes.len() {
                design.episodes.push(Episode { job, defect });
            }
            design.job.push(job);
            design.episode.push(episode);
        }
        design
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three jobs of two episodes, one of three.
    fn design() -> Design {
        let of = |job: usize, defects: &[usize]| -> Vec<Episode> {
            defects.iter().map(|&defect| Episode { job, defect }).collect()
        };
        let episodes = [of(0, &[0, 1]), of(1, &[1, 0]), of(2, &[0, 0]), of(3, &[2, 1, 0])].concat();
        let episode: Vec<usize> = (0..episodes.len()).flat_map(|e| [e, e]).collect();
        let job = episode.iter().map(|&e| episodes[e].job).collect();
        Design { defects: vec!["a".into(), "b".into(), "c".into()], job, episode, episodes }
    }

    #[test]
    fn a_shuffle_keeps_what_each_job_may_have_had() {
        let (design, mut stream) = (design(), Stream::root(1));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let defects = design.shuffled(&mut stream);
            let mut small: Vec<Vec<usize>> = defects[..6].chunks(2).map(<[usize]>::to_vec).collect();
            small.iter_mut().for_each(|job| job.sort_unstable());
            small.sort_unstable();
            assert_eq!(small, [[0, 0], [0, 1], [0, 1]]);
            let mut large = defects[6..].to_vec();
            large.sort_unstable();
            assert_eq!(large, [0, 1, 2]);
            seen.insert(defects);
        }
        // The pair of equals in any of three jobs, two orders in each of the others, six in the last.
        assert_eq!(seen.len(), 3 * 4 * 6);
    }

    #[test]
    fn a_part_is_a_design() {
        let part = design().select(&[4, 5, 6, 12, 13]);
        assert_eq!((part.len(), part.jobs()), (5, 2));
        assert_eq!(part.job, [0, 0, 0, 1, 1]);
        assert_eq!(part.episode, [0, 0, 1, 2, 2]);
        assert_eq!((0..5).map(|i| part.defect(i)).collect::<Vec<_>>(), [1, 1, 0, 2, 2]);
    }
}
