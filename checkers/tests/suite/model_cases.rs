//! Small histories of the models, with the verdicts that their definitions give.

use checkers::models::{CasRegister, FailedCas};
use checkers::registry::linearizable_by_name;
use checkers::{Budget, Checker, Evidence, Judgement, Linearizability, Verdict};

use crate::text::history;

fn judge(model: &str, text: &str) -> Judgement {
    linearizable_by_name(model).unwrap().check(&history(text), &Budget::default())
}

/// Operations one after the other by one process, each a function, what is asked and what is answered.
fn verdicts(model: &str, cases: &[(&str, Verdict, &[[&str; 3]])]) {
    for (name, expected, operations) in cases {
        let text: String = operations
            .iter()
            .map(|[f, asked, answered]| format!("0 :invoke :{f} {asked}\n0 :ok :{f} {answered}\n"))
            .collect();
        let judgement = judge(model, &text);
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
    let beside =
        "0 :invoke :put [7 1]\n1 :invoke :append [7 \"b\"]\n1 :ok :append [7 \"b\"]\n0 :ok :put [7 1]\n";
    assert_eq!(judge("kv", beside).verdict, Verdict::Valid);
}

/// An append to what can only be text or nothing says nothing.
#[test]
fn a_key_that_holds_nothing_but_text_was_not_looked_at_by_an_append() {
    let blind = "0 :invoke :put [7 \"a\"]\n0 :ok :put [7 \"a\"]\n0 :invoke :append [7 \"b\"]\n0 :ok :append [7 \"b\"]\n";
    let counts =
        "0 :invoke :put [7 1]\n0 :ok :put [7 1]\n0 :invoke :increment [7 2]\n0 :ok :increment [7 2]\n";
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
fn an_explanation_keeps_to_the_budget() {
    let mut text = String::new();
    for process in 0..9 {
        text += &format!("{process} :invoke :enqueue {}\n", process % 3);
    }
    text += "9 :invoke :dequeue nil\n9 :ok :dequeue 7\n";
    let judge = |max_steps| {
        let budget = Budget { max_steps, ..Budget::default() };
        let judgement = linearizable_by_name("fifo-queue").unwrap().check(&history(&text), &budget);
        assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
        let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
        (judgement.details["steps"].as_int().unwrap() as u64, evidence.window_start_states.len())
    };
    let (steps, explained) = judge(1_000_000);
    assert!(explained > 0);
    // Enough to know, and not enough to go through all orders once more to say why.
    assert_eq!(judge(steps + 1), (steps, 0));
}

#[test]
fn revisions_are_etcds() {
    let put = ["put", "[\"a\" 1]", "{\"revision\":5}"];
    verdicts(
        "versioned-kv",
        &[
            (
                "the first revision is not assumed, the next one follows",
                Verdict::Valid,
                &[put, ["put", "[\"a\" 2]", "{\"revision\":6}"]],
            ),
            ("a put is a revision", Verdict::Invalid, &[put, ["put", "[\"a\" 2]", "{\"revision\":5}"]]),
            (
                "a delete of what is not there is none",
                Verdict::Valid,
                &[put, ["delete", "\"b\"", "{\"revision\":5,\"deleted\":0}"]],
            ),
            (
                "so that it cannot say the next one",
                Verdict::Invalid,
                &[put, ["delete", "\"b\"", "{\"revision\":6,\"deleted\":0}"]],
            ),
            (
                "a delete of what is there is one",
                Verdict::Valid,
                &[put, ["delete", "\"a\"", "{\"revision\":6,\"deleted\":1}"]],
            ),
            (
                "a transaction is one, however much it changes",
                Verdict::Valid,
                &[
                    put,
                    [
                        "txn",
                        "{\"then\":[[\"put\",\"a\",2],[\"put\",\"b\",3]]}",
                        "{\"succeeded\":true,\"revision\":6}",
                    ],
                    [
                        "get",
                        "\"b\"",
                        "[\"b\",{\"value\":3,\"create-revision\":6,\"mod-revision\":6,\"version\":1}]",
                    ],
                    [
                        "get",
                        "\"a\"",
                        "[\"a\",{\"value\":2,\"create-revision\":5,\"mod-revision\":6,\"version\":2}]",
                    ],
                ],
            ),
            (
                "one that only reads is none",
                Verdict::Invalid,
                &[put, ["txn", "{\"then\":[[\"get\",\"a\"]]}", "{\"succeeded\":true,\"revision\":6}"]],
            ),
            (
                "what is created again counts from the beginning",
                Verdict::Valid,
                &[
                    put,
                    ["delete", "\"a\"", "null"],
                    ["put", "[\"a\" 2]", "null"],
                    [
                        "get",
                        "\"a\"",
                        "[\"a\",{\"value\":2,\"create-revision\":7,\"mod-revision\":7,\"version\":1}]",
                    ],
                ],
            ),
            (
                "and not from its first creation",
                Verdict::Invalid,
                &[
                    put,
                    ["delete", "\"a\"", "null"],
                    ["put", "[\"a\" 2]", "null"],
                    ["get", "\"a\"", "[\"a\",{\"value\":2,\"create-revision\":5,\"version\":1}]"],
                ],
            ),
            (
                "of what is not there the numbers are 0, and no comparison of the value holds",
                Verdict::Valid,
                &[
                    [
                        "txn",
                        "{\"compare\":[[\"version\",\"b\",\"=\",0]],\"then\":[]}",
                        "{\"succeeded\":true}",
                    ],
                    [
                        "txn",
                        "{\"compare\":[[\"mod-revision\",\"b\",\"<\",1]],\"then\":[]}",
                        "{\"succeeded\":true}",
                    ],
                    [
                        "txn",
                        "{\"compare\":[[\"value\",\"b\",\"!=\",1]],\"then\":[]}",
                        "{\"succeeded\":false}",
                    ],
                ],
            ),
            (
                "what is not equal is not equal",
                Verdict::Invalid,
                &[
                    put,
                    ["txn", "{\"compare\":[[\"value\",\"a\",\"!=\",1]],\"then\":[]}", "{\"succeeded\":true}"],
                ],
            ),
            (
                "the other branch is taken if one of two conditions does not hold",
                Verdict::Valid,
                &[
                    put,
                    [
                        "txn",
                        "{\"compare\":[[\"value\",\"a\",\"=\",1],[\"mod-revision\",\"a\",\">\",5]],\"then\":[],\"else\":[[\"delete\",\"a\"]]}",
                        "{\"succeeded\":false,\"revision\":6,\"results\":[1]}",
                    ],
                    ["get", "\"a\"", "[\"a\" nil]"],
                ],
            ),
        ],
    );
}

#[test]
fn the_others_are_as_their_definitions_say() {
    verdicts(
        "log",
        &[
            ("offsets have no gaps", Verdict::Invalid, &[["append", "7", "[7 0]"], ["append", "8", "[8 2]"]]),
            (
                "a range ends where the log ends",
                Verdict::Valid,
                &[["append", "7", "[7 0]"], ["range", "[0 5]", "[7]"], ["range", "[1 5]", "[]"]],
            ),
            (
                "and not before",
                Verdict::Invalid,
                &[["append", "7", "7"], ["append", "8", "8"], ["range", "[0 2]", "[7]"]],
            ),
            (
                "a poll may",
                Verdict::Valid,
                &[
                    ["append", "7", "[7 0]"],
                    ["append", "8", "8"],
                    ["poll", "0", "[[0 7]]"],
                    ["poll", "0", "[]"],
                ],
            ),
            (
                "a range of nothing says nothing",
                Verdict::Unknown,
                &[["append", "7", "7"], ["range", "[2 2]", "[]"]],
            ),
            (
                "more than was asked for",
                Verdict::Invalid,
                &[["append", "7", "7"], ["append", "8", "8"], ["range", "[0 1]", "[7 8]"]],
            ),
        ],
    );
    verdicts(
        "multi-register",
        &[
            (
                "a write of its own says nothing",
                Verdict::Unknown,
                &[["txn", "[[\"w\" \"x\" 1] [\"r\" \"x\" nil]]", "[[\"w\" \"x\" 1] [\"r\" \"x\" 1]]"]],
            ),
            (
                "but cannot be overlooked",
                Verdict::Invalid,
                &[["txn", "[[\"w\" \"x\" 1] [\"r\" \"x\" nil]]", "[[\"w\" \"x\" 1] [\"r\" \"x\" 2]]"]],
            ),
            (
                "some registers, not all",
                Verdict::Invalid,
                &[["write", "{\"x\":1,\"y\":2}", "null"], ["read", "[\"y\"]", "{\"y\":1}"]],
            ),
        ],
    );
    verdicts(
        "semaphore-3",
        &[
            (
                "all of them",
                Verdict::Valid,
                &[["acquire", "3", "nil"], ["release", "2", "nil"], ["acquire", "2", "nil"]],
            ),
            ("more than are free", Verdict::Invalid, &[["acquire", "2", "nil"], ["acquire", "2", "nil"]]),
            ("more than there are", Verdict::Invalid, &[["acquire", "4", "nil"]]),
            ("more than were taken", Verdict::Invalid, &[["acquire", "1", "nil"], ["release", "2", "nil"]]),
        ],
    );
    verdicts(
        "fenced-lock",
        &[
            (
                "tokens grow, with gaps",
                Verdict::Valid,
                &[["acquire", "nil", "3"], ["release", "3", "nil"], ["acquire", "nil", "9"]],
            ),
            (
                "and do not stay",
                Verdict::Invalid,
                &[["acquire", "nil", "3"], ["release", "3", "nil"], ["acquire", "nil", "3"]],
            ),
            (
                "a token of somebody else",
                Verdict::Invalid,
                &[["acquire", "nil", "3"], ["release", "2", "nil"]],
            ),
            ("held already", Verdict::Invalid, &[["acquire", "nil", "3"], ["acquire", "nil", "4"]]),
        ],
    );
    verdicts(
        "priority-queue",
        &[
            (
                "of two with one priority either",
                Verdict::Valid,
                &[
                    ["insert", "[1 7]", "nil"],
                    ["insert", "[1 8]", "nil"],
                    ["insert", "[2 9]", "nil"],
                    ["dequeue-max", "nil", "[2 9]"],
                    ["dequeue", "nil", "[1 8]"],
                    ["dequeue-min", "nil", "[1 7]"],
                    ["dequeue", "nil", "nil"],
                ],
            ),
            (
                "the larger one first",
                Verdict::Invalid,
                &[["insert", "[1 7]", "nil"], ["insert", "[2 9]", "nil"], ["dequeue", "nil", "[2 9]"]],
            ),
        ],
    );
    verdicts(
        "kv",
        &[
            (
                "what is not there counts as 0, and as \"\"",
                Verdict::Valid,
                &[
                    ["increment-and-get", "[1 2]", "[1 2]"],
                    ["append", "[2 \"a\"]", "[2 \"a\"]"],
                    ["get", "[2 nil]", "[2 \"a\"]"],
                ],
            ),
            (
                "a cas from nothing, once",
                Verdict::Invalid,
                &[["cas", "[1 [nil 2]]", "[1 [nil 2]]"], ["cas", "[1 [nil 3]]", "[1 [nil 3]]"]],
            ),
            (
                "a delete says whether there was something",
                Verdict::Invalid,
                &[["put", "[1 2]", "[1 2]"], ["delete", "[1 nil]", "[1 false]"]],
            ),
        ],
    );
    verdicts(
        "multiset",
        &[
            (
                "as often as it was added",
                Verdict::Valid,
                &[["add", "1", "nil"], ["add", "1", "nil"], ["remove", "1", "true"], ["count", "1", "[1 1]"]],
            ),
            (
                "and no more",
                Verdict::Invalid,
                &[["add", "1", "nil"], ["remove", "1", "true"], ["remove", "1", "true"]],
            ),
        ],
    );
}
