//! Drawings that say themselves that this program wrote them, and under which name: what may be removed or drawn over. No file of
//! anybody else's says so, nor does a copy under another name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::files::PARTIAL;

/// Bytes of a PNG file up to its size and kind, the first chunk, behind which others may stand.
const PNG_HEAD: usize = 8 + 4 + 4 + 13 + 4;

/// The mark of the file at `path`. Its name is hashed, since it may hold what neither a comment nor the text of a PNG may.
fn mark(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(PARTIAL).unwrap_or(&name);
    format!("synthgen {}", blake3::hash(name.as_bytes()).to_hex())
}

/// The comment that a signed SVG begins with.
fn comment(path: &Path) -> String {
    format!("<!-- {} -->\n", mark(path))
}

/// The text chunk of a signed PNG (PNG specification, 11.3.4.3).
fn chunk(path: &Path) -> Vec<u8> {
    let text = format!("tEXtSoftware\0{}", mark(path));
    // The length is that of the text without the chunk's name.
    let length = (text.len() as u32 - 4).to_be_bytes();
    let check = crc32fast::hash(text.as_bytes()).to_be_bytes();
    [&length[..], text.as_bytes(), &check[..]].concat()
}

/// The drawing `svg` as it is written to `path`.
pub fn svg(path: &Path, svg: &str) -> Vec<u8> {
    [comment(path).as_bytes(), svg.as_bytes()].concat()
}

/// The picture `png` as it is written to `path`.
pub fn png(path: &Path, png: &[u8]) -> Vec<u8> {
    let (head, rest) = png.split_at(PNG_HEAD.min(png.len()));
    [head, &chunk(path), rest].concat()
}

/// Whether [`svg`] or [`png`] made the file at `path`, under that name, or under the one that it has while it is being written.
pub fn is_signed(path: &Path) -> bool {
    let head = || -> std::io::Result<Vec<u8>> {
        let mut head = Vec::new();
        File::open(path)?.take(256).read_to_end(&mut head)?;
        Ok(head)
    };
    let signed = |head: Vec<u8>| {
        head.starts_with(comment(path).as_bytes())
            || head.get(PNG_HEAD..).is_some_and(|rest| rest.starts_with(&chunk(path)))
    };
    // Only what is a file: others may never end, or never begin.
    path.is_file() && head().is_ok_and(signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Picture;

    #[test]
    fn a_drawing_is_known_by_its_own_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let picture = Picture::grey(&[0.0, 0.5, 1.0, 0.25], 2);
        let drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        for (name, plain, signed) in [
            ("0001_überall--.png", picture.png(), png(&at("0001_überall--.png"), &picture.png())),
            ("a--b.svg", drawing.into(), svg(&at("a--b.svg"), drawing)),
        ] {
            assert!(!is_signed(&at(name)), "it is not there yet");
            std::fs::write(at(name), &plain).unwrap();
            assert!(!is_signed(&at(name)), "somebody else's {name}");
            std::fs::write(at(name), &signed).unwrap();
            assert!(is_signed(&at(name)), "{name}");
            let copies = ["copy.png", "copy.svg"].map(at);
            for copy in &copies {
                std::fs::copy(at(name), copy).unwrap();
                assert!(!is_signed(copy), "a copy of {name}");
            }
            let partial = at(&format!("{name}{PARTIAL}"));
            std::fs::rename(at(name), &partial).unwrap();
            assert!(is_signed(&partial), "{name}, cut off");
        }
        assert!(!is_signed(folder.path()));
    }

    #[test]
    fn a_signed_picture_shows_the_same() {
        let picture = Picture::grey(&[0.0, 0.5, 1.0, 0.25], 2);
        let path = Path::new("a.png");
        let read = image::load_from_memory(&png(path, &picture.png())).unwrap().to_rgb8();
        assert_eq!(read.into_raw(), picture.rgb);
        // The last bytes of every PNG: an empty chunk and its check, by the specification's own polynomial.
        assert_eq!(crc32fast::hash(b"IEND"), 0xAE42_6082);
    }
}
