//! What separators made of scores that nobody computed.

use super::*;

pub(super) fn separations(noise: &mut Noise) -> (Vec<Representation>, Vec<Separation>) {
    let rows: [(&str, &str, usize, Option<f64>, f64); 7] = [
        ("vae MSE", "vae", 1, None, 0.86),
        ("f-anogan A_R", "f-anogan", 1, None, 0.71),
        ("f-anogan A", "f-anogan", 1, None, 0.93),
        ("f-anogan D_f(x)", "f-anogan", 4096, None, 0.54),
        ("f-anogan D_f(x), PCA", "f-anogan", 24, Some(0.951), 0.78),
        ("f-anogan D_f(x) - D_f(G(E(x)))", "f-anogan", 4096, None, 0.88),
        ("f-anogan D_f(x) - D_f(G(E(x))), PCA", "f-anogan", 8, Some(0.962), 0.97),
    ];
    let representation =
        |&(name, detector, dimension, explained_share, _): &(&str, &str, usize, Option<f64>, f64)| {
            let reduction = explained_share.map(|s| Reduction {
                method: "PCA".into(),
                from_dimension: 4096,
                explained_share: Some(s),
                choice: None,
            });
            Representation {
                name: name.into(),
                detector: detector.into(),
                dimension,
                dimensions: explained_share.map(|_| [dimension - 2, dimension + 3]),
                reduction,
            }
        };
    let mut cells = Vec::new();
    for (name, _, dimension, _, base) in &rows {
        for (s, separator) in SEPARATORS.iter().enumerate() {
            let outcome = if s == 2 && *dimension > 1 {
                Outcome::Empty("only for one number per image".to_owned())
            } else if s == 3 && *dimension == 4096 {
                Outcome::Empty("needs at least 4097 rows, and there are 240".into())
            } else {
                Outcome::Judged(judgement(base - 0.07 * ((s + 1) % 4) as f64 * noise.uniform(), noise))
            };
            cells.push(Separation {
                representation: (*name).into(),
                separator: (*separator).into(),
                outcome,
            });
        }
    }
    (rows.iter().map(representation).collect(), cells)
}

/// A judgement of about this balanced accuracy on 160 healthy and 160 anomalous images in every training and separation.
pub fn judgement(rate: f64, noise: &mut Noise) -> Judgement {
    let found = |i: usize| {
        let rate = rate - [0.0, -0.04, 0.06, 0.12, 0.01][i] + 0.01 * noise.normal();
        Share::new((32.0 * rate.clamp(0.0, 1.0)).round() as usize, 32)
    };
    let by_defect: Vec<Share> = (0..5).map(found).collect();
    let detected = Share::new(by_defect.iter().map(|s| s.count).sum(), 160);
    let false_alarms = Share::new((160.0 * (1.0 - rate).clamp(0.0, 1.0)).round() as usize, 160);
    let balanced = 0.5 * (detected.rate + 1.0 - false_alarms.rate);
    // Spread evenly over the images of each group.
    let calls = |images: &Vec<usize>| {
        let (mut defective, mut healthy) = ([0; 5], 0);
        let call = |&image: &usize| {
            let (seen, called) = match image / 40 {
                defect @ 0..5 => (&mut defective[defect], by_defect[defect]),
                _ => (&mut healthy, false_alarms),
            };
            *seen += 1;
            *seen * called.count / called.of > (*seen - 1) * called.count / called.of
        };
        Calls(images.iter().map(call).collect())
    };
    let every = |share: Share| {
        let times = TRAININGS * SEPARATIONS;
        let interval = estimate(share.rate, 0.031).interval;
        Share { interval, ..Share::new(times * share.count, times * share.of) }
    };
    let named =
        |(defect, share): (&str, &Share)| ShareOfDefect { defect: defect.into(), share: every(*share) };
    let images: Vec<Vec<usize>> = (0..TRAININGS).flat_map(|_| judged_images()).collect();
    Judgement {
        accuracy: estimate(balanced, 0.027),
        balanced_accuracy: estimate(balanced, 0.027),
        oracle_accuracy: balanced.max(1.0 - balanced),
        margin_auroc: Some((balanced + 0.02).min(1.0)),
        detected: every(detected),
        false_alarms: every(false_alarms),
        detected_by_defect: DEFECTS.into_iter().zip(&by_defect).map(named).collect(),
        calls: images.iter().map(calls).collect(),
    }
}
