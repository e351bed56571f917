//! What can go wrong with a dataset on disk.

use std::io;
use std::path::{Path, PathBuf};

use super::Shard;
use crate::job::NothingShows;
use crate::params::ScenarioError;

/// A dataset that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(action, source))]
    Io {
        /// What was tried: `write`, `read`, `remove`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged: {why}; make the dataset again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What lists the files of a dataset does not hold what it should.
    #[error(
        "{} is damaged ({why}), so that the dataset's files cannot be told from others: remove {} yourself",
        path.display(), folder.display()
    )]
    Unlisted {
        /// The dataset's folder.
        folder: PathBuf,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder holds data of another scenario, seed, part or version.
    #[error(
        "{} holds the data of another scenario (or of this one before it was changed); choose another folder, \
         or discard what is there",
        folder.display()
    )]
    OtherData {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds another share of the same data.
    #[error("{} holds {holds} of this dataset; choose another folder", folder.display())]
    OtherShard {
        /// The folder.
        folder: PathBuf,
        /// What is there: `all`, `shard 1/3`.
        holds: String,
    },
    /// The folder would lie among the files of another dataset.
    #[error("{} lies inside the dataset {}; choose another folder", folder.display(), outer.display())]
    InsideAnother {
        /// The folder.
        folder: PathBuf,
        /// That of the other.
        outer: PathBuf,
    },
    /// The folder holds files that no dataset has.
    #[error("{} is not empty and holds no dataset (there is {entry} in it); choose another folder", folder.display())]
    NotADataset {
        /// The folder.
        folder: PathBuf,
        /// One of the entries.
        entry: String,
    },
    /// The folder holds files of somebody else among those of a dataset that is to be discarded.
    #[error(
        "{} holds a dataset and {file}, which is none of its files, so that nothing was discarded; move that elsewhere, or \
         choose another folder",
        folder.display()
    )]
    NotTheDatasets {
        /// The folder.
        folder: PathBuf,
        /// One of the files.
        file: String,
    },
    /// The dataset was begun and not finished, or never begun.
    #[error("there is no complete dataset in {}; generate it first", folder.display())]
    Incomplete {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds a shard, which is no dataset yet.
    #[error("{} holds shard {shard} of a dataset; merge it with the others first", folder.display())]
    OnlyAShard {
        /// The folder.
        folder: PathBuf,
        /// Which.
        shard: Shard,
    },
    /// The folder holds nothing that could be merged.
    #[error("{} holds no shard: make one with `generate --shard I/N`", folder.display())]
    NotAShard {
        /// The folder.
        folder: PathBuf,
    },
    /// Two shards are not of the same dataset.
    #[error(
        "{} and {} are not of one dataset: scenario, seed, part and number of shards have to be the same",
        first.display(),
        other.display()
    )]
    MixedShards {
        /// The folder of one.
        first: PathBuf,
        /// The folder of the other.
        other: PathBuf,
    },
    /// A shard is there twice.
    #[error("{} and {} are both shard {shard}: name each once", folders[0].display(), folders[1].display())]
    ShardTwice {
        /// Which.
        shard: Shard,
        /// Where.
        folders: [PathBuf; 2],
    },
    /// Not all shards are there.
    #[error("{} missing: name every shard", shards(missing))]
    MissingShards {
        /// Which are not.
        missing: Vec<Shard>,
    },
    /// A shard was begun and not finished.
    #[error(
        "{} has {finished} of the {jobs} jobs of shard {shard}; generate it again, and it goes on from there",
        folder.display()
    )]
    UnfinishedShard {
        /// The folder.
        folder: PathBuf,
        /// Which.
        shard: Shard,
        /// How many of its jobs are finished.
        finished: usize,
        /// How many it has.
        jobs: usize,
    },
    /// A file that has nothing to do with a dataset.
    #[error(
        "{} is no image of a dataset: name one that lies where it was generated, below the manifest.json that lists it",
        file.display()
    )]
    NoImageOfADataset {
        /// The file.
        file: PathBuf,
    },
    /// The scenario of a dataset makes other data here.
    #[error(
        "{} was made by {program}, and this program makes other data of its scenario and parts; use that version, and \
         leave both as they were",
        folder.display()
    )]
    OtherProgram {
        /// The dataset.
        folder: PathBuf,
        /// What made it.
        program: String,
    },
    /// The scenario of a dataset cannot be used.
    #[error(transparent)]
    Scenario(#[from] Box<ScenarioError>),
    /// A part is not what it was when it was sliced.
    #[error("{} was changed since it was sliced; run this again", part.display())]
    PartChanged {
        /// The part's file.
        part: PathBuf,
    },
    /// Another process is writing here.
    #[error("another run is writing to {}; wait for it, or choose another folder", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The progress callback asked to stop; what is finished is kept.
    #[error("stopped; what is finished in {} is kept, and a later run goes on from there", folder.display())]
    Stopped {
        /// The folder.
        folder: PathBuf,
    },
    /// A defect cannot be shown.
    #[error(transparent)]
    NothingShows(#[from] NothingShows),
}

impl DatasetError {
    /// Whether what was asked for can be mended, a path above all. Otherwise the machine refused, or somebody ended the work.
    pub fn is_the_users(&self) -> bool {
        match self {
            Self::Stopped { .. } => false,
            Self::Io { source, .. } => misnamed(source),
            _ => true,
        }
    }

    /// Turns what the system says into an error about `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// An error about what `path` holds.
    pub(super) fn damaged(path: &Path, why: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), why: why.to_string() }
    }
}

/// Whether the system refused since a file stands where a folder has to be, or the reverse: another name mends it.
pub fn misnamed(source: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    // A folder that is made where a file stands `AlreadyExists`.
    matches!(source.kind(), Kind::NotADirectory | Kind::IsADirectory | Kind::AlreadyExists)
}

/// `shard 1/3 is`, `shards 1/3, 3/3 are`.
fn shards(missing: &[Shard]) -> String {
    let names: Vec<String> = missing.iter().map(Shard::to_string).collect();
    match names.len() {
        0 => "every shard is".to_owned(),
        1 => format!("shard {} is", names[0]),
        _ => format!("shards {} are", names.join(", ")),
    }
}

/// What to do about what the system says, where that is known.
fn advice(action: &str, source: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match source.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            "; make room there and run this again: it goes on from what is finished"
        }
        Kind::ReadOnlyFilesystem | Kind::PermissionDenied if action != "read" => {
            "; choose another folder, or have this one made writable"
        }
        Kind::NotADirectory | Kind::AlreadyExists if action != "read" => {
            "; a file stands where a folder has to be: choose another folder"
        }
        Kind::NotFound if action != "read" => {
            "; was the folder removed meanwhile? Run this again: it goes on from what is left"
        }
        _ => "",
    }
}
