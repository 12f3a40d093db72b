//! One lie in a large true history: it is found, and the evidence is about it.

use checkers::linearizability::{Answer, Linearizability, check_operations, fails_from};
use checkers::model::Model;
use checkers::models::{CasRegister, PerKey, Register};
use checkers::{Budget, Checker, Evidence, History, Verdict};

use crate::simulate::{Plan, make_stale, simulate};

fn budget() -> Budget<'static> {
    Budget { max_steps: 50_000_000, ..Budget::default() }
}

fn is_valid<M: Model + Clone>(model: M, history: &History) {
    let checker = Linearizability::new(model);
    for checker in [checker.clone().general_only(), checker] {
        let judgement = checker.check(history, &budget());
        assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
    }
}

/// The lie is found, and the window of each object's evidence fails by itself.
fn is_refuted<M: Model + Clone>(model: M, history: &History, lie: usize) {
    let checker = Linearizability::new(model.clone());
    let judgement = checker.check(history, &budget());
    assert_eq!((judgement.verdict, &*judgement.algorithm), (Verdict::Invalid, "zones"));
    let shown = judgement.evidence[0].positions();
    assert!(shown.contains(&lie) && shown.len() <= 12, "{}", judgement.reason);
    let checker = checker.general_only();
    let judgement = checker.check(history, &budget());
    assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
    let Some(Evidence::Linearizability(evidence)) = judgement.evidence.first() else {
        panic!("no evidence: {judgement:?}")
    };
    assert!(
        evidence.window.iter().any(|quoted| quoted.call == lie),
        "the window should have the operation at {lie}: {}\n{:#?}",
        evidence.sentence,
        evidence.window
    );
    assert!(evidence.window.len() < 60, "{} operations in the window", evidence.window.len());
    assert!(evidence.prefix_length > 0);
    for object in checker.objects(history).unwrap() {
        if let Answer::NotLinearizable(refutation) = check_operations(&model, object.calls, &budget()) {
            let states = &refutation.window_start_states;
            assert_eq!(fails_from(&model, &refutation.window, states, 10_000_000), Some(true));
        }
    }
}

#[test]
fn a_stale_read_in_one_register_is_found() {
    for (info, seed) in [(0, 1), (0, 2), (1, 3), (5, 4)] {
        let history = simulate(Plan { info, seed, ..Plan::register(10_000) });
        is_valid(Register, &history);
        let (spoiled, lie) = make_stale(&history, 80);
        is_refuted(Register, &spoiled, lie);
    }
}

#[test]
fn a_stale_read_among_ten_keys_is_found() {
    for (cas, info, clients) in [(false, 0, 10), (true, 1, 10), (false, 5, 25)] {
        let history = simulate(Plan { keys: 10, cas, info, clients, ..Plan::register(20_000) });
        is_valid(PerKey::new(CasRegister::default()), &history);
        let (spoiled, lie) = make_stale(&history, 50);
        is_refuted(PerKey::new(CasRegister::default()), &spoiled, lie);
    }
}

#[test]
fn with_many_clients_the_lie_is_found_even_where_the_states_are_too_many_to_tell() {
    let history = simulate(Plan { clients: 50, ..Plan::register(600) });
    is_valid(Register, &history);
    let (spoiled, lie) = make_stale(&history, 90);
    let judgement = Linearizability::new(Register).general_only().check(&spoiled, &budget());
    assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
    let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
    assert_eq!(evidence.blocked, lie, "{}", evidence.sentence);
}

#[test]
fn repeated_values_are_valid_where_they_are() {
    for seed in 0..20 {
        let history = simulate(Plan { values: 3, cas: true, info: 3, seed, ..Plan::register(2_000) });
        is_valid(CasRegister::default(), &history);
    }
}

#[test]
fn an_answer_does_not_depend_on_threads() {
    let history = simulate(Plan { keys: 10, clients: 20, info: 2, ..Plan::register(20_000) });
    let (spoiled, _) = make_stale(&history, 70);
    let check = |threads, max_steps| {
        let budget = Budget { threads, max_steps, ..Budget::default() };
        Linearizability::new(PerKey::new(Register)).general_only().check(&spoiled, &budget)
    };
    for max_steps in [3_000, 20_000, 10_000_000] {
        assert_eq!(check(1, max_steps), check(4, max_steps));
    }
    assert_eq!(check(1, 3_000).verdict, Verdict::Unknown);
}

#[test]
fn a_full_cache_changes_the_way_and_not_the_answer() {
    let history = simulate(Plan { clients: 8, ..Plan::register(5_000) });
    let (spoiled, lie) = make_stale(&history, 60);
    let budget = Budget { max_bytes: 100_000, ..budget() };
    let check = |history| Linearizability::new(Register).general_only().check(history, &budget);
    assert_eq!(check(&history).verdict, Verdict::Valid);
    let judgement = check(&spoiled);
    assert_eq!(judgement.verdict, Verdict::Invalid);
    assert!(judgement.evidence[0].positions().contains(&lie));
}

#[test]
fn who_is_told_to_stop_says_so() {
    let history = simulate(Plan::register(50_000));
    let stop = || Some("time limit of 1 s".to_owned());
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    let judgement = Linearizability::new(Register).general_only().check(&history, &budget);
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert!(
        judgement.reason.contains("time limit of 1 s after a linearizable prefix of"),
        "{}",
        judgement.reason
    );
}

#[test]
fn who_is_told_to_stop_explains_less_and_says_the_same() {
    let (spoiled, _) = make_stale(&simulate(Plan::register(200)), 80);
    // The search is over before it asks for the first time.
    let stop = || Some("time limit of 1 s".to_owned());
    let stopped = Budget { stop: Some(&stop), ..budget() };
    for (budget, explained) in [(budget(), true), (stopped, false)] {
        let judgement = Linearizability::new(Register).general_only().check(&spoiled, &budget);
        assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
        let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
        assert_eq!(!evidence.window_start_states.is_empty(), explained, "{}", evidence.sentence);
        assert!(!evidence.window.is_empty(), "without a proof, the operations around the break are shown");
    }
}

#[test]
fn zones_do_not_depend_on_threads_or_on_what_values_are() {
    let history = simulate(Plan { keys: 10, clients: 20, info: 2, cas: true, ..Plan::register(60_000) });
    let (spoiled, _) = make_stale(&history, 70);
    let check = |history: &History, threads| {
        let budget = Budget { threads, ..Budget::default() };
        Linearizability::new(PerKey::new(CasRegister::default())).check(history, &budget)
    };
    assert_eq!(check(&spoiled, 1), check(&spoiled, 3));
    assert_eq!(check(&history, 3).verdict, Verdict::Valid);
    // Values that are text have names only within one part of the history.
    let texts: Vec<_> = spoiled
        .events()
        .map(|event| {
            let mut event = event.to_event();
            event.value = in_words(&event.value);
            event
        })
        .collect();
    let texts = History::new(texts).unwrap();
    let judgement = check(&texts, 3);
    assert_eq!((judgement.verdict, &*judgement.algorithm), (Verdict::Invalid, "zones"));
    assert_eq!(judgement.evidence[0].positions(), check(&spoiled, 1).evidence[0].positions());
}

/// The same with text for numbers.
fn in_words(value: &checkers::Value) -> checkers::Value {
    use checkers::Value;
    match value {
        Value::Int(n) => Value::from(format!("v{n}").as_str()),
        Value::List(values) => Value::list(values.iter().map(in_words)),
        other => other.clone(),
    }
}
