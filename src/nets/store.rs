//! Tensors in a safetensors file, written atomically and checked when read.
//!
//! The file's metadata has the single key `synthgen`, a JSON object: with several keys the bytes would
//! depend on the order of a hash map. It holds the BLAKE3 hash of the architecture and of all names and values, because safetensors
//! itself only notices a wrong length.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::NetsError;
use crate::files::write_whole;

const KEY: &str = "synthgen";

/// What a file says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Header {
    /// BLAKE3 of architecture, names and values; filled in by [`write`].
    pub blake3: String,
    /// Whose state this is.
    pub fingerprint: String,
    /// What has to be built before the tensors can be read.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub architecture: serde_json::Value,
    /// Finished steps.
    pub step: usize,
    /// Steps of each optimiser.
    pub optimiser_steps: BTreeMap<String, usize>,
    /// Free text of whoever saved the file.
    pub notes: String,
}

/// The tensors of a file that nobody has taken yet.
pub(crate) struct Contents(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Contents {
    /// Takes the tensor `name`, which must have the shape `dims`.
    pub fn take(
        &mut self,
        name: &str,
        dims: &[usize],
        path: &Path,
        device: &Device,
    ) -> Result<Tensor, NetsError> {
        let Some((found, values)) = self.0.remove(name) else {
            return Err(NetsError::Missing { path: path.to_owned(), name: name.to_owned() });
        };
        if found != dims {
            let (path, name) = (path.to_owned(), name.to_owned());
            return Err(NetsError::Shape { path, name, found, expected: dims.to_vec() });
        }
        Ok(Tensor::from_vec(values, dims, device)?)
    }

    /// Refuses what nobody took.
    pub fn finish(self, path: &Path) -> Result<(), NetsError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(NetsError::Unexpected { path: path.to_owned(), name }),
        }
    }
}

/// Sets each variable to its tensor.
pub(crate) fn assign(pairs: &[(Var, Tensor)]) -> Result<(), NetsError> {
    pairs.iter().try_for_each(|(var, tensor)| Ok(var.set(tensor)?))
}

/// Writes `tensors` to `path` by way of a temporary file in the same folder.
pub(crate) fn write(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    mut header: Header,
) -> Result<(), NetsError> {
    let mut bytes = BTreeMap::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(NetsError::NotFinite { path: path.to_owned(), name: name.clone() });
        }
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        bytes.insert(name.as_str(), (tensor.dims().to_vec(), raw));
    }
    header.blake3 = hash(&header, bytes.iter().map(|(name, (_, raw))| (*name, raw.as_slice())));
    let json = serde_json::to_string(&header).map_err(|e| NetsError::corrupted(path, e))?;
    let mut views = Vec::with_capacity(bytes.len());
    for (name, (dims, raw)) in &bytes {
        let view =
            TensorView::new(Dtype::F32, dims.clone(), raw).map_err(|e| NetsError::corrupted(path, e))?;
        views.push((*name, view));
    }
    let file = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), json)])))
        .map_err(|e| NetsError::corrupted(path, e))?;

    write_whole(path, &file).map_err(|source| NetsError::io(path, source))
}

/// Reads a file that [`write`] made.
pub(crate) fn read(path: &Path) -> Result<(Header, Contents), NetsError> {
    let file = std::fs::read(path).map_err(|source| NetsError::io(path, source))?;
    let broken = |what: &dyn std::fmt::Display| NetsError::corrupted(path, what);
    let header = header(&file, path)?;
    let tensors = SafeTensors::deserialize(&file).map_err(|e| broken(&e))?;
    let sorted: BTreeMap<&str, TensorView<'_>> = tensors.iter().collect();
    if hash(&header, sorted.iter().map(|(name, view)| (*name, view.data()))) != header.blake3 {
        return Err(broken(&"its values were altered"));
    }
    let mut contents = BTreeMap::new();
    for (name, view) in sorted {
        if view.dtype() != Dtype::F32 {
            return Err(broken(&format!("{name} is not f32")));
        }
        let (scalars, _) = view.data().as_chunks::<4>();
        let values = scalars.iter().map(|b| f32::from_le_bytes(*b)).collect();
        contents.insert(name.to_owned(), (view.shape().to_vec(), values));
    }
    Ok((header, Contents(contents)))
}

/// What a file that [`write`] made says of itself; its tensors are not looked at.
pub(crate) fn header(file: &[u8], path: &Path) -> Result<Header, NetsError> {
    let broken = |what: &dyn std::fmt::Display| NetsError::corrupted(path, what);
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(|e| broken(&e))?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
    serde_json::from_str(json.ok_or_else(|| broken(&"not written by this program"))?).map_err(|e| broken(&e))
}

/// Whether this program wrote the file at `path`. Only its head is read: somebody else's may be larger than the memory.
pub(crate) fn is_ours(path: &Path) -> bool {
    /// The longest head that the format allows, in bytes.
    const MOST: u64 = 100_000_000;
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "__metadata__")]
        metadata: BTreeMap<String, String>,
    }
    let head = || -> std::io::Result<Head> {
        let mut open = File::open(path)?;
        let mut length = [0; 8];
        open.read_exact(&mut length)?;
        let mut head = Vec::new();
        open.take(u64::from_le_bytes(length).min(MOST)).read_to_end(&mut head)?;
        Ok(serde_json::from_slice(&head)?)
    };
    head().is_ok_and(|head| head.metadata.contains_key(KEY))
}

fn hash<'a>(header: &Header, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut update = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    if !header.architecture.is_null() {
        update(header.architecture.to_string().as_bytes());
    }
    for (name, raw) in tensors {
        update(name.as_bytes());
        update(raw);
    }
    hasher.finalize().to_hex().to_string()
}
