//! Claims about all combinators together, and about whole workloads, in virtual time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::pin::pin;
use std::task::{Context as Poller, Poll, Waker};
use std::time::Duration;

use checkers::{Event, EventType, Value};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use workloads::generator::simulate::{End, Response, Simulation, Trace};
use workloads::generator::{
    Roster, any, concat, cycle, each_process, each_thread, flip_flop, from_fn_while, log, mix, nothing, ops,
    per_second, phases, repeat, reserve, sleep,
};
use workloads::memory_kv::{MemoryFaults, MemoryKv};
use workloads::noop::NoopClient;
use workloads::register::{Register, RegisterOptions};
use workloads::set::{Set, SetOptions};
use workloads::{Client, Generator, GeneratorExt, Next, Op, Outcome, Workload, WorkloadOptions};

const MS: Duration = Duration::from_millis(1);

fn some(name: &str, n: u64) -> Box<dyn Generator> {
    repeat(Op::new(name, 1)).limit(n).boxed()
}

/// One of each kind, all of which end.
fn one_of_each() -> Vec<(&'static str, Box<dyn Generator>)> {
    let mut left = 3;
    let down = move |_: &mut workloads::Context<'_>| {
        left -= 1;
        (left >= 0).then(|| Op::new("a", left))
    };
    vec![
        ("nothing", nothing().boxed()),
        ("ops", ops([Op::new("a", 1)]).boxed()),
        ("from_fn_while", from_fn_while(down).boxed()),
        ("sleep", sleep(MS).boxed()),
        ("log", log("x", |_, _| {}).boxed()),
        ("limit", some("a", 5)),
        ("time_limit", repeat(Op::new("a", 1)).time_limit(20 * MS).boxed()),
        ("mix", mix(vec![(2, some("a", 3)), (1, some("b", 4))]).boxed()),
        ("any", any(vec![some("a", 3), some("b", 4)]).boxed()),
        ("flip_flop", flip_flop(some("a", 3), some("b", 4)).boxed()),
        ("concat", concat(vec![some("a", 3), some("b", 4)]).boxed()),
        ("then", some("a", 3).then(some("b", 4)).boxed()),
        ("phases", phases(vec![some("a", 3), some("b", 4)]).boxed()),
        ("cycle", cycle(|| some("a", 2)).times(3).boxed()),
        ("each_thread", each_thread(|_| some("a", 2)).boxed()),
        ("each_process", each_process(|_| some("a", 2)).limit(30).boxed()),
        ("reserve", reserve(vec![(1, some("a", 3))], some("b", 4)).boxed()),
        ("stagger", some("a", 4).stagger(MS).boxed()),
        ("delay", some("a", 4).delay(MS).boxed()),
        ("until_ok", some("a", 9).until_ok().boxed()),
        ("until_failing", some("a", 9).until_failing(2).boxed()),
        ("map", some("a", 3).map(|op| op).boxed()),
        ("filter", some("a", 3).filter(|_| false).boxed()),
        ("inspect", some("a", 3).inspect(|_, _, _| {}).boxed()),
        ("on_clients", some("a", 3).on_clients().boxed()),
        ("on_nemesis", some("a", 3).on_nemesis().boxed()),
        ("on_threads", some("a", 3).on_threads(|t| t == workloads::Thread::Client(1)).boxed()),
    ]
}

/// Any outcome, after 0 to 9 ms.
fn by_chance(rng: &mut ChaCha8Rng) -> Response {
    let after = rng.random_range(0..10);
    match rng.random_range(0..3) {
        0 => Response::ok_after_ms(after),
        1 => Response::fail_after_ms(after),
        _ => Response::info_after_ms(after),
    }
}

#[test]
fn done_is_final_and_reached_whatever_the_outcomes() {
    for seed in 0..50 {
        for (name, mut generator) in one_of_each() {
            let simulation = Simulation { nemesis: true, seed, ..Simulation::with_clients(3) };
            let trace = simulation.run(&mut generator, |_, rng| by_chance(rng));
            assert_eq!(trace.end, End::Done, "{name} with seed {seed}");
            assert!(trace.history().is_ok(), "{name} with seed {seed}");
            let roster = Roster::new(3, true);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for ask in 1..20 {
                let time = trace.time + ask * 1_000_000;
                assert_eq!(roster.ask(&mut generator, time, &mut rng), Next::Done, "{name} with seed {seed}");
            }
        }
    }
}

#[test]
fn nobody_free_means_no_operation() {
    for (name, mut generator) in one_of_each() {
        let mut roster = Roster::new(2, true);
        for thread in roster.threads().to_vec() {
            assert!(roster.begin(thread));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for time in 0..20 {
            let next = roster.ask(&mut generator, time, &mut rng);
            assert!(!matches!(next, Next::Invoke(..)), "{name} gave {next:?}");
        }
    }
}

#[test]
fn combinators_work_one_within_the_other() {
    let load = mix(vec![(4, repeat(Op::new("read", 1)).boxed()), (3, some("write", 100))])
        .stagger(per_second(500.0))
        .time_limit(Duration::from_secs(10))
        .on_clients();
    let faults = sleep(1_000 * MS)
        .then(cycle(|| ops([Op::new("start", 1), Op::new("stop", 1)])).delay(1_000 * MS))
        .time_limit(Duration::from_secs(9))
        .on_nemesis();
    let main = any(vec![load.boxed(), faults.boxed()]).boxed();
    let heal = ops([Op::new("heal", 1)]).on_nemesis().boxed();
    let rest = sleep(2_000 * MS).boxed();
    let last = each_thread(|_| repeat(Op::new("final", 1)).limit(9).until_ok()).on_clients().boxed();
    let simulation = Simulation { nemesis: true, ..Simulation::with_clients(5) };
    let trace = simulation.run(&mut phases(vec![main, heal, rest, last]), |_, rng| by_chance(rng));

    assert_eq!(trace.end, End::Done);
    assert!(trace.history().is_ok());
    let number = |f: &str| trace.invocations().filter(|event| event.f == *f).count();
    assert_eq!(number("write"), 100);
    let load = number("read") + number("write");
    assert!((4_850..5_150).contains(&load), "{load} operations in 10 s at 500 a second");
    let nemesis: Vec<&str> = trace.events.iter().filter(|e| e.process.is_nemesis()).map(|e| &*e.f).collect();
    let pairs: Vec<&str> = nemesis.iter().step_by(2).copied().collect();
    assert_eq!(pairs, ["start", "stop", "start", "stop", "start", "stop", "start", "stop", "heal"]);
    let ok = trace.events.iter().filter(|e| e.f == *"final" && e.event_type == EventType::Ok).count();
    assert_eq!(ok, 5);
    let healed = trace.events.iter().rfind(|e| e.f == *"heal").unwrap().time;
    let first = trace.events.iter().find(|e| e.f == *"final").unwrap().time;
    assert_eq!(first - healed, 2_000_000_000);
}

const OPTIONS: WorkloadOptions = WorkloadOptions { concurrency: 10, nodes: 5 };

/// A minute of the workload at 500 operations a second, then its end.
fn minute(workload: &dyn Workload, store: &MemoryKv) -> Trace {
    let load = workload.generator(&OPTIONS).stagger(per_second(500.0)).time_limit(Duration::from_secs(60));
    let last = workload.final_generator(&OPTIONS).expect("the workload has a final generator");
    let simulation = Simulation { max_operations: u64::MAX, ..Simulation::with_clients(OPTIONS.concurrency) };
    let trace = simulation.run(&mut phases(vec![load.boxed(), last]), |call, rng| {
        Response::new(rng.random_range(1..15) * MS, store.perform(call.op))
    });
    assert_eq!(trace.end, End::Done);
    assert!(trace.history().is_ok());
    trace
}

/// The part of a trace before and after a time.
fn split(trace: &Trace, seconds: u64) -> (Vec<&Event>, Vec<&Event>) {
    trace.events.iter().partition(|event| event.time < seconds * 1_000_000_000)
}

fn key_of(event: &Event) -> &str {
    event.value.as_pair().and_then(|(key, _)| key.as_str()).expect("a pair with a key")
}

/// What a write or cas writes.
fn written(event: &Event) -> Option<i64> {
    let (_, value) = event.value.as_pair()?;
    value.as_pair().map_or(value, |(_, to)| to).as_int()
}

#[test]
fn register_writes_each_value_once_to_a_key() {
    let trace = minute(&Register::default(), &MemoryKv::new());
    let mut seen = HashSet::new();
    for event in trace.invocations().filter(|event| event.f != *"read") {
        let value = written(event).expect("a value to write");
        assert!(seen.insert((key_of(event), value)), "{event:?} writes a value again");
    }
    assert!(seen.len() > 10_000);
}

#[test]
fn register_keeps_its_proportions_and_most_cas_succeed() {
    let trace = minute(&Register::default(), &MemoryKv::new());
    let (main, _) = split(&trace, 60);
    let number = |f: &str, event_type| {
        main.iter().filter(|event| event.f == *f && event.event_type == event_type).count() as f64
    };
    let [reads, writes, cas] = ["read", "write", "cas"].map(|f| number(f, EventType::Invoke));
    let all = reads + writes + cas;
    assert!((reads / all - 0.5).abs() < 0.01, "{reads} reads of {all}");
    assert!((writes / all - 0.3).abs() < 0.01, "{writes} writes of {all}");
    let succeed = number("cas", EventType::Ok) / cas;
    // Four operations in flight on two keys: something often comes between.
    assert!((0.35..0.5).contains(&succeed), "{succeed} of cas succeed under contention");
}

#[test]
fn register_cas_of_a_lone_client_fails_only_on_purpose() {
    let store = MemoryKv::new();
    let mut load = Register::default().generator(&OPTIONS).limit(10_000);
    let trace =
        Simulation::with_clients(1).run(&mut load, |call, _| Response::new(MS, store.perform(call.op)));
    let cas = trace.invocations().filter(|event| event.f == *"cas").count() as f64;
    let failed = trace.events.iter().filter(|event| event.event_type == EventType::Fail).count() as f64;
    assert!((0.11..0.14).contains(&(failed / cas)), "{failed} of {cas} fail; one in eight should");
}

#[test]
fn register_has_several_keys_at_once_and_retires_each() {
    let options = RegisterOptions { active_keys: Some(3), operations_per_key: 100, ..Default::default() };
    let trace = minute(&Register::new(options), &MemoryKv::new());
    let (main, _) = split(&trace, 60);
    let mut operations: BTreeMap<&str, usize> = BTreeMap::new();
    let mut recent: Vec<&str> = Vec::new();
    for event in main.iter().filter(|event| event.is_invoke()) {
        *operations.entry(key_of(event)).or_default() += 1;
        recent.push(key_of(event));
    }
    assert!((250..350).contains(&operations.len()), "{} keys for 30,000 operations", operations.len());
    assert!(operations.values().all(|n| *n <= 150));
    for window in recent.chunks(30) {
        let keys: BTreeSet<&str> = window.iter().copied().collect();
        assert!((2..=6).contains(&keys.len()), "{keys:?} within 30 operations");
    }
}

#[test]
fn register_has_a_fifth_of_the_threads_as_keys_but_at_least_two() {
    for (concurrency, keys) in [(1, 2), (10, 2), (25, 5), (200, 40)] {
        let options = WorkloadOptions { concurrency, nodes: 5 };
        let mut load = Register::default().generator(&options).limit(keys as u64 * 20);
        let trace = Simulation::with_clients(concurrency).run(&mut load, |_, _| Response::ok_after_ms(1));
        let seen: BTreeSet<&str> = trace.invocations().map(key_of).collect();
        assert_eq!(seen.len(), keys);
    }
}

#[test]
fn register_ends_with_a_read_of_each_last_key_by_a_client_of_each_node() {
    let trace = minute(&Register::default(), &MemoryKv::new());
    let (main, last) = split(&trace, 60);
    let used: Vec<&str> = main.iter().filter(|event| event.is_invoke()).map(|event| key_of(event)).collect();
    let mut reads: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for event in last.iter().filter(|event| event.is_invoke()) {
        assert_eq!(&*event.f, "read");
        let thread = event.process.number().unwrap() % OPTIONS.concurrency;
        assert!(reads.entry(key_of(event)).or_default().insert(thread), "{event:?} reads again");
    }
    // Two in use, and the fifty retired last.
    assert_eq!(reads.len(), 52);
    for used_last in &used[used.len() - 100..] {
        assert!(reads.contains_key(used_last), "{used_last} is not read at the end");
    }
    assert!(reads.values().all(|threads| threads.iter().copied().eq(0..5)));
}

#[test]
fn register_gives_up_final_reads_of_a_node_that_does_not_answer() {
    let register = Register::default();
    let store = MemoryKv::new();
    let load = register.generator(&OPTIONS).limit(20_000).boxed();
    let last = register.final_generator(&OPTIONS).unwrap().map(|op| Op::new("final", op.value)).boxed();
    let simulation = Simulation { max_operations: u64::MAX, ..Simulation::with_clients(10) };
    let mut unanswered = 0;
    let trace = simulation.run(&mut phases(vec![load, last]), |call, _| {
        if call.op.f == *"final" && call.thread == workloads::Thread::Client(2) {
            unanswered += 1;
            return Response::info_after_ms(5_000);
        }
        Response::new(MS, store.perform(call.op))
    });
    assert_eq!((trace.end, unanswered), (End::Done, 5));
}

#[test]
fn register_without_a_main_phase_has_nothing_to_read() {
    let mut last = Register::default().final_generator(&OPTIONS).unwrap();
    let trace = Simulation::with_clients(10).run(&mut last, |_, _| Response::ok_after_ms(1));
    assert_eq!((trace.events.len(), trace.end), (0, End::Done));
}

#[test]
fn register_is_the_same_for_the_same_seed() {
    let trace = || minute(&Register::default(), &MemoryKv::new()).timeline();
    assert_eq!(trace(), trace());
}

#[test]
fn set_adds_each_element_once_and_reads_thin_out() {
    let trace = minute(&Set::default(), &MemoryKv::new());
    let (main, last) = split(&trace, 60);
    let adds: Vec<i64> =
        trace.invocations().filter(|e| e.f == *"add").map(|e| e.value.as_int().unwrap()).collect();
    assert!(adds.iter().copied().eq(0..adds.len() as i64));
    let reads = |events: &[&Event]| events.iter().filter(|e| e.is_invoke() && e.f == *"read").count();
    let begin: Vec<&Event> = main.iter().filter(|event| event.time < 1_000_000_000).copied().collect();
    assert!((10..45).contains(&reads(&begin)), "{} reads among the first 500 operations", reads(&begin));
    let elements: usize = trace.events.iter().filter_map(|e| e.value.as_list()).map(<[Value]>::len).sum();
    assert!(elements < 30 * adds.len(), "{elements} elements read for {} adds", adds.len());
    assert!(reads(&main) > 80, "{} reads in a minute", reads(&main));
    assert_eq!(reads(&last), 5, "one final read by a client of each node");
}

#[test]
fn set_tries_its_final_read_a_bounded_number_of_times() {
    let mut last = Set::default().final_generator(&OPTIONS).unwrap();
    let trace = Simulation::with_clients(10).run(&mut last, |call, _| match call.thread {
        workloads::Thread::Client(0) => Response::info_after_ms(1),
        workloads::Thread::Client(1) if call.time < 3_000_000_000 => Response::fail_after_ms(1),
        _ => Response::ok_after_ms(1),
    });
    let by_thread = |t| trace.invocations().filter(|e| e.process.number().unwrap() % 10 == t).count();
    assert_eq!([0, 1, 2, 3, 4, 5].map(by_thread), [10, 4, 1, 1, 1, 0]);
    assert_eq!(trace.end, End::Done);
}

#[test]
fn set_reads_only_at_the_end_if_so_told() {
    let set = Set::new(SetOptions { read_one_in: 0, ..Default::default() });
    let trace = minute(&set, &MemoryKv::new());
    assert_eq!(trace.invocations().filter(|event| event.f == *"read").count(), 5);
}

/// What a single register must never show: a read of another value than the last that was set, in
/// a run where nothing overlaps.
fn sequential_register_errors(faults: MemoryFaults) -> usize {
    let store = MemoryKv::with_faults(faults, 1);
    let mut load = Register::default().generator(&OPTIONS).limit(5_000);
    let trace =
        Simulation::with_clients(1).run(&mut load, |call, _| Response::new(MS, store.perform(call.op)));
    let mut now: BTreeMap<String, i64> = BTreeMap::new();
    let mut errors = 0;
    for event in trace.events.iter().filter(|event| event.event_type == EventType::Ok) {
        let (key, value) = event.value.as_pair().unwrap();
        let cell = now.entry(key.to_string()).or_default();
        match &*event.f {
            "read" => errors += usize::from(value.as_int().unwrap_or(0) != *cell),
            "write" => *cell = written(event).unwrap(),
            _ => {
                let from = value.as_pair().unwrap().0.as_int().unwrap();
                errors += usize::from(from != *cell);
                *cell = written(event).unwrap();
            }
        }
    }
    errors
}

#[test]
fn memory_keeps_its_promise_unless_told_otherwise() {
    let sound = MemoryFaults::default();
    assert_eq!(sequential_register_errors(sound), 0);
    assert!(sequential_register_errors(MemoryFaults { stale_reads: 0.05, ..sound }) > 50);
    assert!(sequential_register_errors(MemoryFaults { lost_writes: 0.05, ..sound }) > 50);
    // Without the deliberately stale cas, one client alone would never find this out.
    assert!(sequential_register_errors(MemoryFaults { blind_cas: 1.0, ..sound }) > 50);
}

#[test]
fn memory_loses_adds_only_if_told_to() {
    let lost = |lost_adds| {
        let faults = MemoryFaults { lost_adds, ..MemoryFaults::default() };
        let trace = minute(&Set::default(), &MemoryKv::with_faults(faults, 1));
        let last = trace.events.iter().rfind(|event| event.event_type == EventType::Ok).unwrap();
        let present: HashSet<&Value> = last.value.as_list().unwrap().iter().collect();
        let acknowledged = |e: &&Event| e.f == *"add" && e.event_type == EventType::Ok;
        trace.events.iter().filter(acknowledged).filter(|e| !present.contains(&e.value)).count()
    };
    assert_eq!(lost(0.0), 0);
    assert!(lost(0.01) > 200);
}

fn at_once(client: &mut impl Client, op: &Op) -> Outcome {
    match pin!(client.invoke(op)).poll(&mut Poller::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("{op:?} did not answer at once"),
    }
}

#[test]
fn clients_without_a_target_answer_at_once() {
    let write = Op::new("write", Value::pair("r0", 1));
    assert_eq!(at_once(&mut NoopClient, &write), Outcome::Ok(write.value.clone()));

    let store = MemoryKv::new();
    let (mut one, mut other) = (store.client(), store.client());
    let read = Op::new("read", Value::pair("r0", Value::Nil));
    let cas = |from, to| Op::new("cas", Value::pair("r0", Value::pair(from, to)));
    assert_eq!(at_once(&mut one, &read), Outcome::Ok(Value::pair("r0", Value::Nil)));
    assert_eq!(at_once(&mut one, &write), Outcome::Ok(write.value.clone()));
    assert_eq!(at_once(&mut other, &read), Outcome::Ok(Value::pair("r0", 1)));
    assert_eq!(at_once(&mut other, &cas(1, 2)), Outcome::Ok(cas(1, 2).value));
    assert!(matches!(at_once(&mut one, &cas(1, 3)), Outcome::Fail(_)));
    assert!(matches!(at_once(&mut one, &Op::new("drop", Value::Nil)), Outcome::Fail(_)));

    let all = Op::new("read", Value::Nil);
    assert_eq!(at_once(&mut one, &Op::new("add", 7)), Outcome::Ok(Value::Int(7)));
    assert_eq!(at_once(&mut other, &all), Outcome::Ok(Value::list([Value::Int(7)])));
}
