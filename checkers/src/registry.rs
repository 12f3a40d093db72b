//! The checkers and models by name, for whoever chooses them on a command line.

use crate::checker::Checker;
use crate::linearizability::Linearizability;
use crate::model::Model;
use crate::models::{CasRegister, PerKey, Register};
use crate::set_full::SetFull;
use crate::stats::StatsChecker;
use crate::transactions::history::Holds;
use crate::transactions::weak::{Isolation, Level};

/// A name and what it stands for, in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What a user types.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
}

/// All checkers.
pub const CHECKERS: &[Listed] = &[
    Listed {
        name: "linearizable",
        summary: "every operation seems to take effect at one instant between call and answer; needs a model",
    },
    Listed { name: "set-full", summary: "no element added to a set is lost, doubled or made up" },
    Listed {
        name: "set-full-linearizable",
        summary: "the same, and a read that begins after an add was answered has its element",
    },
    Listed { name: "stats", summary: "counts, latencies and errors; every function got something through" },
];

/// All models for `linearizable`.
pub const MODELS: &[Listed] = &[
    Listed { name: "register", summary: "`read` answers the last `write`" },
    Listed { name: "cas-register", summary: "a register with `cas` [from, to]" },
    Listed { name: "per-key-register", summary: "a register per key; every value is [key, value]" },
    Listed { name: "per-key-cas-register", summary: "a cas-register per key; every value is [key, value]" },
];

/// A checker that needs no model; `None` for `linearizable` and unknown names.
pub fn checker_by_name(name: &str) -> Option<Box<dyn Checker>> {
    Some(match name {
        "stats" => Box::new(StatsChecker),
        "set-full" => Box::new(SetFull { linearizable: false }),
        "set-full-linearizable" => Box::new(SetFull { linearizable: true }),
        _ => return None,
    })
}

/// The checker of linearizability against a model; `None` for an unknown model. Whether the model
/// understands a history, [`Checker::understands`] tells.
pub fn linearizable_by_name(model: &str) -> Option<Box<dyn Checker>> {
    fn boxed<M: Model + 'static>(model: M) -> Box<dyn Checker> {
        Box::new(Linearizability::new(model))
    }
    Some(match model {
        "register" => boxed(Register),
        "cas-register" => boxed(CasRegister::default()),
        "per-key-register" => boxed(PerKey::new(Register)),
        "per-key-cas-register" => boxed(PerKey::new(CasRegister::default())),
        _ => return None,
    })
}

/// The checker of a level of isolation; `None` for an unknown level. [`Level::all`] lists them.
pub fn isolation_by_name(level: &str, holds: Holds) -> Option<Box<dyn Checker>> {
    Some(Box::new(Isolation::new(Level::by_name(level)?, holds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_exists_under_its_name() {
        for listed in MODELS {
            assert!(linearizable_by_name(listed.name).is_some(), "{}", listed.name);
        }
        let alone = CHECKERS.iter().filter(|listed| listed.name != "linearizable");
        for listed in alone {
            assert_eq!(checker_by_name(listed.name).unwrap().name(), listed.name);
        }
        assert!(linearizable_by_name("queue").is_none() && checker_by_name("queue").is_none());
        assert_eq!(Linearizability::new(PerKey::new(Register)).name(), "linearizable");
        assert_eq!(PerKey::new(Register).name(), "per-key-register");
    }
}
