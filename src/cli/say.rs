//! What the program says, on its two outputs. `println!` would panic where the reader has left, as `head` does.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::pipeline::Failure;

/// A line on the standard output. A reader who has seen enough is no failure.
///
/// # Errors
/// Where the output cannot be written, as on a full disk.
pub fn say(line: impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::io(Path::new("the standard output"), e)),
        _ => Ok(()),
    }
}

/// A line on the standard error output. Where that fails there is nobody left to tell.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
