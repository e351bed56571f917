//! The `synthgen` program.

fn main() -> std::process::ExitCode {
    synthgen::nets::keep_freed_memory();
    synthgen::cli::run()
}
