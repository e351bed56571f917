//! Probes of what is known of a layer without its image: job, layer, part area, file order, name, position, nominal slice.

use std::collections::{BTreeMap, BTreeSet};

use generators::dataset::Row;

use super::Probe;
use super::design::Pair;
use super::images::Measured;
use crate::representations::Matrix;

/// Fields along one side of the coarse picture that the nominal slice is reduced to.
pub const FIELDS: usize = 8;

/// What the slice of a layer shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nominal {
    /// Printed share of each of [`FIELDS`] x [`FIELDS`] fields, row by row.
    pub shares: Vec<f32>,
    /// Where the middle of the printed area lies, from 0 at the left and top to 1.
    pub centre: [f32; 2],
}

impl Nominal {
    /// Reduces a slice of `size_px` x `size_px` printed shares.
    pub fn of(slice: &[f32], size_px: usize) -> Self {
        let field = |place: usize| (place * FIELDS / size_px.max(1)).min(FIELDS - 1);
        let (mut sums, mut counts) = (vec![0.0f64; FIELDS * FIELDS], vec![0.0f64; FIELDS * FIELDS]);
        let (mut all, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
        for (i, &share) in slice.iter().enumerate() {
            let (x, y, share) = (i % size_px, i / size_px, f64::from(share));
            let at = field(y) * FIELDS + field(x);
            sums[at] += share;
            counts[at] += 1.0;
            all += share;
            x_sum += share * (x as f64 + 0.5);
            y_sum += share * (y as f64 + 0.5);
        }
        let shares =
            sums.iter().zip(&counts).map(|(sum, count)| (sum / f64::max(*count, 1.0)) as f32).collect();
        let middle = |sum: f64| if all > 0.0 { (sum / all / size_px as f64) as f32 } else { 0.5 };
        Self { shares, centre: [middle(x_sum), middle(y_sum)] }
    }
}

/// The probes of `pairs`; `rows` is the whole ledger.
pub fn probes(rows: &[Row], pairs: &[Pair<'_>], measured: &[Measured]) -> Vec<Probe> {
    let number = |name: &'static str, of: &dyn Fn(&Row) -> f64| {
        probe(name, pairs, |pair, member| vec![of(pair.member(member)) as f32])
    };
    let order = order(rows);
    let stems: BTreeSet<&str> =
        pairs.iter().flat_map(|p| [stem(&p.healthy.file), stem(&p.anomalous.file)]).collect();
    let stems: BTreeMap<&str, usize> = stems.into_iter().zip(0..).collect();
    let poses: BTreeSet<&str> = pairs
        .iter()
        .flat_map(|p| p.healthy.parameters.keys().chain(p.anomalous.parameters.keys()))
        .filter(|name| name.starts_with("copy"))
        .map(String::as_str)
        .collect();
    vec![
        number("job", &|row| f64::from(row.job)),
        number("layer", &|row| f64::from(row.layer)),
        number("part area", &|row| parameter(row, "part_area_mm2")),
        probe("file order", pairs, |pair, member| vec![order[pair.places[member]] as f32]),
        probe("file name", pairs, |pair, member| name(stem(&pair.member(member).file), &stems)),
        probe_of("position on the bed", pairs.len(), |i, member| {
            let pose = poses.iter().map(|name| parameter(pairs[i].member(member), name) as f32);
            pose.chain(measured[i].nominal[member].centre).collect()
        }),
        probe_of("nominal slice", pairs.len(), |i, member| measured[i].nominal[member].shares.clone()),
    ]
}

impl Pair<'_> {
    /// The healthy (0) or the anomalous (1) row.
    fn member(&self, member: usize) -> &Row {
        if member == 0 { self.healthy } else { self.anomalous }
    }
}

/// A parameter of the ledger; a column of zeros where no row has it.
fn parameter(row: &Row, name: &str) -> f64 {
    row.parameters.get(name).copied().unwrap_or(0.0)
}

fn probe(name: &'static str, pairs: &[Pair<'_>], of: impl Fn(&Pair<'_>, usize) -> Vec<f32>) -> Probe {
    probe_of(name, pairs.len(), |i, member| of(&pairs[i], member))
}

fn probe_of(name: &'static str, pairs: usize, of: impl Fn(usize, usize) -> Vec<f32>) -> Probe {
    let matrix = |member: usize| {
        let values: Vec<f32> = (0..pairs).flat_map(|i| of(i, member)).collect();
        Matrix::new(pairs, values.len() / pairs.max(1), values)
    };
    let twins = [matrix(0), matrix(1)];
    Probe { name, layer: Some(twins[0].clone()), twins }
}

/// The place of each row in the ledger; rows of one layer that stand together, as twins do, share it.
fn order(rows: &[Row]) -> Vec<usize> {
    let mut place = 0;
    let mut order = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if at > 0
            && (row.job, row.layer, row.split) != (rows[at - 1].job, rows[at - 1].layer, rows[at - 1].split)
        {
            place = at;
        }
        order.push(place);
    }
    order
}

/// The name of a file without its folder, which says the class by design, and without what follows the last dot.
pub fn stem(file: &str) -> &str {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// A name in numbers: its place among all, its length, and the sum of its characters that are no digits.
fn name(stem: &str, among: &BTreeMap<&str, usize>) -> Vec<f32> {
    let letters: u32 = stem.chars().filter(|c| !c.is_ascii_digit()).map(u32::from).sum();
    vec![among.get(stem).map_or(0.0, |&place| place as f32), stem.chars().count() as f32, letters as f32]
}
