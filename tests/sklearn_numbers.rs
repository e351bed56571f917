//! Against scikit-learn 1.9.1 and NumPy 2.4.6: the numbers of this program.
//!
//! ```python
//! import numpy as np
//! from sklearn.cluster import KMeans
//! from sklearn.decomposition import PCA, KernelPCA
//! from sklearn.ensemble import IsolationForest
//! from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score, roc_curve
//! from sklearn.mixture import GaussianMixture
//!
//! def noise(seed, *shape):    # sums of twelve uniform numbers of 24 bits: exact in any language
//!     out = []
//!     for _ in range(int(np.prod(shape))):
//!         total = 0.0
//!         for _ in range(12):
//!             seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
//!             total += (seed >> 40) / 2**24
//!         out.append(total - 6.0)
//!     return np.array(out).reshape(shape)
//!
//! y, s = [i * 7 % 5 < 2 for i in range(40)], [i * 11 % 13 + 4 * (i * 7 % 5 < 2) for i in range(40)]
//! print("RANKING", roc_auc_score(y, s), average_precision_score(y, s), balanced_accuracy_score(y, np.array(s) > 8))
//! print([list(a[[0, 5, -1]]) for a in roc_curve(y, s, drop_intermediate=False)])
//!
//! x = noise(1, 600, 32)
//! for i in range(300, 600):   # eight neighbouring columns move, others in every row
//!     x[i, [(i * 5 + k) % 32 for k in range(8)]] += 1.5 if i % 2 else -1.5
//! x, y, runs = x.astype(np.float32), np.arange(600) >= 300, []
//! for seed in range(30):
//!     f = IsolationForest(contamination=0.5, random_state=seed).fit(x)
//!     auto = IsolationForest(random_state=seed).fit_predict(x) < 0
//!     runs.append((roc_auc_score(y, -f.score_samples(x)), balanced_accuracy_score(y, f.predict(x) < 0), auto.mean()))
//! print("FOREST", np.mean(runs, axis=0))
//!
//! z = noise(2, 300, 3)
//! z[:180] = z[:180] @ [[1, 0.5, 0], [0, 0.5, 0], [0, 0, 2]]
//! z[180:] = z[180:] @ [[0.5, 0, 0], [0, 1.5, 0], [0, 0, 0.5]] + [2, 2, 0]
//! z = z.astype(np.float32)
//! hexadecimal = lambda g: "%075x" % int("".join(map(str, g)), 2)
//! print("MEANS", hexadecimal(KMeans(2, n_init=10, random_state=0).fit_predict(z)))
//! print("MIXTURE", hexadecimal(GaussianMixture(2, random_state=0).fit_predict(z)))
//! print("MIXTURE_OF_ONE", hexadecimal(GaussianMixture(2, random_state=0).fit_predict(z[:, :1])))
//!
//! counts, edges = np.histogram(z[:, 1].astype(float), 256)    # the steps of skimage.filters.threshold_otsu
//! centres, w1, w2 = (edges[:-1] + edges[1:]) / 2, np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
//! m1, m2 = np.cumsum(counts * centres) / w1, np.cumsum((counts * centres)[::-1])[::-1] / w2
//! print("OTSU", w1[np.argmax(w1[:-1] * w2[1:] * (m1[:-1] - m2[1:])**2)])
//!
//! for rows, columns in ((40, 300), (300, 40)):
//!     x = noise(3, rows, 4) @ np.diag([8, 4, 2, 1]) @ noise(4, 4, columns) + 0.5 * noise(5, rows, columns) + 10
//!     x = x.astype(np.float32).astype(float)
//!     p = PCA(4, svd_solver="full").fit(x)
//!     print("PCA", p.explained_variance_ratio_, *p.transform(x)[[0, -1]])
//!     print([PCA(s, svd_solver="full").fit(x).n_components_ for s in (0.5, 0.9, 0.97, 0.99)])
//!     fitted = x[:-1]
//!     for kernel in ({"kernel": "rbf", "gamma": 1e-4}, {"kernel": "poly"}, {"kernel": "poly", "degree": 2, "coef0": 9}):
//!         p = KernelPCA(4, **kernel).fit(fitted)
//!         z = p.transform(x)    # the last row is new
//!         print("KERNEL", kernel, (z[:-1]**2).sum(0) / p._centerer.transform(p._get_kernel(fitted)).trace(), *z[[0, -1]])
//! ```

#![allow(clippy::unwrap_used)]

use generators::params::Table;
use generators::registry::build;
use generators::stream::Stream;
use synthgen::metrics::classification::Confusion;
use synthgen::metrics::ranking::{auroc, average_precision, roc_curve};
use synthgen::representations::projections::{self, Projected as _};
use synthgen::representations::{Components, Matrix, Pca};
use synthgen::separators::{KINDS, Separator, Split};

const MEANS: &str = "f7bbeffef7ffffffbffd7bffdffffffff2bfffcfeffff006000080200021184008b09000000";
const MIXTURE: &str = "000000000000000000020400000000010c00001000000ffdffffffdfffffe7bfffff7ffffff";
const MIXTURE_OF_ONE: &str = "004410800804000000020400000810510c00203411000fff7fffffffffffffffffff7ffffff";

fn noise(mut seed: u64, count: usize) -> Vec<f64> {
    let mut uniform = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f64 / f64::from(1 << 24)
    };
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
}

fn matrix(rows: usize, columns: usize, values: &[f64]) -> Matrix {
    Matrix::new(rows, columns, values.iter().map(|&x| x as f32).collect())
}

fn separator(text: &str) -> Box<dyn Separator> {
    build(KINDS, Table::parse("s.toml", text).unwrap()).unwrap().1
}

fn fit(text: &str, rows: &Matrix, seed: u64) -> Box<dyn Split> {
    separator(text).fit(rows, &mut Stream::root(seed)).unwrap()
}

fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} +- {within}");
}

#[test]
fn rankings_with_ties() {
    let truth: Vec<bool> = (0..40).map(|i| i * 7 % 5 < 2).collect();
    let scores: Vec<f32> = (0..40).map(|i| (i * 11 % 13 + 4 * i32::from(i * 7 % 5 < 2)) as f32).collect();
    close(auroc(&truth, &scores).unwrap().unwrap(), 0.7565104166666666, 1e-12);
    close(average_precision(&truth, &scores).unwrap().unwrap(), 0.7107400059446096, 1e-12);
    let above: Vec<bool> = scores.iter().map(|&s| s > 8.0).collect();
    let counts = Confusion::count(&truth, &above).unwrap();
    close(counts.balanced_accuracy().unwrap(), 0.6666666666666667, 1e-12);
    let curve = roc_curve(&truth, &scores).unwrap().unwrap();
    assert_eq!(curve.len(), 17);
    assert_eq!(curve[0].threshold, f64::INFINITY);
    close(curve[5].false_positive_rate, 0.16666666666666666, 1e-12);
    close(curve[5].true_positive_rate, 0.4375, 1e-12);
    assert_eq!(curve[5].threshold, 11.0);
}

#[test]
fn isolation_forests_on_average() {
    let mut values = noise(1, 600 * 32);
    for i in 300..600 {
        for k in 0..8 {
            values[i * 32 + (i * 5 + k) % 32] += if i % 2 == 1 { 1.5 } else { -1.5 };
        }
    }
    let rows = matrix(600, 32, &values);
    let truth: Vec<bool> = (0..600).map(|i| i >= 300).collect();
    let (mut area, mut accuracy, mut called) = (0.0, 0.0, 0.0);
    for seed in 0..30 {
        let split = fit("kind = \"isolation-forest\"\ncontamination = 0.5", &rows, seed);
        area += auroc(&truth, &split.margin(&rows).unwrap()).unwrap().unwrap() / 30.0;
        let anomalous: Vec<bool> = split.groups(&rows).iter().map(|&g| g == 1).collect();
        accuracy += Confusion::count(&truth, &anomalous).unwrap().balanced_accuracy().unwrap() / 30.0;
        let auto = fit("kind = \"isolation-forest\"", &rows, seed).groups(&rows);
        called += auto.iter().sum::<usize>() as f64 / 600.0 / 30.0;
    }
    close(area, 0.8665859259259258, 0.01);
    close(accuracy, 0.7816666666666666, 0.01);
    close(called, 0.008833333333333332, 0.005);
}

/// Two clouds of 180 and 120 rows that overlap.
fn clouds() -> Matrix {
    let noise = noise(2, 900);
    let bent = noise.chunks_exact(3).enumerate().flat_map(|(i, z)| {
        if i < 180 {
            [z[0], 0.5 * z[0] + 0.5 * z[1], 2.0 * z[2]]
        } else {
            [0.5 * z[0] + 2.0, 1.5 * z[1] + 2.0, 0.5 * z[2]]
        }
    });
    matrix(300, 3, &bent.collect::<Vec<f64>>())
}

/// Column `index` of the clouds alone.
fn one(index: usize) -> Matrix {
    Matrix::column(clouds().values.into_iter().skip(index).step_by(3).collect())
}

/// Rows that are on different sides in the two splits, whichever way round the groups are called.
fn disagreement(groups: &[usize], expected: &str) -> usize {
    let bits =
        expected.chars().flat_map(|c| (0..4).rev().map(move |b| c.to_digit(16).unwrap() as usize >> b & 1));
    let apart = groups.iter().zip(bits).filter(|(g, bit)| **g != *bit).count();
    apart.min(groups.len() - apart)
}

#[test]
fn k_means_and_mixtures_agree_row_by_row() {
    for seed in 0..10 {
        let groups = |kind: &str, rows: &Matrix| fit(&format!("kind = \"{kind}\""), rows, seed).groups(rows);
        assert_eq!(disagreement(&groups("k-means", &clouds()), MEANS), 0);
        assert_eq!(disagreement(&groups("gaussian-mixture", &clouds()), MIXTURE), 0);
        assert_eq!(disagreement(&groups("gaussian-mixture", &one(0)), MIXTURE_OF_ONE), 0);
    }
}

#[test]
fn otsu_on_a_histogram() {
    let rows = one(1);
    let groups = fit("kind = \"otsu\"\nbins = 256", &rows, 0).groups(&rows);
    assert_eq!(groups.iter().filter(|&&g| g == 0).count(), 222);
}

/// Four factors of falling size and noise, 10 off the origin.
fn factors(rows: usize, columns: usize) -> Matrix {
    let (left, right, rest) = (noise(3, rows * 4), noise(4, 4 * columns), noise(5, rows * columns));
    let value = |n: usize| {
        let (i, j) = (n / columns, n % columns);
        let sizes = [8.0, 4.0, 2.0, 1.0];
        let sum: f64 = (0..4).map(|k| left[i * 4 + k] * sizes[k] * right[k * columns + j]).sum();
        sum + 0.5 * rest[n] + 10.0
    };
    matrix(rows, columns, &(0..rows * columns).map(value).collect::<Vec<f64>>())
}

#[test]
fn principal_components_wide_and_tall() {
    let cases = [
        (
            (40, 300),
            [0.83368721, 0.12732569, 0.02866758, 0.00816825],
            [-88.95438075, -54.57698743, -28.56356169, 15.81793456],
            [39.35860452, 3.07287522, 13.18067891, -0.10994955],
            [1, 2, 3, 4],
        ),
        (
            (300, 40),
            [0.74968314, 0.18577529, 0.05681516, 0.00545714],
            [-35.24553847, 22.70666162, -12.77266027, 3.36471028],
            [91.79990693, 34.12567277, -3.2176991, 6.60156748],
            [1, 2, 3, 3],
        ),
    ];
    for ((rows, columns), ratios, first, last, counts) in cases {
        let x = factors(rows, columns);
        let fit = |components| Pca::fit(&x, components, &Stream::root(0)).unwrap();
        let pca = fit(Components::Count(4));
        let scores = pca.transform(&x).unwrap();
        for k in 0..4 {
            close(pca.explained_variance_ratio()[k], ratios[k], 1e-7);
            close(f64::from(scores.row(0)[k]), first[k], 2e-5);
            close(f64::from(scores.row(rows - 1)[k]), last[k], 2e-5);
        }
        for (share, count) in [0.5, 0.9, 0.97, 0.99].into_iter().zip(counts) {
            let kept = fit(Components::Explained(share)).explained_variance_ratio().len();
            assert_eq!(kept, count, "{share}");
        }
    }
}

#[test]
fn kernel_components_of_rows_old_and_new() {
    let cases = [
        (
            (40, 300),
            "rbf-kpca\"\ngamma = 1e-4",
            [0.19431369, 0.12144572, 0.07764755, 0.07618428],
            [-0.55775052, -0.25066157, 0.02896105, 0.14314974],
            [0.12102788, 0.61625684, -0.14641959, 0.19887413],
        ),
        (
            (40, 300),
            "poly-kpca\"",
            [0.8551498, 0.06638277, 0.03773611, 0.01796131],
            [-749.86562441, -1131.59085786, -210.21888143, 699.32778293],
            [-1398.56079406, -619.85945466, -334.07930683, -514.25447471],
        ),
        (
            (40, 300),
            "poly-kpca\"\ndegree = 2\noffset = 9.0",
            [0.64693761, 0.23172687, 0.06042879, 0.030996],
            [-2.26036087, -92.14134129, -46.46105421, -5.80250685],
            [-86.52036644, -20.33181383, 6.47951859, 5.48611686],
        ),
        (
            (300, 40),
            "rbf-kpca\"\ngamma = 1e-4",
            [0.42135528, 0.17523725, 0.15095369, 0.05644505],
            [-0.41924967, 0.0578745, -0.26873767, -0.16675092],
            [0.61540447, 0.50537448, -0.00291464, 0.02673587],
        ),
        (
            (300, 40),
            "poly-kpca\"",
            [0.51130895, 0.21990437, 0.07766795, 0.05430733],
            [606.99177566, -1087.46544647, 223.90765048, -65.53453622],
            [-4210.1695702, 3164.7260374, 2879.56407636, 1184.41744994],
        ),
        (
            (300, 40),
            "poly-kpca\"\ndegree = 2\noffset = 9.0",
            [0.44971351, 0.28073115, 0.11168681, 0.07169883],
            [-89.99384991, -30.51414093, 43.7760561, -35.68634916],
            [245.20512696, 116.1311727, 105.95200232, 95.09039461],
        ),
    ];
    for ((rows, columns), kernel, ratios, first, last) in cases {
        let x = factors(rows, columns);
        let text = format!("kind = \"{kernel}\ncomponents = 4");
        let projection = build(projections::KINDS, Table::parse("s.toml", &text).unwrap()).unwrap().1;
        let fitted = x.select(&(0..rows - 1).collect::<Vec<_>>());
        let projected = projection.fit(fitted.clone(), &Stream::root(0)).unwrap();
        let scores = projected.transform(&x).unwrap();
        for k in 0..4 {
            close(projected.explained_variance_ratio()[k], ratios[k], 1e-7);
            let within = 1e-6 * f64::from(scores.row(0)[k].abs().max(scores.row(rows - 1)[k].abs())).max(1.0);
            close(f64::from(scores.row(0)[k]), first[k], within);
            close(f64::from(scores.row(rows - 1)[k]), last[k], within);
        }
    }
}
