//! Exit codes: what a pipeline reads. DESIGN §5; 0, 1, 2, 254 and 255 mean what they mean in
//! Jepsen, so that scripts carry over.

use std::process::ExitCode;

use results::compose::exit_code;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every checker valid, coverage sufficient; or a command that is no run did its work.
    Valid,
    /// Some checker invalid: the system broke its promise.
    Invalid,
    /// Budget spent, coverage thin, nothing to judge.
    Unknown,
    /// Safety held, but the system did not recover in the recovery window.
    NotRecovered,
    /// Bad arguments, bad configuration, bad input file.
    BadInput,
    /// Deploy, node or store failed: our trouble, no verdict.
    HarnessFailure,
    /// Interrupted; what was recorded is kept.
    Interrupted,
}

impl Exit {
    /// The process' exit code.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Valid => exit_code::VALID,
            Exit::Invalid => exit_code::INVALID,
            Exit::Unknown => exit_code::UNKNOWN,
            Exit::NotRecovered => exit_code::NOT_RECOVERED,
            Exit::BadInput => exit_code::BAD_INPUT,
            Exit::HarnessFailure => exit_code::HARNESS_FAILURE,
            Exit::Interrupted => exit_code::INTERRUPTED,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
