//! What a person would say of small histories: Jepsen's shelf.

use checkers::Verdict::{Invalid, Unknown, Valid};

use super::hold;

const ADD_1: &str = "0 invoke add 1\n0 ok add 1\n";

fn after(start: &str, rest: &str) -> String {
    format!("{start}{rest}")
}

#[test]
fn set() {
    let read = |list: &str| after(ADD_1, &format!("0 invoke read\n0 ok read {list}"));
    hold(
        "set",
        &[
            ("nobody read", Unknown, "no read", ADD_1),
            ("there", Valid, "", &read("[1]")),
            ("lost", Invalid, "lost", &read("[]")),
            ("made up", Invalid, "unexpected", &read("[1,2]")),
            ("twice in one read", Invalid, "duplicated", &read("[1,1]")),
            (
                "an unanswered add may be there or not",
                Valid,
                "",
                "1 invoke add 2\n1 info add 2\n0 invoke add 1\n0 ok add 1\n0 invoke read\n0 ok read [1,2]",
            ),
            (
                "nothing was there to be read",
                Unknown,
                "none of 1",
                "0 invoke add 1\n0 info add 1\n1 invoke read\n1 ok read []",
            ),
            (
                "a failed add that was read",
                Invalid,
                "unexpected",
                "0 invoke add 1\n0 fail add 1\n0 invoke read\n0 ok read [1]",
            ),
            (
                "tried again",
                Valid,
                "",
                "0 invoke add 1\n0 fail add 1\n0 invoke add 1\n0 ok add 1\n0 invoke read\n0 ok read [1]",
            ),
            (
                "added behind the final read",
                Unknown,
                "nobody looked",
                &after(&read("[1]"), "\n0 invoke add 2\n0 ok add 2"),
            ),
            (
                "an early read need not have it",
                Valid,
                "",
                &after("1 invoke read\n1 ok read []\n", &read("[1]")),
            ),
            (
                "one of two overlapping final reads has it",
                Valid,
                "",
                &after(ADD_1, "1 invoke read\n2 invoke read\n2 ok read []\n1 ok read [1]"),
            ),
            (
                "lost in the last although an earlier read had it",
                Invalid,
                "lost",
                &after(&read("[1]"), "\n0 invoke read\n0 ok read []"),
            ),
            (
                "elements of any shape",
                Valid,
                "",
                "0 invoke add {\"a\":[1]}\n0 ok add {\"a\":[1]}\n0 invoke read\n0 ok read [{\"a\":[1]}]",
            ),
            ("an answer that is no list", Unknown, "needs a list", &read("7")),
        ],
    );
}

#[test]
fn queues() {
    let both: &[super::Case<'_>] = &[
        ("nothing came out", Unknown, "", "0 invoke enqueue 1\n0 ok enqueue 1"),
        ("in and out", Valid, "", "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke dequeue\n0 ok dequeue 1"),
        (
            "out while it goes in",
            Valid,
            "",
            "0 invoke enqueue 1\n1 invoke dequeue\n1 ok dequeue 1\n0 ok enqueue 1",
        ),
        ("out of nothing", Invalid, "unexpected", "0 invoke dequeue\n0 ok dequeue 1"),
        (
            "out before it goes in",
            Invalid,
            "unexpected",
            "1 invoke dequeue\n1 ok dequeue 1\n0 invoke enqueue 1\n0 ok enqueue 1",
        ),
        (
            "a failed enqueue comes out",
            Invalid,
            "unexpected",
            "0 invoke enqueue 1\n0 fail enqueue 1\n0 invoke dequeue\n0 ok dequeue 1",
        ),
        (
            "an unanswered enqueue comes out",
            Valid,
            "",
            "0 invoke enqueue 1\n0 info enqueue 1\n1 invoke dequeue\n1 ok dequeue 1",
        ),
        (
            "a drain has all",
            Valid,
            "",
            "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke enqueue 2\n0 ok enqueue 2\n0 invoke drain\n0 ok drain [2,1]",
        ),
        (
            "an empty queue answers nil",
            Valid,
            "",
            "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke dequeue\n0 ok dequeue 1\n0 invoke dequeue\n0 ok dequeue null",
        ),
    ];
    hold("queue", both);
    hold("total-queue", both);
    let twice = "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke dequeue\n0 ok dequeue 1\n1 invoke dequeue\n1 ok dequeue 1";
    hold(
        "queue",
        &[
            ("twice out", Invalid, "duplicated", twice),
            (
                "never out is no matter",
                Valid,
                "",
                "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke enqueue 2\n0 ok enqueue 2\n0 invoke dequeue\n0 ok dequeue 2",
            ),
            ("twice in, twice out", Valid, "", &after("2 invoke enqueue 1\n2 info enqueue 1\n", twice)),
        ],
    );
    let kept = "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke enqueue 2\n0 ok enqueue 2\n0 invoke dequeue\n0 ok dequeue 2\n";
    hold(
        "total-queue",
        &[
            ("twice out is told, no more", Valid, "", twice),
            ("never out", Invalid, "lost", kept),
            ("not in the drain either", Invalid, "lost", &after(kept, "0 invoke drain\n0 ok drain []")),
            (
                "an unanswered dequeue may have had it",
                Unknown,
                "may have had",
                &after(kept, "1 invoke dequeue\n1 info dequeue"),
            ),
            (
                "a crashed drain may have had all",
                Unknown,
                "a drain without an answer",
                &after(kept, "1 invoke drain\n1 info drain"),
            ),
            (
                "one unanswered dequeue cannot have had two",
                Invalid,
                "lost",
                &after(
                    "2 invoke enqueue 3\n2 ok enqueue 3\n",
                    &after(kept, "1 invoke dequeue\n1 info dequeue"),
                ),
            ),
            (
                "put in behind the last look",
                Unknown,
                "nobody looked",
                "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke drain\n0 ok drain [1]\n0 invoke enqueue 2\n0 ok enqueue 2",
            ),
        ],
    );
}

#[test]
fn counter() {
    let read = |n: i64| {
        format!("0 invoke add 5\n0 ok add 5\n1 invoke add 3\n1 info add 3\n0 invoke read\n0 ok read {n}")
    };
    let down = |n: i64| {
        format!(
            "0 invoke add 5\n0 ok add 5\n1 invoke decrement 3\n1 info decrement 3\n0 invoke read\n0 ok read {n}"
        )
    };
    hold(
        "counter",
        &[
            ("nobody read", Unknown, "no read", "0 invoke add 1\n0 ok add 1"),
            ("nothing added", Unknown, "nothing was added", "0 invoke read\n0 ok read 0"),
            ("at least what was answered", Valid, "", &read(5)),
            ("and what was not", Valid, "", &read(8)),
            ("too little", Invalid, "below-lower-bound", &read(4)),
            ("too much", Invalid, "above-upper-bound", &read(9)),
            ("an unanswered decrement", Valid, "", &down(2)),
            ("or not", Valid, "", &down(5)),
            ("less than that", Invalid, "below-lower-bound", &down(1)),
            (
                "a negative add is a decrement",
                Invalid,
                "above-upper-bound",
                "0 invoke add 5\n0 ok add 5\n0 invoke add -2\n0 ok add -2\n0 invoke read\n0 ok read 4",
            ),
            (
                "a failed add does not count",
                Invalid,
                "above-upper-bound",
                "0 invoke add 5\n0 ok add 5\n0 invoke add 2\n0 fail add 2\n0 invoke read\n0 ok read 7",
            ),
            (
                "an add in flight may count",
                Valid,
                "",
                "0 invoke add 5\n1 invoke read\n1 ok read 5\n0 ok add 5",
            ),
            (
                "an add that began behind the answer cannot",
                Invalid,
                "above-upper-bound",
                "1 invoke read\n1 ok read 5\n0 invoke add 5\n0 ok add 5",
            ),
            (
                "no number",
                Unknown,
                "integer",
                "0 invoke add 5\n0 ok add 5\n0 invoke read\n0 ok read \"five\"",
            ),
        ],
    );
}

#[test]
fn unique_ids() {
    hold(
        "unique-ids",
        &[
            ("none", Unknown, "no id", "0 invoke generate\n0 info generate"),
            ("two", Valid, "", "0 invoke generate\n0 ok generate 1\n0 invoke generate\n0 ok generate \"1\""),
            (
                "the same",
                Invalid,
                "duplicated",
                "0 invoke generate\n0 ok generate [1,2]\n1 invoke generate\n1 ok generate [1,2]",
            ),
            ("no id", Unknown, "an id", "0 invoke generate\n0 ok generate"),
        ],
    );
}

#[test]
fn bank() {
    let first = "0 invoke read\n0 ok read {\"0\":10,\"1\":0}\n";
    let moved = "1 invoke transfer {\"from\":0,\"to\":1,\"amount\":4}\n1 info transfer {\"from\":0,\"to\":1,\"amount\":4}\n";
    let then = |balances: &str| format!("{first}{moved}0 invoke read\n0 ok read {balances}");
    hold(
        "bank",
        &[
            ("nobody read", Unknown, "no read", moved),
            ("as it was", Valid, "", &then("{\"0\":10,\"1\":0}")),
            ("moved", Valid, "", &then("{\"0\":6,\"1\":4}")),
            ("half moved", Invalid, "wrong-total", &then("{\"0\":6,\"1\":0}")),
            ("a new account", Invalid, "unexpected-key", &then("{\"0\":6,\"1\":0,\"2\":4}")),
            ("no balance", Invalid, "nil-balance", &then("{\"0\":10,\"1\":null}")),
            ("below zero", Invalid, "negative-value", &then("{\"0\":11,\"1\":-1}")),
            ("moved by nobody", Invalid, "unexplained-balance", &then("{\"0\":3,\"1\":7}")),
            (
                "a failed transfer moves nothing",
                Invalid,
                "unexplained-balance",
                &after(
                    first,
                    "1 invoke transfer {\"from\":0,\"to\":1,\"amount\":4}\n1 fail transfer\n0 invoke read\n0 ok read {\"0\":6,\"1\":4}",
                ),
            ),
            (
                "an account that came to be by a transfer",
                Valid,
                "",
                "0 invoke read\n0 ok read {\"0\":10}\n1 invoke transfer {\"from\":0,\"to\":1,\"amount\":4}\n1 ok transfer\n0 invoke read\n0 ok read [[0,6],[1,4]]",
            ),
            (
                "balances that are no numbers",
                Unknown,
                "integer balances",
                "0 invoke read\n0 ok read {\"0\":\"ten\"}",
            ),
        ],
    );
}

#[test]
fn long_fork() {
    let writes = "0 invoke write [[\"w\",1,1]]\n0 ok write [[\"w\",1,1]]\n1 invoke write [[\"w\",2,1]]\n1 ok write [[\"w\",2,1]]\n";
    let reads = |one: &str, two: &str| {
        format!(
            "{writes}2 invoke read [[\"r\",1,null],[\"r\",2,null]]\n2 ok read {one}\n3 invoke read [[\"r\",2,null],[\"r\",1,null]]\n3 ok read {two}"
        )
    };
    hold(
        "long-fork",
        &[
            ("only writes", Unknown, "no two", writes),
            ("one order", Valid, "", &reads("[[\"r\",1,1],[\"r\",2,null]]", "[[\"r\",2,1],[\"r\",1,1]]")),
            (
                "two orders",
                Invalid,
                "long-fork",
                &reads("[[\"r\",1,1],[\"r\",2,null]]", "[[\"r\",2,1],[\"r\",1,null]]"),
            ),
            (
                "of nothing",
                Invalid,
                "unwritten-value",
                &reads("[[\"r\",1,1],[\"r\",2,null]]", "[[\"r\",2,7],[\"r\",1,1]]"),
            ),
            (
                "two writes of one key",
                Unknown,
                "written once",
                &after(
                    "4 invoke write [[\"w\",1,2]]\n4 ok write [[\"w\",1,2]]\n",
                    &reads("[[\"r\",1,1],[\"r\",2,null]]", "[[\"r\",2,1],[\"r\",1,null]]"),
                ),
            ),
            (
                "a failed write is read",
                Invalid,
                "aborted-read",
                "0 invoke write [[\"w\",1,1]]\n0 fail write [[\"w\",1,1]]\n2 invoke read [[\"r\",1,null],[\"r\",2,null]]\n2 ok read [[\"r\",1,1],[\"r\",2,null]]",
            ),
            (
                "another kind of transaction",
                Unknown,
                "one write",
                "0 invoke txn [[\"w\",1,1],[\"w\",2,1]]\n0 ok txn [[\"w\",1,1],[\"w\",2,1]]",
            ),
        ],
    );
}

#[test]
fn causal() {
    hold(
        "causal",
        &[
            (
                "in order",
                Valid,
                "",
                "0 invoke read-init\n0 ok read-init 0\n0 invoke write 1\n0 ok write 1\n0 invoke read\n0 ok read 1\n0 invoke write 2\n0 ok write 2\n0 invoke read\n0 ok read 2",
            ),
            (
                "something there before",
                Invalid,
                "wrong-initial-value",
                "0 invoke read-init\n0 ok read-init 1",
            ),
            (
                "its own write is not there",
                Invalid,
                "wrong-value",
                "0 invoke read-init\n0 ok read-init 0\n0 invoke write 1\n0 ok write 1\n0 invoke read\n0 ok read 0",
            ),
            (
                "an unanswered write shows",
                Valid,
                "",
                "0 invoke write 1\n0 info write 1\n1 invoke read\n1 ok read 0\n1 invoke read\n1 ok read 1",
            ),
            (
                "and does not go again",
                Invalid,
                "wrong-value",
                "0 invoke write 1\n0 info write 1\n1 invoke read\n1 ok read 1\n1 invoke read\n1 ok read 0",
            ),
            ("the client skipped a write", Invalid, "unexpected-write", "0 invoke write 2\n0 ok write 2"),
            ("nobody read", Unknown, "no read", "0 invoke write 1\n0 ok write 1"),
        ],
    );
}

#[test]
fn causal_operations_are_linked_to_the_one_before() {
    let problems = |link: &str| {
        let line = |index: usize, rest: &str| format!("{{:index {index} :time {index} :process 0 {rest}}}\n");
        let text = line(0, ":type :invoke :f :read-init :value nil")
            + &line(1, ":type :ok :f :read-init :value 0 :position 10 :link :init")
            + &line(2, ":type :invoke :f :write :value 1")
            + &line(3, ":type :ok :f :write :value 1 :position 11 :link 10")
            + &line(4, ":type :invoke :f :read :value nil")
            + &line(5, &format!(":type :ok :f :read :value 1 :position 12 :link {link}"));
        let history = checkers::formats::read(checkers::formats::Format::Edn, text.as_bytes()).unwrap();
        super::problems(&super::judge("causal", &history)).join(" ")
    };
    assert_eq!(problems("11"), "");
    assert_eq!(problems("10"), "broken-link");
}

#[test]
fn causal_reverse() {
    let writes = "0 invoke write 1\n0 ok write 1\n0 invoke write 2\n0 ok write 2\n";
    let read = |list: &str| format!("{writes}1 invoke read\n1 ok read {list}");
    let cases: &[super::Case<'_>] = &[
        ("nobody read", Unknown, "no read", writes),
        ("both", Valid, "", &read("[2,1]")),
        ("the later without the earlier", Invalid, "causal-reverse", &read("[2]")),
        ("the earlier alone says nothing", Unknown, "no read saw", &read("[1]")),
        (
            "writes that overlap have no order",
            Unknown,
            "no read saw",
            "0 invoke write 1\n1 invoke write 2\n0 ok write 1\n1 ok write 2\n2 invoke read\n2 ok read [2]",
        ),
        (
            "an unanswered write need not show",
            Unknown,
            "no read saw",
            "0 invoke write 1\n0 info write 1\n1 invoke write 2\n1 ok write 2\n2 invoke read\n2 ok read [2]",
        ),
        (
            "but asks for what came before it",
            Invalid,
            "causal-reverse",
            "0 invoke write 1\n0 ok write 1\n1 invoke write 2\n1 info write 2\n2 invoke read\n2 ok read [2]",
        ),
        ("what was there before", Valid, "", &read("[1,2,99]")),
        (
            "a failed write",
            Invalid,
            "aborted-read",
            "0 invoke write 1\n0 fail write 1\n2 invoke read\n2 ok read [1]",
        ),
    ];
    hold("causal-reverse", cases);
    hold("comments", cases);
}

#[test]
fn adya_g2() {
    let pair = |one: &str, other: &str| {
        format!(
            "0 invoke insert [7,[1,null]]\n1 invoke insert [7,[null,2]]\n0 {one} insert [7,[1,null]]\n1 {other} insert [7,[null,2]]"
        )
    };
    hold(
        "adya-g2",
        &[
            ("one", Valid, "", &pair("ok", "fail")),
            ("both", Invalid, "g2", &pair("ok", "ok")),
            ("perhaps both", Valid, "", &pair("ok", "info")),
            ("none", Unknown, "nothing was at stake", &pair("fail", "fail")),
            (
                "no rival",
                Unknown,
                "nothing was at stake",
                "0 invoke insert [7,[1,null]]\n0 ok insert [7,[1,null]]",
            ),
        ],
    );
}

#[test]
fn monotonic() {
    let add = |val: i64, sts: &str, process: i64| {
        format!(
            "{process} invoke add\n{process} ok add {{\"val\":{val},\"sts\":\"{sts}\",\"proc\":{process}}}\n"
        )
    };
    let adds = format!("{}{}", add(1, "10", 0), add(2, "20.5", 1));
    let read = |rows: &str| format!("{adds}0 invoke read\n0 ok read {rows}");
    let row = |val: i64, sts: &str| format!("{{\"val\":{val},\"sts\":\"{sts}\",\"proc\":0}}");
    hold(
        "monotonic",
        &[
            ("nobody read", Unknown, "no read", &adds),
            ("in order", Valid, "", &read(&format!("[{},{}]", row(1, "10"), row(2, "20.5")))),
            (
                "values against timestamps",
                Invalid,
                "value-order",
                &read(&format!("[{},{}]", row(2, "10"), row(1, "20.5"))),
            ),
            (
                "timestamps out of order",
                Invalid,
                "timestamp-order",
                &read(&format!("[{},{}]", row(1, "100"), row(2, "20.5"))),
            ),
            ("lost", Invalid, "lost", &read(&format!("[{}]", row(1, "10")))),
            (
                "twice",
                Invalid,
                "duplicated",
                &read(&format!("[{},{},{}]", row(1, "10"), row(1, "10"), row(2, "20.5"))),
            ),
            (
                "plain numbers",
                Valid,
                "",
                "0 invoke add 1\n0 ok add 1\n0 invoke add 2\n0 ok add 2\n0 invoke read\n0 ok read [1,2]",
            ),
            (
                "plain numbers that go back",
                Invalid,
                "value-order",
                "0 invoke add 1\n0 ok add 1\n0 invoke add 2\n0 ok add 2\n0 invoke read\n0 ok read [2,1]",
            ),
            (
                "a failed add",
                Invalid,
                "revived",
                "0 invoke add 1\n0 fail add 1\n0 invoke read\n0 ok read [1]",
            ),
        ],
    );
}

#[test]
fn sequential_writes() {
    let read = |rows: &str| format!("0 invoke write 7\n0 ok write 7\n1 invoke read 7\n1 ok read [7,{rows}]");
    hold(
        "sequential-writes",
        &[
            ("nobody read", Unknown, "no read", "0 invoke write 7\n0 ok write 7"),
            ("nothing yet", Unknown, "any row", &read("[null,null]")),
            ("all", Valid, "", &read("[\"7_1\",\"7_0\"]")),
            ("the first only", Valid, "", &read("[null,\"7_0\"]")),
            ("the last without the first", Invalid, "out-of-order", &read("[\"7_1\",null]")),
        ],
    );
}
