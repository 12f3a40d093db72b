//! A run that never was: a register served by five nodes, with faults, one of which makes a node
//! answer a read from the past.

use checkers::evidence::QuotedOperation;
use checkers::{Event, EventRef, EventType, Evidence, History, Operation, Process, Value};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const SECOND: u64 = 1_000_000_000;
const WORKERS: u32 = 10;
const KEYS: usize = 5;
const LOAD: u64 = 60 * SECOND;
const STALE_FROM: u64 = 37 * SECOND;

struct Fault {
    class: &'static str,
    kind: &'static str,
    nodes: &'static [&'static str],
    from: u64,
    to: u64,
    outcome: &'static str,
    evidence: serde_json::Value,
}

fn faults() -> Vec<Fault> {
    let fault = |class, kind, nodes, from, to, outcome, evidence| Fault {
        class,
        kind,
        nodes,
        from: from * SECOND / 10,
        to: to * SECOND / 10,
        outcome,
        evidence,
    };
    let dropped = json!({"probe": "n1 -> n4: 5 of 5 packets did not arrive", "frames_dropped": 18_212});
    vec![
        fault("partition", "majority", &["n1", "n2"], 80, 140, "installed", dropped.clone()),
        fault("kill", "one", &["n3"], 120, 165, "installed", json!({"pid": 812, "state": "gone"})),
        fault("clock", "offset", &["n2"], 180, 190, "skipped", json!({"reason": "no time namespace here"})),
        fault("pause", "one", &["n5"], 215, 262, "installed", json!({"pid": 815, "state": "T (stopped)"})),
        fault("partition", "bridge", &["n3"], 340, 405, "installed", dropped),
        fault(
            "pause",
            "primaries",
            &["n1"],
            372,
            396,
            "installed",
            json!({"pid": 811, "state": "T (stopped)"}),
        ),
        fault(
            "kill",
            "all",
            &["n1", "n2", "n3", "n4", "n5"],
            470,
            492,
            "installed",
            json!({"pids": [811, 812]}),
        ),
        fault(
            "clock",
            "jump",
            &["n4"],
            520,
            540,
            "indeterminate",
            json!({"reason": "the node did not answer"}),
        ),
    ]
}

/// What the generator makes.
pub struct SampleRun {
    /// Events, validated.
    pub history: History,
    /// The stale read and what surrounds it.
    pub evidence: Evidence,
}

struct Pending {
    start: u64,
    end: u64,
    worker: usize,
    event_type: EventType,
    function: &'static str,
    key: usize,
    value: Value,
    error: Option<&'static str>,
    node: String,
}

/// About `operations` operations over a minute.
pub fn sample(operations: u64, seed: u64) -> SampleRun {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut events = Vec::new();
    let faults = faults();
    nemesis(&mut events, &faults);
    let pause_ns = LOAD * u64::from(WORKERS) / operations;
    let mut processes: Vec<u32> = (0..WORKERS).collect();
    let mut due: Vec<u64> = (0..WORKERS).map(|_| rng.random_range(0..pause_ns)).collect();
    let mut pending: Vec<Pending> = Vec::new();
    // Each register's values with the times at which they were written.
    let mut registers: Vec<Vec<(Value, u64)>> = vec![vec![(Value::Nil, 0)]; KEYS];
    let mut next_value = 1;
    let mut stale = None;
    loop {
        let worker = (0..due.len()).min_by_key(|w| due[*w]).unwrap_or(0);
        let next_end = pending.iter().enumerate().min_by_key(|(_, op)| op.end);
        if let Some((at, op)) = next_end
            && op.end <= due[worker]
        {
            let op = pending.swap_remove(at);
            complete(&mut events, op, &mut processes, &mut registers, &mut stale);
            continue;
        }
        let now = due[worker];
        if now > LOAD + 4 * SECOND {
            break;
        }
        let op = invoke(&mut rng, worker, now, &faults, &registers, &mut next_value);
        let process = Process::client(processes[worker].into()).expect("few processes");
        events.push(Event::new(
            now,
            process,
            EventType::Invoke,
            op.function,
            Value::pair(format!("k{}", op.key), op.value.clone()),
        ));
        due[worker] =
            op.end + rng.random_range(1..=pause_ns.saturating_sub((op.end - now).min(pause_ns)).max(2));
        pending.push(op);
    }
    events.sort_by_key(|event| event.time);
    let history = History::new(events).expect("the sample follows the rules");
    let evidence = evidence(&history, stale.expect("a minute is long enough for a stale read"));
    SampleRun { history, evidence }
}

fn nemesis(events: &mut Vec<Event>, faults: &[Fault]) {
    let mut add = |time,
                   f: &str,
                   value: serde_json::Value,
                   outcome: Option<&str>,
                   evidence: Option<serde_json::Value>| {
        let value: Value = serde_json::from_value(value).expect("a value");
        let mut event = Event::new(time, Process::NEMESIS, EventType::Info, f, value);
        let extra = event.extra.get_or_insert_default();
        extra.outcome = outcome.map(str::to_owned);
        extra.evidence = evidence.as_ref().map(checkers::value::to_value);
        events.push(event);
    };
    for (time, phase) in [(0, "load"), (60, "heal"), (61, "recovery"), (62, "final-reads"), (64, "done")] {
        add(time * SECOND, "phase", json!({"phase": phase}), None, None);
    }
    for (id, fault) in faults.iter().enumerate() {
        let value = json!({"id": id, "action": "install", "kind": fault.kind, "nodes": fault.nodes});
        add(fault.from, fault.class, value, Some(fault.outcome), Some(fault.evidence.clone()));
        if fault.outcome != "skipped" {
            let seen = json!({"probe": "back to normal"});
            add(fault.to, fault.class, json!({"id": id, "action": "heal"}), Some("healed"), Some(seen));
        }
    }
    let log = "2026-11-21T00:56:51Z INFO  elected leader of term 7\n\
               2026-11-21T00:56:51Z ERROR wal: checksum mismatch at offset 81920\n\
               thread 'main' panicked at src/wal.rs:212:9:\n\
               log entry 4411 is torn\n";
    add(
        43 * SECOND,
        "crash",
        json!({"node": "n2", "status": "signal 6 (SIGABRT)", "log_tail": log}),
        None,
        None,
    );
}

fn invoke(
    rng: &mut ChaCha8Rng,
    worker: usize,
    now: u64,
    faults: &[Fault],
    registers: &[Vec<(Value, u64)>],
    next_value: &mut i64,
) -> Pending {
    let key = rng.random_range(0..KEYS);
    let current = registers[key].last().map_or(Value::Nil, |(value, _)| value.clone());
    let (function, value) = match rng.random_range(0..10) {
        0..5 => ("read", Value::Nil),
        5..9 => ("write", Value::Int(*next_value)),
        _ => ("cas", Value::list([current, Value::Int(*next_value)])),
    };
    *next_value += i64::from(function != "read");
    let node = format!("n{}", worker % 5 + 1);
    let storm = faults.iter().filter(|f| f.outcome == "installed" && (f.from..f.to).contains(&now));
    let hit = storm.clone().any(|fault| fault.nodes.contains(&node.as_str()));
    let slow = if storm.count() > 0 { 4.0 } else { 1.0 };
    // Sums of uniform numbers are near enough to the logarithm of a latency.
    let spread: f64 = (0..6).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 3.0;
    let latency = (1.6e6 * slow * (spread * 1.1).exp()) as u64;
    let (event_type, latency, error) = match rng.random_range(0..100) {
        0..25 if hit => (EventType::Info, SECOND, Some("timeout: no answer within 1 s")),
        25..70 if hit => (EventType::Fail, latency, Some("connection refused (os error 111)")),
        0 if slow > 1.0 => (EventType::Fail, latency, Some("not leader: ask n4")),
        _ => (EventType::Ok, latency, None),
    };
    Pending { start: now, end: now + latency + 1, worker, event_type, function, key, value, error, node }
}

fn complete(
    events: &mut Vec<Event>,
    mut op: Pending,
    processes: &mut [u32],
    registers: &mut [Vec<(Value, u64)>],
    stale: &mut Option<u64>,
) {
    let process = Process::client(processes[op.worker].into()).expect("few processes");
    let mut value = op.value.clone();
    let register = &mut registers[op.key];
    if op.event_type == EventType::Ok {
        match (&value, op.function) {
            (Value::Int(_), _) => register.push((value.clone(), op.end)),
            (Value::List(pair), "cas") if pair.first() != register.last().map(|(now, _)| now) => {
                (op.event_type, op.error) = (EventType::Fail, Some("value mismatch"));
            }
            (Value::List(pair), "cas") => register.push((pair[1].clone(), op.end)),
            _ => {
                let seen = register.len() - 1;
                let over = register[seen].1 < op.start;
                let late = stale.is_none()
                    && op.end > STALE_FROM
                    && op.key == 1
                    && over
                    && op.start - register[seen - 1].1 < 80_000_000;
                value = register[if late { seen - 1 } else { seen }].0.clone();
                if late {
                    *stale = Some(op.end);
                }
            }
        }
    }
    if op.event_type == EventType::Info {
        processes[op.worker] += WORKERS;
    }
    let mut event =
        Event::new(op.end, process, op.event_type, op.function, Value::pair(format!("k{}", op.key), value));
    event.node = Some(op.node.as_str().into());
    if let Some(error) = op.error {
        event.extra.get_or_insert_default().error = Some(error.into());
    }
    events.push(event);
}

/// Quotes the operations on the key from the write that was read again to the stale read, as a
/// checker would.
fn evidence(history: &History, stale_end: u64) -> Evidence {
    let key = Value::from("k1");
    let on_key: Vec<Operation<'_>> = history
        .operations()
        .filter(|op| op.invocation.value.as_pair().is_some_and(|(k, _)| k == key))
        .collect();
    let quoted: Vec<QuotedOperation> = on_key.iter().map(quote).collect();
    let stale = quoted.iter().find(|op| op.ret_time == Some(stale_end)).expect("the stale read is recorded");
    let seen = stale.output.clone().expect("a read has a result");
    let writes = |op: &&QuotedOperation| op.fate == "ok" && op.f != "read";
    // Everything takes effect when it ends.
    let ended = |op: &QuotedOperation| op.ret_time.filter(|end| *end < stale_end && op.fate == "ok");
    let source = quoted.iter().filter(writes).find(|op| result(op) == seen).expect("somebody wrote it");
    let mut window: Vec<QuotedOperation> = quoted
        .iter()
        .filter(|op| {
            op.call_time <= stale_end && op.ret_time.unwrap_or(op.call_time + 400_000_000) >= source.call_time
        })
        .cloned()
        .collect();
    window.retain(|op| op.ret_time.is_none_or(|end| end <= stale_end));
    let mut order: Vec<&QuotedOperation> = window.iter().filter(|op| ended(op).is_some()).collect();
    order.sort_by_key(|op| op.ret_time);
    let last = order.iter().rev().find(|op| op.f != "read").expect("it was overwritten");
    let state = result(last).to_string();
    let begin = order.first().and_then(|op| op.ret_time);
    let before = quoted.iter().filter(writes).filter(|op| op.ret_time < begin).max_by_key(|op| op.ret_time);
    let reader = stale.process;
    let sentence = format!(
        "process {reader} read {seen} from k1, although process {} had replaced it by {state}, and knew so, \
         before the read began",
        last.process
    );
    // As a file has it, so that evidence may gain fields.
    serde_json::from_value(json!({
        "kind": "linearizability",
        "key": "k1",
        "sentence": sentence,
        "blocked": stale.call,
        "prefix": order.iter().map(|op| op.call).collect::<Vec<_>>(),
        "final_states": [state],
        "steps": [
            format!("process {reader}'s read of {seen} needs the register to be {seen}, and it is {state}"),
            format!("no operation that overlaps the read can make it {seen} again"),
        ],
        "window_start_states": [before.map_or_else(|| "nil".to_owned(), |op| result(op).to_string())],
        "window": window,
    }))
    .expect("this is evidence")
}

/// The value of the register after a write or a compare-and-set.
fn result(op: &QuotedOperation) -> Value {
    op.input.as_list().and_then(|pair| pair.last()).unwrap_or(&op.input).clone()
}

fn quote(op: &Operation<'_>) -> QuotedOperation {
    let half =
        |event: EventRef<'_>| event.value.as_pair().map(|(_, value)| value.to_value()).unwrap_or_default();
    let fate = op.fate().as_str();
    let input = half(op.invocation);
    let output = op.completion_event().filter(|_| fate == "ok").map(half);
    let process = op.process();
    let f = op.invocation.f.as_str();
    QuotedOperation {
        call: op.call,
        ret: op.ret(),
        process: process.number().expect("a client"),
        f: f.to_owned(),
        text: match &output {
            Some(found) if f == "read" => format!("process {process} reads {found}"),
            _ => format!("process {process}: {f} {input} ({fate})"),
        },
        input,
        output,
        fate: fate.to_owned(),
        call_time: op.invocation.time,
        ret_time: op.completion_event().filter(|_| fate != "info").map(|end| end.time),
    }
}
