//! Small histories of the models, with the verdicts that their definitions give.

use checkers::models::{CasRegister, FailedCas};
use checkers::registry::linearizable_by_name;
use checkers::{Budget, Checker, Evidence, Judgement, Linearizability, Verdict};

use crate::text::history;

fn judge(model: &str, text: &str) -> Judgement {
    linearizable_by_name(model).unwrap().check(&history(text), &Budget::default())
}

/// One operation after the other, each a word of its process, its function, what is asked and what is answered.
fn verdicts(model: &str, cases: &[(&str, Verdict, &str)]) {
    for (name, expected, text) in cases {
        let judgement = judge(model, text);
        assert_eq!(judgement.verdict, *expected, "{model}: {name}: {}", judgement.reason);
        assert_eq!(judgement.evidence.is_empty(), *expected != Verdict::Invalid, "{model}: {name}");
    }
}

#[test]
fn what_is_no_text_cannot_be_appended_to_nor_what_is_no_number_incremented() {
    let put = |value: &str| format!("0 :invoke :put [7 {value}]\n0 :ok :put [7 {value}]\n");
    let then = |f: &str, value: &str| format!("0 :invoke :{f} [7 {value}]\n0 :ok :{f} [7 {value}]\n");
    for (text, sentence) in [
        (
            put("1") + &then("append", "\"b\""),
            "appending needs the key to hold text or nothing, but it can only be 1 there",
        ),
        (
            put("[1]") + &then("append", "\"b\""),
            "appending needs the key to hold text or nothing, but it can only be [1] there",
        ),
        (
            put("\"a\"") + &then("increment", "2"),
            "incrementing by 2 needs the key to hold a number that can grow so, or nothing, but it can only be \
             \"a\" there",
        ),
        (
            put("9223372036854775807") + &then("increment", "1"),
            "incrementing by 1 needs the key to hold a number that can grow so, or nothing, but it can only be \
             9223372036854775807 there",
        ),
        (
            then("append", "\"b\"") + "0 :invoke :increment-and-get [7 1]\n0 :ok :increment-and-get [7 1]\n",
            "incrementing by 1 to 1 needs the key to hold 0 or nothing, but it can only be \"b\" there",
        ),
    ] {
        let judgement = judge("kv", &text);
        assert_eq!(judgement.verdict, Verdict::Invalid, "{text}: {}", judgement.reason);
        let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
        assert!(evidence.sentence.ends_with(sentence), "{}", evidence.sentence);
    }
    // In flight together, one after the other is possible, and was seen.
    let beside = "0 :invoke :put [7 1]\n1 :invoke :append [7 \"b\"]\n1 :ok :append [7 \"b\"]\n0 :ok :put [7 1]\n";
    assert_eq!(judge("kv", beside).verdict, Verdict::Valid);
}

/// An append to what can only be text or nothing says nothing.
#[test]
fn a_key_that_holds_nothing_but_text_was_not_looked_at_by_an_append() {
    let blind = "0 :invoke :put [7 \"a\"]\n0 :ok :put [7 \"a\"]\n0 :invoke :append [7 \"b\"]\n0 :ok :append [7 \"b\"]\n";
    let counts = "0 :invoke :put [7 1]\n0 :ok :put [7 1]\n0 :invoke :increment [7 2]\n0 :ok :increment [7 2]\n";
    for text in [blind, counts] {
        let judgement = judge("kv", text);
        assert_eq!(judgement.verdict, Verdict::Unknown);
        assert!(judgement.reason.starts_with("nothing was observed"), "{}", judgement.reason);
    }
}

#[test]
fn a_cas_that_failed_is_a_look_if_it_saw_another_value() {
    let told = CasRegister { failed_cas: FailedCas::SawOtherValue };
    for (text, verdict) in [
        ("0 :invoke :cas [nil 1]\n0 :fail :cas [nil 1]", Verdict::Invalid),
        ("0 :invoke :cas [2 1]\n0 :fail :cas [2 1]", Verdict::Valid),
        (
            "0 :invoke :write 2\n0 :info :write 2\n1 :invoke :cas [nil 1]\n1 :fail :cas [nil 1]",
            Verdict::Valid,
        ),
        ("0 :invoke :write 2\n0 :ok :write 2\n1 :invoke :cas [2 1]\n1 :fail :cas [2 1]", Verdict::Invalid),
    ] {
        for checker in [Linearizability::new(told), Linearizability::new(told).general_only()] {
            let judgement = checker.check(&history(text), &Budget::default());
            assert_eq!(judgement.verdict, verdict, "{text}: {}", judgement.reason);
        }
        // By itself a failure says nothing.
        let silent = Linearizability::new(CasRegister::default()).check(&history(text), &Budget::default());
        assert_eq!(silent.verdict, Verdict::Unknown);
    }
}

#[test]
fn an_explanation_costs_no_more_than_the_budget() {
    let mut text = String::new();
    for process in 0..9 {
        text += &format!("{process} :invoke :enqueue {}\n", process % 3);
    }
    text += "9 :invoke :dequeue nil\n9 :ok :dequeue 7\n";
    let judge = |max_steps| {
        let budget = Budget { max_steps, ..Budget::default() };
        linearizable_by_name("fifo-queue").unwrap().check(&history(&text), &budget)
    };
    let window = |judgement: &Judgement| {
        let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
        evidence.window_start_states.len()
    };
    let full = judge(1_000_000);
    assert!(window(&full) > 0, "{}", full.reason);
    let steps = full.details["steps"].as_int().unwrap() as u64;
    // Enough to know, and not enough to say why from the beginning on.
    let few = judge(steps + 1);
    assert_eq!(few.verdict, Verdict::Invalid, "{}", few.reason);
}
