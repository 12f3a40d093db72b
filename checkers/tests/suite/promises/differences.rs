//! Where Jepsen's verdict of a history is another than ours, each with the reason why ours is right.

use checkers::Verdict::{self, Invalid, Unknown, Valid};

use super::{judge, script};

struct Difference {
    checker: &'static str,
    jepsen: Verdict,
    ours: Verdict,
    because: &'static str,
    history: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        checker: "set-full",
        jepsen: Valid,
        ours: Invalid,
        because: "a read has 1 twice; Jepsen asks whether the frequency is less than one, which it never is",
        history: "0 invoke add 1\n0 ok add 1\n0 invoke read\n0 ok read [1,1]",
    },
    Difference {
        checker: "set",
        jepsen: Valid,
        ours: Invalid,
        because: "the add of 1 failed, so it certainly did not happen, but it was read",
        history: "0 invoke add 1\n0 fail add 1\n0 invoke read\n0 ok read [1]",
    },
    Difference {
        checker: "set",
        jepsen: Invalid,
        ours: Unknown,
        because: "2 was answered after the only read had begun, which need not have it",
        history: "0 invoke add 1\n0 ok add 1\n1 invoke read\n0 invoke add 2\n0 ok add 2\n1 ok read [1]",
    },
    Difference {
        checker: "queue",
        jepsen: Valid,
        ours: Invalid,
        because: "the enqueue failed, so nothing could come out; Jepsen assumes that every enqueue succeeds",
        history: "0 invoke enqueue 1\n0 fail enqueue 1\n0 invoke dequeue\n0 ok dequeue 1",
    },
    Difference {
        checker: "total-queue",
        jepsen: Invalid,
        ours: Unknown,
        because: "the dequeue that was never answered may have taken 2",
        history: "0 invoke enqueue 1\n0 ok enqueue 1\n0 invoke enqueue 2\n0 ok enqueue 2\n1 invoke dequeue\n1 info dequeue\n0 invoke drain\n0 ok drain [1]",
    },
    Difference {
        checker: "total-queue",
        jepsen: Valid,
        ours: Invalid,
        because: "1 came out before anybody put it in; Jepsen counts without looking when",
        history: "1 invoke dequeue\n1 ok dequeue 1\n0 invoke enqueue 1\n0 ok enqueue 1",
    },
    Difference {
        checker: "counter",
        jepsen: Valid,
        ours: Unknown,
        because: "nobody read the counter",
        history: "0 invoke add 1\n0 ok add 1",
    },
    Difference {
        checker: "bank",
        jepsen: Valid,
        ours: Invalid,
        because: "the sum is right, but no transfer was ever begun that could have moved the money",
        history: "0 invoke read\n0 ok read {\"0\":10,\"1\":0}\n0 invoke read\n0 ok read {\"0\":0,\"1\":10}",
    },
    Difference {
        checker: "causal",
        jepsen: Invalid,
        ours: Valid,
        because: "the write without an answer may have happened",
        history: "0 invoke write 1\n0 info write 1\n1 invoke read\n1 ok read 1",
    },
    Difference {
        checker: "long-fork",
        jepsen: Valid,
        ours: Invalid,
        because: "a read sees a value that nobody wrote",
        history: "0 invoke write [[\"w\",1,1]]\n0 ok write [[\"w\",1,1]]\n1 invoke read [[\"r\",1,null],[\"r\",2,null]]\n1 ok read [[\"r\",1,null],[\"r\",2,5]]",
    },
    Difference {
        checker: "adya-g2",
        jepsen: Valid,
        ours: Unknown,
        because: "no insert had a rival, so that there was nothing to get wrong",
        history: "0 invoke insert [1,[1,null]]\n0 ok insert [1,[1,null]]",
    },
    Difference {
        checker: "unique-ids",
        jepsen: Valid,
        ours: Unknown,
        because: "no id was given out",
        history: "",
    },
    Difference {
        checker: "kafka",
        jepsen: Invalid,
        ours: Unknown,
        because: "nobody polled as far as the second message; whether it is there nobody knows",
        history: "0 invoke send [[\"send\",0,1],[\"send\",0,2]]\n0 ok send [[\"send\",0,[0,1]],[\"send\",0,[1,2]]]\n1 invoke poll [[\"poll\"]]\n1 ok poll [[\"poll\",{\"0\":[[0,1]]}]]",
    },
];

#[test]
fn ours_differ_where_they_must() {
    for Difference { checker, jepsen, ours, because, history } in DIFFERENCES {
        assert_ne!(jepsen, ours);
        let judgement = judge(checker, &script(history));
        assert_eq!(judgement.verdict, *ours, "{checker}: {because}; but {}", judgement.reason);
    }
}
