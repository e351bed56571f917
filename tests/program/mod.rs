//! The program, as cargo has just built it.

use std::path::Path;

use assert_cmd::Command;

/// The program, started in `folder`.
pub fn synthgen(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synthgen"));
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}
