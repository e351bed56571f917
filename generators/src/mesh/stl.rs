//! STL in: text or binary by content. Text goes through `stl_io`; the records of a binary file are
//! read where they lie, since a million of them have to cost no more than looking at them.

use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::Path;

use super::MeshError;
use super::corners::Corners;

/// Bytes before the first facet of a binary file: an 80-byte header and the number of facets.
const PREAMBLE: usize = 84;
/// Bytes of a binary facet.
const FACET: usize = 50;
/// Lines of a text facet, from `facet` to `endfacet`.
const FACET_LINES: usize = 7;

/// Bytes of a binary file that are looked at together.
const BLOCK: usize = FACET << 12;

/// The facets of a file, and the BLAKE3 of the file in hexadecimal.
pub(super) struct Read {
    pub corners: Corners,
    pub hash: String,
}

/// Reads an STL file. The stored normals are ignored: many programs write them wrong or not at
/// all, and the order of the corners says the same. `scale` turns the file's unit into mm.
///
/// A binary file is never in memory as a whole.
pub(super) fn read(path: &Path, scale: f64) -> Result<Read, MeshError> {
    let failed = |source| MeshError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut head = Vec::new();
    file.by_ref().take(PREAMBLE as u64).read_to_end(&mut head).map_err(failed)?;
    if let Some(facets) = announced(&head).filter(|&n| binary_length(n) <= length) {
        return binary(&head, facets, file, scale).map_err(failed);
    }
    file.read_to_end(&mut head).map_err(failed)?;
    parse(&head, &path.display().to_string(), scale)
}

/// As [`read`], of a file's content; `name` is what errors call it.
pub(super) fn parse(bytes: &[u8], name: &str, scale: f64) -> Result<Read, MeshError> {
    let count = announced(bytes);
    // The length decides before the word does: a binary header may begin with "solid", while the
    // count that four bytes of text would stand for is far beyond the length of any text.
    if let Some(facets) = count.filter(|&n| binary_length(n) <= bytes.len() as u64) {
        let (head, body) = bytes.split_at(PREAMBLE);
        return binary(head, facets, body, scale)
            .map_err(|e| MeshError::NotStl { name: name.to_owned(), why: e.to_string() });
    }
    let hash = || blake3::hash(bytes).to_hex().to_string();
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    let begins = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("solid"));
    if begins && !bytes.contains(&0) {
        let corners = ascii(&String::from_utf8_lossy(bytes), name, scale)?;
        return Ok(Read { corners, hash: hash() });
    }
    let name = name.to_owned();
    match count {
        _ if bytes.is_empty() => Err(MeshError::NotStl { name, why: "the file is empty".into() }),
        Some(n) if begins || plausible(bytes) => {
            let held = (bytes.len() - PREAMBLE) / FACET;
            Err(MeshError::Truncated { name, why: format!("it announces {n} triangles and holds {held}") })
        }
        _ => Err(MeshError::NotStl {
            name,
            why: "neither the length of a binary STL nor the word solid at its start".into(),
        }),
    }
}

/// Whether the first facets of a cut binary file look like numbers of a drawing.
fn plausible(bytes: &[u8]) -> bool {
    let facets = bytes[PREAMBLE..].chunks_exact(FACET).take(4);
    let sane = |b: &[u8]| {
        let x = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        x == 0.0 || (1e-12..1e12).contains(&x.abs())
    };
    facets.len() > 0 && facets.into_iter().all(|facet| facet[..48].chunks_exact(4).all(sane))
}

/// How many facets the head of a binary file announces.
fn announced(bytes: &[u8]) -> Option<u32> {
    bytes.get(80..PREAMBLE)?.try_into().ok().map(u32::from_le_bytes)
}

fn binary_length(facets: u32) -> u64 {
    PREAMBLE as u64 + FACET as u64 * u64::from(facets)
}

/// Reads the facets and whatever follows them, block by block.
fn binary(head: &[u8], facets: u32, mut body: impl io::Read, scale: f64) -> io::Result<Read> {
    let mut hash = blake3::Hasher::new();
    hash.update(head);
    let mut left = facets as usize;
    let mut corners = Corners::with_capacity(left);
    let mut block = vec![0; BLOCK.min(FACET * left.max(1))];
    let mut numbers = Vec::with_capacity(block.len() / FACET);
    loop {
        let filled = fill(&mut body, &mut block)?;
        hash.update(&block[..filled]);
        let held = left.min(filled / FACET);
        numbers.clear();
        numbers.extend(block[..FACET * held].as_chunks::<FACET>().0.iter().map(|facet| {
            [12, 16, 20, 24, 28, 32, 36, 40, 44].map(|at| {
                let bytes = [facet[at], facet[at + 1], facet[at + 2], facet[at + 3]];
                scale * f64::from(f32::from_le_bytes(bytes))
            })
        }));
        corners.push(numbers.as_flattened().as_chunks().0.as_chunks().0);
        left -= held;
        if filled < block.len() && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if filled < block.len() {
            return Ok(Read { corners, hash: hash.finalize().to_hex().to_string() });
        }
    }
}

/// Reads until the block is full or there is no more; returns how much there was.
fn fill(source: &mut impl io::Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match source.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn ascii(text: &str, name: &str, scale: f64) -> Result<Corners, MeshError> {
    let Normalised { text, lines, not_finite } = normalise(text, name)?;
    let wrong = |(facet, why): (usize, io::Error)| MeshError::Facet {
        name: name.to_owned(),
        line: lines.get(FACET_LINES * facet).copied().unwrap_or(1),
        why: why.to_string(),
    };
    let mut cursor = Cursor::new(text.as_bytes());
    let reader = stl_io::create_stl_reader(&mut cursor).map_err(|e| wrong((0, e)))?;
    let mut corners = Corners::with_capacity(lines.len() / FACET_LINES);
    for (at, facet) in reader.enumerate() {
        let facet = facet.map_err(|e| wrong((at, e)))?;
        corners.push(&[facet.vertices.map(|v| v.0.map(|x| scale * f64::from(x)))]);
    }
    corners.not_finite += not_finite;
    Ok(corners)
}

struct Normalised {
    /// One solid, one word or vertex per line, in lower case.
    text: String,
    /// The line in the file of each of its lines but the first.
    lines: Vec<usize>,
    not_finite: usize,
}

/// The one dialect that `stl_io` reads: line feeds, lower-case keywords, one named solid. Normals
/// are blanked, and facets with infinite or undefined corners are taken out and counted.
fn normalise(text: &str, name: &str) -> Result<Normalised, MeshError> {
    let mut out = Normalised { text: "solid part\n".into(), lines: Vec::new(), not_finite: 0 };
    let mut facet: Option<(usize, usize)> = None;
    let mut finite = true;
    for (line, words) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
        let words = words.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace()).to_ascii_lowercase();
        let first = words.split_whitespace().next();
        match first {
            None | Some("solid" | "endsolid") => continue,
            Some("facet") => {
                (facet, finite) = (Some((out.text.len(), out.lines.len())), true);
                out.text.push_str("facet normal 0 0 0\n");
            }
            Some(_) => {
                finite &= words.split_whitespace().all(|w| w.parse::<f32>().map_or(true, f32::is_finite));
                out.text.push_str(&words);
                out.text.push('\n');
            }
        }
        out.lines.push(line + 1);
        if first == Some("endfacet")
            && let Some((text, lines)) = facet.take()
            && !finite
        {
            out.text.truncate(text);
            out.lines.truncate(lines);
            out.not_finite += 1;
        }
    }
    if let Some((_, lines)) = facet {
        let why = format!("the file ends inside the facet of line {}", out.lines[lines]);
        return Err(MeshError::Truncated { name: name.to_owned(), why });
    }
    out.text.push_str("endsolid\n");
    Ok(out)
}
