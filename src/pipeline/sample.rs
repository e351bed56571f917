//! Which images a detector scores that is too slow for all of them.

/// About `most` indices of images, ascending: half of them healthy (`None`), half evenly from every defect, and each class evenly spread
/// over its images. All of a class that has too few.
pub fn balanced(classes: &[Option<&str>], defects: &[&str], most: usize) -> Vec<usize> {
    let of =
        |class: Option<&str>| -> Vec<usize> { (0..classes.len()).filter(|&i| classes[i] == class).collect() };
    let each = (most / 2) / defects.len().max(1);
    let mut chosen = spread(&of(None), most - each * defects.len());
    for defect in defects {
        chosen.extend(spread(&of(Some(defect)), each));
    }
    chosen.sort_unstable();
    chosen
}

/// `most` of `values`, evenly spread; all where there are no more.
pub fn spread(values: &[usize], most: usize) -> Vec<usize> {
    let count = most.min(values.len());
    (0..count).map(|k| values[k * values.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_healthy_and_every_defect_has_its_share() {
        let defects = ["porous", "shift"];
        let classes: Vec<Option<&str>> =
            (0..90).map(|i| [None, Some("porous"), Some("shift")][i % 3]).collect();
        let chosen = balanced(&classes, &defects, 20);
        let count = |class: Option<&str>| chosen.iter().filter(|&&i| classes[i] == class).count();
        assert_eq!([count(None), count(Some("porous")), count(Some("shift"))], [10, 5, 5]);
        assert!(chosen.is_sorted() && chosen[19] > 75 && chosen[0] < 3, "{chosen:?}");
        // Fewer of a class than wanted, and more wanted than there are.
        assert_eq!(balanced(&classes[..4], &defects, 20), [0, 1, 2, 3]);
        assert!(spread(&[4, 5, 6], 0).is_empty());
    }
}
