//! Against scikit-learn 1.9.1, SciPy 1.17.1, statsmodels 0.15.0 and published formulas: the numbers of this program.
//!
//! ```python
//! import numpy as np, statsmodels.api as sm
//! from scipy import ndimage, optimize, stats
//! from sklearn.metrics import (adjusted_rand_score, average_precision_score, normalized_mutual_info_score,
//!                              roc_auc_score)
//! from sklearn.metrics.cluster import contingency_matrix
//!
//! # Localisation: per-region overlap by its definition, threshold after threshold.
//! i = np.arange(3 * 8 * 9)
//! masks = (((i * 7 + i // 9 * 5) % 11 < 3) & (i // 72 < 2)).reshape(3, 8, 9)
//! maps = ((i * 37 % 101) // 4 + 6.0 * masks.ravel() * (i % 3)).reshape(3, 8, 9)
//! regions = []
//! for image, mask in enumerate(masks):
//!     labels, count = ndimage.label(mask, np.ones((3, 3)))
//!     regions += [(image, labels == k + 1) for k in range(count)]
//! points = [(0.0, 0.0)]
//! for threshold in np.unique(maps)[::-1]:
//!     called = maps >= threshold
//!     points.append((called[~masks].mean(), np.mean([called[image][r].mean() for image, r in regions])))
//! points = np.array(points)
//! inside = points[points[:, 0] <= 0.3]
//! a, b = inside[-1], points[len(inside)]    # the curve crosses the limit between them
//! inside = np.vstack([inside, a + (b - a) * (0.3 - a[0]) / (b[0] - a[0])])
//! print("LOCALISE", len(regions), roc_auc_score(masks.ravel(), maps.ravel()),
//!       average_precision_score(masks.ravel(), maps.ravel()), np.trapezoid(inside[:, 1], inside[:, 0]) / 0.3)
//!
//! # Clustering.
//! i = np.arange(200)
//! classes, clusters = i * i % 6, (i * i % 6 * 2 + (i * 13 % 7 < 2) * (i % 3)) % 8
//! table = contingency_matrix(classes, clusters)
//! rows, columns = optimize.linear_sum_assignment(table, maximize=True)
//! print("CLUSTER", table.shape, adjusted_rand_score(classes, clusters), normalized_mutual_info_score(classes, clusters),
//!       table[rows, columns].sum() / 200)
//! for a, b in (([0, 0, 0], [0, 0, 0]), ([0, 0, 0], [0, 1, 2]), ([0, 1, 2], [2, 0, 1]), ([0, 0, 1, 1], [0, 1, 0, 1])):
//!     print("EDGE", adjusted_rand_score(a, b), normalized_mutual_info_score(a, b))
//!
//! # Two correlated areas: DeLong's and Obuchowski's, by their formulas, pair by pair.
//! i = np.arange(60)
//! truth, jobs = i * 7 % 5 < 2, i // 4
//! a, b = i * 11 % 13 + 4.0 * truth, i * 17 % 19 + 2.0 * truth * (i % 4)
//! def test(jobs):
//!     X, Y = np.where(truth)[0], np.where(~truth)[0]
//!     psi = lambda s: (s[X][:, None] > s[Y]) + 0.5 * (s[X][:, None] == s[Y])
//!     D = psi(a) - psi(b)
//!     theta, v10, v01 = D.mean(), D.mean(1), D.mean(0)
//!     per = lambda index, v: np.array([(v[jobs[index] == j] - theta).sum() for j in np.unique(jobs)])
//!     p, n = per(X, v10), per(Y, v01)
//!     has_p, has_n = np.isin(np.unique(jobs), jobs[X]), np.isin(np.unique(jobs), jobs[Y])
//!     S = lambda u, k: k / (k - 1) * u.sum()
//!     var = S(p * p, has_p.sum()) / len(X)**2 + S(n * n, has_n.sum()) / len(Y)**2 + 2 * S(p * n, len(np.unique(jobs))) / len(X) / len(Y)
//!     return theta, var**0.5, 2 * stats.norm.sf(abs(theta) / var**0.5)
//! print("DELONG", test(i)); print("OBUCHOWSKI", test(jobs))
//!
//! # Hit/miss.
//! k = np.arange(80)
//! size = 0.5 + (k * 29 % 80) / 10
//! hit = ((k * 53 % 97) / 97 < 1 / (1 + (2.5 / size)**3)).astype(int)
//! for x, back in ((size, lambda x: x), (np.log(size), np.exp)):
//!     fit = sm.GLM(hit, sm.add_constant(x), sm.families.Binomial()).fit(tol=1e-14)
//!     (b0, b1), L = fit.params, np.log(9)
//!     lower = lambda c: b0 + b1 * c - stats.norm.ppf(0.95) * np.sqrt([1, c] @ fit.cov_params() @ [1, c])
//!     a90 = (L - b0) / b1
//!     bound = optimize.brentq(lambda c: lower(c) - L, a90, a90 + 20, xtol=1e-12)
//!     print("POD", hit.sum(), fit.params, fit.cov_params().ravel(), back(a90), back(bound))
//! # Jobs as clusters.
//! model = sm.GLM(hit, sm.add_constant(np.log(size)), sm.families.Binomial())
//! fit = model.fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": k * 7 % 13, "use_correction": False})
//! print("JOBS", fit.cov_params().ravel() * 13 / 12)
//! ```

#![allow(clippy::unwrap_used)]

use synthgen::metrics::clustering::Contingency;
use synthgen::metrics::detectability::{DetectionCurve, Scale};
use synthgen::metrics::localisation::{FALSE_POSITIVE_LIMIT, localise};
use synthgen::metrics::paired::auroc_difference;

fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} +- {within}");
}

#[test]
fn maps_against_masks() {
    let masks: Vec<bool> = (0..216).map(|i| (i * 7 + i / 9 * 5) % 11 < 3 && i / 72 < 2).collect();
    let value = |i: usize| ((i * 37 % 101) / 4 + if masks[i] { 6 * (i % 3) } else { 0 }) as f32;
    let maps: Vec<f32> = (0..216).map(value).collect();
    let found = localise(&masks, &maps, [8, 9], FALSE_POSITIVE_LIMIT).unwrap().unwrap();
    close(found.auroc, 0.6708806818181818, 1e-12);
    close(found.average_precision, 0.43904831937536254, 1e-12);
    close(found.aupro, 0.33844455395794676, 1e-12);
}

#[test]
fn clusters_against_classes() {
    let of = |f: fn(usize) -> usize| (0..200).map(f).collect::<Vec<usize>>();
    let classes = of(|i| i * i % 6);
    let clusters = of(|i| (i * i % 6 * 2 + usize::from(i * 13 % 7 < 2) * (i % 3)) % 8);
    let table = Contingency::count(&classes, &clusters).unwrap();
    close(table.adjusted_rand(), 0.49429747494980886, 1e-12);
    close(table.normalised_mutual_information(), 0.6644349976334565, 1e-12);
    close(table.matched_accuracy(), 0.645, 1e-12);
    let edges = [
        ([0, 0, 0, 0], [0, 0, 0, 0], 1.0, 1.0),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0.0, 0.0),
        ([0, 1, 2, 3], [2, 0, 1, 3], 1.0, 1.0),
        ([0, 0, 1, 1], [0, 1, 0, 1], -0.5, 0.0),
    ];
    for (classes, clusters, rand, information) in edges {
        let table = Contingency::count(&classes, &clusters).unwrap();
        close(table.adjusted_rand(), rand, 1e-12);
        close(table.normalised_mutual_information(), information, 1e-12);
    }
}

#[test]
fn two_areas_on_the_same_images() {
    let truth: Vec<bool> = (0..60).map(|i| i * 7 % 5 < 2).collect();
    let first: Vec<f64> = (0..60).map(|i| f64::from(i * 11 % 13 + 4 * i32::from(i * 7 % 5 < 2))).collect();
    let second: Vec<f64> =
        (0..60).map(|i| f64::from(i * 17 % 19 + 2 * i32::from(i * 7 % 5 < 2) * (i % 4))).collect();
    let test = |jobs: Vec<u32>| auroc_difference(&truth, &first, &second, &jobs).unwrap().unwrap();
    let alone = test((0..60).collect());
    close(alone.areas[0] - alone.areas[1], 0.0943287037037037, 1e-12);
    close(alone.standard_error, 0.09136679713547008, 1e-12);
    close(alone.p_value, 0.3018764573116679, 1e-9);
    let in_jobs = test((0..60).map(|i| i / 4).collect());
    close(in_jobs.standard_error, 0.08417790181733312, 1e-12);
    close(in_jobs.p_value, 0.2624634924967846, 1e-9);
}

#[test]
fn hits_and_misses() {
    let sizes: Vec<f64> = (0..80).map(|k| 0.5 + f64::from(k * 29 % 80) / 10.0).collect();
    let found: Vec<bool> = (0..80)
        .map(|k| f64::from(k * 53 % 97) / 97.0 < 1.0 / (1.0 + (2.5 / sizes[k as usize]).powi(3)))
        .collect();
    assert_eq!(found.iter().filter(|&&hit| hit).count(), 54);
    let cases = [
        (
            Scale::Linear,
            [-3.8517276, 1.27466292],
            [0.95166288, -0.26069813, 0.08295733],
            [4.7455308256408095, 5.859004328553464],
        ),
        (
            Scale::Log,
            [-3.41553436, 3.43665958],
            [0.93691636, -0.68826089, 0.57925878],
            [5.120242978045244, 7.092099424967112],
        ),
    ];
    for (scale, [intercept, slope], [a, b, c], [a90, a90_95]) in cases {
        let curve = DetectionCurve::fit(&sizes, &found, scale).unwrap();
        close(curve.intercept(), intercept, 1e-8);
        close(curve.slope(), slope, 1e-8);
        let covariance = curve.covariance();
        assert_eq!(covariance[0][1], covariance[1][0]);
        close(covariance[0][0], a, 1e-7);
        close(covariance[0][1], b, 1e-7);
        close(covariance[1][1], c, 1e-7);
        close(curve.size_at(0.9).unwrap(), a90, 1e-8);
        close(curve.probability(a90), 0.9, 1e-9);
        close(curve.size_bound(0.9, 0.95).unwrap(), a90_95, 1e-6);
    }
    let job: Vec<u32> = (0..80).map(|k| k * 7 % 13).collect();
    let curve = DetectionCurve::fit_over_jobs(&sizes, &found, &job, Scale::Log).unwrap();
    let [[a, b], [c, d]] = curve.covariance();
    for (value, expected) in [(a, 1.92767796), (b, -1.44304728), (c, -1.44304728), (d, 1.11437032)] {
        close(value, expected, 1e-7);
    }
}
