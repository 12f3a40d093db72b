//! One known violation in a large history that is otherwise right: exactly the levels that it breaks are
//! broken, and the evidence is about it and about nothing else.

use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Event, Evidence, History, Process, Value, Verdict};

use crate::isolation_database::{Load, run};
use crate::isolation_text::{by_hand, history};
use crate::simulate::Random;

/// Keys and processes of what is injected are nobody else's.
const APART: i64 = 1 << 40;
const STRANGERS: u64 = 1 << 20;

fn moved(value: &Value) -> Value {
    let Value::List(mops) = value else { return value.clone() };
    Value::list(mops.iter().map(|mop| {
        let parts = mop.as_list().unwrap();
        Value::list([parts[0].clone(), Value::Int(parts[1].as_int().unwrap() + APART), parts[2].clone()])
    }))
}

/// The events of `large` with those of `small` spread among them, and where the latter are.
fn injected(large: &History, small: &History, random: &mut Random) -> (History, Vec<usize>) {
    let begin = large.len() / 4 + random.below(large.len() as u64 / 4) as usize;
    let mut at = begin;
    let places: Vec<usize> = (0..small.len())
        .map(|_| {
            at += 1 + random.below(40) as usize;
            at
        })
        .collect();
    let mut events: Vec<Event> = Vec::new();
    let mut theirs = small.events().map(|event| event.to_event()).zip(places).peekable();
    let mut positions = Vec::new();
    for (at, event) in large.events().enumerate() {
        while let Some((mut event, _)) = theirs.next_if(|(_, place)| *place == at) {
            event.process = Process::client(u64::from(event.process.number().unwrap()) + STRANGERS).unwrap();
            event.value = moved(&event.value);
            positions.push(events.len());
            events.push(event);
        }
        events.push(event.to_event());
    }
    events.iter_mut().enumerate().for_each(|(at, event)| event.time = at as u64);
    (History::new(events).unwrap(), positions)
}

/// A violation, and the weakest level whose promise it breaks.
const REGISTERS: [(Level, &str); 18] = [
    (Level::ReadYourWrites, "w x 1 | r x -"),
    (Level::ReadYourWrites, "w x 1 | w x 2 | r x 1"),
    (Level::MonotonicReads, "w x 1\n | r x 1 | r x -"),
    (Level::MonotonicReads, "w x 1\nw x 2\n | r x 1 | r x 2 | r x 1"),
    (Level::MonotonicWrites, "w x 1 | w y 1\n | | r y 1, r x -"),
    (Level::WritesFollowReads, "w x 1\n | r x 1 | w y 1\n | | | r y 1, r x -"),
    (Level::Pram, "w x 1 | r x 2\nw x 2\n | r x 2 | r x 1 | r x 2"),
    (Level::ReadCommitted, "!w x 1\n | r x 1"),
    (Level::ReadCommitted, "w x 1, w y 1\n | r x 1, r y -"),
    (Level::ReadAtomic, "w x 1, w y 1\n | r y -, r x 1"),
    (Level::ReadAtomic, "w x 1 | w x 2\n | r x 1, r x 2"),
    (Level::WeakCausal, "w x 1 | w z 1\n | r x 1 | w y 1\n | | | r y 1 | r x -"),
    (Level::CausalMemory, "w z 1 | w x 1 | w y 1\n w x 2 | r z - | r y 1 | r x 2"),
    (Level::Causal, "w x 1 | r x 2\nw x 2 | r x 1"),
    (Level::SnapshotIsolation, "r x -, w x 1\nr x -, w x 2"),
    (Level::SnapshotIsolation, "w x 1\nw y 1\n | r x 1, r y -\n | r x -, r y 1"),
    (Level::Serializable, "r x -, r y -, w x 1\nr x -, r y -, w y 1"),
    (Level::StrongSnapshotIsolation, "w x 1\n | r x -"),
];

const LISTS: [(Level, &str); 9] = [
    (Level::ReadYourWrites, "w x 1 | w x 2 | r x 1"),
    (Level::MonotonicReads, "w x 1 | w x 2\n | | r x 1 2 | r x 1"),
    (Level::MonotonicWrites, "w x 1 | w x 2\n | | r x 2 1"),
    (Level::ReadCommitted, "w x 1\nw x 2\n | r x 1 | r x 2 1"),
    (Level::ReadCommitted, "r x 1, w x 1"),
    (Level::ReadAtomic, "w x 1, w y 1\n | w x 2\n | | r y -, r x 1 2"),
    (Level::SnapshotIsolation, "r x -, w x 1\nr x -, w x 2\n | r x 1 2"),
    (Level::Serializable, "r x -, r y -, w x 1\nr x -, r y -, w y 1"),
    (Level::StrictSerializable, "w x 1\n | r x -\n | | r x 1"),
];

#[test]
fn a_violation_in_a_large_history_is_found_and_named() {
    for (holds, violations) in [(Holds::Registers, &REGISTERS[..]), (Holds::Lists, &LISTS[..])] {
        let large = run(Load { holds, info: 1, ..Load::registers(4_000) });
        let judge =
            |history: &History, level| Isolation::new(level, holds).check(history, &Budget::default());
        let mut random = Random(9);
        let mut broken = Vec::new();
        for (weakest, violation) in violations {
            let small = history(&by_hand(violation), holds);
            let (whole, positions) = injected(&large, &small, &mut random);
            for level in Level::all() {
                let alone = judge(&small, level);
                let judgement = judge(&whole, level);
                assert_eq!(judgement.verdict, alone.verdict, "{level:?}: {violation} {}", judgement.reason);
                if level == *weakest {
                    assert_eq!(judgement.verdict, Verdict::Invalid, "{level:?}: {violation}");
                }
                if judgement.verdict == Verdict::Invalid {
                    broken.push(level);
                    for evidence in &judgement.evidence {
                        let about = evidence.positions();
                        assert!(!about.is_empty(), "{level:?}: {violation} {evidence:#?}");
                        let known = about.iter().all(|at| positions.contains(at));
                        assert!(known, "{level:?}: {violation} {positions:?} {evidence:#?}");
                    }
                }
            }
        }
        assert!(Level::all().all(|level| broken.contains(&level)), "{holds:?}");
    }
}

/// Of either pair of writes each order is possible, as long as nobody asks for the other pair: two cases.
#[test]
fn a_refutation_that_needs_cases_tells_them() {
    let text = "w x 1, w u 1\nw x 2, w v 2\nw y 1, w p 1\nw y 2, w q 2\n\
                | r x 1, r p 1, r q 2\n | r x 2, r p 1, r q 2\n | r u 1, r v 2, r y 1\n | r u 1, r v 2, r y 2";
    let small = history(&by_hand(text), Holds::Registers);
    let large = run(Load { info: 1, ..Load::registers(3_000) });
    let (whole, positions) = injected(&large, &small, &mut Random(4));
    for level in [Level::SnapshotIsolation, Level::Serializable, Level::StrongSessionSerializable] {
        let judgement = Isolation::new(level, Holds::Registers).check(&whole, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Invalid, "{level:?}: {}", judgement.reason);
        let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!("no finding") };
        assert!(finding.operations.iter().all(|op| positions.contains(&op.call)), "{finding:#?}");
        assert_eq!(finding.operations.len(), 8, "{finding:#?}");
        for case in ["case 1: if ", "case 2: if ", "case 1: but just as well ", "case 2: but just as well "] {
            assert!(finding.steps.iter().any(|step| step.starts_with(case)), "{finding:#?}");
        }
        assert!(finding.sentence.ends_with("neither can be first, as 2 cases show"), "{}", finding.sentence);
        assert!(finding.steps.len() <= 12, "{finding:#?}");
    }
}
