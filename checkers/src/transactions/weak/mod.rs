//! Levels of isolation decided completely, on registers and lists whose written values are unique.
//!
//! Start at [`Isolation`]. A level is *decided*: `valid` is a proof that an order exists which
//! explains every read, `invalid` comes with a proof that none does. Where the decision needs a
//! search (snapshot isolation and serializability), the search has a budget, and `unknown` says what
//! was established.
//!
//! | file | level | source |
//! |---|---|---|
//! | `faults` | what no level allows | Biswas, Enea 2019; Adya 1999 for lists |
//! | `read_committed`, `read_atomic`, `causal` | those three | Biswas, Enea 2019; AWDIT 2025 |
//! | `sessions`, `observers` | the session guarantees | Terry et al. 1994 |
//! | `views` | PRAM, causal memory, the weakest causal consistency | Lipton, Sandberg 1988; Bouajjani et al. 2017 |
//! | `serial` | snapshot isolation and serializability | Papadimitriou 1979; Cerone, Gotsman 2016; Cobra 2020 |
//!
//! What takes part: `ok` transactions, and an `info` from which one that takes part read. A session
//! is a process. All levels but the plain and the strong ones of snapshot isolation and
//! serializability respect sessions, as Biswas and Enea have it.

mod build;
mod causal;
mod checker;
mod clocks;
mod committed;
mod cycle;
mod explain;
mod faults;
mod level;
mod lists;
mod meter;
mod observers;
mod order;
mod read_atomic;
mod read_committed;
mod saturated;
mod serial;
mod sessions;
mod views;
mod words;

pub use checker::Isolation;
pub use level::Level;

use crate::evidence::Finding;

/// What an algorithm found.
pub(crate) enum Decision {
    /// The level holds.
    Holds,
    /// It does not.
    Broken(Finding),
    /// Not decided, and why.
    Unknown(String),
}
