//! The anomalies of the literature, each with exactly the levels that it breaks.

use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Evidence, Verdict};

use crate::isolation_oracle;
use crate::isolation_text::{by_hand, history};

/// The names of the levels that a history breaks; evidence quotes operations and, where it argues,
/// says something in each step.
fn broken(sessions: &str, holds: Holds) -> String {
    let txns = by_hand(sessions);
    let history = history(&txns, holds);
    let mut names = Vec::new();
    for level in Level::all() {
        let judgement = Isolation::new(level, holds).check(&history, &Budget::default());
        let expected = isolation_oracle::holds(&txns, holds, level);
        assert_eq!(judgement.verdict == Verdict::Valid, expected, "{level:?}: {judgement:#?}\n{sessions}");
        if judgement.verdict == Verdict::Invalid {
            names.push(level.name());
            let Some(Evidence::Finding(finding)) = judgement.evidence.first() else { panic!("no finding") };
            assert!(!finding.operations.is_empty() && !finding.sentence.is_empty(), "{finding:#?}");
            assert!(finding.steps.iter().all(|step| step.len() > 8), "{finding:#?}");
        }
    }
    names.join(" ")
}

const SERIAL: &str = "serializable strong-session-serializable strict-serializable";
const SNAPSHOT: &str = "snapshot-isolation strong-session-snapshot-isolation strong-snapshot-isolation \
                        serializable strong-session-serializable strict-serializable";

fn everything() -> String {
    Level::all().map(Level::name).collect::<Vec<_>>().join(" ")
}

#[test]
fn registers() {
    let broken = |sessions| broken(sessions, Holds::Registers);
    // Nothing wrong.
    assert_eq!(broken("w x 1, w y 1\n | r x 1, r y 1"), "");
    assert_eq!(broken("?w x 1\n r x - | r x 1"), "");
    // G1a, G1b, garbage, and the like: no level.
    assert_eq!(broken("!w x 1\n | r x 1"), everything());
    assert_eq!(broken("w x 1, w x 2\n | r x 1"), everything());
    assert_eq!(broken("r x 7"), everything());
    assert_eq!(broken("w x 1, r x -"), everything());
    assert_eq!(broken("r x 1, w x 1"), everything());
    // Lost update: both read the initial state and write.
    assert_eq!(broken("r x -, w x 1\nr x -, w x 2"), SNAPSHOT);
    // Write skew: two read both keys, each writes one.
    assert_eq!(broken("r x -, r y -, w x 1\nr x -, r y -, w y 1"), SERIAL);
    // Long fork: two readers see two writes in different orders.
    assert_eq!(broken("w x 1\nw y 1\n | r x 1, r y -\n | r x -, r y 1"), SNAPSHOT);
    // Fractured read: half of a transaction.
    assert_eq!(
        broken("w x 1, w y 1\n | r x 1, r y -"),
        format!(
            "monotonic-reads pram read-committed read-atomic weak-causal causal-memory causal {SNAPSHOT}"
        )
    );
    // The same, the other key first: read committed does not forbid that.
    assert_eq!(
        broken("w x 1, w y 1\n | r y -, r x 1"),
        format!("pram read-atomic weak-causal causal-memory causal {SNAPSHOT}")
    );
    // Non-repeatable read.
    assert_eq!(
        broken("w x 1 | w x 2\n | r x 1, r x 2"),
        format!("pram read-atomic weak-causal causal-memory causal {SNAPSHOT}")
    );
    // A stale read of another session is a matter of time alone.
    assert_eq!(broken("w x 1\n | r x -"), "strong-snapshot-isolation strict-serializable");
}

#[test]
fn sessions() {
    let broken = |sessions| broken(sessions, Holds::Registers);
    let sessions_and_more = "strong-session-snapshot-isolation strong-snapshot-isolation \
                             strong-session-serializable strict-serializable";
    // A session misses its own write.
    assert_eq!(
        broken("w x 1 | r x -"),
        format!("read-your-writes pram read-atomic weak-causal causal-memory causal {sessions_and_more}")
    );
    // A session goes back.
    assert_eq!(
        broken("w x 1\n | r x 1 | r x -"),
        format!("monotonic-reads pram weak-causal causal-memory causal {sessions_and_more}")
    );
    assert_eq!(
        broken("w x 1\nw x 2\n | r x 1 | r x 2 | r x 1"),
        format!("monotonic-reads pram causal-memory causal {sessions_and_more}")
    );
    // Somebody sees the later of two writes of a session without the earlier.
    assert_eq!(
        broken("w x 1 | w y 1\n | | r y 1, r x -"),
        format!("monotonic-writes pram weak-causal causal-memory causal {sessions_and_more}")
    );
    // Causality violation: an answer without its question.
    assert_eq!(
        broken("w x 1\n | r x 1 | w y 1\n | | | r y 1, r x -"),
        format!("writes-follow-reads weak-causal causal-memory causal {sessions_and_more}")
    );
    // Two sessions see two writes in different orders.
    assert_eq!(broken("w x 1 | r x 2\nw x 2 | r x 1"), format!("read-atomic causal {sessions_and_more}"));
    // Causal convergence without causal memory (Bouajjani et al., figure 3).
    assert_eq!(
        broken("w z 1 | w x 1 | w y 1\n w x 2 | r z - | r y 1 | r x 2"),
        format!("pram causal-memory {sessions_and_more}")
    );
}

#[test]
fn lists() {
    let broken = |sessions| broken(sessions, Holds::Lists);
    assert_eq!(broken("w x 1 | w x 2\n | | r x 1 2"), "");
    assert_eq!(broken("w x 1\nw x 2\n | r x 1 | r x 2 1"), everything());
    assert_eq!(broken("w x 1, w x 2\nw x 3\n | r x 1 3 2"), everything());
    assert_eq!(broken("w x 1\n | r x 1 1"), everything());
    assert_eq!(broken("!w x 1\n | r x 1"), everything());
    assert_eq!(broken("r x 1, w x 1"), everything());
    // Lost append.
    assert_eq!(broken("r x -, w x 1\nr x -, w x 2\n | r x 1 2"), format!("pram causal-memory {SNAPSHOT}"));
    // A list that shrinks.
    assert_eq!(
        broken("w x 1 | w x 2\n | | r x 1 2 | r x 1"),
        "monotonic-reads pram weak-causal causal-memory causal strong-session-snapshot-isolation \
         strong-snapshot-isolation strong-session-serializable strict-serializable"
    );
    // The appends of a session the wrong way round.
    assert_eq!(
        broken("w x 1 | w x 2\n | | r x 2 1"),
        "monotonic-writes pram read-committed read-atomic weak-causal causal-memory causal \
         strong-session-snapshot-isolation strong-snapshot-isolation strong-session-serializable \
         strict-serializable"
    );
    // Half of a transaction, seen through a later append to the same list.
    assert_eq!(
        broken("w x 1, w y 1\n | w x 2\n | | r y -, r x 1 2"),
        format!("pram read-atomic weak-causal causal-memory causal {SNAPSHOT}")
    );
}

#[test]
fn doubled_values_are_a_doubt_and_not_an_excuse() {
    let judge = |sessions, level| {
        let history = history(&by_hand(sessions), Holds::Registers);
        Isolation::new(level, Holds::Registers).check(&history, &Budget::default())
    };
    let doubt = judge("w x 1\nw x 1\n | r x 1", Level::ReadCommitted);
    assert_eq!(doubt.verdict, Verdict::Unknown);
    assert!(doubt.reason.contains("120 = 1"), "{}", doubt.reason);
    // Nobody read it; or only one of them can have written it.
    assert_eq!(judge("w x 1\nw x 1\n | r y -", Level::Serializable).verdict, Verdict::Valid);
    assert_eq!(judge("!w x 1\nw x 1\n | r x 1", Level::Serializable).verdict, Verdict::Valid);
    // What is wrong without it stays wrong.
    let wrong = judge("w x 1, w y 1\nw x 1\n | r x 1 | r y 1, r z 9", Level::ReadCommitted);
    assert_eq!(wrong.verdict, Verdict::Invalid);
    // Nothing happened: nothing is proved.
    assert_eq!(judge("!w x 1", Level::ReadCommitted).verdict, Verdict::Unknown);
}
