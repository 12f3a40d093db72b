//! Small histories with the verdicts that a person would give.

use checkers::models::{CasRegister, PerKey, Register};
use checkers::{Budget, Checker, Evidence, Judgement, Linearizability, Verdict};

use crate::text::history;

fn judge(text: &str) -> Judgement {
    Linearizability::new(CasRegister::default()).check(&history(text), &Budget::default())
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
    }
}

#[test]
fn evidence_reads_as_an_argument() {
    let judgement = judge(
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
    let judgement = Linearizability::new(PerKey::new(Register)).check(&history(text), &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Invalid);
    assert!(
        judgement.reason.starts_with("key 1: process 0's read 6 (events 4 to 5)"),
        "{}",
        judgement.reason
    );
    assert_eq!(judgement.details["objects_linearizable"], 1);
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
