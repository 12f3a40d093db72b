//! What a transaction reads of its own appends, before it has committed; and promises that no anomaly can break.

use checkers::transactions::history::Holds;
use checkers::transactions::weak::Level;
use checkers::transactions::{Isolation, ListAppend, Promise};
use checkers::{Budget, Checker, History, Judgement, Verdict};

use crate::isolation_oracle;
use crate::isolation_text::{Shape, by_hand, history, random};
use crate::simulate::Random;

fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

fn judge(history: &History, model: &str) -> Judgement {
    ListAppend { promise: Promise::models(&[model]).unwrap() }.check(history, &Budget::default())
}

/// The first transaction saw its own append alone, the list got the other's before it: a database that applies
/// appends when it commits does that at read committed, and loses an update.
#[test]
fn an_append_may_land_elsewhere_than_its_own_transaction_saw_it() {
    for text in ["w x 1, r x 1\nw x 2\n | r x 2 1", "w x 1, r x 1\nw x 2, r x 2\n | r x 2 1"] {
        let txns = by_hand(text);
        let events = history(&txns, Holds::Lists);
        for model in ["read-uncommitted", "read-committed"] {
            assert_eq!(judge(&events, model).verdict, Verdict::Valid, "{text} {model}");
        }
        for model in ["snapshot-isolation", "consistent-view", "serializable"] {
            assert_eq!(judge(&events, model).verdict, Verdict::Invalid, "{text} {model}");
        }
        let isolation =
            |level| Isolation::new(level, Holds::Lists).check(&events, &Budget::default()).verdict;
        assert_eq!(isolation(Level::ReadCommitted), Verdict::Valid);
        assert_eq!(isolation(Level::SnapshotIsolation), Verdict::Invalid);
    }
    // Nobody else read the list: two that each saw nothing but their own append missed each other's.
    let events = history(&by_hand("w x 1, r x 1\nw x 2, r x 2"), Holds::Lists);
    assert_eq!(judge(&events, "read-committed").verdict, Verdict::Valid);
    assert_eq!(judge(&events, "snapshot-isolation").verdict, Verdict::Invalid);
    // What others had appended must stay as it was.
    let events = history(&by_hand("w x 1\nw x 2\n | r x 1 2\n | w x 3, r x 2 3"), Holds::Lists);
    assert_eq!(judge(&events, "read-committed").verdict, Verdict::Invalid);
    // What nobody else can have appended stands there once.
    for text in ["w x 1, r x 1 1", "w x 1, r x 1 1\n | r x 1", "w x 1, w x 2, r x 1 1 2\n | r x 1 2"] {
        let events = history(&by_hand(text), Holds::Lists);
        assert_eq!(judge(&events, "read-uncommitted").verdict, Verdict::Invalid, "{text}");
        let isolation = Isolation::new(Level::ReadCommitted, Holds::Lists);
        assert_eq!(isolation.check(&events, &Budget::default()).verdict, Verdict::Invalid, "{text}");
    }
    // And what it appended itself must be there, at the end.
    let events = history(&by_hand("w x 1\n | w x 2, w x 3, r x 1 3 2"), Holds::Lists);
    assert_eq!(judge(&events, "read-atomic").verdict, Verdict::Invalid);
}

#[test]
fn what_list_append_refutes_no_order_of_that_level_explains() {
    let models = [
        ("read-uncommitted", Level::ReadCommitted),
        ("read-committed", Level::ReadCommitted),
        ("snapshot-isolation", Level::SnapshotIsolation),
        ("serializable", Level::Serializable),
        ("strong-session-serializable", Level::StrongSessionSerializable),
    ];
    let (mut caught, mut wrong) = ([0u64; 5], [0u64; 5]);
    for seed in 0..cases() {
        let (sessions, txns, ops, keys) = [(2, 5, 3, 2), (3, 5, 4, 1), (3, 6, 3, 2)][seed as usize % 3];
        let shape = Shape { sessions, txns, ops, keys, holds: Holds::Lists };
        let txns = random(&mut Random(7_000_000 + seed), shape);
        let events = history(&txns, Holds::Lists);
        for (at, (model, level)) in models.into_iter().enumerate() {
            let judgement = judge(&events, model);
            let right = isolation_oracle::holds(&txns, Holds::Lists, level);
            let found = judgement.verdict == Verdict::Invalid;
            assert!(!found || !right, "seed {seed}, {model}: {txns:#?}\n{judgement:#?}");
            assert!(
                right || judgement.verdict != Verdict::Valid || at < 3,
                "seed {seed}, {model}: {txns:#?}\n{judgement:#?}"
            );
            wrong[at] += u64::from(!right);
            caught[at] += u64::from(found);
        }
    }
    // The weakest allows most of what is wrong by the level beside it.
    let parts = [100, 2, 2, 1, 1];
    let enough = caught.iter().zip(wrong).zip(parts).all(|((caught, wrong), part)| caught * part >= wrong);
    assert!(enough, "{caught:?} of {wrong:?}");
}

#[test]
fn a_model_that_nothing_rules_out_is_never_called_valid() {
    let events = history(&by_hand("w x 1\n | r x 1"), Holds::Lists);
    for models in [&["linearizable"][..], &["sequential", "read-committed"]] {
        let promise = Promise::models(models).unwrap();
        assert_eq!(promise.beyond_judging().len(), 1);
        let judgement = ListAppend { promise }.check(&events, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Unknown);
        assert!(judgement.reason.contains(models[0]), "{}", judgement.reason);
    }
    assert!(Promise::default().beyond_judging().is_empty());
    // What is wrong is wrong all the same.
    let wrong = history(&by_hand("!w x 1\n | r x 1"), Holds::Lists);
    let promise = Promise::models(&["sequential", "read-committed"]).unwrap();
    assert_eq!(ListAppend { promise }.check(&wrong, &Budget::default()).verdict, Verdict::Invalid);
}
