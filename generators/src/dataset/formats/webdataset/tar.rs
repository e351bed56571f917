//! Files in a tar archive (POSIX.1-1988 ustar) that depend on name and content alone: no owner, no time.

const BLOCK: usize = 512;
/// What ends an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Appends a regular file to an archive without its end; `None` where the format has no room for the name
/// (100 bytes, with folders of up to 155 bytes before them) or for a content of 8 GiB.
pub fn append(archive: &mut Vec<u8>, name: &str, content: &[u8]) -> Option<()> {
    let (folders, name) = split(name)?;
    if content.len() as u64 >= 1 << 33 {
        return None;
    }
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    put(345, folders.as_bytes());
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    Some(())
}

/// The folders and the rest of a name, each short enough.
fn split(name: &str) -> Option<(&str, &str)> {
    let fits = |(folders, rest): &(&str, &str)| folders.len() <= 155 && (1..=100).contains(&rest.len());
    let at_slashes = name.match_indices('/').map(|(at, _)| (&name[..at], &name[at + 1..]));
    std::iter::once(("", name)).chain(at_slashes).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::files::sha256;

    #[test]
    fn headers_are_those_of_gnu_tar() {
        // GNU tar 1.34: printf hello > a/b.txt; tar --format=ustar --owner=:0 --group=:0 --numeric-owner
        // --mtime=@0 --mode=644 -cf - a/b.txt | head -c 1024 | sha256sum
        let expected = "a731da3b4a3dda93526f0f5fbbc9b63d81105ade4b6221499ad50bcf9ab274e3";
        let mut archive = Vec::new();
        append(&mut archive, "a/b.txt", b"hello").unwrap();
        assert_eq!(sha256(&archive), expected);
        append(&mut archive, "empty", b"").unwrap();
        assert_eq!(archive.len(), 1536);
    }

    #[test]
    fn long_names_are_split_at_a_folder() {
        let long = format!("test/{}/job00000_layer00000.temperature.tiff", "d".repeat(64));
        let (folders, rest) = split(&long).unwrap();
        assert_eq!(format!("{folders}/{rest}"), long);
        assert_eq!(split("a/b"), Some(("", "a/b")));
        assert_eq!(split(&"x".repeat(101)), None);
        assert_eq!(append(&mut Vec::new(), &"x".repeat(300), b""), None);
    }
}
