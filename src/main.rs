//! The `synthgen` program.

fn main() -> std::process::ExitCode {
    synthgen::cli::run()
}
