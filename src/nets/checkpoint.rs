//! The state of a training run in one file, from which it goes on to the identical result.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Adam, NetsError, Parameters, store};

/// How far a run is, beside its weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identifies data and settings: the state of another run is not resumed.
    pub fingerprint: String,
    /// What has to be built before the networks can be read, where another run is to read them; else null.
    pub architecture: serde_json::Value,
    /// Finished steps.
    pub step: usize,
    /// Whatever else the run needs, as text: loss curves as JSON, for example.
    pub notes: String,
}

/// Writes networks, optimisers and `checkpoint` to `path` atomically. Each network and each optimiser has a
/// prefix of its own: `("critic", &critic)`.
///
/// # Errors
/// [`NetsError::NotFinite`], [`NetsError::Io`]; [`NetsError::Duplicate`] where two networks share a prefix.
pub fn save(
    path: &Path,
    checkpoint: &Checkpoint,
    networks: &[(&str, &Parameters)],
    optimisers: &[(&str, &Adam)],
) -> Result<(), NetsError> {
    let mut tensors = BTreeMap::new();
    for (prefix, network) in networks {
        for (name, tensor) in network.tensors() {
            let name = format!("network/{prefix}/{name}");
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(NetsError::Duplicate { name });
            }
        }
    }
    let mut header = store::Header {
        fingerprint: checkpoint.fingerprint.clone(),
        architecture: checkpoint.architecture.clone(),
        step: checkpoint.step,
        notes: checkpoint.notes.clone(),
        ..Default::default()
    };
    for (prefix, optimiser) in optimisers {
        if header.optimiser_steps.insert((*prefix).to_owned(), optimiser.steps()).is_some() {
            return Err(NetsError::Duplicate { name: (*prefix).to_owned() });
        }
        for (name, moments) in optimiser.moments() {
            tensors.insert(format!("adam/{prefix}/{name}"), moments.as_detached_tensor());
        }
    }
    store::write(path, &tensors, header)
}

/// What the file that [`save`] wrote says of itself; its tensors are read by [`load`].
///
/// # Errors
/// [`NetsError::Corrupted`], [`NetsError::Io`].
pub fn describe(path: &Path) -> Result<Checkpoint, NetsError> {
    let file = std::fs::read(path).map_err(|source| NetsError::io(path, source))?;
    let store::Header { fingerprint, architecture, step, notes, .. } = store::header(&file, path)?;
    Ok(Checkpoint { fingerprint, architecture, step, notes })
}

/// Reads what [`save`] wrote back into the same networks and optimisers. `None`, with nothing changed,
/// where there is no file or it has another fingerprint.
///
/// # Errors
/// [`NetsError::Corrupted`], [`NetsError::Missing`], [`NetsError::Unexpected`], [`NetsError::Shape`],
/// [`NetsError::Io`]; nothing is changed then.
pub fn load(
    path: &Path,
    fingerprint: &str,
    networks: &[(&str, &Parameters)],
    optimisers: &mut [(&str, &mut Adam)],
) -> Result<Option<Checkpoint>, NetsError> {
    let (header, mut file) = match store::read(path) {
        Err(NetsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        read => read?,
    };
    if header.fingerprint != fingerprint {
        return Ok(None);
    }
    let mut pairs = Vec::new();
    for (prefix, network) in networks {
        network.take_from(&mut file, &format!("network/{prefix}/"), path, &mut pairs)?;
    }
    let mut steps = Vec::new();
    for (prefix, optimiser) in optimisers.iter() {
        let missing = || NetsError::Missing { path: path.to_owned(), name: format!("adam/{prefix}") };
        steps.push(*header.optimiser_steps.get(*prefix).ok_or_else(missing)?);
        for (name, moments) in optimiser.moments() {
            let name = format!("adam/{prefix}/{name}");
            pairs.push((moments.clone(), file.take(&name, moments.dims(), path, moments.device())?));
        }
    }
    file.finish(path)?;
    store::assign(&pairs)?;
    for ((_, optimiser), step) in optimisers.iter_mut().zip(steps) {
        optimiser.set_steps(step);
    }
    let store::Header { fingerprint, architecture, step, notes, .. } = header;
    Ok(Some(Checkpoint { fingerprint, architecture, step, notes }))
}
