//! The whole suite as one program.

use std::process::ExitCode;

fn main() -> ExitCode {
    undulator::main()
}
