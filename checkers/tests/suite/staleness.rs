//! The staleness measure against a brute force, and its figures on histories whose staleness is known.

use checkers::evidence::Evidence;
use checkers::{Budget, Checker, Event, EventType, History, Process, Staleness, Value, Verdict};

use crate::models::{Op, cases, ops, small};
use crate::plain::UNIQUE_REGISTER;
use crate::simulate::{Plan, Random, make_stale, simulate};
use crate::text::{history, lines};

/// Whether an order of `left` keeps real time and lets each read find one of the last `k` of `writes`,
/// the first value among them.
fn k_atomic(k: usize, writes: &[Value], left: &[Op]) -> bool {
    if left.iter().all(|op| op.answer.is_none()) {
        return true;
    }
    (0..left.len()).any(|at| {
        let op = &left[at];
        if left.iter().any(|other| other.ret.is_some_and(|ret| ret < op.call)) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(at);
        match (op.f.as_str(), &op.answer) {
            ("write", _) => {
                let mut writes = writes.to_vec();
                writes.push(op.argument.clone());
                k_atomic(k, &writes, &rest)
            }
            (_, Some(found)) => {
                writes.iter().rev().take(k).any(|value| value == found) && k_atomic(k, writes, &rest)
            }
            _ => k_atomic(k, writes, &rest),
        }
    })
}

fn number(n: usize) -> Value {
    Value::Int(n as i64)
}

#[test]
fn the_smallest_k_agrees_with_brute_force() {
    let mut tally = [0; 6];
    for seed in 0..cases(5_000) {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) + 5);
        let history = small(&mut random, &UNIQUE_REGISTER, 9);
        let judgement = Staleness::default().check(&history, &Budget::default());
        if judgement.verdict == Verdict::Unknown {
            assert!(
                judgement.reason.contains("nothing to measure"),
                "{}\n{}",
                judgement.reason,
                lines(&history)
            );
            continue;
        }
        let ops = ops(&history);
        let truth = (1..=ops.len() + 1).find(|&k| k_atomic(k, &[Value::Nil], &ops));
        let Some(truth) = truth else {
            assert_eq!(judgement.verdict, Verdict::Invalid, "{}", lines(&history));
            tally[0] += 1;
            continue;
        };
        assert_eq!(judgement.verdict, Verdict::Valid, "{}", lines(&history));
        let told = (&judgement.details["k_at_least"], &judgement.details["k_at_most"]);
        assert_eq!(
            told,
            (&checkers::value::to_value(&truth), &checkers::value::to_value(&truth)),
            "{}",
            lines(&history)
        );
        tally[truth.min(5)] += 1;
        for limit in 1..4 {
            let limited = Staleness { max_k: Some(limit), ..Staleness::default() };
            let expected = if truth > limit { Verdict::Invalid } else { Verdict::Valid };
            assert_eq!(limited.check(&history, &Budget::default()).verdict, expected);
        }
    }
    println!("by k, the first of which has none: {tally:?}");
    assert!(tally[1..5].iter().all(|&n| n > 20), "{tally:?}");
}

/// One client writes 1 to `count`, a value per ms; another reads what was written `behind` before.
fn lagging(count: u64, behind: u64) -> History {
    let ms = 1_000_000;
    let mut events = Vec::new();
    let mut push = |time: u64, process: u64, kind, f: &str, value: Value| {
        events.push(Event::new(time, Process::client(process).unwrap(), kind, f, value));
    };
    for n in 1..=count {
        push(n * ms, 0, EventType::Invoke, "write", Value::Int(n as i64));
        push(n * ms + 1, 0, EventType::Ok, "write", Value::Int(n as i64));
        push(n * ms + 2, 1, EventType::Invoke, "read", Value::Nil);
        let found = n.checked_sub(behind).filter(|&n| n > 0);
        push(n * ms + 3, 1, EventType::Ok, "read", found.map_or(Value::Nil, |n| Value::Int(n as i64)));
    }
    History::new(events).unwrap()
}

#[test]
fn a_reader_that_lags_is_measured_in_writes_and_in_milliseconds() {
    let judgement = Staleness::default().check(&lagging(1_000, 3), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid);
    assert_eq!((&judgement.details["k_at_least"], &judgement.details["k_at_most"]), (&number(4), &number(4)));
    // Overwritten by the write that came next, two before the last one.
    assert_eq!(judgement.details["stale_ms_p50"], checkers::value::to_value(&2.0));
    assert_eq!(judgement.details["stale_reads"], checkers::value::to_value(&1_000));
    assert_eq!(judgement.details["worst_by_writes"]["writes_between"], checkers::value::to_value(&3));

    let limit = Staleness { max_k: Some(3), max_stale_ns: Some(1_000_000) };
    let judgement = limit.check(&lagging(1_000, 3), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Invalid);
    let Evidence::Finding(finding) = &judgement.evidence[1] else { panic!() };
    assert_eq!(
        finding.sentence,
        "process 1: read null (event 10) found what had been overwritten by process 0: write 1 (event 0) for \
         2 ms, with 3 writes between for certain"
    );
    assert_eq!(limit.check(&lagging(1_000, 1), &Budget::default()).verdict, Verdict::Valid);
}

#[test]
fn what_nobody_wrote_is_no_staleness() {
    let made_up = history("0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :ok :read 7\n");
    let judgement = Staleness::default().check(&made_up, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Invalid);
    assert_eq!(judgement.reason, "process 1: read 7 (event 2) found what nobody had begun to write");
    let twice = history("0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :write 1\n0 :ok :write 1\n");
    let judgement = Staleness::default().check(&twice, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert!(judgement.reason.contains("must be unique"), "{}", judgement.reason);
}

#[test]
fn a_long_history_is_measured_and_one_stale_read_in_it_found() {
    for (clients, keys, info) in [(5, 0, 0), (5, 10, 5), (25, 0, 1)] {
        let history = simulate(Plan { clients, keys, info, ..Plan::register(20_000) });
        let judgement = Staleness { max_k: Some(1), max_stale_ns: None }.check(&history, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
        let (spoiled, read) = make_stale(&history, 90);
        let judgement = Staleness { max_k: Some(1), max_stale_ns: None }.check(&spoiled, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert_eq!(judgement.details["worst_by_time"]["read"], checkers::value::to_value(&read));
        let k = (&judgement.details["k_at_least"], &judgement.details["k_at_most"]);
        assert_eq!(k.0, k.1);
    }
}
