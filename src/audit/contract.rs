//! What image and twin have to share to the last bit, beside the probes.

use super::design::Pair;
use super::images::Measured;
use crate::report::record::{Contract, Share};

/// Checks every pair.
pub fn check(pairs: &[Pair<'_>], measured: &[Measured]) -> Vec<Contract> {
    let of_levels = |name: &str, of: fn(&Measured) -> Option<f64>| {
        let levels: Vec<f64> = measured.iter().filter_map(of).collect();
        let broken = levels.iter().filter(|&&l| l != 0.0).count();
        Contract {
            name: name.to_owned(),
            broken: Share::new(broken, levels.len()),
            largest_levels: levels.iter().copied().reduce(f64::max),
        }
    };
    let broken = pairs.iter().filter(|pair| !same_parameters(pair)).count();
    vec![
        Contract {
            name: "every parameter of the ledger but the defect’s own".to_owned(),
            broken: Share::new(broken, pairs.len()),
            largest_levels: None,
        },
        of_levels("the change map is |image − twin|", |m| m.change_error),
        of_levels("the image outside the defect’s reach", |m| m.beyond),
    ]
}

fn same_parameters(pair: &Pair<'_>) -> bool {
    let of = |row: &generators::dataset::Row| {
        let shared = row.parameters.iter().filter(|(name, _)| !name.starts_with("defect."));
        shared.map(|(name, value)| (name.clone(), value.to_bits())).collect::<Vec<_>>()
    };
    of(pair.healthy) == of(pair.anomalous)
}
