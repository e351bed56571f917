//! Whether what somebody concluded holds on a run: two of its measures side by side.
//!
//! The difference is resampled over trainings, separations and print jobs, both measures on the same draw where they are about the
//! same test jobs, and tested as that of two records is; Holm's correction is over the claims of the run.

use generators::stream::Stream;

use super::evidence::{self, Evidence};
use super::{difference, stand};
use crate::report::record::{Claim, ClaimTest, Estimate, Finding, Record};

/// The claims, tested on `record`; a claim about what `record` does not hold stays untested.
pub fn tested(claims: &[Claim], record: &Record) -> Vec<Claim> {
    let evidence = if claims.is_empty() { Vec::new() } else { evidence::of(record) };
    let stream = Stream::root(record.scenario.seed).child("claims");
    let test = |claim: &Claim| {
        let find =
            |subject: &str| evidence.iter().find(|e| e.subject == subject && e.measure == claim.measure);
        let stream = stream.child(&claim.better).child(&claim.than);
        one(find(&claim.better)?, find(&claim.than)?, &stream)
    };
    let mut tests: Vec<Option<ClaimTest>> = claims.iter().map(test).collect();
    let p_values: Vec<f64> = tests.iter().flatten().map(|test| test.p_value).collect();
    for (test, stands) in tests.iter_mut().flatten().zip(stand(&p_values)) {
        if stands {
            test.finding = if test.difference.value > 0.0 { Finding::Holds } else { Finding::DoesNotHold };
        }
    }
    claims.iter().zip(tests).map(|(claim, test)| Claim { test, ..claim.clone() }).collect()
}

fn one(better: &Evidence, than: &Evidence, stream: &Stream) -> Option<ClaimTest> {
    let interval = difference(than, better, better.shares_jobs_with(than), stream)?;
    Some(ClaimTest {
        better: better.whole()?,
        than: than.whole()?,
        difference: Estimate { value: interval.estimate, interval: interval.ends() },
        // Jobs that all tell the same do not tell what others would.
        p_value: interval.tested().unwrap_or(1.0),
        finding: Finding::Undecided,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::fake;

    fn claim(better: &str, than: &str, measure: &str) -> Claim {
        let [better, than, measure] = [better, than, measure].map(str::to_owned);
        Claim { better, than, measure, source: String::new(), test: None }
    }

    #[test]
    fn what_is_clear_is_told_and_the_rest_is_not() {
        let mut record = fake::record();
        let mut stream = Stream::root(4);
        let anomalous: Vec<bool> = record.test_images.iter().map(|image| image.defect.is_some()).collect();
        // A and A_R rank alike, at two deviations, with noise of their own; A_D ranks nothing.
        for (score, shift) in [(0, 2.0), (1, 2.0), (2, 0.0)] {
            let component = &mut record.detectors[1].components[score];
            for values in std::iter::once(&mut component.values).chain(&mut component.retrained) {
                *values = anomalous.iter().map(|&a| stream.normal() + if a { shift } else { 0.0 }).collect();
            }
        }
        let claims = [
            claim("f-anogan A", "f-anogan A_D", "auroc"),
            claim("f-anogan A_D", "f-anogan A_R", "auroc"),
            claim("f-anogan A", "f-anogan A_R", "auroc"),
            claim("f-anogan A", "nothing", "auroc"),
            claim("f-anogan D_f(x) with k-means", "f-anogan D_f(x) with k-means", "balanced_accuracy"),
            // On two test sets, and on one.
            claim("vae MSE in wider at 1", "vae MSE in wider at 3", "auroc"),
            claim("vae MSE in wider at 3", "f-anogan A in wider at 3", "auroc"),
        ];
        let tested = tested(&claims, &record);
        let findings: Vec<Option<Finding>> =
            tested.iter().map(|claim| claim.test.as_ref().map(|test| test.finding)).collect();
        let (holds, fails) = (Some(Finding::Holds), Some(Finding::DoesNotHold));
        let undecided = Some(Finding::Undecided);
        assert_eq!(findings, [holds, fails, undecided, None, undecided, holds, undecided]);
        let same = tested[4].test.as_ref().unwrap();
        assert_eq!((same.difference.value, same.p_value), (0.0, 1.0));
        let sure = tested[0].test.as_ref().unwrap();
        assert!((sure.better - sure.than - sure.difference.value).abs() < 1e-12);
    }
}
