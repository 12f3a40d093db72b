//! A run that never was: a register served by five nodes, with faults, one of which makes a node
//! answer a read from the past.

use checkers::evidence::{Evidence, LinearizabilityEvidence, QuotedOperation};
use checkers::{Event, EventType, History, Operation, Process, Value};
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
    let mut registers: Vec<Vec<i64>> = vec![vec![0]; KEYS];
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
        let op = invoke(&mut rng, worker, now, &faults, &mut next_value);
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
        extra.evidence = evidence;
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

fn invoke(rng: &mut ChaCha8Rng, worker: usize, now: u64, faults: &[Fault], next_value: &mut i64) -> Pending {
    let (function, value) = match rng.random_range(0..10) {
        0..5 => ("read", Value::Nil),
        5..9 => {
            *next_value += 1;
            ("write", Value::Int(*next_value))
        }
        _ => ("cas", Value::list([Value::Int(*next_value), Value::Int(*next_value + 1)])),
    };
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
        _ if function == "cas" && rng.random_bool(0.6) => (EventType::Fail, latency, Some("value mismatch")),
        _ => (EventType::Ok, latency, None),
    };
    Pending {
        end: now + latency + 1,
        worker,
        event_type,
        function,
        key: rng.random_range(0..KEYS),
        value,
        error,
        node,
    }
}

fn complete(
    events: &mut Vec<Event>,
    op: Pending,
    processes: &mut [u32],
    registers: &mut [Vec<i64>],
    stale: &mut Option<u64>,
) {
    let process = Process::client(processes[op.worker].into()).expect("few processes");
    let mut value = op.value;
    let register = &mut registers[op.key];
    if op.event_type == EventType::Ok {
        match (&value, op.function) {
            (Value::Int(written), _) => register.push(*written),
            (Value::List(pair), "cas") => register.extend(pair[1].as_int()),
            _ => {
                let seen = register.len() - 1;
                let late = stale.is_none() && op.end > STALE_FROM && op.key == 1 && seen > 2;
                value = Value::Int(register[if late { seen - 1 } else { seen }]);
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

/// Quotes the last operations on the key up to the stale read, as a checker would.
fn evidence(history: &History, stale_end: u64) -> Evidence {
    let key = Value::from("k1");
    let stale = history
        .operations()
        .find(|op| op.completion.is_some_and(|(_, end)| end.time == stale_end))
        .expect("the stale read is in the history");
    let on_key = history.operations().filter(|op| {
        op.invocation.value.as_pair().is_some_and(|(k, _)| *k == key)
            && op.call <= stale.call.max(stale.call + 6)
    });
    let mut window: Vec<_> = on_key.filter(|op| op.ret().is_none_or(|ret| ret + 60 > stale.call)).collect();
    window.retain(|op| op.ret().is_some() || op.call + 400 > stale.call);
    let from = window.len().saturating_sub(9);
    let window: Vec<QuotedOperation> = window[from..].iter().map(quote).collect();
    let prefix: Vec<usize> =
        window.iter().filter(|op| op.fate == "ok" && op.call != stale.call).map(|op| op.call).collect();
    let reader = stale.process();
    let seen = stale.completion_event().and_then(|end| end.value.as_pair()).map(|(_, v)| v.clone());
    let seen = seen.unwrap_or_default();
    let last = window.iter().rev().find(|op| op.fate == "ok" && op.f == "write" && op.call != stale.call);
    let state = last.map_or_else(|| "nil".to_owned(), |op| op.input.to_string());
    Evidence::Linearizability(LinearizabilityEvidence {
        key: Some(key),
        sentence: format!(
            "process {reader} read {seen} from key k1, although {state} had been written and acknowledged before it asked"
        ),
        blocked: stale.call,
        prefix,
        final_states: vec![state.clone()],
        steps: vec![
            format!(
                "process {reader}'s read of {seen} would need the register to be {seen}, and it is {state}"
            ),
            format!("no other operation that overlaps the read could write {seen} again"),
        ],
        window,
        window_start_states: vec![seen.to_string()],
    })
}

fn quote(op: &Operation<'_>) -> QuotedOperation {
    let half = |event: &Event| event.value.as_pair().map(|(_, value)| value.clone()).unwrap_or_default();
    let fate = match op.fate() {
        checkers::Fate::Ok => "ok",
        checkers::Fate::Fail => "fail",
        checkers::Fate::Info => "info",
    };
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
