//! Histories of a simulated database: what it promises is proved, what is spoiled is found.

use checkers::history::Rules;
use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Event, Evidence, History, Judgement, Value, Verdict};

use crate::isolation_database::{Load, Mode, run};
use crate::simulate::Random;

fn judge(history: &History, holds: Holds, level: Level) -> Judgement {
    Isolation::new(level, holds).check(history, &Budget::default())
}

#[test]
fn a_serial_database_keeps_every_level() {
    for holds in [Holds::Registers, Holds::Lists] {
        for info in [0, 5] {
            let history = run(Load { holds, info, ..Load::registers(1_500) });
            for level in Level::all() {
                let judgement = judge(&history, holds, level);
                assert_eq!(judgement.verdict, Verdict::Valid, "{level:?}: {}", judgement.reason);
            }
        }
    }
}

#[test]
fn a_database_of_snapshots_is_not_serializable() {
    for holds in [Holds::Registers, Holds::Lists] {
        let history = run(Load { holds, mode: Mode::Snapshot, ..Load::registers(1_500) });
        for level in Level::all() {
            let serial = matches!(
                level,
                Level::Serializable | Level::StrongSessionSerializable | Level::StrictSerializable
            );
            let expected = if serial { Verdict::Invalid } else { Verdict::Valid };
            let judgement = judge(&history, holds, level);
            assert_eq!(judgement.verdict, expected, "{level:?}: {}", judgement.reason);
            if serial {
                assert!(judgement.evidence[0].positions().len() <= 12, "{:#?}", judgement.evidence);
            }
        }
    }
}

/// The history with one answer changed: of the micro-operation `mop` of the event at `position`.
fn with_answer(history: &History, position: usize, mop: usize, answer: &Value) -> History {
    let events = history.events().enumerate().map(|(at, event)| {
        let mut event: Event = event.to_event();
        if at == position {
            let Value::List(mops) = &event.value else { panic!("not a transaction") };
            let mut mops = mops.to_vec();
            let Value::List(old) = &mops[mop] else { panic!("not a micro-operation") };
            mops[mop] = Value::List(vec![old[0].clone(), old[1].clone(), answer.clone()].into());
            event.value = Value::List(mops.into());
        }
        event
    });
    History::new(events).unwrap()
}

/// One read of a key, well into the history, is given the value that the session itself had read
/// there several versions ago.
#[test]
fn one_read_that_goes_back_is_found_and_named() {
    let history = run(Load::registers(20_000));
    let mut random = Random(3);
    let mut done = 0;
    while done < 6 {
        let position = 20_000 + random.below(15_000) as usize;
        let Some((mop, old)) = older_answer(&history, position) else { continue };
        let spoiled = with_answer(&history, position, mop, &old);
        let call = spoiled.partner(position).unwrap();
        for level in [Level::Pram, Level::WeakCausal, Level::CausalMemory, Level::Causal] {
            let judgement = judge(&spoiled, Holds::Registers, level);
            assert_eq!(judgement.verdict, Verdict::Invalid, "{level:?}");
            let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!("no finding") };
            assert!(finding.operations.len() <= 24, "{level:?}: {finding:#?}");
            assert!(finding.operations.iter().any(|op| op.call == call), "{level:?}: {finding:#?}");
        }
        let judgement = judge(&spoiled, Holds::Registers, Level::StrongSessionSnapshotIsolation);
        assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
        assert!(judgement.evidence[0].positions().contains(&call), "{:#?}", judgement.evidence);
        done += 1;
    }
}

/// What the process of a completed transaction had itself written to a key before it, and before a
/// later write of its own to the key, where the transaction reads that key first.
fn older_answer(history: &History, position: usize) -> Option<(usize, Value)> {
    let event = history.event(position);
    let Value::List(mops) = event.value.to_value() else { return None };
    let parts = |mop: &Value| match mop {
        Value::List(parts) => (parts[0].clone(), parts[1].clone(), parts[2].clone()),
        _ => panic!("not a micro-operation"),
    };
    let (mop, key) = mops.iter().enumerate().find_map(|(at, mop)| {
        let (f, key, _) = parts(mop);
        let written = mops[..at].iter().any(|other| parts(other).0 == "w" && parts(other).1 == key);
        let again = mops.iter().filter(|other| parts(other).1 == key).count() > 1;
        (f == "r" && !written && !again).then_some((at, key))
    })?;
    history.partner(position).filter(|call| *call < position)?;
    let own: Vec<Value> = (0..position)
        .map(|at| history.event(at))
        .filter(|other| other.process == event.process && other.event_type == checkers::EventType::Ok)
        .filter_map(|other| match other.value.to_value() {
            Value::List(mops) => {
                let last = mops.iter().rev().map(parts).find(|(f, k, _)| *f == "w" && *k == key);
                last.map(|(_, _, value)| value)
            }
            _ => None,
        })
        .collect();
    (own.len() >= 2).then(|| (mop, own[own.len() - 2].clone()))
}

#[test]
fn a_budget_ends_in_unknown_with_what_was_established() {
    let history = run(Load::registers(3_000));
    let budget = Budget { max_steps: 2_000, ..Budget::default() };
    for level in [Level::Causal, Level::CausalMemory, Level::Serializable, Level::SnapshotIsolation] {
        let judgement = Isolation::new(level, Holds::Registers).check(&history, &budget);
        assert_eq!(judgement.verdict, Verdict::Unknown, "{level:?}");
        assert!(judgement.reason.contains("2000 steps"), "{}", judgement.reason);
    }
    let stop = || Some("time limit of 1 s".to_owned());
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    let judgement = Isolation::new(Level::Serializable, Holds::Registers).check(&history, &budget);
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert!(judgement.reason.contains("time limit of 1 s"), "{}", judgement.reason);
}

#[test]
fn an_excerpt_without_time_is_never_proved_strict() {
    let completions = |text: &str| {
        let mut builder = checkers::history::HistoryBuilder::new(Rules::LENIENT);
        for (at, line) in text.lines().enumerate() {
            let value: Value = serde_json::from_str(line).unwrap();
            let process = checkers::Process::client(at as u64).unwrap();
            builder.push_event(&Event::new(0, process, checkers::EventType::Ok, "txn", value)).unwrap();
        }
        builder.finish()
    };
    let fine = completions("[[\"r\",\"x\",1]]\n[[\"w\",\"x\",1]]");
    assert_eq!(judge(&fine, Holds::Registers, Level::Serializable).verdict, Verdict::Valid);
    assert_eq!(judge(&fine, Holds::Registers, Level::StrictSerializable).verdict, Verdict::Unknown);
    assert_eq!(judge(&fine, Holds::Registers, Level::StrongSnapshotIsolation).verdict, Verdict::Unknown);
}
