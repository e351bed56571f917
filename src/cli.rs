//! The command line.

/// Runs the program; 0 where all went well, 2 where the user can mend it, 1 otherwise.
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
