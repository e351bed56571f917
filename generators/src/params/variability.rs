//! How much further than stated parameters stray: the variability level of Zeiser et al. (2023, section 6).

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use super::Distribution;

/// A factor on the width of every range that is read under it, and what became of each.
#[derive(Clone, Debug)]
pub(crate) struct Variability {
    width: f64,
    widened: Arc<Mutex<Vec<Widened>>>,
}

/// A range that was widened.
#[derive(Clone, Debug, PartialEq)]
pub struct Widened {
    /// The parameter, as in `print.texture.amplitude_c`.
    pub parameter: String,
    /// Where the parameter cannot be all that the wider range holds.
    pub clamped: Option<Clamped>,
}

/// A range that ends where its parameter's values do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamped {
    /// The ends that its width asks for.
    pub wanted: [f64; 2],
    /// The ends that it has.
    pub kept: [f64; 2],
}

/// Why a range has no other width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwidenable {
    /// Values in no order.
    #[error("a choice between values has no width")]
    Choice,
    /// An end or a deviation would not be a finite number.
    #[error("so wide a range has no end")]
    Infinite,
}

impl Variability {
    /// Every range `width` times as wide.
    pub(crate) fn new(width: f64) -> Self {
        Self { width, widened: Arc::default() }
    }

    /// What a number is drawn from where the scenario states `distribution` for `parameter`, which may be in `allowed`;
    /// see [`Distribution::widened`].
    ///
    /// # Errors
    /// Where it has no other width.
    pub(crate) fn apply(
        &self,
        parameter: &str,
        distribution: Distribution,
        allowed: &RangeInclusive<f64>,
    ) -> Result<Distribution, Unwidenable> {
        if self.width == 1.0 || matches!(distribution, Distribution::Fixed(_)) {
            return Ok(distribution);
        }
        let wider = distribution.widened(self.width)?;
        let wanted = wider.ends();
        let kept = wider.within(allowed);
        let clamped = wanted.zip(kept.ends()).filter(|(wanted, kept)| wanted != kept);
        let clamped = clamped.map(|(wanted, kept)| Clamped { wanted, kept });
        let mut widened = self.widened.lock().unwrap_or_else(PoisonError::into_inner);
        widened.push(Widened { parameter: parameter.to_owned(), clamped });
        Ok(kept)
    }

    /// Every range that was read, in the order of the reading.
    pub(crate) fn widened(&self) -> Vec<Widened> {
        self.widened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Distribution {
    /// The same with `width` times the spread about the same middle: for a uniform range half the sum of its ends, for a
    /// log-uniform one their geometric mean, for a normal one its mean. A width of 1 changes nothing, to the bit; of 0, only the
    /// middle is drawn. A fixed value stays.
    ///
    /// # Errors
    /// For a choice between values, and where an end would not be finite.
    pub(crate) fn widened(&self, width: f64) -> Result<Self, Unwidenable> {
        let further = (width - 1.0) / 2.0;
        let wider = match *self {
            Self::Fixed(value) => Self::Fixed(value),
            Self::Uniform { low, high } => {
                let by = further * (high - low);
                let [low, high] = ordered(low - by, high + by);
                Self::Uniform { low, high }
            }
            Self::LogUniform { low, high } => {
                let by = (high / low).powf(further);
                let [low, high] = ordered(low / by, high * by);
                Self::LogUniform { low, high }
            }
            Self::Normal { mean, deviation } => Self::Normal { mean, deviation: deviation * width },
            Self::Choice(_) => return Err(Unwidenable::Choice),
        };
        let finite = match wider {
            Self::Normal { deviation, .. } => deviation.is_finite(),
            Self::LogUniform { low, high } => low > 0.0 && high.is_finite(),
            _ => wider.ends().is_none_or(|[low, high]| low.is_finite() && high.is_finite()),
        };
        if finite { Ok(wider) } else { Err(Unwidenable::Infinite) }
    }

    /// Least and greatest value, of a range that has them.
    fn ends(&self) -> Option<[f64; 2]> {
        match *self {
            Self::Uniform { low, high } | Self::LogUniform { low, high } => Some([low, high]),
            _ => None,
        }
    }

    /// The part of the range that lies in `allowed`; what is normal is cut when it is drawn.
    fn within(self, allowed: &RangeInclusive<f64>) -> Self {
        let cut = |value: f64| value.clamp(*allowed.start(), *allowed.end());
        match self {
            Self::Uniform { low, high } => Self::Uniform { low: cut(low), high: cut(high) },
            Self::LogUniform { low, high } => Self::LogUniform { low: cut(low), high: cut(high) },
            other => other,
        }
    }
}

/// Both ends, or their mean twice where rounding has put them in the wrong order.
fn ordered(low: f64, high: f64) -> [f64; 2] {
    if low <= high { [low, high] } else { [(low + high) / 2.0; 2] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::Stream;

    fn ranges() -> impl Strategy<Value = Distribution> {
        let ends = |low: f64| (low..100.0, 0.0..100.0f64);
        prop_oneof![
            ends(-100.0).prop_map(|(low, span)| Distribution::Uniform { low, high: low + span }),
            ends(0.01).prop_map(|(low, span)| Distribution::LogUniform { low, high: low + span }),
            ends(-100.0).prop_map(|(mean, deviation)| Distribution::Normal { mean, deviation }),
            (-100.0..100.0).prop_map(Distribution::Fixed),
        ]
    }

    proptest! {
        #[test]
        fn one_changes_nothing_and_nought_leaves_the_middle(range in ranges(), seed in 0u64..99) {
            prop_assert_eq!(&range.widened(1.0).unwrap(), &range);
            let middle = match range {
                Distribution::Uniform { low, high } => (low + high) / 2.0,
                Distribution::LogUniform { low, high } => (low * high).sqrt(),
                Distribution::Normal { mean, .. } => mean,
                Distribution::Fixed(value) => value,
                Distribution::Choice(_) => unreachable!("no range"),
            };
            let drawn = range.widened(0.0).unwrap().draw(&mut Stream::root(seed));
            prop_assert!((drawn - middle).abs() <= 1e-9 * middle.abs().max(1.0), "{} for {}", drawn, middle);
        }

        /// The same draw lies `width` times as far from the middle, in the scale of the range.
        #[test]
        fn draws_move_away_from_the_middle_in_proportion(range in ranges(), width in 0.0..4.0f64, seed in 0u64..99) {
            let draw = |width| range.widened(width).unwrap().draw(&mut Stream::root(seed));
            let scale = |value: f64| if matches!(range, Distribution::LogUniform { .. }) { value.ln() } else { value };
            let [middle, once, wider] = [draw(0.0), draw(1.0), draw(width)].map(scale);
            prop_assert!((wider - middle - width * (once - middle)).abs() < 1e-6, "{} {} {}", middle, once, wider);
        }
    }

    #[test]
    fn a_range_ends_where_its_parameter_does_and_says_so() {
        let variability = Variability::new(3.0);
        let uniform = Distribution::Uniform { low: 0.2, high: 0.6 };
        let kept = variability.apply("thermal.retain", uniform.clone(), &(0.0..=1.0)).unwrap();
        assert_eq!(kept, Distribution::Uniform { low: 0.0, high: 1.0 });
        variability.apply("print.temperature_c", uniform, &(-100.0..=100.0)).unwrap();
        variability.apply("bed.temperature_c", Distribution::Fixed(9.0), &(0.0..=1.0)).unwrap();
        let [retain, print] = &variability.widened()[..] else { panic!("a fixed value is no range") };
        let Clamped { wanted: [low, high], kept } = retain.clamped.unwrap();
        assert!((low + 0.2).abs() < 1e-12 && (high - 1.0).abs() < 1e-12 && kept == [0.0, 1.0]);
        assert_eq!((print.parameter.as_str(), print.clamped), ("print.temperature_c", None));
    }

    #[test]
    fn what_has_no_width_is_refused() {
        assert_eq!(Distribution::Choice(vec![1.0, 2.0]).widened(2.0), Err(Unwidenable::Choice));
        let endless = Distribution::LogUniform { low: 1e-200, high: 1e200 };
        assert_eq!(endless.widened(3.0), Err(Unwidenable::Infinite));
        assert_eq!(
            Distribution::Normal { mean: 0.0, deviation: 1e300 }.widened(1e10),
            Err(Unwidenable::Infinite)
        );
    }
}
