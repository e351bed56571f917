//! How a scenario names one of several kinds of thing, and how one more kind is added.

#[cfg(feature = "contract")]
pub mod contract;

use crate::params::{ScenarioError, Table};

/// One kind of defect, texture, detector or separator: its name in a scenario, what it is, where it
/// comes from, an example, and how it is built from its table.
///
/// A new kind is one file with one constant of this type, and one line in the list of its room.
pub struct Kind<T: ?Sized + 'static> {
    /// The value of `kind` in a scenario.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// The paper (with DOI) that describes it, or `own`.
    pub source: &'static str,
    /// A TOML table, without `kind`, that sets every parameter; the contract tests run it.
    pub example: &'static str,
    /// Builds it from its table; asks for every key it knows, and leaves `finish` to [`build`].
    pub build: fn(&mut Table) -> Result<Box<T>, Box<ScenarioError>>,
}

/// Builds the kind that the key `kind` of `table` names, and refuses unknown keys.
pub fn build<T: ?Sized>(
    kinds: &[Kind<T>],
    table: Table,
) -> Result<(&'static str, Box<T>), Box<ScenarioError>> {
    build_or(kinds, None, table)
}

/// As [`build`], with the kind that is meant where the table names none.
pub fn build_or<T: ?Sized>(
    kinds: &[Kind<T>],
    default: Option<&str>,
    mut table: Table,
) -> Result<(&'static str, Box<T>), Box<ScenarioError>> {
    let names: Vec<&str> = kinds.iter().map(|k| k.name).collect();
    let default = default.and_then(|name| names.iter().position(|n| *n == name));
    let kind = &kinds[table.choice("kind", default, &names)?];
    let built = (kind.build)(&mut table)?;
    table.finish()?;
    Ok((kind.name, built))
}
