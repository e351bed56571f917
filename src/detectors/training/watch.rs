//! Signs that a training has collapsed: it goes on, and what it makes is all the same.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::History;

/// Share of a training in which nothing is judged: everything starts out all the same.
const WARM_UP: f64 = 0.25;
/// Looks in a row that have to find a sign out of bounds.
const LOOKS: usize = 2;
/// [`diversity`] of made images below which they are all the same.
pub const DIVERSE: Bound = Bound::AtLeast(0.1);

/// A number that shows a collapse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sign {
    /// What it is: `sample diversity`.
    pub name: &'static str,
    /// Its value now.
    pub value: f64,
    /// Where it is while all is well.
    pub bound: Bound,
}

/// Where a sign is while all is well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// At or above.
    AtLeast(f64),
    /// At or below.
    AtMost(f64),
}

impl Bound {
    /// Whether `value` is there.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
        }
    }
}

/// A collapse that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collapse {
    /// Stage of the training.
    pub stage: String,
    /// Which sign.
    pub sign: String,
    /// The step at which it first was out of bounds.
    pub step: usize,
    /// Its value there.
    pub value: f64,
    /// Where it should have been.
    pub bound: Bound,
    /// The step at which it was back; absent where it stayed so to the end.
    pub until: Option<usize>,
}

/// Counts how often in a row each sign was out of bounds; part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch(Vec<Suspicion>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Suspicion {
    sign: String,
    step: usize,
    value: f64,
    looks: usize,
}

impl Watch {
    /// True while a sign is out of bounds, be it once.
    pub fn suspects(&self) -> bool {
        !self.0.is_empty()
    }

    /// Judges `signs` after `done` of `steps`; a collapse, once it is sure, goes into `history` and is returned.
    pub fn look(
        &mut self,
        stage: &str,
        (done, steps): (usize, usize),
        signs: &[Sign],
        history: &mut History,
    ) -> Option<Collapse> {
        if (done as f64) < WARM_UP * steps as f64 {
            return None;
        }
        let mut seen = None;
        for sign in signs {
            if sign.bound.holds(sign.value) {
                self.0.retain(|s| s.sign != sign.name);
                history.recovered(stage, sign.name, done);
                continue;
            }
            let known = self.0.iter().position(|s| s.sign == sign.name);
            let at = known.unwrap_or_else(|| {
                self.0.push(Suspicion {
                    sign: sign.name.to_owned(),
                    step: done,
                    value: sign.value,
                    looks: 0,
                });
                self.0.len() - 1
            });
            let suspicion = &mut self.0[at];
            suspicion.looks += 1;
            if suspicion.looks == LOOKS {
                let collapse = Collapse {
                    stage: stage.to_owned(),
                    sign: sign.name.to_owned(),
                    step: suspicion.step,
                    value: suspicion.value,
                    bound: sign.bound,
                    until: None,
                };
                history.collapsed(collapse.clone());
                seen = seen.or(Some(collapse));
            }
        }
        seen
    }
}

/// How different the rows of `x` `[n, ...]` are: their variance over the rows, averaged over the rest.
pub fn spread(x: &Tensor) -> Result<f64> {
    let x = x.flatten_from(1)?;
    let mean = x.mean_keepdim(0)?;
    Ok(f64::from(x.broadcast_sub(&mean)?.sqr()?.mean_all()?.to_scalar::<f32>()?))
}

/// How different the images `made` `[n, ...]` are from each other, relative to the images `real`: the root of the ratio
/// of their variances. About 1 where all is well, and 0 where all are the same.
///
/// # Errors
/// Where the tensors cannot be computed with.
pub fn diversity(made: &Tensor, real: &Tensor) -> Result<f64> {
    Ok((spread(made)? / spread(real)?.max(f64::MIN_POSITIVE)).sqrt())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn sign(value: f64) -> Sign {
        Sign { name: "sample diversity", value, bound: Bound::AtLeast(0.1) }
    }

    #[test]
    fn a_collapse_has_to_last_and_knows_when_it_began_and_ended() {
        let (mut watch, mut history) = (Watch::default(), History::default());
        let mut look = |done, value| {
            let seen = watch.look("gan", (done, 100), &[sign(value)], &mut history);
            (watch.suspects(), seen.map(|c| c.step))
        };
        assert_eq!(look(10, 0.0), (false, None), "everything starts out the same");
        assert_eq!(look(30, 0.05), (true, None), "once is no collapse");
        assert_eq!(look(40, 0.5), (false, None));
        assert_eq!(look(50, 0.04), (true, None));
        assert_eq!(look(60, 0.03), (true, Some(50)));
        assert_eq!(look(70, 0.03), (true, None), "said once");
        assert_eq!(look(80, 0.2), (false, None));
        let collapse = &history.collapses()[0];
        assert_eq!((collapse.step, collapse.value, collapse.until), (50, 0.04, Some(80)));
        assert_eq!(collapse.bound.to_string(), "at least 0.1");
    }

    #[test]
    fn diversity_is_the_ratio_of_standard_deviations() {
        // Rows that differ by ±2 and by ±1 in every pixel; equal rows.
        let rows =
            |by: f32| Tensor::new(&[[3.0 + by, 5.0 - by], [3.0 - by, 5.0 + by]], &Device::Cpu).unwrap();
        assert!((diversity(&rows(1.0), &rows(2.0)).unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(diversity(&rows(0.0), &rows(2.0)).unwrap(), 0.0);
        assert!(diversity(&rows(1.0), &rows(0.0)).unwrap().is_finite());
    }
}
