//! Finding the images of a folder, and their order in time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::dataset::names;

/// Endings of the files that count as images.
const ENDINGS: [&str; 6] = ["bmp", "jpeg", "jpg", "png", "tif", "tiff"];

/// A folder that cannot be screened.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// There is nothing to judge.
    #[error(
        "there is no image in {} or the folders below it; files that end in {} count",
        folder.display(),
        ENDINGS.join(", ")
    )]
    NoImages {
        /// The folder.
        folder: PathBuf,
    },
    /// A single image says nothing of what is usual.
    #[error("{} is a file; name the folder of its series", file.display())]
    NoFolder {
        /// The file.
        file: PathBuf,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The images in `folder` and below: one series per folder, each in the natural order of its names, in
/// which `layer9` comes before `layer10`.
///
/// # Errors
/// A folder that cannot be read, or holds no image.
pub fn find(folder: &Path) -> Result<Vec<Vec<PathBuf>>, ScreenError> {
    if folder.is_file() {
        return Err(ScreenError::NoFolder { file: folder.to_owned() });
    }
    let mut series: BTreeMap<Vec<Piece>, Vec<PathBuf>> = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(path) = folders.pop() {
        let io = |source| ScreenError::Io { path: path.clone(), source };
        for entry in std::fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let kind = entry.file_type().map_err(io)?;
            let file = entry.path();
            let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase());
            if kind.is_dir() {
                folders.push(file);
            } else if ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) {
                series.entry(pieces(&path)).or_default().push(file);
            }
        }
    }
    if series.is_empty() {
        return Err(ScreenError::NoImages { folder: folder.to_owned() });
    }
    let sorted = |mut files: Vec<PathBuf>| {
        files.sort_by_cached_key(|file| pieces(file));
        files
    };
    Ok(series.into_values().map(sorted).collect())
}

/// As [`find`], one series in time each: per job in a folder of a dataset, whose names say the job.
///
/// # Errors
/// As [`find`].
pub fn find_series(folder: &Path) -> Result<Vec<Vec<PathBuf>>, ScreenError> {
    Ok(find(folder)?.into_iter().flat_map(by_job).collect())
}

/// The images of a folder, by job where every name is that of a dataset's image.
fn by_job(files: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let job = |file: &PathBuf| names::job(&file.file_name()?.to_string_lossy());
    match files.iter().map(job).collect::<Option<Vec<u32>>>() {
        Some(_) => files.chunk_by(|a, b| job(a) == job(b)).map(<[PathBuf]>::to_vec).collect(),
        None => vec![files],
    }
}

/// A piece of a name: text, or a number, which counts by its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(u64, String),
    Text(String),
}

fn pieces(path: &Path) -> Vec<Piece> {
    let name = path.to_string_lossy();
    let chars: Vec<char> = name.chars().collect();
    let piece = |run: &[char]| {
        let text: String = run.iter().collect();
        match text.parse() {
            Ok(number) if run[0].is_ascii_digit() => Piece::Number(number, text),
            _ => Piece::Text(text),
        }
    };
    chars.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_dataset_is_many_jobs() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), b"").unwrap();
        for name in ["job0001_layer0003.png", "job0000_layer0002.png", "job0001_layer0001.png"] {
            write(name);
        }
        let counts = || find_series(folder.path()).unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(), [1, 2]);
        write("job0001_front.png");
        assert_eq!(counts(), [4], "no dataset");
    }

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        };
        for name in ["job2/layer10.png", "job2/layer9.PNG", "job10/a.tif", "job2/notes.txt", "x.bmp"] {
            write(name);
        }
        let found = find(folder.path()).unwrap();
        let names: Vec<Vec<String>> = (found.iter())
            .map(|files| {
                files.iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect()
            })
            .collect();
        assert_eq!(names, [vec!["x.bmp"], vec!["layer9.PNG", "layer10.png"], vec!["a.tif"]]);
        assert!(matches!(find(&folder.path().join("none")), Err(ScreenError::Io { .. })));
        assert!(matches!(find(&folder.path().join("x.bmp")), Err(ScreenError::NoFolder { .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(find(empty.path()).unwrap_err().to_string().contains("there is no image in"));
    }
}
