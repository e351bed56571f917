//! One run at a time in a folder.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::Failure;

/// The lock's name inside the run's folder.
const FILE: &str = ".lock";

/// The run's folder, for this process alone until it is dropped.
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the folder `run`, which is made where it is not there.
    ///
    /// # Errors
    /// [`Failure::Busy`] while another process has it; what the system refuses.
    pub fn take(run: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(run).map_err(|e| Failure::io(run, e))?;
        let path = run.join(FILE);
        let file = File::create(&path).map_err(|e| Failure::io(&path, e))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Failure::Busy { run: run.to_owned() }),
            // Some network drives cannot lock; their users have to see to it themselves.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { path, _file: file }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What stays of a process that was killed holds nobody up.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let lock = Lock::take(&run).unwrap();
        assert!(matches!(Lock::take(&run), Err(Failure::Busy { .. })));
        drop(lock);
        assert_eq!(std::fs::read_dir(&run).unwrap().count(), 0);
        // As a process leaves it that was killed.
        std::fs::write(run.join(FILE), "").unwrap();
        Lock::take(&run).unwrap();
    }
}
