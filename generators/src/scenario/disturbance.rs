//! The entries of `[[fault]]`.

use super::{Anomaly, Result, check_file_name, episode_layers};
use crate::faults::{self, Fault};
use crate::params::{Key, Param, Table};
use crate::registry;

/// One entry of `[[fault]]`.
pub(crate) struct Disturbance {
    /// The label, safe as a file name.
    pub(crate) name: String,
    pub(super) kind: &'static str,
    /// How many images it spoils.
    pub(crate) layers: Param,
    pub(crate) fault: Box<dyn Fault>,
    pub(super) place: Key,
}

/// Reads the faults; no two things that can go wrong may have the same label.
pub(super) fn read(tables: Vec<Table>, anomalies: &[Anomaly]) -> Result<Vec<Disturbance>> {
    let mut disturbances: Vec<Disturbance> = Vec::new();
    for mut table in tables {
        let place = table.place_of("layers").clone();
        let name_place = table.place_of(if table.has("name") { "name" } else { "kind" }).clone();
        let layers = episode_layers(&mut table)?;
        let name = table.string_if_stated("name")?;
        let (kind, fault) = registry::build(faults::KINDS, table)?;
        let name = name.unwrap_or_else(|| kind.to_owned());
        check_file_name("name", &name, &name_place)?;
        let labels = anomalies.iter().map(|a| &a.name).chain(disturbances.iter().map(|d| &d.name));
        if name.eq_ignore_ascii_case("good") || labels.into_iter().any(|l| l.eq_ignore_ascii_case(&name)) {
            return Err(name_place
                .error(format!("`{name}` is the label of other images"))
                .with_help("give the fault another `name`"));
        }
        disturbances.push(Disturbance { name, kind, layers, fault, place });
    }
    Ok(disturbances)
}
