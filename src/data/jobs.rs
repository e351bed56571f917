//! Splitting by print job, so that layers of one job never stand on both sides.

use generators::stream::Stream;

/// Indices of the images in which a separator is fitted, and of those on which it is judged.
///
/// `job` is the job of each image, `fit_share` (0 to 1) the share of the jobs on the first side. With two
/// jobs or more, neither side is empty. Both lists are ascending.
pub fn split_jobs(job: &[u32], fit_share: f64, stream: &mut Stream) -> (Vec<usize>, Vec<usize>) {
    let mut jobs = job.to_vec();
    jobs.sort_unstable();
    jobs.dedup();
    stream.shuffle(&mut jobs);
    let count = (fit_share.clamp(0.0, 1.0) * jobs.len() as f64).round() as usize;
    let count = if jobs.len() < 2 { count } else { count.clamp(1, jobs.len() - 1) };
    let mut fit = jobs[..count].to_vec();
    fit.sort_unstable();
    (0..job.len()).partition(|&i| fit.binary_search(&job[i]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_job_is_on_both_sides_and_no_image_is_lost() {
        let job: Vec<u32> = (0..60).map(|i| i / 6 + 40).collect();
        let (fit, judge) = split_jobs(&job, 0.6, &mut Stream::root(3));
        assert_eq!((fit.len(), judge.len()), (36, 24));
        assert!(fit.iter().all(|&i| judge.iter().all(|&k| job[i] != job[k])));
        assert_eq!(split_jobs(&job, 0.6, &mut Stream::root(3)), (fit, judge));
    }

    #[test]
    fn neither_side_is_empty_where_there_are_two_jobs() {
        for share in [0.0, 1.0] {
            let (fit, judge) = split_jobs(&[4, 4, 9], share, &mut Stream::root(1));
            assert!(!fit.is_empty() && !judge.is_empty());
        }
        assert_eq!(split_jobs(&[], 0.5, &mut Stream::root(1)), (vec![], vec![]));
    }
}
