//! One command at a time in a run's folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Failure;

/// The lock's name inside the run's folder; no other program's file is called so.
const FILE: &str = ".synthgen.lock";

/// A run's folder, for this process alone until it is dropped.
#[derive(Debug)]
pub struct Lock {
    run: PathBuf,
    /// Whether the folder was not there before.
    made: bool,
    _file: File,
}

impl Lock {
    /// Takes the folder `run`, which is made where it is not there.
    ///
    /// # Errors
    /// [`Failure::Busy`] while another process has it; [`Failure::Unwritable`]; what else the system refuses.
    pub fn take(run: &Path) -> Result<Self, Failure> {
        let failed = |path: &Path, source: io::Error| match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Failure::Unwritable { folder: run.to_owned(), source }
            }
            _ => Failure::io(path, source),
        };
        let path = run.join(FILE);
        loop {
            let made = !run.exists();
            fs::create_dir_all(run).map_err(|e| failed(run, e))?;
            let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
                // Whoever had made the folder let go of it in between.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(|e| failed(&path, e))?,
            };
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(Failure::Busy { run: run.to_owned() }),
                Ok(()) if !is_at(&file, &path) => {}
                // Some network drives cannot lock; their users have to see to it themselves.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    return Ok(Self { run: run.to_owned(), made, _file: file });
                }
            }
        }
    }

    /// The folder.
    pub fn run(&self) -> &Path {
        &self.run
    }
}

/// Whether `path` leads to `file`: who had the lock before may have removed the file after it was opened here, and then others lock
/// another one.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |of: io::Result<fs::Metadata>| of.map(|of| (of.dev(), of.ino())).ok();
    identity(file.metadata()).is_some_and(|file| identity(fs::metadata(path)) == Some(file))
}

/// Elsewhere the file stays.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

impl Drop for Lock {
    /// Leaves neither the file nor, where it was made and nothing was written, the folder. What stays of a process that was killed holds nobody up.
    fn drop(&mut self) {
        if cfg!(unix) {
            let _ = fs::remove_file(self.run.join(FILE));
        }
        if self.made {
            // Fails where something was written, as it should.
            let _ = fs::remove_dir(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_folder_has_one_command_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let lock = Lock::take(&run).unwrap();
        assert!(matches!(Lock::take(&run), Err(Failure::Busy { .. })));
        drop(lock);
        assert!(!run.exists(), "nothing was written");
        // As a process leaves it that was killed.
        fs::create_dir(&run).unwrap();
        fs::write(run.join(FILE), "").unwrap();
        drop(Lock::take(&run).unwrap());
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_removed_after_it_was_opened_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let opened = File::create(&path).unwrap();
        assert!(is_at(&opened, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&opened, &path));
        let _another = File::create(&path).unwrap();
        assert!(!is_at(&opened, &path));
    }

    /// Takers in the moment in which the holder lets go.
    #[test]
    fn no_two_ever_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        // The holder makes and removes it each time.
        let run = folder.path().join("run");
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while taken.fetch_add(1, Ordering::SeqCst) < 20_000 {
                        match Lock::take(&run) {
                            Ok(_lock) => assert!(matches!(Lock::take(&run), Err(Failure::Busy { .. }))),
                            Err(e) => assert!(matches!(e, Failure::Busy { .. }), "{e}"),
                        }
                    }
                });
            }
        });
    }
}
