//! Quantiles, each with its kind in its name.

/// Straight between two of the sorted values (Hyndman and Fan 1996, their sixth): few values are covered to the last.
/// `sorted` is not empty.
pub(crate) fn sixth_quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len() + 1) as f64 - 1.0).clamp(0.0, (sorted.len() - 1) as f64);
    let below = sorted[at.floor() as usize];
    below + at.fract() * (sorted[at.ceil() as usize] - below)
}

/// One of the values, that of the nearest rank; 0 of nothing.
pub(crate) fn nearest_quantile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    let last = sorted.len().saturating_sub(1);
    let at = (share * last as f64).round() as usize;
    if sorted.is_empty() {
        return 0.0;
    }
    *sorted.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The middle value, or the upper of the two middle ones; `None` of nothing.
pub(crate) fn upper_median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut sorted: Vec<T> = values.collect();
    sorted.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}
