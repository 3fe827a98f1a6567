//! The program `twosync`: all it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    twosync::cli::run(std::env::args_os().skip(1))
}
