//! The one pass over the images: what is measured of each pair, in memory that does not grow with their pixels.

use generators::dataset::{Dataset, DatasetError};
use rayon::prelude::*;

use super::context::Nominal;
use super::design::{Design, Pair};
use super::outside::{self, Footprint};
use super::trivial::Plain;

/// What was measured of a pair; two entries are the healthy and the anomalous member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// What the nominal slice shows.
    pub nominal: [Nominal; 2],
    /// Outside the defect's reach: see [`outside::measure`].
    pub outside: [Vec<f32>; 2],
    /// What trivial rules look at.
    pub plain: [Plain; 2],
    /// The greatest difference in grey levels between the change map and |image - twin|; `None` without a change map.
    pub change_error: Option<f64>,
    /// The greatest difference in grey levels between image and twin outside the defect's reach; `None` where
    /// it reaches everything.
    pub beyond: Option<f64>,
}

/// Measures every pair.
///
/// # Errors
/// A file that is missing, damaged or of another size than the manifest says.
pub fn measure(
    dataset: &Dataset,
    pairs: &[Pair<'_>],
    design: &Design,
) -> Result<Vec<Measured>, DatasetError> {
    let mut of_episode: Vec<Vec<usize>> = vec![Vec::new(); design.episodes.len()];
    design.episode.iter().enumerate().for_each(|(pair, &episode)| of_episode[episode].push(pair));
    let measured: Vec<Vec<(usize, Measured)>> = of_episode
        .into_par_iter()
        .map(|mut indices| {
            indices.sort_by_key(|&i| pairs[i].anomalous.layer);
            let mut footprint = Footprint::new(dataset.manifest().image_px, dataset.manifest().px_per_mm);
            indices.into_iter().map(|i| Ok((i, one(dataset, &pairs[i], &mut footprint)?))).collect()
        })
        .collect::<Result<_, DatasetError>>()?;
    let mut all = vec![Measured::default(); pairs.len()];
    measured.into_iter().flatten().for_each(|(i, one)| all[i] = one);
    Ok(all)
}

/// Measures one pair; `footprint` is that of the episode's layers before.
fn one(dataset: &Dataset, pair: &Pair<'_>, footprint: &mut Footprint) -> Result<Measured, DatasetError> {
    let size_px = dataset.manifest().image_px;
    let white = f64::from((1u32 << dataset.manifest().bits) - 1);
    let rows = [pair.healthy, pair.anomalous];
    let [healthy, anomalous] = [dataset.read_as_found(&rows[0].file)?, dataset.read_as_found(&rows[1].file)?];
    let mask = pair.anomalous.mask.as_deref().map(|mask| dataset.read_as_found(mask)).transpose()?;
    footprint.grow(pair.anomalous, &mask.unwrap_or_default());
    let free = footprint.outside(pair.anomalous);
    let levels = |i: usize| f64::from((anomalous[i] - healthy[i]).abs()) * white;
    let greatest = |of: &mut dyn Iterator<Item = f64>| of.map(f64::round).reduce(f64::max);
    let change_error = match &pair.anomalous.change {
        Some(change) => {
            let change = dataset.read_as_found(change)?;
            greatest(&mut (0..change.len()).map(|i| (levels(i) - f64::from(change[i]) * white).abs()))
        }
        None => None,
    };
    let nominal = |row: &str| Ok::<_, DatasetError>(Nominal::of(&dataset.read_as_found(row)?, size_px));
    let slice = nominal(&rows[0].nominal)?;
    let other = if rows[1].nominal == rows[0].nominal { slice.clone() } else { nominal(&rows[1].nominal)? };
    let bytes = |row: &str| {
        let path = dataset.path(row);
        std::fs::metadata(&path).map(|m| m.len()).map_err(|source| DatasetError::Io {
            action: "read",
            path,
            source,
        })
    };
    Ok(Measured {
        nominal: [slice, other],
        outside: [outside::measure(&healthy, &free), outside::measure(&anomalous, &free)],
        plain: [Plain::of(&healthy, bytes(&rows[0].file)?), Plain::of(&anomalous, bytes(&rows[1].file)?)],
        change_error,
        beyond: greatest(&mut (0..free.len()).filter(|&i| free[i]).map(levels)),
    })
}
