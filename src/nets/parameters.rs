//! The named parameters of a network.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Shape, Tensor, Var};
use generators::stream::Stream;

use super::init::Fans;
use super::{Init, NetsError, store};

/// The trainable variables of a network and its buffers (running statistics, which are saved but not
/// trained), sorted by name.
#[derive(Clone, Debug)]
pub struct Parameters {
    device: Device,
    variables: BTreeMap<String, Var>,
    buffers: BTreeMap<String, Var>,
}

impl Parameters {
    /// An empty set on `device`.
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), variables: BTreeMap::new(), buffers: BTreeMap::new() }
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A new trainable variable, drawn from `stream.child(name)`: neither other variables nor their
    /// order change it. `shape` is `[outputs, inputs, ...]`, and every output sums over all inputs.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn variable(
        &mut self,
        name: &str,
        shape: impl Into<Shape>,
        init: Init,
        stream: &Stream,
    ) -> Result<Var, NetsError> {
        let shape = shape.into();
        let fans = Fans::of(shape.dims());
        self.variable_with_fans(name, shape, fans, init, stream)
    }

    pub(crate) fn variable_with_fans(
        &mut self,
        name: &str,
        shape: Shape,
        fans: Fans,
        init: Init,
        stream: &Stream,
    ) -> Result<Var, NetsError> {
        self.refuse_known(name)?;
        let values = init.draw(shape.dims(), fans, &mut stream.child(name));
        let var = Var::from_vec(values, shape, &self.device)?;
        self.variables.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    /// A new buffer, filled with `value`.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn buffer(&mut self, name: &str, shape: impl Into<Shape>, value: f32) -> Result<Var, NetsError> {
        self.refuse_known(name)?;
        let shape = shape.into();
        let var = Var::from_vec(vec![value; shape.elem_count()], shape, &self.device)?;
        self.buffers.insert(name.to_owned(), var.clone());
        Ok(var)
    }

    fn refuse_known(&self, name: &str) -> Result<(), NetsError> {
        if self.variables.contains_key(name) || self.buffers.contains_key(name) {
            return Err(NetsError::Duplicate { name: name.to_owned() });
        }
        Ok(())
    }

    /// Number of trainable scalars.
    pub fn count(&self) -> usize {
        self.variables.values().map(|v| v.elem_count()).sum()
    }

    /// The trainable variables, by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.variables.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Variables and buffers, which share their memory with the network.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, Tensor)> {
        let all = self.variables.iter().chain(&self.buffers);
        all.map(|(name, var)| (name.as_str(), var.as_detached_tensor()))
    }

    /// The same names and values in memory of their own: what becomes of the network does not change them.
    ///
    /// # Errors
    /// Where memory cannot be had on the device.
    pub fn copied(&self) -> Result<Self, NetsError> {
        let copied = |vars: &BTreeMap<String, Var>| -> Result<BTreeMap<String, Var>, NetsError> {
            vars.iter().map(|(name, var)| Ok((name.clone(), Var::from_tensor(&var.copy()?)?))).collect()
        };
        let (variables, buffers) = (copied(&self.variables)?, copied(&self.buffers)?);
        Ok(Self { device: self.device.clone(), variables, buffers })
    }

    /// Takes the values of variables and buffers from `other`, which has the same names.
    ///
    /// # Errors
    /// Where a shape differs.
    pub fn assign(&self, other: &Self) -> Result<(), NetsError> {
        let pairs = |mine: &BTreeMap<String, Var>, theirs: &BTreeMap<String, Var>| {
            mine.values().zip(theirs.values()).try_for_each(|(mine, theirs)| mine.set(&theirs.copy()?))
        };
        pairs(&self.variables, &other.variables)?;
        Ok(pairs(&self.buffers, &other.buffers)?)
    }

    /// Moves the variables a share of `1 - keep` towards those of `other`, which has the same names: an
    /// exponential moving average over the steps of a training.
    ///
    /// # Errors
    /// Where a shape differs.
    pub fn follow(&self, other: &Self, keep: f64) -> candle_core::Result<()> {
        for (mine, theirs) in self.variables.values().zip(other.variables.values()) {
            let average = (mine.as_detached_tensor() * keep)? + (theirs.as_detached_tensor() * (1.0 - keep))?;
            mine.set(&average?)?;
        }
        Ok(())
    }

    /// Writes variables and buffers as safetensors: a temporary file first, then renamed, so that
    /// `path` is never half-written.
    ///
    /// # Errors
    /// [`NetsError::NotFinite`], [`NetsError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), NetsError> {
        let tensors = self.tensors().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        store::write(path, &tensors, store::Header::default())
    }

    /// Reads what [`Self::save`] wrote into this network, which must have the same names and shapes.
    /// On an error nothing is changed.
    ///
    /// # Errors
    /// [`NetsError::Missing`], [`NetsError::Unexpected`], [`NetsError::Shape`],
    /// [`NetsError::Corrupted`], [`NetsError::Io`].
    pub fn load(&self, path: &Path) -> Result<(), NetsError> {
        let (_, mut file) = store::read(path)?;
        let mut pairs = Vec::new();
        self.take_from(&mut file, "", path, &mut pairs)?;
        file.finish(path)?;
        store::assign(&pairs)
    }

    /// Pairs every tensor of this network with `prefix` + its name in the file.
    pub(crate) fn take_from(
        &self,
        file: &mut store::Contents,
        prefix: &str,
        path: &Path,
        pairs: &mut Vec<(Var, Tensor)>,
    ) -> Result<(), NetsError> {
        for (name, var) in self.variables.iter().chain(&self.buffers) {
            pairs.push((var.clone(), file.take(&format!("{prefix}{name}"), var.dims(), path, &self.device)?));
        }
        Ok(())
    }
}
