//! A trained model by itself.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::{Failure, write_file};
use crate::detectors::{DetectorError, Saved};

/// Writes the scoring of a trained model, a file or the folder that holds one, as ONNX; where. Beside the model where
/// `out` is absent.
///
/// # Errors
/// Where that is no model, or the file cannot be written.
pub fn export_onnx(model: &Path, out: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = if model.is_dir() { model.join("model.onnx") } else { model.with_extension("onnx") };
    let out = out.map_or(beside, Path::to_owned);
    if out.exists() && out.extension().is_none_or(|ending| ending != "onnx") {
        return Err(Failure::Occupied { path: out });
    }
    let saved = open_model(model, &Device::Cpu)?;
    let graph = saved.scorer()?.onnx()?;
    // Strings and numbers cannot fail.
    let architecture = serde_json::to_string(&saved.architecture).unwrap_or_default();
    write_file(&out, &graph.into_file(&[("synthgen.architecture", &architecture)]))?;
    Ok(out)
}

/// Reads the model at `model`, a file or the folder that holds one, onto `device`.
pub fn open_model(model: &Path, device: &Device) -> Result<Saved, Failure> {
    Saved::open(model, device).map_err(|e| match e {
        DetectorError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::NoModel { path: model.to_owned() }
        }
        other => other.into(),
    })
}
