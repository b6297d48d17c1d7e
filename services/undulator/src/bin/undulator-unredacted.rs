//! The same program with its secrets shown: what `tests/interop/suite/test_secrets_stay_hidden.py` looks for must be found in this one.

use std::process::ExitCode;

fn main() -> ExitCode {
    undulator::main()
}
