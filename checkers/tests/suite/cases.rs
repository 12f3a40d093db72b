//! Small histories with the verdicts that a person would give.

use checkers::models::{CasRegister, PerKey, Register};
use checkers::{Budget, Checker, Evidence, Judgement, Linearizability, Verdict};

use crate::text::history;

fn judge(text: &str) -> Judgement {
    Linearizability::new(CasRegister::default()).check(&history(text), &Budget::default())
}

fn search(text: &str) -> Judgement {
    Linearizability::new(CasRegister::default()).general_only().check(&history(text), &Budget::default())
}

#[test]
fn verdicts_are_a_persons() {
    let cases: &[(&str, Verdict, &str)] = &[
        ("nothing at all", Verdict::Unknown, ""),
        (
            "only an unanswered write",
            Verdict::Unknown,
            "0 :invoke :write 1
             0 :info :write 1",
        ),
        (
            "only failures",
            Verdict::Unknown,
            "0 :invoke :write 1
             0 :fail :write 1",
        ),
        (
            "only writes, which nobody read",
            Verdict::Unknown,
            "0 :invoke :write 1
             0 :ok :write 1
             1 :invoke :read nil
             1 :fail :read nil
             1 :invoke :cas [2 3]
             1 :fail :cas [2 3]",
        ),
        (
            "a cas is a look",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :ok :write 1
             1 :invoke :cas [1 3]
             1 :ok :cas [1 3]",
        ),
        (
            "a read sees a write in flight",
            Verdict::Valid,
            "0 :invoke :write 1
             1 :invoke :read nil
             1 :ok :read 1
             0 :ok :write 1",
        ),
        (
            "new, then old (Herlihy and Wing 1990, figure 1 d, for a register)",
            Verdict::Invalid,
            "0 :invoke :write 1
             1 :invoke :read nil
             1 :ok :read 1
             1 :invoke :read nil
             1 :ok :read nil
             0 :ok :write 1",
        ),
        (
            "the same by two overlapping readers is no contradiction",
            Verdict::Valid,
            "0 :invoke :write 1
             1 :invoke :read nil
             2 :invoke :read nil
             1 :ok :read 1
             2 :ok :read nil
             0 :ok :write 1",
        ),
        (
            "a lost write",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :ok :write 1
             1 :invoke :read nil
             1 :ok :read nil",
        ),
        (
            "an unanswered write takes effect late, after another one",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :info :write 1
             1 :invoke :write 2
             1 :ok :write 2
             2 :invoke :read nil
             2 :ok :read 2
             2 :invoke :read nil
             2 :ok :read 1",
        ),
        (
            "but only once",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :info :write 1
             1 :invoke :read nil
             1 :ok :read 1
             1 :invoke :write 2
             1 :ok :write 2
             1 :invoke :read nil
             1 :ok :read 1",
        ),
        (
            "an unanswered write cannot act before it is invoked",
            Verdict::Invalid,
            "1 :invoke :read nil
             1 :ok :read 1
             0 :invoke :write 1
             0 :info :write 1",
        ),
        (
            "a write that never was answered, not even with info",
            Verdict::Valid,
            "0 :invoke :write 1
             1 :invoke :read nil
             1 :ok :read 1",
        ),
        (
            "a failed write did not happen",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :fail :write 1
             1 :invoke :read nil
             1 :ok :read 1",
        ),
        (
            "a chain of unanswered cas, seen at its end",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :ok :write 1
             0 :invoke :cas [1 2]
             0 :info :cas [1 2]
             1 :invoke :cas [2 3]
             1 :info :cas [2 3]
             2 :invoke :read nil
             2 :ok :read 3",
        ),
        (
            "a chain of unanswered cas cannot go back",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :ok :write 1
             0 :invoke :cas [1 2]
             0 :info :cas [1 2]
             1 :invoke :cas [2 3]
             1 :info :cas [2 3]
             2 :invoke :read nil
             2 :ok :read 3
             2 :invoke :read nil
             2 :ok :read 2",
        ),
        (
            "the first cas of a chain had nothing to find",
            Verdict::Invalid,
            "0 :invoke :cas [1 2]
             0 :info :cas [1 2]
             1 :invoke :cas [2 3]
             1 :info :cas [2 3]
             2 :invoke :read nil
             2 :ok :read 3",
        ),
        (
            "two cas from one value, both answered",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :ok :write 1
             0 :invoke :cas [1 2]
             1 :invoke :cas [1 3]
             0 :ok :cas [1 2]
             1 :ok :cas [1 3]",
        ),
        (
            "a failed cas says nothing",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :ok :write 1
             1 :invoke :cas [1 2]
             1 :fail :cas [1 2]
             1 :invoke :read nil
             1 :ok :read 1",
        ),
        (
            "writing what is there already, so that it can be read again later",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :ok :write 1
             0 :invoke :write 1
             1 :invoke :write 2
             2 :invoke :read nil
             2 :ok :read 2
             0 :ok :write 1
             1 :ok :write 2
             2 :invoke :read nil
             2 :ok :read 1",
        ),
        (
            "two equal unanswered writes explain two returns of their value, not three",
            Verdict::Invalid,
            "0 :invoke :write 1
             0 :info :write 1
             1 :invoke :write 1
             1 :info :write 1
             2 :invoke :read nil
             2 :ok :read 1
             2 :invoke :write 2
             2 :ok :write 2
             2 :invoke :read nil
             2 :ok :read 1
             2 :invoke :write 2
             2 :ok :write 2
             2 :invoke :read nil
             2 :ok :read 1",
        ),
        (
            "an unanswered write of nothing",
            Verdict::Valid,
            "0 :invoke :write 1
             0 :ok :write 1
             0 :invoke :write nil
             0 :info :write nil
             1 :invoke :read nil
             1 :ok :read nil",
        ),
    ];
    for (name, expected, text) in cases {
        let judgement = judge(text);
        assert_eq!(judgement.verdict, *expected, "{name}: {}", judgement.reason);
        assert_eq!(judgement.evidence.is_empty(), *expected != Verdict::Invalid, "{name}");
        let judgement = search(text);
        assert_eq!(judgement.verdict, *expected, "{name}: {}", judgement.reason);
    }
}

#[test]
fn evidence_reads_as_an_argument() {
    let judgement = search(
        "0 :invoke :write 5
         0 :ok :write 5
         0 :invoke :read nil
         0 :ok :read 5
         1 :invoke :write 7
         0 :invoke :read nil
         0 :ok :read 3
         1 :ok :write 7",
    );
    let Evidence::Linearizability(evidence) = &judgement.evidence[0] else { panic!("{judgement:?}") };
    assert_eq!(
        evidence.sentence,
        "process 0's read 3 (events 5 to 6) cannot be explained: \
         reading 3 needs the register to be 3, but it can only be 5 or 7 there"
    );
    assert_eq!((evidence.blocked, evidence.prefix_length), (5, 3));
    assert_eq!(evidence.final_states, ["5", "7"]);
    assert_eq!(
        evidence.steps[1],
        "from 5: process 1's write 7 may come first, but leaves 7, which does not help"
    );
    let window: Vec<&str> = evidence.window.iter().map(|quoted| quoted.text.as_str()).collect();
    assert_eq!(window, ["process 1: write 7", "process 0: read 3"]);
    assert_eq!(evidence.window_optional, [4]);
    assert_eq!(evidence.window_start_states, ["5"]);
}

#[test]
fn a_key_that_fails_is_named() {
    let text = "0 :invoke :write [1 5]
         0 :ok :write [1 5]
         0 :invoke :write [2 6]
         0 :ok :write [2 6]
         0 :invoke :read [1 nil]
         0 :ok :read [1 6]";
    let checker = Linearizability::new(PerKey::new(Register));
    for (checker, algorithm, begins) in [
        (checker.clone().general_only(), "Wing-Gong-Lowe", "key 1: process 0's read 6 (events 4 to 5)"),
        (checker, "zones", "key 1: process 0's read 6 (events 4-5) found a value that nothing had written"),
    ] {
        let judgement = checker.check(&history(text), &Budget::default());
        assert_eq!((judgement.verdict, &*judgement.algorithm), (Verdict::Invalid, algorithm));
        assert!(judgement.reason.starts_with(begins), "{}", judgement.reason);
        assert_eq!(judgement.details["objects_linearizable"], 1);
    }
}

#[test]
fn a_history_in_which_nothing_was_observed_says_so() {
    let judgement = judge("0 :invoke :write 1\n0 :ok :write 1\n1 :invoke :read nil\n1 :info :read nil");
    assert!(
        judgement.reason.starts_with("nothing was observed: no read and no cas succeeded"),
        "{}",
        judgement.reason
    );
    // One object that nobody looked at does not spoil the others.
    let keyed = "0 :invoke :write [1 5]\n0 :ok :write [1 5]\n0 :invoke :read [2 nil]\n0 :ok :read [2 nil]";
    let judgement = Linearizability::new(PerKey::new(Register)).check(&history(keyed), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
}

#[test]
fn several_keys_are_not_taken_for_one_register() {
    let keyed = "0 :invoke :write [\"a\" 1]\n0 :ok :write [\"a\" 1]\n0 :invoke :write [\"b\" 2]\n\
                 0 :ok :write [\"b\" 2]\n0 :invoke :read [\"a\" nil]\n0 :ok :read [\"a\" 1]";
    let error = Linearizability::new(Register).objects(&history(keyed)).unwrap_err().to_string();
    assert_eq!(
        error,
        "event 4: a `read` of one register has the value null, not [\"a\",null]; \
         with several keys, choose `per-key-register`"
    );
    let error = Linearizability::new(CasRegister::default()).objects(&history(keyed)).unwrap_err();
    assert!(error.to_string().ends_with("choose `per-key-cas-register`"), "{error}");
    let judgement = Linearizability::new(PerKey::new(Register)).check(&history(keyed), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);

    let cas = "0 :invoke :cas [1 [2 3]]\n0 :ok :cas [1 [2 3]]";
    let error = Linearizability::new(CasRegister::default()).objects(&history(cas)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 0: a `cas` of one register has the value [from, to] without lists in it, not [1,[2,3]]; \
         with several keys, choose `per-key-cas-register`"
    );
    let keyed = Linearizability::new(PerKey::new(CasRegister::default()));
    assert_eq!(keyed.objects(&history(cas)).unwrap().len(), 1);
    // What a register holds may be a list, where its key is known.
    assert!(keyed.objects(&history("0 :invoke :cas [1 [[2 3] [4 5]]]")).is_ok());
}

#[test]
fn a_change_that_answers_something_else_is_not_judged() {
    for (f, asked, answered) in [("write", "1", "2"), ("cas", "[1 2]", "[1 3]")] {
        for (text, model_is_keyed) in [
            (format!("0 :invoke :{f} {asked}\n0 :ok :{f} {answered}"), false),
            (format!("0 :invoke :{f} [7 {asked}]\n0 :ok :{f} [7 {answered}]"), true),
        ] {
            let error = if model_is_keyed {
                Linearizability::new(PerKey::new(CasRegister::default())).objects(&history(&text)).map(|_| ())
            } else {
                Linearizability::new(CasRegister::default()).objects(&history(&text)).map(|_| ())
            };
            let error = error.unwrap_err();
            let (asked, answered) = (asked.replace(' ', ","), answered.replace(' ', ","));
            let expected = format!(
                "event 1: `{f}` was invoked with {asked} at event 0, and its `ok` has {answered}; \
                 an `ok` must repeat the value or have null, correct the history"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
    let silent = "0 :invoke :write 1\n0 :ok :write nil\n1 :invoke :read nil\n1 :ok :read 1";
    assert_eq!(judge(silent).verdict, Verdict::Valid);
}

#[test]
fn what_a_model_does_not_know_is_not_judged() {
    let keyed = PerKey::new(CasRegister::default());
    let cases = [
        (
            "0 :invoke :append 1\n0 :ok :append 1",
            "event 0: the model `cas-register` knows `read`, `write` and `cas`",
        ),
        (
            "0 :invoke :read nil\n0 :ok :read nil\n0 :invoke :cas 3\n0 :ok :cas 3",
            "event 2: a `cas` needs the value [from, to], not 3",
        ),
    ];
    for (text, expected) in cases {
        let judgement = judge(text);
        assert_eq!(judgement.verdict, Verdict::Unknown);
        assert!(judgement.reason.contains(expected), "{}", judgement.reason);
    }
    let cases = [
        (
            "0 :invoke :write 1\n0 :ok :write 1",
            "event 0: the model `per-key-cas-register` needs the value [key, value], not 1",
        ),
        (
            "0 :invoke :read [1 nil]\n0 :ok :read [2 7]",
            "event 1: `read` of key 1 must answer [1, value], not [2,7]",
        ),
        ("0 :invoke :read [1 nil]\n0 :ok :read 7", "event 1: `read` of key 1 must answer [1, value], not 7"),
    ];
    for (text, expected) in cases {
        let error = Linearizability::new(keyed.clone()).objects(&history(text)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_violation_behind_many_unanswered_operations_is_explained_within_a_budget() {
    let mut text = String::new();
    for (process, value) in [0, 2, 0, 0, 2, 1, 3, 3].into_iter().enumerate() {
        text += &format!("{process} :invoke :enqueue {value}\n");
    }
    text += "8 :invoke :dequeue nil\n9 :invoke :dequeue nil\n";
    for value in ["nil", "2", "9"] {
        text += &format!("10 :invoke :dequeue nil\n10 :ok :dequeue {value}\n");
    }
    let checker = checkers::registry::linearizable_by_name("fifo-queue").unwrap();
    let judgement = checker.check(&history(&text), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
}
