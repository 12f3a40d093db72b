//! Exit codes: what a pipeline reads. DESIGN §5; 0, 1, 2, 254 and 255 mean what they mean in
//! Jepsen, so that scripts carry over.

use std::process::ExitCode;

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
            Exit::Valid => 0,
            Exit::Invalid => 1,
            Exit::Unknown => 2,
            Exit::NotRecovered => 3,
            Exit::BadInput => 254,
            Exit::HarnessFailure => 255,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
