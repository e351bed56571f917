//! Reading a scenario's tables by hand, so that every error knows its line and column.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScenarioError;
use super::variability::Variability;

mod edit;
mod param;
mod stage;

type Result<T> = std::result::Result<T, Box<ScenarioError>>;

#[derive(Debug)]
struct Document {
    file: String,
    text: String,
}

/// A place in the scenario that an error can point at.
#[derive(Clone, Debug)]
pub struct Key {
    document: Arc<Document>,
    range: Range<usize>,
}

impl Key {
    /// The scenario's file, as errors name it.
    pub fn file(&self) -> &str {
        &self.document.file
    }

    /// An error here.
    pub fn error(&self, message: impl Display) -> Box<ScenarioError> {
        ScenarioError::new(&self.document.file, &self.document.text, self.range.clone(), message.to_string())
    }
}

#[derive(Clone, Debug)]
enum Value {
    Integer(i64),
    Float(f64),
    Boolean(bool),
    String(String),
    Array(Vec<(Value, Key)>),
    Table(Table),
    Datetime,
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
            Self::Datetime => "a date",
        }
    }

    /// What it says, without places or layout.
    fn canonical(&self) -> String {
        match self {
            Self::Integer(i) => format!("{:?}", *i as f64),
            Self::Float(f) => format!("{f:?}"),
            Self::Boolean(b) => b.to_string(),
            Self::String(s) => format!("{s:?}"),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(|(item, _)| item.canonical()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(table) => format!("{{{}}}", table.canonical(&|_| true)),
            Self::Datetime => "date".to_owned(),
        }
    }

    /// What it says, to be written again; no date, which no scenario may have.
    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            Self::Integer(i) => (*i).into(),
            Self::Float(f) => (*f).into(),
            Self::Boolean(b) => (*b).into(),
            Self::String(s) => s.as_str().into(),
            Self::Array(items) => {
                items.iter().filter_map(|(item, _)| item.to_toml()).collect::<Vec<_>>().into()
            }
            Self::Table(table) => table.to_toml(&|_| true).into(),
            Self::Datetime => return None,
        })
    }

    fn integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(i) => Some(i),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match *self {
            Self::Integer(i) => Some(i as f64),
            Self::Float(f) => Some(f),
            _ => None,
        }
    }
}

/// Of more choices than this only the nearest are listed.
const MOST_LISTED: usize = 20;

/// One table of a scenario, read key by key; [`Table::finish`] refuses what nobody asked for.
///
/// Ask for every key that the table may have, in any order, then call `finish`.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    place: Key,
    entries: BTreeMap<String, (Key, Value, Key)>,
    asked: Vec<&'static str>,
    /// How wide the ranges in it are, where that is not what they say.
    variability: Option<Variability>,
}

impl Table {
    /// Parses the text of a scenario; `file` is how errors name it.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let document = Arc::new(Document { file: file.to_owned(), text: text.to_owned() });
        match DeTable::parse(text) {
            Ok(root) => Self::from_toml(&document, String::new(), 0..0, root.get_ref()),
            Err(e) => {
                let key = Key { document, range: e.span().unwrap_or(0..0) };
                Err(key.error(e.message().trim().replace('\n', ", ")))
            }
        }
    }

    fn from_toml(
        document: &Arc<Document>,
        title: String,
        range: Range<usize>,
        table: &DeTable<'_>,
    ) -> Result<Self> {
        let mut entries = BTreeMap::new();
        for (name, value) in table {
            let key = Key { document: document.clone(), range: name.span() };
            let title = if title.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{title}.{}", name.get_ref())
            };
            let (value, place) = Self::value(document, title, value)?;
            entries.insert(name.get_ref().to_string(), (key, value, place));
        }
        let place = Key { document: document.clone(), range };
        Ok(Self { title, place, entries, asked: Vec::new(), variability: None })
    }

    fn value(document: &Arc<Document>, title: String, value: &Spanned<DeValue<'_>>) -> Result<(Value, Key)> {
        let place = Key { document: document.clone(), range: value.span() };
        let value = match value.get_ref() {
            DeValue::Integer(i) => Value::Integer(
                i64::from_str_radix(i.as_str(), i.radix())
                    .map_err(|_| place.error("this integer is too large"))?,
            ),
            DeValue::Float(f) => {
                Value::Float(f.as_str().parse().map_err(|_| place.error("this is not a number that fits"))?)
            }
            DeValue::Boolean(b) => Value::Boolean(*b),
            DeValue::String(s) => Value::String(s.to_string()),
            DeValue::Datetime(_) => Value::Datetime,
            DeValue::Array(items) => Value::Array(
                items.iter().map(|item| Self::value(document, title.clone(), item)).collect::<Result<_>>()?,
            ),
            DeValue::Table(table) => Value::Table(Self::from_toml(document, title, value.span(), table)?),
        };
        Ok((value, place))
    }

    /// The dotted name, as in `texture.bed`; empty for the whole document.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where the table stands.
    pub fn place(&self) -> &Key {
        &self.place
    }

    /// Where the value of `key` stands, or the table where it is absent.
    pub fn place_of(&self, key: &str) -> &Key {
        self.entries.get(key).map_or(&self.place, |(_, _, place)| place)
    }

    /// The entries as the scenario states them, `key = value` each, in alphabetical order.
    pub fn settings(&self) -> Vec<String> {
        let text = |place: &Key| place.document.text.get(place.range.clone()).unwrap_or_default().to_owned();
        self.entries.iter().map(|(name, (_, _, place))| format!("{name} = {}", text(place))).collect()
    }

    /// What the entries say whose key is `wanted`, without places, comments or layout: equal for
    /// tables that say the same.
    pub fn canonical(&self, wanted: &dyn Fn(&str) -> bool) -> String {
        let entries = self.entries.iter().filter(|(key, _)| wanted(key));
        let said: Vec<String> =
            entries.map(|(key, (_, value, _))| format!("{key:?} = {}", value.canonical())).collect();
        said.join(", ")
    }

    /// The entries whose key is `wanted`, to be written again: what is read from them says the same.
    pub fn to_toml(&self, wanted: &dyn Fn(&str) -> bool) -> toml::Table {
        let entries = self.entries.iter().filter(|(key, _)| wanted(key));
        entries.filter_map(|(key, (_, value, _))| Some((key.clone(), value.to_toml()?))).collect()
    }

    fn heading(&self) -> String {
        if self.title.is_empty() { "the scenario".to_owned() } else { format!("[{}]", self.title) }
    }

    fn get(&mut self, key: &'static str) -> Option<&(Key, Value, Key)> {
        self.asked.push(key);
        self.entries.get(key)
    }

    fn missing(&self, key: &str) -> Box<ScenarioError> {
        self.place.error(format!("{} needs `{key}`", self.heading()))
    }

    /// True where the scenario states `key`.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<(T, Key)>> {
        let Some((_, value, place)) = self.get(key) else {
            return Ok(None);
        };
        match convert(value) {
            Some(converted) => Ok(Some((converted, place.clone()))),
            None => Err(place.error(format!("`{key}` must be {expected}, not {}", value.kind()))),
        }
    }

    /// A fixed number within `range`; `default` where the key is absent, an error where that is `None`.
    pub fn number(
        &mut self,
        key: &'static str,
        default: Option<f64>,
        range: RangeInclusive<f64>,
    ) -> Result<f64> {
        self.number_if_stated(key, range)?.or(default).ok_or_else(|| self.missing(key))
    }

    /// A fixed number within `range`, where the key is there.
    pub fn number_if_stated(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let read = self.read(key, "a number", Value::number)?;
        read.map(|(value, place)| check_range(key, value, &range, &place).map(|()| value)).transpose()
    }

    /// A whole number within `range`; `default` where the key is absent, an error where that is `None`.
    pub fn count(
        &mut self,
        key: &'static str,
        default: Option<usize>,
        range: RangeInclusive<usize>,
    ) -> Result<usize> {
        self.count_if_stated(key, range)?.or(default).ok_or_else(|| self.missing(key))
    }

    /// A whole number within `range`, where the key is there.
    pub fn count_if_stated(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>> {
        let read = self.read(key, "a whole number", Value::integer)?;
        read.map(|(value, place)| check_count(key, value, &range, &place)).transpose()
    }

    /// Whole numbers, each within `range`; none where the key is absent.
    pub fn counts(&mut self, key: &'static str, range: RangeInclusive<usize>) -> Result<Vec<usize>> {
        let Some((_, value, place)) = self.get(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else {
            return Err(
                place.error(format!("`{key}` must be an array of whole numbers, not {}", value.kind()))
            );
        };
        items
            .iter()
            .map(|(item, place)| match item.integer() {
                Some(value) => check_count(key, value, &range, place),
                None => {
                    Err(place.error(format!("`{key}` must hold whole numbers, and this is {}", item.kind())))
                }
            })
            .collect()
    }

    /// A seed: any integer from 0.
    pub fn seed(&mut self, key: &'static str, default: u64) -> Result<u64> {
        Ok(self.count(key, Some(default as usize), 0..=usize::MAX)? as u64)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> Result<bool> {
        let read = self.read(key, "true or false", |v| match v {
            Value::Boolean(b) => Some(*b),
            _ => None,
        })?;
        Ok(read.map_or(default, |(flag, _)| flag))
    }

    /// A string; `default` where the key is absent, an error where that is `None`.
    pub fn string(&mut self, key: &'static str, default: Option<&str>) -> Result<String> {
        let stated = self.string_if_stated(key)?;
        stated.or(default.map(str::to_owned)).ok_or_else(|| self.missing(key))
    }

    /// A string, where the key is there.
    pub fn string_if_stated(&mut self, key: &'static str) -> Result<Option<String>> {
        let read = self.read(key, "a string", |v| match v {
            Value::String(s) => Some(s.clone()),
            _ => None,
        })?;
        Ok(read.map(|(string, _)| string))
    }

    /// The entry of `choices` that the string at `key` names; `default` is an index into them.
    pub fn choice(&mut self, key: &'static str, default: Option<usize>, choices: &[&str]) -> Result<usize> {
        self.choice_if_stated(key, choices)?.or(default).ok_or_else(|| self.missing(key))
    }

    /// The entry of `choices` that the string at `key` names, where the key is there.
    pub fn choice_if_stated(&mut self, key: &'static str, choices: &[&str]) -> Result<Option<usize>> {
        let name = self.string_if_stated(key)?;
        name.map(|name| pick(key, &name, choices, self.place_of(key))).transpose()
    }

    /// As [`Table::choice`], for an array of strings; none where the key is absent.
    pub fn choices(&mut self, key: &'static str, choices: &[&str]) -> Result<Vec<usize>> {
        self.strings(key, &[])?.iter().map(|(name, place)| pick(key, name, choices, place)).collect()
    }

    /// Numbers, each within `range`; exactly `len` of them where that is stated.
    pub fn numbers(
        &mut self,
        key: &'static str,
        default: Option<&[f64]>,
        len: Option<usize>,
        range: RangeInclusive<f64>,
    ) -> Result<Vec<f64>> {
        let expected = len.map_or("an array of numbers".to_owned(), |n| format!("an array of {n} numbers"));
        let Some((_, value, place)) = self.get(key) else {
            return default.map(<[f64]>::to_vec).ok_or_else(|| self.missing(key));
        };
        let Value::Array(items) = value else {
            return Err(place.error(format!("`{key}` must be {expected}, not {}", value.kind())));
        };
        if len.is_some_and(|n| n != items.len()) {
            return Err(place.error(format!("`{key}` must be {expected}, not of {}", items.len())));
        }
        items
            .iter()
            .map(|(item, place)| {
                let number = item.number().ok_or_else(|| {
                    place.error(format!("`{key}` must be {expected}, and this is {}", item.kind()))
                })?;
                check_range(key, number, &range, place).map(|()| number)
            })
            .collect()
    }

    /// Strings, with the place of each; `default` where the key is absent.
    pub fn strings(&mut self, key: &'static str, default: &[&str]) -> Result<Vec<(String, Key)>> {
        let table_place = self.place.clone();
        let Some((_, value, place)) = self.get(key) else {
            return Ok(default.iter().map(|s| ((*s).to_owned(), table_place.clone())).collect());
        };
        let Value::Array(items) = value else {
            return Err(place.error(format!("`{key}` must be an array of strings, not {}", value.kind())));
        };
        items
            .iter()
            .map(|(item, place)| match item {
                Value::String(s) => Ok((s.clone(), place.clone())),
                other => Err(place.error(format!("`{key}` must hold strings, and this is {}", other.kind()))),
            })
            .collect()
    }

    /// The table at `key`, or an empty one: absent tables consist of defaults.
    pub fn table(&mut self, key: &'static str) -> Result<Self> {
        Ok(self.table_if_stated(key)?.unwrap_or_else(|| self.empty(key)))
    }

    /// The table at `key`, where it is there.
    pub fn table_if_stated(&mut self, key: &'static str) -> Result<Option<Self>> {
        let read = self.read(key, "a table", |v| match v {
            Value::Table(t) => Some(t.clone()),
            _ => None,
        })?;
        Ok(read.map(|(table, _)| table))
    }

    /// What stands for an absent table at `key`.
    fn empty(&self, key: &str) -> Self {
        Self {
            title: self.title_of(key),
            place: self.place.clone(),
            entries: BTreeMap::new(),
            asked: Vec::new(),
            variability: self.variability.clone(),
        }
    }

    /// The dotted name of `key`.
    fn title_of(&self, key: &str) -> String {
        if self.title.is_empty() { key.to_owned() } else { format!("{}.{key}", self.title) }
    }

    /// The table, whose ranges, and those of the tables in it, are as wide as `variability` says.
    pub(crate) fn varied(mut self, variability: &Variability) -> Self {
        for (_, value, _) in self.entries.values_mut() {
            if let Value::Table(table) = value {
                *table = table.clone().varied(variability);
            }
        }
        self.variability = Some(variability.clone());
        self
    }

    /// The tables of the array `[[key]]`, none where it is absent.
    pub fn tables(&mut self, key: &'static str) -> Result<Vec<Self>> {
        let title = self.title_of(key);
        let Some((_, value, place)) = self.get(key) else {
            return Ok(Vec::new());
        };
        let Value::Array(items) = value else {
            let written = format!("[[{title}]], or as an array of {{ … }}");
            return Err(place.error(format!("`{key}` must be written as {written}, not as {}", value.kind())));
        };
        items
            .iter()
            .map(|(item, place)| match item {
                Value::Table(table) => Ok(table.clone()),
                other => Err(place.error(format!("`{key}` must hold tables, and this is {}", other.kind()))),
            })
            .collect()
    }

    /// Every entry of this table as a table of its own, with the place of its name among `known`.
    ///
    /// # Errors
    /// For a name that is not among them, and an entry that is no table.
    pub fn named_tables(self, known: &[&str]) -> Result<Vec<(usize, Self)>> {
        let read = |(name, (key, value, place)): (String, (Key, Value, Key))| {
            let index = pick(&self.title, &name, known, &key)?;
            match value {
                Value::Table(table) => Ok((index, table)),
                other => Err(place.error(format!("`{name}` must be a table, not {}", other.kind()))),
            }
        };
        self.entries.into_iter().map(read).collect()
    }

    /// The keys that somebody asked for and the scenario does not state.
    #[cfg(feature = "contract")]
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        self.asked.iter().copied().filter(|key| !self.has(key)).collect()
    }

    /// Refuses keys that nobody asked for, naming the nearest that somebody did.
    pub fn finish(self) -> Result<()> {
        for (name, (key, _, _)) in &self.entries {
            if !self.asked.contains(&name.as_str()) {
                let error = key.error(format!("unknown key `{name}` in {}", self.heading()));
                return Err(match meant(name, &self.asked) {
                    Some(help) => error.with_help(help),
                    None => {
                        let mut known = self.asked.clone();
                        known.sort_unstable();
                        known.dedup();
                        error.with_help(format!("known keys are {}", list(&known)))
                    }
                });
            }
        }
        Ok(())
    }
}

impl ScenarioError {
    fn with_optional_help(self: Box<Self>, help: Option<String>) -> Box<Self> {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }
}

/// The place of `name` among `choices`.
fn pick(key: &str, name: &str, choices: &[&str], place: &Key) -> Result<usize> {
    choices.iter().position(|c| *c == name).ok_or_else(|| {
        let mut listed = choices.to_vec();
        if listed.len() > MOST_LISTED {
            listed.sort_by_key(|choice| strsim::damerau_levenshtein(name, choice));
            listed.truncate(MOST_LISTED / 2);
        }
        let others = match choices.len() - listed.len() {
            0 => String::new(),
            n => format!(" and {n} others"),
        };
        place
            .error(format!("`{key}` cannot be `{name}`; choose from {}{others}", list(&listed)))
            .with_optional_help(meant(name, choices))
    })
}

fn check_count(key: &str, value: i64, range: &RangeInclusive<usize>, place: &Key) -> Result<usize> {
    match usize::try_from(value) {
        Ok(count) if range.contains(&count) => Ok(count),
        _ if *range.end() == usize::MAX => {
            Err(place.error(format!("`{key}` is {value} but must be at least {}", range.start())))
        }
        _ => Err(place.error(format!(
            "`{key}` is {value} but must be between {} and {}",
            range.start(),
            range.end()
        ))),
    }
}

fn check_range(key: &str, value: f64, range: &RangeInclusive<f64>, place: &Key) -> Result<()> {
    if value.is_finite() && range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (*range.start(), *range.end());
    Err(place.error(if !value.is_finite() {
        format!("`{key}` must be a finite number, not {}", value.to_string().to_lowercase())
    } else if high == f64::INFINITY && low == f64::MIN_POSITIVE {
        format!("`{key}` is {value} but must be greater than 0")
    } else if high == f64::INFINITY {
        format!("`{key}` is {value} but must be at least {low}")
    } else {
        format!("`{key}` is {value} but must be between {low} and {high}")
    }))
}

/// `a`, `b` or `c`, each in backquotes.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    quoted.join(", ")
}

/// "did you mean `x`?" for the nearest of the known names, if it is near.
fn meant(name: &str, known: &[&str]) -> Option<String> {
    nearest(name, known).map(|known| format!("did you mean `{known}`?"))
}

/// The known name that is most like `name`, at most a third of the letters away.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .min()
        .filter(|&(distance, known)| distance <= known.len().max(name.len()).div_ceil(3))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
