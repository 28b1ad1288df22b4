//! Parses the command line, runs the command, and maps its end to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    omniprice::cli::main()
}
