//! Reading numbers that may be distributions.

use std::ops::RangeInclusive;

use super::{Key, Result, Table, Value, check_range, list};
use crate::params::{Distribution, Param, Per};

impl Table {
    /// A number or a distribution whose every value lies within `range`.
    pub fn param(
        &mut self,
        key: &'static str,
        default: impl Into<Option<Param>>,
        range: RangeInclusive<f64>,
    ) -> Result<Param> {
        match self.param_if_stated(key, range.clone())? {
            Some(stated) => Ok(stated),
            None => {
                let default = default.into().ok_or_else(|| self.missing(key))?;
                self.varied_default(key, default, range)
            }
        }
    }

    /// A number or a distribution whose every value lies within `range`, where the key is there.
    pub fn param_if_stated(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<Param>> {
        let Some((_, value, place)) = self.get(key).cloned() else { return Ok(None) };
        let mut table = match value {
            Value::Integer(_) | Value::Float(_) => {
                let fixed = Self::distribution(key, &value, &place, &range)?;
                return Ok(Some(Param::of(fixed, range)));
            }
            Value::Table(table) => table,
            other => {
                return Err(place.error(format!(
                    "`{key}` must be a number or a distribution such as {{ uniform = [0.0, 1.0] }}, not {}",
                    other.kind()
                )));
            }
        };
        let per = if table.choice("per", Some(0), &["job", "layer"])? == 0 { Per::Job } else { Per::Layer };
        let [jitter, drift] = [table.change("jitter")?, table.change("drift")?];
        let distribution = table.one_distribution(key, &range)?;
        table.finish()?;
        Ok(Some(Param { distribution, per, jitter, drift, range }))
    }

    /// The default of `key`, as wide as the table's ranges are to be.
    fn varied_default(&self, key: &str, default: Param, range: RangeInclusive<f64>) -> Result<Param> {
        let Some(variability) = &self.variability else { return Ok(default) };
        let distribution = variability
            .apply(&self.title_of(key), default.distribution.clone(), &range)
            .map_err(|e| self.place.error(format!("`{key}`: {e}")))?;
        // A default's own range is what it draws from.
        let range = if distribution == default.distribution { default.range } else { range };
        Ok(Param { distribution, range, ..default })
    }

    /// What is added to a value from layer to layer; it may be anything.
    fn change(&mut self, key: &'static str) -> Result<Option<Distribution>> {
        let stated = self.get(key).cloned();
        let everywhere = f64::NEG_INFINITY..=f64::INFINITY;
        stated.map(|(_, value, place)| Self::distribution(key, &value, &place, &everywhere)).transpose()
    }

    fn distribution(
        key: &str,
        value: &Value,
        place: &Key,
        range: &RangeInclusive<f64>,
    ) -> Result<Distribution> {
        match value {
            Value::Table(table) => {
                let mut table = table.clone();
                let distribution = table.one_distribution(key, range)?;
                table.finish().map(|()| distribution)
            }
            other => {
                let number = other.number().ok_or_else(|| {
                    place.error(format!("`{key}` must be a number or a distribution, not {}", other.kind()))
                })?;
                check_range(key, number, range, place)?;
                Ok(Distribution::Fixed(number))
            }
        }
    }

    fn one_distribution(&mut self, key: &str, range: &RangeInclusive<f64>) -> Result<Distribution> {
        const KINDS: [&str; 5] = ["value", "uniform", "normal", "log-uniform", "choice"];
        let stated: Vec<&str> = KINDS.into_iter().filter(|kind| self.has(kind)).collect();
        self.asked.extend(KINDS);
        let [kind] = stated[..] else {
            // A misspelt distribution is the likelier mistake than none at all.
            self.clone().finish()?;
            return Err(self.place.error(format!("`{key}` needs exactly one of {}", list(&KINDS))));
        };
        let everywhere = f64::NEG_INFINITY..=f64::INFINITY;
        let stated = match kind {
            "value" => Distribution::Fixed(self.number("value", None, range.clone())?),
            "choice" => {
                let items = self.numbers("choice", None, None, range.clone())?;
                if items.is_empty() {
                    return Err(self.place_of("choice").error("`choice` must not be empty"));
                }
                Distribution::Choice(items)
            }
            "normal" => {
                let v = self.numbers("normal", None, Some(2), everywhere)?;
                check_range("normal", v[0], range, self.place_of("normal"))?;
                if v[1] < 0.0 {
                    return Err(self
                        .place_of("normal")
                        .error("`normal = [mean, deviation]` needs a deviation of at least 0"));
                }
                Distribution::Normal { mean: v[0], deviation: v[1] }
            }
            _ => {
                let (name, least) = if kind == "uniform" {
                    ("uniform", f64::NEG_INFINITY)
                } else {
                    ("log-uniform", f64::MIN_POSITIVE)
                };
                let v = self.numbers(name, None, Some(2), everywhere)?;
                let place = self.place_of(name);
                if v[0] > v[1] {
                    return Err(place.error(format!(
                        "`{name} = [low, high]` needs low <= high, not {} > {}",
                        v[0], v[1]
                    )));
                }
                for &end in &v {
                    check_range(key, end, range, place)?;
                    check_range(name, end, &(least..=f64::INFINITY), place)?;
                }
                if kind == "uniform" {
                    Distribution::Uniform { low: v[0], high: v[1] }
                } else {
                    Distribution::LogUniform { low: v[0], high: v[1] }
                }
            }
        };
        let Some(variability) = &self.variability else { return Ok(stated) };
        variability.apply(&self.title, stated, range).map_err(|e| {
            let place = self.place_of(kind);
            place.error(format!("`{key}`: {e}")).with_help("state another range, or no other width")
        })
    }
}
