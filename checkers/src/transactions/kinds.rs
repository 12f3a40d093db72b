//! Kinds of cycles: which steps each may take, and what a cycle that was found is called.
//!
//! After Adya ("Weak Consistency", 1999): G0 has only write dependencies, G1c some read dependency, G-single
//! exactly one anti-dependency, G2 any number. G-nonadjacent has two or more, no two of them in a row:
//! precisely these and the milder ones do not exist under snapshot isolation (Cerone and Gotsman,
//! "Analysing Snapshot Isolation", PODC 2016). `-item` is without predicates; `-process` and `-realtime`
//! need the order of a session or of time as well.

use super::consistency::{Anomaly, Model};
use super::graph::{PROCESS, REALTIME, RW, RWP, WR, WRP, WW, WWP};

const WRITES: u8 = WW | WWP;
const READS: u8 = WR | WRP;
const ANTI: u8 = RW | RWP;

/// How many anti-dependencies a cycle must have, or what else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// None, and nothing else is demanded.
    Plain,
    /// None, and at least one read dependency.
    Read,
    /// Exactly one.
    Single,
    /// At least one, no two in a row.
    Nonadjacent,
    /// At least one.
    Any,
}

/// A kind of cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) anomaly: Anomaly,
    pub(super) mode: Mode,
    /// Steps that may be taken at any time.
    pub(super) base: u8,
    /// Anti-dependencies that count.
    pub(super) anti: u8,
    /// [`PROCESS`] or [`REALTIME`], of which there must be one; 0 for none.
    pub(super) extra: u8,
}

impl Kind {
    const fn new(name: &str, mode: Mode, anti: u8, extra: u8) -> Self {
        let base = match mode {
            Mode::Plain => WRITES,
            _ => WRITES | READS,
        };
        Kind { anomaly: Anomaly::known(name), mode, base, anti, extra }
    }

    /// A step of which the cycle must have one; the search begins there.
    pub(super) fn first(&self) -> u8 {
        match self.mode {
            Mode::Plain if self.extra != 0 => self.extra,
            Mode::Plain => self.base,
            Mode::Read => READS,
            _ => self.anti,
        }
    }

    /// Every label that a step may have.
    pub(super) fn steps(&self) -> u8 {
        self.base | self.anti | self.extra
    }

    /// Whether a graph with only these labels could have such a cycle that is of no milder kind.
    pub(super) fn possible(&self, labels: u8) -> bool {
        // With predicates or without is the same where there are none.
        let distinct = self.anti != ANTI || labels & RWP != 0;
        distinct && labels & self.first() != 0 && (self.extra == 0 || labels & self.extra != 0)
    }
}

/// All kinds, in the order in which Elle looks for them: those that imply others come first.
pub(super) const KINDS: [Kind; 24] = [
    Kind::new("G-single-item", Mode::Single, RW, 0),
    Kind::new("G0", Mode::Plain, 0, 0),
    Kind::new("G-nonadjacent-item", Mode::Nonadjacent, RW, 0),
    Kind::new("G-single-item-process", Mode::Single, RW, PROCESS),
    Kind::new("G1c", Mode::Read, 0, 0),
    Kind::new("G-nonadjacent-item-process", Mode::Nonadjacent, RW, PROCESS),
    Kind::new("G-single", Mode::Single, ANTI, 0),
    Kind::new("G-single-item-realtime", Mode::Single, RW, REALTIME),
    Kind::new("G2-item", Mode::Any, RW, 0),
    Kind::new("G-nonadjacent", Mode::Nonadjacent, ANTI, 0),
    Kind::new("G-nonadjacent-item-realtime", Mode::Nonadjacent, RW, REALTIME),
    Kind::new("G2", Mode::Any, ANTI, 0),
    Kind::new("G0-process", Mode::Plain, 0, PROCESS),
    Kind::new("G1c-process", Mode::Read, 0, PROCESS),
    Kind::new("G-single-process", Mode::Single, ANTI, PROCESS),
    Kind::new("G2-item-process", Mode::Any, RW, PROCESS),
    Kind::new("G-nonadjacent-process", Mode::Nonadjacent, ANTI, PROCESS),
    Kind::new("G2-process", Mode::Any, ANTI, PROCESS),
    Kind::new("G0-realtime", Mode::Plain, 0, REALTIME),
    Kind::new("G1c-realtime", Mode::Read, 0, REALTIME),
    Kind::new("G-single-realtime", Mode::Single, ANTI, REALTIME),
    Kind::new("G2-item-realtime", Mode::Any, RW, REALTIME),
    Kind::new("G-nonadjacent-realtime", Mode::Nonadjacent, ANTI, REALTIME),
    Kind::new("G2-realtime", Mode::Any, ANTI, REALTIME),
];

/// What a cycle with these steps is called; `None` if it has no step that depends on data, which cannot
/// be in a history.
pub(super) fn classify(labels: &[u8]) -> Option<Anomaly> {
    let count = |mask: u8| labels.iter().filter(|label| **label & mask != 0).count();
    let anti = |at: usize| labels[at % labels.len()] & ANTI != 0;
    let adjacent = || (0..labels.len()).any(|at| anti(at) && anti(at + 1));
    let mode = match count(ANTI) {
        0 if count(READS) > 0 => Mode::Read,
        0 if count(WRITES) > 0 => Mode::Plain,
        0 => return None,
        1 => Mode::Single,
        _ if adjacent() => Mode::Any,
        _ => Mode::Nonadjacent,
    };
    let anti = match mode {
        Mode::Plain | Mode::Read => 0,
        _ if count(RWP) > 0 => ANTI,
        _ => RW,
    };
    let extra = [REALTIME, PROCESS].into_iter().find(|extra| count(*extra) > 0).unwrap_or(0);
    KINDS.iter().find(|k| (k.mode, k.anti, k.extra) == (mode, anti, extra)).map(|kind| kind.anomaly)
}

/// A model, and the part of a graph that has no cycle where it holds.
pub(super) struct Acyclic {
    pub(super) model: &'static str,
    pub(super) anomaly: Anomaly,
    pub(super) base: u8,
    pub(super) anti: u8,
    /// Whether two anti-dependencies in a row are allowed.
    pub(super) adjacent: bool,
}

impl Acyclic {
    const fn new(model: &'static str, anomaly: &str, base: u8, anti: u8, adjacent: bool) -> Self {
        Acyclic { model, anomaly: Anomaly::known(anomaly), base, anti, adjacent }
    }

    /// The model.
    pub(super) fn model(&self) -> Option<Model> {
        Model::by_name(self.model)
    }
}

/// What must be acyclic, from the weakest model on.
pub(super) const ACYCLIC: [Acyclic; 13] = {
    const ALL: u8 = WRITES | READS;
    [
        Acyclic::new("PL-1", "PL-1-cycle-exists", WRITES, 0, true),
        Acyclic::new("PL-2", "PL-2-cycle-exists", ALL, 0, true),
        Acyclic::new("PL-SI", "PL-SI-cycle-exists", ALL, ANTI, false),
        Acyclic::new("PL-2.99", "PL-2.99-cycle-exists", ALL, RW, true),
        Acyclic::new("PL-3", "PL-3-cycle-exists", ALL, ANTI, true),
        Acyclic::new("strong-session-PL-1", "strong-session-PL-1-cycle-exists", WRITES | PROCESS, 0, true),
        Acyclic::new("strong-session-PL-2", "strong-session-PL-2-cycle-exists", ALL | PROCESS, 0, true),
        Acyclic::new(
            "strong-session-snapshot-isolation",
            "strong-session-snapshot-isolation-cycle-exists",
            ALL | PROCESS,
            ANTI,
            false,
        ),
        Acyclic::new(
            "strong-session-serializable",
            "strong-session-serializable-cycle-exists",
            ALL | PROCESS,
            ANTI,
            true,
        ),
        Acyclic::new("strong-PL-1", "strong-PL-1-cycle-exists", WRITES | REALTIME, 0, true),
        Acyclic::new("strong-PL-2", "strong-PL-2-cycle-exists", ALL | REALTIME, 0, true),
        Acyclic::new(
            "strong-snapshot-isolation",
            "strong-snapshot-isolation-cycle-exists",
            ALL | REALTIME,
            ANTI,
            false,
        ),
        Acyclic::new("PL-SS", "PL-SS-cycle-exists", ALL | REALTIME, ANTI, true),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_called_by_its_steps() {
        for (labels, name) in [
            (&[WW, WW][..], "G0"),
            (&[WW, WR], "G1c"),
            (&[RW, WR], "G-single-item"),
            (&[RWP, WR], "G-single"),
            (&[RW, WR, RW, WW], "G-nonadjacent-item"),
            (&[RW, WR, WW, RW], "G2-item"),
            (&[RW, RWP], "G2"),
            (&[WW, PROCESS], "G0-process"),
            (&[WW, PROCESS, REALTIME], "G0-realtime"),
            (&[RW, PROCESS, RW, REALTIME], "G-nonadjacent-item-realtime"),
        ] {
            assert_eq!(classify(labels).map(Anomaly::name), Some(name));
        }
        assert_eq!(classify(&[PROCESS, REALTIME]), None);
    }

    #[test]
    fn no_kind_comes_before_one_that_implies_it() {
        for (at, kind) in KINDS.iter().enumerate() {
            for later in &KINDS[at..] {
                assert!(!later.anomaly.implies().contains(kind.anomaly), "{:?} {:?}", kind.anomaly, later);
            }
        }
        assert!(ACYCLIC.iter().all(|acyclic| acyclic.model().is_some()));
    }
}
