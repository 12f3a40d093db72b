//! How the checkers of single promises grow: each with the shapes that hurt it, at 10k, 100k and 1M operations.
//! `cargo bench -p checkers --bench promises`; words choose rows: `-- set-full 100k`.

use checkers::history::{HistoryBuilder, Rules};
use checkers::registry::checker_by_name;
use checkers::{Budget, Event, EventType, History, Process, Value};

mod measure;

use measure::Bench;

/// An operation: what is asked, what is answered, and whether it only looks.
struct Op {
    f: &'static str,
    input: Value,
    output: Value,
    looks: bool,
}

/// It changes something, and answers what it was asked.
fn act(f: &'static str, input: impl Into<Value>) -> Op {
    let input = input.into();
    Op { f, output: input.clone(), input, looks: false }
}

/// It looks, and is told this.
fn look(f: &'static str, output: impl Into<Value>) -> Op {
    Op { f, input: Value::Nil, output: output.into(), looks: true }
}

/// How operations lie in time.
#[derive(Clone, Copy)]
enum Layout {
    /// Each behind the other, by ten clients.
    Turn,
    /// All begin before one ends; each by a client of its own.
    AtOnce,
    /// Only those that look are answered.
    Unanswered,
}

impl Layout {
    const ALL: [(&str, Layout); 3] =
        [("in turn", Layout::Turn), ("all at once", Layout::AtOnce), ("unanswered", Layout::Unanswered)];

    fn history(self, operations: impl Iterator<Item = Op>) -> History {
        let mut builder = HistoryBuilder::new(Rules::STRICT);
        let mut time = 0;
        let mut push = |process: u64, event_type, f: &str, value: Value| {
            time += 1_000;
            let process = Process::client(process).expect("so many clients");
            builder.push_event(&Event::new(time, process, event_type, f, value)).expect("a history");
        };
        let mut later = Vec::new();
        for (at, Op { f, input, output, looks }) in (0..).zip(operations) {
            match self {
                Layout::Turn => {
                    push(at % 10, EventType::Invoke, f, input);
                    push(at % 10, EventType::Ok, f, output);
                }
                Layout::AtOnce => {
                    push(at, EventType::Invoke, f, input);
                    later.push((at, f, output));
                }
                Layout::Unanswered => {
                    push(at, EventType::Invoke, f, input);
                    if looks {
                        push(at, EventType::Ok, f, output);
                    }
                }
            }
        }
        for (at, f, output) in later {
            push(at, EventType::Ok, f, output);
        }
        builder.finish()
    }
}

fn list(values: impl Iterator<Item = i64>) -> Value {
    Value::list(values.map(Value::Int).collect::<Vec<_>>())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let mut entries: Vec<(Value, Value)> =
        entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
    entries.sort();
    Value::Map(entries.into())
}

fn keyed(op: Op, key: i64) -> Op {
    Op { input: Value::pair(key, op.input), output: Value::pair(key, op.output), ..op }
}

/// `n` operations of a shape.
type Shape = fn(i64) -> Box<dyn Iterator<Item = Op>>;

/// Now and then a long read of all that was added so far.
fn growing(n: i64, f: &'static str, often: i64) -> Box<dyn Iterator<Item = Op>> {
    let every = (n / often).max(2);
    Box::new((0..n).map(move |i| {
        if i % every == every - 1 {
            look("read", list((0..i).filter(|x| x % every != every - 1)))
        } else {
            act(f, i)
        }
    }))
}

fn txn(f: &str, key: i64, value: Value) -> Value {
    Value::list([f.into(), Value::Int(key), value])
}

fn poll(key: i64, messages: impl Iterator<Item = i64>) -> Op {
    let told = messages.map(|m| Value::pair(m, m)).collect::<Vec<_>>();
    let told = Value::Map([(Value::Int(key), Value::list(told))].into());
    let asked = Value::list([Value::list(["poll".into()])]);
    Op { f: "poll", input: asked, output: Value::list([Value::list(["poll".into(), told])]), looks: true }
}

fn send(key: i64, message: i64, offset: i64) -> Op {
    let sent = |value| Value::list([txn("send", key, value)]);
    let output = sent(Value::pair(offset, message));
    Op { f: "send", input: sent(Value::Int(message)), output, looks: false }
}

fn balances(n: i64) -> Value {
    Value::Map((0..n).map(|account| (Value::Int(account), Value::Int(10))).collect())
}

fn transfer(from: i64, to: i64) -> Op {
    act("transfer", map([("from", from.into()), ("to", to.into()), ("amount", 1.into())]))
}

fn outcome(id: i64, participant: i64) -> Value {
    let who = format!("p{participant}");
    map([("txn", id.into()), ("participant", who.into()), ("outcome", "committed".into())])
}

fn belief(node: i64, term: i64) -> Value {
    map([
        ("node", format!("n{node}").into()),
        ("term", term.into()),
        ("leader", format!("n{}", term % 5).into()),
    ])
}

fn of_node(node: i64, value: Value) -> Op {
    look("final-read", map([("node", format!("n{node}").into()), ("value", value)]))
}

fn rows(n: i64) -> Value {
    Value::list(
        (0..n)
            .map(|i| map([("val", i.into()), ("sts", (i * 10).into()), ("proc", (i % 10).into())]))
            .collect::<Vec<_>>(),
    )
}

fn revisions(from: i64, to: i64) -> Value {
    Value::list((from..to).map(|r| Value::pair(r, r)).collect::<Vec<_>>())
}

/// Checker, shape by name.
const SHAPES: &[(&str, &str, Shape)] = &[
    ("set", "one final read", |n| {
        Box::new((0..n - 1).map(|i| act("add", i)).chain([look("read", list(0..n - 1))]))
    }),
    ("set", "everything lost", |n| {
        Box::new((0..n - 1).map(|i| act("add", i)).chain([look("read", list(0..0))]))
    }),
    ("set", "everything twice", |n| {
        Box::new((0..n - 1).map(|i| act("add", i)).chain([look("read", list((0..n - 1).chain(0..n - 1)))]))
    }),
    ("set", "one element", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", 7) } else { look("read", list(7..8)) }))
    }),
    ("set-full", "ten long reads", |n| growing(n, "add", 10)),
    ("set-full", "empty reads", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", i) } else { look("read", list(0..0)) }))
    }),
    ("set-full", "reads of the last", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", i) } else { look("read", list(i - 1..i)) }))
    }),
    ("set-full", "reads of one that stays", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", i) } else { look("read", list(0..1)) }))
    }),
    ("set-full-linearizable", "ten long reads", |n| growing(n, "add", 10)),
    ("set-full-linearizable", "empty reads", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", i) } else { look("read", list(0..0)) }))
    }),
    ("queue", "in and out", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("enqueue", i / 2) } else { look("dequeue", i / 2) }))
    }),
    ("queue", "one element", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("enqueue", 7) } else { look("dequeue", 7) }))
    }),
    ("total-queue", "one drain", |n| {
        Box::new((0..n - 1).map(|i| act("enqueue", i)).chain([look("drain", list(0..n - 1))]))
    }),
    ("total-queue", "everything lost", |n| {
        Box::new((0..n - 1).map(|i| act("enqueue", i)).chain([look("drain", list(0..0))]))
    }),
    ("total-queue", "one of two lost", |n| {
        Box::new((0..n - 1).map(move |i| act("enqueue", i % (n / 2))).chain([look("drain", list(0..n / 2))]))
    }),
    ("counter", "adds and reads", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", 1) } else { look("read", i / 2 + 1) }))
    }),
    ("counter", "every read wrong", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("add", 1) } else { look("read", -1) }))
    }),
    ("unique-ids", "distinct", |n| Box::new((0..n).map(|i| look("generate", i)))),
    ("unique-ids", "distinct text", |n| Box::new((0..n).map(|i| look("generate", format!("id-{i}"))))),
    ("unique-ids", "one id", |n| Box::new((0..n).map(|_| look("generate", 7)))),
    ("bank", "eight accounts", |n| {
        Box::new(
            (0..n).map(|i| if i % 2 == 0 { look("read", balances(8)) } else { transfer(i % 8, (i + 1) % 8) }),
        )
    }),
    ("bank", "as many accounts", |n| {
        Box::new(
            [look("read", balances(n))]
                .into_iter()
                .chain((1..n - 1).map(|i| transfer(i, i + 1)))
                .chain([look("read", balances(n))]),
        )
    }),
    ("bank", "another total each", |n| {
        Box::new((0..n).map(|i| look("read", Value::Map([(Value::Int(0), Value::Int(i))].into()))))
    }),
    ("long-fork", "groups of two", |n| {
        Box::new((0..n).map(|i| {
            let (key, two) = (i / 4, i / 8 * 2);
            if i % 4 == 0 {
                return act("write", Value::list([txn("w", key, key.into())]));
            }
            let seen = |k: i64| txn("r", k, if k <= key { k.into() } else { Value::Nil });
            Op {
                input: Value::list([txn("r", two, Value::Nil), txn("r", two + 1, Value::Nil)]),
                ..look("read", Value::list([seen(two), seen(two + 1)]))
            }
        }))
    }),
    ("long-fork", "one group, forks", |n| {
        Box::new((0..n).map(|i| {
            let seen = |k: i64| txn("r", k, if (i % 2) == k { k.into() } else { Value::Nil });
            Op {
                input: Value::list([txn("r", 0, Value::Nil), txn("r", 1, Value::Nil)]),
                ..look("read", Value::list([seen(0), seen(1)]))
            }
        }))
    }),
    ("long-fork", "one read of everything", |n| {
        let reads = |told: bool| {
            Value::list(
                (0..n - 2).map(|k| txn("r", k, if told { k.into() } else { Value::Nil })).collect::<Vec<_>>(),
            )
        };
        let two = [look("read", reads(true)), look("read", reads(false))]
            .map(|op| Op { input: reads(false), ..op });
        Box::new((0..n - 2).map(|k| act("write", Value::list([txn("w", k, k.into())]))).chain(two))
    }),
    ("causal", "one register", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("write", i / 2 + 1) } else { look("read", i / 2 + 1) }))
    }),
    ("causal-reverse", "ten long reads", |n| growing(n, "write", 10)),
    ("causal-reverse", "reads of the last", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("write", i) } else { look("read", list(i - 1..i)) }))
    }),
    ("adya-g2", "two inserts a key", |n| {
        Box::new((0..n).map(|i| act("insert", Value::pair(i / 2, Value::pair(i, Value::Nil)))))
    }),
    ("adya-g2", "one key", |n| {
        Box::new((0..n).map(|i| act("insert", Value::pair(7, Value::pair(i, Value::Nil)))))
    }),
    ("monotonic", "one final read", |n| {
        Box::new(
            (0..n - 1)
                .map(|i| act("add", map([("val", i.into()), ("sts", (i * 10).into())])))
                .chain([look("read", rows(n - 1))]),
        )
    }),
    ("monotonic", "many reads", |n| {
        Box::new(
            (0..n).map(|i| if i % 2 == 0 { act("add", i) } else { look("read", list((i - 9).max(0)..i)) }),
        )
    }),
    ("sequential-writes", "ten rows", |n| {
        Box::new((0..n).map(|i| {
            look(
                "read",
                Value::pair(
                    i,
                    Value::list(
                        (0..10).map(|r| if r > 5 { "x".into() } else { Value::Nil }).collect::<Vec<_>>(),
                    ),
                ),
            )
        }))
    }),
    ("sequential-writes", "one long read", |n| {
        Box::new([look("read", Value::pair(0, list(0..n)))].into_iter())
    }),
    ("kafka", "send and poll", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { send(0, i / 2, i / 2) } else { poll(0, i / 2..i / 2 + 1) }))
    }),
    ("kafka", "as many keys", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { send(i / 2, 7, 0) } else { poll(i / 2, 7..8) }))
    }),
    ("kafka", "one poll of all", |n| Box::new((0..n - 1).map(|i| send(0, i, i)).chain([poll(0, 0..n - 1)]))),
    ("kafka", "everything lost", |n| Box::new((0..n - 1).map(|i| send(0, i, i)).chain([poll(0, n..n + 1)]))),
    ("kafka", "one offset", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { send(0, i / 2, 7) } else { poll(0, i / 2..i / 2 + 1) }))
    }),
    ("kafka", "one message", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { send(0, 7, i) } else { poll(0, 7..8) }))
    }),
    ("kafka", "polls from the beginning", |n| {
        Box::new(
            (0..n).map(|i| if i % 2 == 0 { send(0, i / 2, i / 2) } else { poll(0, 0..(i / 2 + 1).min(5)) }),
        )
    }),
    ("lock-safety", "handed on", |n| {
        Box::new((0..n).map(|i| if i % 20 < 10 { look("acquire", i) } else { act("release", Value::Nil) }))
    }),
    ("lock-safety", "all hold it", |n| Box::new((0..n).map(|i| look("acquire", i)))),
    ("lock-safety", "tokens used", |n| {
        Box::new((0..n).map(|i| {
            if i % 2 == 0 { look("acquire", i) } else { Op { input: (i - 1).into(), ..look("use", i - 1) } }
        }))
    }),
    ("leader-election", "five nodes", |n| Box::new((0..n).map(|i| look("leader", belief(i % 5, i / 100))))),
    ("leader-election", "as many nodes", |n| Box::new((0..n).map(|i| look("leader", belief(i, i))))),
    ("leader-election", "one long answer", |n| {
        Box::new(
            [look("leader", Value::list((0..n).map(|i| belief(i % 5, n - i)).collect::<Vec<_>>()))]
                .into_iter(),
        )
    }),
    ("convergence", "five long reads", |n| {
        Box::new(
            (0..n - 5).map(|i| act("add", i)).chain((0..5).map(move |node| of_node(node, list(0..n - 5)))),
        )
    }),
    ("convergence", "as many nodes", |n| {
        Box::new([act("add", 1)].into_iter().chain((0..n - 1).map(|node| of_node(node, list(0..1)))))
    }),
    ("convergence", "all differ", |n| {
        Box::new([act("add", 1)].into_iter().chain((0..n - 1).map(|node| of_node(node, node.into()))))
    }),
    ("durability", "writes and reads", |n| {
        Box::new(
            (0..n - 1)
                .map(|i| if i % 2 == 0 { act("write", i) } else { look("read", i - 1) })
                .chain([look("final-read", n / 2 * 2 - 2)]),
        )
    }),
    ("durability", "one value", |n| {
        Box::new((0..n).map(|i| if i % 2 == 0 { act("write", 7) } else { look("read", 7) }))
    }),
    ("atomic-commit", "three each", |n| {
        Box::new(
            (0..n).map(|i| {
                if i % 4 == 0 { act("commit", i / 4) } else { look("outcome", outcome(i / 4, i % 4)) }
            }),
        )
    }),
    ("atomic-commit", "one transaction", |n| Box::new((0..n).map(|i| look("outcome", outcome(7, i))))),
    ("atomic-commit", "one long answer", |n| {
        Box::new(
            [
                act("commit", 0),
                look("outcome", Value::list((0..n).map(|i| outcome(i / 3, i % 3)).collect::<Vec<_>>())),
            ]
            .into_iter(),
        )
    }),
    ("watch", "told at once", |n| {
        Box::new((0..n).map(|i| {
            if i % 2 == 0 {
                Op { output: (i / 2).into(), ..act("write", i / 2) }
            } else {
                look("watch", revisions(i / 2, i / 2 + 1))
            }
        }))
    }),
    ("watch", "one long answer", |n| {
        Box::new((0..n - 1).map(|i| act("write", i)).chain([look("watch", revisions(0, n - 1))]))
    }),
    ("watch", "every second", |n| {
        let half =
            move |from: i64| Value::list((from..n).step_by(2).map(|r| Value::pair(r, r)).collect::<Vec<_>>());
        Box::new((0..n - 2).map(|i| act("write", i)).chain([look("watch", half(0)), look("watch", half(1))]))
    }),
    ("watch", "told again", |n| {
        Box::new((0..n).map(|i| {
            if i % 2 == 0 {
                Op { output: (i / 2).into(), ..act("write", i / 2) }
            } else {
                look("watch", revisions(0, 5))
            }
        }))
    }),
    ("per-key-counter", "one key", |n| {
        Box::new((0..n).map(|i| keyed(if i % 2 == 0 { act("add", 1) } else { look("read", i / 2 + 1) }, 7)))
    }),
    ("per-key-counter", "as many keys", |n| {
        Box::new((0..n).map(|i| keyed(if i % 2 == 0 { act("add", 1) } else { look("read", 1) }, i / 2)))
    }),
    ("per-key-set", "as many keys", |n| {
        Box::new(
            (0..n).map(|i| keyed(if i % 2 == 0 { act("add", 1) } else { look("read", list(1..2)) }, i / 2)),
        )
    }),
    ("per-key-set-full", "as many keys, large elements", |n| {
        Box::new((0..n).map(|i| {
            let large = 4_000_000;
            keyed(if i % 2 == 0 { act("add", large) } else { look("read", list(large..large + 1)) }, i / 2)
        }))
    }),
    ("per-key-set-full", "as many keys, all lost", |n| {
        Box::new(
            (0..n).map(|i| keyed(if i % 2 == 0 { act("add", 1) } else { look("read", list(0..0)) }, i / 2)),
        )
    }),
    ("per-key-causal", "as many keys", |n| {
        Box::new((0..n).map(|i| keyed(if i % 2 == 0 { act("write", 1) } else { look("read", 1) }, i / 2)))
    }),
    ("per-key-staleness", "one key", |n| {
        Box::new((0..n).map(|i| keyed(if i % 2 == 0 { act("write", i) } else { look("read", i - 1) }, 7)))
    }),
    ("per-key-staleness", "as many keys", |n| {
        Box::new((0..n).map(|i| keyed(if i % 2 == 0 { act("write", 1) } else { look("read", 1) }, i / 2)))
    }),
];

fn main() {
    let bench = Bench::from_args();
    for (size, n) in [("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000)] {
        for (name, shape, operations) in SHAPES {
            for (lies, layout) in Layout::ALL {
                let row = format!("{name}, {shape}, {lies}, {size}");
                bench.row(&row, n as usize, || {
                    let history = layout.history(operations(n));
                    let checker = checker_by_name(name).expect("a checker");
                    move || {
                        let judgement = checker.check(&history, &Budget::default());
                        let found = judgement.evidence.first().map_or("", |evidence| problem(evidence));
                        format!("{} {found}", judgement.verdict)
                    }
                });
            }
        }
    }
}

fn problem(evidence: &checkers::Evidence) -> &str {
    match evidence {
        checkers::Evidence::Finding(finding) => &finding.problem,
        checkers::Evidence::SetElement(element) => &element.problem,
        _ => "",
    }
}
