//! STL in: text or binary by content. Text goes through `stl_io`; the records of a binary file are
//! read where they lie, since a million of them have to cost no more than looking at them.

use std::io::Cursor;

use super::MeshError;
use super::corners::Corners;

/// Bytes before the first facet of a binary file: an 80-byte header and the number of facets.
const PREAMBLE: usize = 84;
/// Bytes of a binary facet.
const FACET: usize = 50;
/// Lines of a text facet, from `facet` to `endfacet`.
const FACET_LINES: usize = 7;

/// Reads an STL file. The stored normals are ignored: many programs write them wrong or not at
/// all, and the order of the corners says the same. `scale` turns the file's unit into mm.
pub(super) fn parse(bytes: &[u8], name: &str, scale: f64) -> Result<Corners, MeshError> {
    let count = bytes.get(80..PREAMBLE).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    // The length decides before the word does: a binary header may begin with "solid", while the
    // count that four bytes of text would stand for is far beyond the length of any text.
    let expected = count.map(|n| (n as usize).saturating_mul(FACET).saturating_add(PREAMBLE));
    if let Some(facets) = expected.and_then(|end| bytes.get(PREAMBLE..end)) {
        return Ok(binary(facets, scale));
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    let begins = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("solid"));
    if begins && !bytes.contains(&0) {
        return ascii(&String::from_utf8_lossy(bytes), name, scale);
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

fn binary(facets: &[u8], scale: f64) -> Corners {
    let mut corners = Corners::with_capacity(facets.len() / FACET);
    for facet in facets.chunks_exact(FACET) {
        let number = |at: usize| {
            let bytes = [facet[at], facet[at + 1], facet[at + 2], facet[at + 3]];
            scale * f64::from(f32::from_le_bytes(bytes))
        };
        corners.push([12, 24, 36].map(|at| [number(at), number(at + 4), number(at + 8)]));
    }
    corners
}

fn ascii(text: &str, name: &str, scale: f64) -> Result<Corners, MeshError> {
    let Normalised { text, lines, not_finite } = normalise(text, name)?;
    let wrong = |(facet, why): (usize, std::io::Error)| MeshError::Facet {
        name: name.to_owned(),
        line: lines.get(FACET_LINES * facet).copied().unwrap_or(1),
        why: why.to_string(),
    };
    let mut cursor = Cursor::new(text.as_bytes());
    let reader = stl_io::create_stl_reader(&mut cursor).map_err(|e| wrong((0, e)))?;
    let mut corners = Corners::with_capacity(lines.len() / FACET_LINES);
    for (at, facet) in reader.enumerate() {
        let facet = facet.map_err(|e| wrong((at, e)))?;
        corners.push(facet.vertices.map(|v| v.0.map(|x| scale * f64::from(x))));
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
