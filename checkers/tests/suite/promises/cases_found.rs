//! What random histories found, each as a person would tell it.

use checkers::Evidence;
use checkers::Verdict::{Invalid, Unknown, Valid};

use super::{hold, judge, script};

#[test]
fn what_may_have_happened_is_no_lie() {
    hold(
        "watch",
        &[
            (
                "a failed write was tried again and did it",
                Valid,
                "",
                "0 invoke write \"a\"\n0 fail write \"a\"\n0 invoke write \"a\"\n0 info write \"a\"\n1 invoke watch\n1 ok watch [[1,\"a\"]]",
            ),
            (
                "a write did it, another one of the same failed later",
                Valid,
                "",
                "0 invoke write \"a\"\n0 ok write 1\n0 invoke write \"a\"\n0 fail write \"a\"\n1 invoke watch\n1 ok watch [[1,\"a\"]]",
            ),
            (
                "all of them failed",
                Invalid,
                "aborted-event",
                "0 invoke write \"a\"\n0 fail write \"a\"\n0 invoke write \"a\"\n0 fail write \"a\"\n1 invoke watch\n1 ok watch [[1,\"a\"]]",
            ),
        ],
    );
    let outcome =
        "2 invoke outcome\n2 ok outcome {\"txn\":7,\"participant\":\"p\",\"outcome\":\"committed\"}";
    let refused = "0 invoke commit 7\n0 fail commit 7\n";
    hold(
        "atomic-commit",
        &[
            ("refused, but committed", Invalid, "refused-but-committed", &format!("{refused}{outcome}")),
            (
                "asked again, and nobody knows",
                Valid,
                "",
                &format!("{refused}0 invoke commit 7\n0 info commit 7\n{outcome}"),
            ),
            ("asked again, and still running", Valid, "", &format!("{refused}0 invoke commit 7\n{outcome}")),
        ],
    );
    let failed = "0 invoke add 1\n0 fail add 1\n";
    let read = "2 invoke read\n2 ok read [1]";
    hold(
        "monotonic",
        &[
            ("a row whose add failed", Invalid, "revived", &format!("{failed}{read}")),
            ("another add of it is not over", Valid, "", &format!("{failed}1 invoke add 1\n{read}")),
            ("an add that nobody heard of", Valid, "", &format!("{failed}1 invoke add\n{read}")),
            ("an add that began too late", Invalid, "revived", &format!("{failed}{read}\n1 invoke add")),
        ],
    );
}

#[test]
fn what_was_read_before_the_end_is_not_final() {
    let write = "0 invoke write 1\n0 ok write 1\n";
    hold(
        "convergence",
        &[
            (
                "a node that was read before the last update",
                Unknown,
                "n2 was not read after the last update",
                &format!(
                    "2 invoke final-read @n2\n2 ok final-read 0 @n2\n{write}1 invoke final-read @n1\n1 ok final-read 1 @n1\n3 invoke final-read @n3\n3 ok final-read 1 @n3"
                ),
            ),
            (
                "two that were read behind it",
                Invalid,
                "diverged",
                &format!(
                    "{write}1 invoke final-read @n1\n1 ok final-read 1 @n1\n2 invoke final-read @n2\n2 ok final-read 0 @n2"
                ),
            ),
        ],
    );
    hold(
        "durability",
        &[(
            "nobody wrote, and the first event is the read",
            Invalid,
            "never-written",
            "1 invoke read\n1 ok read 3",
        )],
    );
}

#[test]
fn evidence_has_all_that_it_rests_on() {
    let quoted = |checker: &str, text: &str| -> Vec<usize> {
        let judgement = judge(checker, &script(text));
        assert_eq!(judgement.verdict, Invalid, "{checker}: {}", judgement.reason);
        judgement.evidence[0].positions()
    };
    // The read that had 1 first says that it was there, not the one that had it last.
    let seen = "0 invoke add 1\n0 info add 1\n1 invoke read\n1 ok read [1]\n1 invoke read\n1 ok read [1]\n1 invoke read\n1 ok read []";
    assert_eq!(quoted("set-full", seen), [0, 2, 4, 6]);
    // The add that was answered first, not the one that began first.
    let twice = "0 invoke add 1\n1 invoke add 1\n1 ok add 1\n2 invoke read\n2 ok read []\n0 ok add 1";
    assert_eq!(quoted("set-full", twice), [1, 3]);
    // Of what went in twice and came out once: all three, and the last look.
    let queue = "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke enqueue 1\n0 ok enqueue 1\n1 invoke dequeue\n1 ok dequeue 1\n1 invoke dequeue\n1 ok dequeue";
    assert_eq!(quoted("total-queue", queue), [0, 2, 4, 6]);
    // Where the watcher had come to.
    let watch = "0 invoke write \"a\"\n0 ok write 1\n1 invoke watch\n1 ok watch [[1,\"a\"]]\n0 invoke write \"b\"\n0 ok write 2\n1 invoke watch\n1 ok watch [[3,\"c\"]]";
    assert_eq!(quoted("watch", watch), [2, 4, 6]);
    // A long read of rows says of a row that it has it.
    let rows: Vec<String> = (0..40).map(|n| format!("{{\"val\":{n},\"sts\":{n}}}")).collect();
    let text = format!("0 invoke read\n0 ok read [{},{{\"val\":7,\"sts\":99}}]", rows.join(","));
    let judgement = judge("monotonic", &script(&text));
    let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!() };
    assert_eq!(finding.operations[0].output, Some("41 elements, with 7 2 times".into()));
}
