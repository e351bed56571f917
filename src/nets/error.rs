//! What can go wrong with the parameters of a network.

use std::path::{Path, PathBuf};

/// Why a network could not be built, saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum NetsError {
    /// Two variables or buffers of one network have the same name.
    #[error("the network has two parameters called {name:?}")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A file lacks a tensor that the network has.
    #[error("{path}: no tensor {name:?}, which the network needs")]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Name in the file.
        name: String,
    },
    /// A file holds a tensor that the network does not have.
    #[error("{path}: holds the tensor {name:?}, which the network does not have")]
    Unexpected {
        /// Which file.
        path: PathBuf,
        /// Name in the file.
        name: String,
    },
    /// A tensor has another shape in the file than in the network.
    #[error("{path}: {name:?} has shape {found:?}, the network's has {expected:?}")]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Name in the file.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the network.
        expected: Vec<usize>,
    },
    /// A value is infinite or not a number; the file was not written.
    #[error("{path}: not written, since {name:?} holds a value that is not finite")]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Name in the file.
        name: String,
    },
    /// A file is cut off, was altered, or is of another kind.
    #[error(
        "{path}: not a whole file of network parameters ({what}); where a run wrote it, delete it and run again"
    )]
    Corrupted {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A card was asked for, and the program is not built for one.
    #[error("this program is built without CUDA: build it with --features cuda, or choose the device cpu")]
    NoCuda,
    /// A card was asked for that is not there.
    #[error("there is no CUDA card {card}: the driver shows {cards}; choose another, or the device cpu")]
    NoCard {
        /// Which, counted from 0.
        card: usize,
        /// How many there are.
        cards: usize,
    },
    /// The tensor library failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl NetsError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn corrupted(path: &Path, what: impl ToString) -> Self {
        Self::Corrupted { path: path.to_owned(), what: what.to_string() }
    }
}
