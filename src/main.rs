//! The `synthgen` program.

fn main() -> std::process::ExitCode {
    synthgen::nets::prepare_process();
    synthgen::cli::run()
}
