//! Sequential consistency against a brute force, and what its evidence says.

use checkers::evidence::Evidence;
use checkers::registry::sequential_by_name;
use checkers::sequential::Scope;
use checkers::{Budget, History, Judgement, Verdict};

use crate::models::{cases, sequential, small};
use crate::plain::{self, Plain};
use crate::plain_stores;
use crate::simulate::{Plan, Random, simulate};
use crate::skew::{go_back, skewed};
use crate::text::{history, lines};

fn agrees(plain: &Plain, ordinary: u64) {
    let whole = sequential_by_name(plain.model, Scope::Whole).unwrap();
    let mut tally = [0; 3];
    let mut by: Vec<(String, usize)> = Vec::new();
    let cases = cases(ordinary);
    for seed in 0..cases {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) + 3);
        let history = small(&mut random, plain, 8);
        let judgement = whole.check(&history, &Budget::default());
        verdict_is(&judgement, sequential(plain, &history), &history);
        tally[judgement.verdict as usize] += 1;
        let way = format!("{} by {}", judgement.verdict, judgement.algorithm);
        match by.iter_mut().find(|(known, _)| *known == way) {
            Some((_, count)) => *count += 1,
            None => by.push((way, 1)),
        }
        if judgement.verdict == Verdict::Invalid {
            evidence_fails(plain, &judgement, &history);
        }
    }
    println!("{}: valid, unknown, invalid: {tally:?}, {by:?}", plain.model);
    assert!(tally[0] > cases as usize / 10 && tally[2] > cases as usize / 50, "{tally:?}");
}

fn verdict_is(judgement: &Judgement, truth: bool, history: &History) {
    let expected = match (judgement.verdict, truth) {
        (Verdict::Unknown, _) => {
            let nothing = ["nothing was observed", "no client operation was answered"];
            let nothing = nothing.iter().any(|reason| judgement.reason.starts_with(reason));
            assert!(nothing && truth, "{}\n{}", judgement.reason, lines(history));
            Verdict::Unknown
        }
        (_, true) => Verdict::Valid,
        (_, false) => Verdict::Invalid,
    };
    assert_eq!(judgement.verdict, expected, "{}\n{}", judgement.reason, lines(history));
}

/// The operations that a cycle speaks of fail by themselves, whatever the others did: a change may
/// only have been left out if it has no part in the argument.
fn evidence_fails(plain: &Plain, judgement: &Judgement, history: &History) {
    let Some(Evidence::Finding(finding)) = judgement.evidence.first() else { panic!("{judgement:?}") };
    assert!(!finding.operations.is_empty(), "{}", lines(history));
    if finding.problem != "cycle" {
        return;
    }
    let told: Vec<usize> = finding.operations.iter().map(|op| op.call).collect();
    let events = history.operations().filter(|op| told.contains(&op.call)).flat_map(|op| {
        let completion = op.completion.map(|(at, _)| at);
        [Some(op.call), completion].into_iter().flatten().collect::<Vec<_>>()
    });
    let mut events: Vec<usize> = events.collect();
    events.sort_unstable();
    let part =
        History::new(events.iter().map(|&at| history.event(at).to_event()).collect::<Vec<_>>()).unwrap();
    assert!(!sequential(plain, &part), "{:?}\n{}", finding.steps, lines(history));
}

#[test]
fn registers_agree_with_brute_force() {
    agrees(&plain::UNIQUE_REGISTERS, 5_000);
}

#[test]
fn registers_of_repeated_values_agree_with_brute_force() {
    agrees(&plain::REGISTERS, 5_000);
}

#[test]
fn other_models_agree_with_brute_force() {
    agrees(&plain_stores::KV, 2_500);
    agrees(&plain::FIFO_QUEUE, 2_500);
    agrees(&plain::UNORDERED_QUEUE, 2_500);
    agrees(&plain::COUNTER, 2_500);
    agrees(&plain_stores::MULTI_REGISTER, 2_500);
}

#[test]
fn each_key_for_itself_agrees_with_brute_force() {
    let plain = &plain::UNIQUE_REGISTERS;
    let checker = sequential_by_name(plain.model, Scope::PerKey).unwrap();
    let mut differ = 0;
    for seed in 0..cases(5_000) {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) + 4);
        let history = small(&mut random, plain, 8);
        let each = (0..2).all(|key| {
            let mine = |call: usize| history.event(call).value.as_pair().unwrap().0.as_int() == Some(key);
            let call_of =
                |at: usize| if history.event(at).is_invoke() { at } else { history.partner(at).unwrap() };
            let events =
                (0..history.len()).filter(|&at| mine(call_of(at))).map(|at| history.event(at).to_event());
            sequential(plain, &History::new(events.collect::<Vec<_>>()).unwrap())
        });
        verdict_is(&checker.check(&history, &Budget::default()), each, &history);
        differ += usize::from(each && !sequential(plain, &history));
    }
    println!("{differ} are consistent for each key and not as a whole");
}

fn judge(model: &str, scope: Scope, text: &str) -> Judgement {
    sequential_by_name(model, scope).unwrap().check(&history(text), &Budget::default())
}

#[test]
fn a_stale_read_is_sequentially_consistent_and_a_read_back_in_time_is_not() {
    let stale = "0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :write 2\n0 :ok :write 2\n\
                 1 :invoke :read nil\n1 :ok :read 1\n";
    let valid = judge("register", Scope::Whole, stale);
    assert_eq!((valid.verdict, &*valid.algorithm), (Verdict::Valid, "an order found without going back"));
    let back = format!("{stale}1 :invoke :read nil\n1 :ok :read 2\n1 :invoke :read nil\n1 :ok :read 1\n");
    let invalid = judge("register", Scope::Whole, &back);
    assert_eq!((invalid.verdict, &*invalid.algorithm), (Verdict::Invalid, "saturation of forced orders"));
    let Evidence::Finding(finding) = &invalid.evidence[0] else { panic!() };
    let expected = [
        "process 0's write 1 (event 0) comes before process 0's write 2 (event 2): the same process did one and \
         then the other",
        "process 0's write 2 (event 2) comes before process 1's read 2 (event 6), which found what it left",
        "process 1's read 2 (event 6) comes before process 1's read 1 (event 8): the same process did one and \
         then the other",
        "process 0's write 2 (event 2) comes before process 0's write 1 (event 0): it comes before process 1's \
         read 1 (event 8), which found what the latter left",
        "so each of these comes before itself, and there is no order",
    ];
    let (mut steps, mut expected) = (finding.steps.clone(), expected.map(str::to_owned).to_vec());
    assert_eq!(steps.last(), expected.last());
    steps.sort();
    expected.sort();
    assert_eq!(steps, expected);
}

/// Dekker's: each key is consistent, and both together are not. The reason why there are two scopes.
#[test]
fn sequential_consistency_is_not_local() {
    let dekker = "0 :invoke :write [0 1]\n1 :invoke :write [1 1]\n0 :ok :write [0 1]\n1 :ok :write [1 1]\n\
                  0 :invoke :read [1 nil]\n1 :invoke :read [0 nil]\n0 :ok :read [1 nil]\n1 :ok :read [0 nil]\n";
    assert_eq!(judge("per-key-register", Scope::PerKey, dekker).verdict, Verdict::Valid);
    assert_eq!(judge("per-key-register", Scope::Whole, dekker).verdict, Verdict::Invalid);
}

#[test]
fn a_queue_that_gives_out_in_the_wrong_order_is_explained_by_few_operations() {
    let text = "0 :invoke :enqueue 1\n0 :ok :enqueue 1\n0 :invoke :enqueue 2\n0 :ok :enqueue 2\n\
                1 :invoke :dequeue nil\n1 :ok :dequeue 2\n1 :invoke :dequeue nil\n1 :ok :dequeue 1\n\
                2 :invoke :enqueue 7\n2 :ok :enqueue 7\n";
    let judgement = judge("fifo-queue", Scope::Whole, text);
    assert_eq!(judgement.verdict, Verdict::Invalid);
    let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!() };
    assert_eq!(finding.problem, "no-order");
    assert!(finding.steps[0].contains("enqueue 1"), "{:?}", finding.steps);
}

#[test]
fn a_budget_that_ends_is_unknown() {
    let text: String = (0..12)
        .map(|p| format!("{p} :invoke :add 1\n{p} :ok :add 1\n"))
        .chain(["20 :invoke :read nil\n20 :ok :read 5\n20 :invoke :read nil\n20 :ok :read 4\n".to_owned()])
        .collect();
    let checker = sequential_by_name("counter", Scope::Whole).unwrap();
    let judgement = checker.check(&history(&text), &Budget { max_steps: 40, ..Budget::default() });
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", judgement.reason);
    assert!(judgement.reason.contains("no contradiction found"), "{}", judgement.reason);
}

/// The clocks of the processes differ by ten operations; of 10,000 operations one process goes back once.
#[test]
fn what_processes_did_is_judged_and_not_when() {
    for (clients, keys, info) in [(5, 0, 0), (8, 0, 1), (8, 10, 1)] {
        let model = if keys == 0 { "register" } else { "per-key-register" };
        let checker = sequential_by_name(model, Scope::Whole).unwrap();
        let history = simulate(Plan { clients, keys, info, ..Plan::register(10_000) });
        // Of many keys an order may have to be guessed, which is not always done in time.
        let budget = Budget { max_steps: 5_000_000, ..Budget::default() };
        let valid = checker.check(&skewed(&history, 200_000, 5), &budget);
        let expected = if keys == 0 { &[Verdict::Valid][..] } else { &[Verdict::Valid, Verdict::Unknown] };
        assert!(expected.contains(&valid.verdict), "{}", valid.reason);
        println!("{clients} clients, {keys} keys, {info} %: valid by {}", valid.algorithm);
        let (back, _) = go_back(&history, 70).unwrap();
        let spoiled = skewed(&back, 200_000, 5);
        let judgement = checker.check(&spoiled, &Budget::default());
        assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
        // The argument names one of both reads, and its operations fail by themselves.
        let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!() };
        assert!(finding.operations.len() <= 12, "{finding:?}");
        let plain = if keys == 0 { &plain::UNIQUE_REGISTER } else { &TEN_REGISTERS };
        evidence_fails(plain, &judgement, &spoiled);
    }
}

/// As [`plain::UNIQUE_REGISTERS`], for as many keys.
const TEN_REGISTERS: Plain =
    Plain { initial: || vec![vec![checkers::Value::Nil; 10]], ..plain::UNIQUE_REGISTERS };

/// Every operation is a process of its own, and all are in flight together.
fn all_at_once(operations: usize, values: usize) -> History {
    let events = |completed: bool| {
        (0..operations).map(move |at| {
            let written = ((at / 2) % values) as i64;
            let (f, value) = match (at % 2, completed) {
                (0, _) => (":write", written.to_string()),
                (_, true) => (":read", written.to_string()),
                (_, false) => (":read", "nil".to_owned()),
            };
            (at as u64, f, value, completed)
        })
    };
    let events = events(false).chain(events(true)).map(|(process, f, value, completed)| {
        let kind = if completed { checkers::EventType::Ok } else { checkers::EventType::Invoke };
        let value = value.parse().map_or(checkers::Value::Nil, checkers::Value::Int);
        checkers::Event::new(0, checkers::Process::client(process).unwrap(), kind, &f[1..], value)
    });
    History::new(events.collect::<Vec<_>>()).unwrap()
}

#[test]
fn operations_that_are_all_in_flight_take_no_time_if_values_differ() {
    let judgement = sequential_by_name("register", Scope::Whole)
        .unwrap()
        .check(&all_at_once(40_000, 20_000), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
}

/// Between two questions whether to stop there is so little work that a second has hundreds of them; here they
/// are counted instead.
#[test]
fn who_is_told_to_stop_does_so_whatever_it_is_doing() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    let plan = Plan { clients: 40, keys: 5, values: 3, ..Plan::register(4_000) };
    let crowded = skewed(&simulate(plan), 2_000_000, 1);
    let back = skewed(
        &go_back(&simulate(Plan { clients: 40, ..Plan::register(20_000) }), 50).unwrap().0,
        500_000,
        1,
    );
    for (model, history) in
        [("register", all_at_once(3_000, 7)), ("per-key-register", crowded), ("register", back)]
    {
        let checker = sequential_by_name(model, Scope::Whole).unwrap();
        let asked = AtomicUsize::new(0);
        let count = || (asked.fetch_add(1, Relaxed) >= 30).then(|| "time limit".to_owned());
        let budget = Budget { stop: Some(&count), ..Budget::default() };
        let judgement = checker.check(&history, &budget);
        println!("{model}: {} {}, asked {} times", judgement.verdict, judgement.reason, asked.load(Relaxed));
        if judgement.verdict == Verdict::Unknown {
            assert!(judgement.reason.contains("time limit"), "{}", judgement.reason);
            // Whoever is told hands it on, and does not go on asking.
            assert!(asked.load(Relaxed) < 60, "{}", asked.load(Relaxed));
        }
    }
}
