//! Where nothing was observed, no checker says `valid`; and what is not recorded is not assumed.

use checkers::history::{HistoryBuilder, Rules};
use checkers::stats::Stats;
use checkers::transactions::history::Holds;
use checkers::transactions::{Isolation, Level, ListAppend, Promise, RwRegister};
use checkers::{Budget, Checker, Event, EventType, History, Process, Value, Verdict, registry};

/// Every event is one ns before the one before it, as other people's may be.
fn history(events: &[(u64, EventType, &str, &str)]) -> History {
    let mut builder = HistoryBuilder::new(Rules::LENIENT);
    for (at, (process, event_type, f, value)) in events.iter().enumerate() {
        let value: Value = serde_json::from_str(value).unwrap();
        let process = Process::client(*process).unwrap();
        builder.push_event(&Event::new(1_000 - at as u64, process, *event_type, *f, value)).unwrap();
    }
    builder.finish()
}

/// Two transactions one after the other that only write; and one that reads and was never answered.
fn only_writes(f: &str) -> History {
    use EventType::{Invoke, Ok};
    let write = |n: u64| format!(r#"[["{f}", "x", {n}]]"#);
    history(&[
        (0, Invoke, "txn", &write(1)),
        (0, Ok, "txn", &write(1)),
        (0, Invoke, "txn", &write(2)),
        (0, Ok, "txn", &write(2)),
        (1, Invoke, "txn", r#"[["r", "x", null]]"#),
    ])
}

#[test]
fn transactions_that_only_write_show_nothing_of_any_level() {
    for (f, holds) in [("append", Holds::Lists), ("w", Holds::Registers)] {
        for level in Level::all() {
            let judgement = Isolation::new(level, holds).check(&only_writes(f), &Budget::default());
            assert_eq!(judgement.verdict, Verdict::Unknown, "{} {}", level.name(), judgement.reason);
        }
    }
    let lists = ListAppend::default().check(&only_writes("append"), &Budget::default());
    assert_eq!(lists.verdict, Verdict::Unknown, "{}", lists.reason);
    let registers = RwRegister::default().check(&only_writes("w"), &Budget::default());
    assert_eq!(registers.verdict, Verdict::Unknown, "{}", registers.reason);
}

/// In an excerpt without invocations the place of an event is not when its operation ran: both a read
/// before its write and a read after it may have overlapped the write.
#[test]
fn completions_alone_do_not_say_what_came_first() {
    use EventType::Ok;
    let read_first = history(&[(0, Ok, "read", "1"), (1, Ok, "write", "1")]);
    let write_first = history(&[(1, Ok, "write", "1"), (0, Ok, "read", "1"), (1, Ok, "write", "2")]);
    let set = history(&[(0, Ok, "read", "[1]"), (1, Ok, "add", "1"), (0, Ok, "read", "[]")]);
    let linearizable = |model| registry::linearizable_by_name(model).unwrap();
    let checker = |name| registry::checker_by_name(name).unwrap();
    for (checker, history) in [
        (linearizable("register"), &read_first),
        (linearizable("cas-register"), &write_first),
        (linearizable("set"), &set),
        (checker("staleness"), &read_first),
        (checker("set-full"), &set),
        (checker("set-full-linearizable"), &set),
    ] {
        let judgement = checker.check(history, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Unknown, "{} {}", checker.name(), judgement.reason);
        assert!(judgement.reason.contains("no invocations"), "{}", judgement.reason);
    }
}

#[test]
fn time_that_runs_backwards_is_no_duration() {
    use EventType::{Invoke, Ok};
    let stats = Stats::of(&history(&[(0, Invoke, "read", "null"), (0, Ok, "read", "1")]));
    assert_eq!(stats.duration_ms, 0.0);
}

/// Process 0's second transaction was never answered, but somebody saw it: it came after the first one.
#[test]
fn an_unanswered_transaction_that_was_seen_follows_its_process() {
    use EventType::{Info, Invoke, Ok};
    let list_append = history(&[
        (2, Invoke, "txn", r#"[["append", "y", 1], ["r", "x", null]]"#),
        (0, Invoke, "txn", r#"[["append", "x", 4]]"#),
        (0, Ok, "txn", r#"[["append", "x", 4]]"#),
        (0, Invoke, "txn", r#"[["append", "y", 7]]"#),
        (0, Info, "txn", "null"),
        (2, Ok, "txn", r#"[["append", "y", 1], ["r", "x", []]]"#),
        (3, Invoke, "txn", r#"[["r", "x", null], ["r", "y", null]]"#),
        (3, Ok, "txn", r#"[["r", "x", [4]], ["r", "y", [7, 1]]]"#),
    ]);
    let judge = |model| {
        let promise = Promise::models(&[model]).unwrap();
        ListAppend { promise }.check(&list_append, &Budget::default())
    };
    assert_eq!(judge("strong-session-serializable").verdict, Verdict::Invalid);
    assert_eq!(judge("serializable").verdict, Verdict::Valid);
}
