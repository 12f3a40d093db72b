//! What a person would say of small histories: locks, elections, replicas, commits, watches.

use checkers::Verdict::{Invalid, Unknown, Valid};
use checkers::promises::{Bank, Composition, Counter, LockSafety, PerKey, Set, UniqueIds};
use checkers::{Budget, Checker, Evidence, Value, Verdict};

use super::{Case, hold, judge, problems, script};

#[test]
fn lock_safety() {
    let held = "0 invoke acquire\n0 ok acquire\n";
    let taken = "1 invoke acquire\n1 ok acquire\n";
    let leased = |answer: u64, next: u64| {
        format!(
            "0 invoke acquire {{\"lease_ms\":10}} +100\n0 ok acquire +{answer}\n1 invoke acquire +{answer}\n1 ok acquire {{\"lease_ms\":10}} +{next}"
        )
    };
    let tokens = |one: i64, two: i64| {
        format!(
            "0 invoke acquire\n0 ok acquire {one}\n0 invoke release\n0 ok release\n1 invoke acquire\n1 ok acquire {two}"
        )
    };
    let uses = |rest: &str| format!("{}\n{rest}", tokens(1, 2));
    let cases: &[Case<'_>] = &[
        ("nobody had it", Unknown, "nobody", "0 invoke acquire\n0 fail acquire"),
        ("once", Unknown, "once only", held),
        ("two at once", Invalid, "two-holders", &format!("{held}{taken}")),
        ("one after the other", Valid, "", &format!("{held}0 invoke release\n0 ok release\n{taken}")),
        (
            "a release in flight may have let go",
            Valid,
            "",
            &format!("{held}0 invoke release\n{taken}0 ok release"),
        ),
        ("an unanswered release too", Valid, "", &format!("{held}0 invoke release\n0 info release\n{taken}")),
        (
            "an unanswered acquire holds nothing for certain",
            Unknown,
            "once only",
            "0 invoke acquire\n0 info acquire\n1 invoke acquire\n1 ok acquire",
        ),
        ("the holder again", Invalid, "held-twice", &format!("{held}{held}")),
        ("within the lease", Invalid, "two-holders", &leased(105, 109)),
        ("behind the lease", Valid, "", &leased(105, 110)),
        ("the lease was over before its holder knew", Valid, "", &leased(111, 112)),
        ("tokens go up", Valid, "", &tokens(1, 2)),
        ("tokens go down", Invalid, "token-not-increasing", &tokens(2, 1)),
        ("one token twice", Invalid, "token-reused", &tokens(1, 1)),
        (
            "tokens of overlapping acquires have no order",
            Valid,
            "",
            "0 invoke acquire\n1 invoke acquire\n0 ok acquire {\"token\":2}\n0 invoke release\n1 ok acquire {\"token\":1}",
        ),
        (
            "a stale token is refused",
            Valid,
            "",
            &uses("1 invoke use 2\n1 ok use 2\n0 invoke use 1\n0 fail use 1"),
        ),
        (
            "a stale token is accepted",
            Invalid,
            "stale-token-accepted",
            &uses("1 invoke use 2\n1 ok use 2\n0 invoke use {\"token\":1}\n0 ok use"),
        ),
        (
            "an old token before the new one was used",
            Valid,
            "",
            &uses("0 invoke write 1\n0 ok write 1\n1 invoke write 2\n1 ok write 2"),
        ),
        ("a token that nobody has", Invalid, "unissued-token", &uses("0 invoke use 3\n0 ok use 3")),
    ];
    hold("lock-safety", cases);
    let again = script(&format!("{held}{held}0 invoke release\n0 ok release\n{taken}"));
    let reentrant = LockSafety { reentrant: true, ..LockSafety::default() };
    assert_eq!(problems(&reentrant.check(&again, &Budget::default())), ["two-holders"]);
    let leased = LockSafety { lease_ms: Some(10), ..LockSafety::default() };
    let late = script("0 invoke acquire +0\n0 ok acquire +1\n1 invoke acquire +2\n1 ok acquire +10");
    assert_eq!(leased.check(&late, &Budget::default()).verdict, Valid);
    let other = script(
        "0 invoke acquire\n0 ok acquire\n1 invoke release\n1 ok release\n1 invoke acquire\n1 ok acquire",
    );
    let anyone = LockSafety { anyone_releases: true, ..LockSafety::default() };
    assert_eq!(anyone.check(&other, &Budget::default()).verdict, Valid);
    assert_eq!(problems(&judge("lock-safety", &other)), ["two-holders"]);
}

#[test]
fn leader_election() {
    let say = |process: u8, node: &str, term: i64, leader: &str| {
        format!(
            "{process} invoke leader\n{process} ok leader {{\"term\":{term},\"leader\":{leader}}} @{node}\n"
        )
    };
    hold(
        "leader-election",
        &[
            ("no leader", Unknown, "names a leader", &say(0, "n1", 1, "null")),
            ("one", Valid, "", &(say(0, "n1", 1, "\"n1\"") + &say(1, "n2", 1, "\"n1\""))),
            (
                "two in a term",
                Invalid,
                "two-leaders",
                &(say(0, "n1", 1, "\"n1\"") + &say(1, "n2", 1, "\"n2\"")),
            ),
            ("two in two terms", Valid, "", &(say(0, "n1", 1, "\"n1\"") + &say(1, "n2", 2, "\"n2\""))),
            (
                "a term goes back",
                Invalid,
                "term-decreased",
                &(say(0, "n1", 2, "\"n1\"") + &say(1, "n1", 1, "\"n2\"")),
            ),
            (
                "another node may be behind",
                Valid,
                "",
                &(say(0, "n1", 2, "\"n1\"") + &say(1, "n2", 1, "\"n2\"")),
            ),
            (
                "questions that overlap",
                Valid,
                "",
                "0 invoke leader\n1 invoke leader\n0 ok leader {\"term\":2,\"leader\":\"n1\"} @n1\n1 ok leader {\"term\":1,\"leader\":\"n2\"} @n1",
            ),
            (
                "a list of answers",
                Invalid,
                "two-leaders",
                "0 invoke status\n0 ok status [{\"node\":\"n1\",\"term\":3,\"leader\":\"n1\"},{\"node\":\"n2\",\"term\":3,\"leader\":\"n2\"}]",
            ),
            ("something else", Unknown, "term", "0 invoke leader\n0 ok leader \"n1\""),
        ],
    );
}

#[test]
fn convergence() {
    let add = "0 invoke add 1\n0 ok add 1 @n1\n";
    let lost = "0 invoke add 1 @n1\n0 info add 1\n";
    let reads = |f: &str, one: &str, two: &str| {
        format!("1 invoke {f} null @n1\n1 ok {f} {one} @n1\n2 invoke {f} null @n2\n2 ok {f} {two} @n2")
    };
    hold(
        "convergence",
        &[
            ("equal", Valid, "", &(add.to_owned() + &reads("read", "[1]", "[1]"))),
            ("different", Invalid, "diverged", &(add.to_owned() + &reads("read", "[1]", "[]"))),
            (
                "one node only",
                Unknown,
                "fewer than two",
                &(add.to_owned() + "1 invoke read null @n1\n1 ok read [1] @n1"),
            ),
            (
                "a silent node",
                Unknown,
                "n3 was not read",
                &(add.to_owned()
                    + &reads("read", "[1]", "[1]")
                    + "\n3 invoke read null @n3\n3 info read null @n3"),
            ),
            (
                "an update on its way",
                Unknown,
                "on their way",
                &(lost.to_owned() + &reads("read", "[1]", "[]")),
            ),
            (
                "final reads are final",
                Invalid,
                "diverged",
                &(lost.to_owned() + &reads("final-read", "[1]", "[]")),
            ),
            (
                "reads before the last update say nothing",
                Unknown,
                "fewer than two",
                &(reads("read", "[1]", "[]") + "\n" + add),
            ),
            (
                "nodes by name",
                Valid,
                "",
                "0 invoke add 1\n0 ok add 1\n1 invoke read\n1 ok read {\"node\":\"a\",\"value\":3}\n1 invoke read\n1 ok read {\"node\":\"b\",\"value\":3}",
            ),
            ("nothing was updated", Unknown, "nothing was updated", &reads("read", "[1]", "[1]")),
        ],
    );
}

#[test]
fn durability() {
    let two = "0 invoke write 1\n0 ok write 1\n0 invoke write 2\n0 ok write 2\n";
    let read = |value: &str| format!("{two}1 invoke read\n1 ok read {value}");
    hold(
        "durability",
        &[
            ("nobody looked", Unknown, "nobody looked", two),
            ("there", Valid, "", &read("2")),
            ("an older one", Invalid, "lost", &read("1")),
            ("nothing", Invalid, "lost", &read("null")),
            ("something else", Invalid, "never-written", &read("3")),
            (
                "an unanswered write may come late",
                Valid,
                "",
                &format!("2 invoke write 9\n2 info write 9\n{}", read("9")),
            ),
            (
                "a failed one may not",
                Invalid,
                "aborted-read",
                &format!("2 invoke write 9\n2 fail write 9\n{}", read("9")),
            ),
            (
                "overlapping writes have no order",
                Valid,
                "",
                "0 invoke write 1\n1 invoke write 2\n0 ok write 1\n1 ok write 2\n2 invoke read\n2 ok read 1",
            ),
            (
                "nothing was acknowledged",
                Unknown,
                "no write was acknowledged",
                "0 invoke write 1\n0 info write 1\n1 invoke read\n1 ok read null",
            ),
            (
                "reads before the end say nothing",
                Unknown,
                "nobody looked",
                "0 invoke write 1\n0 ok write 1\n1 invoke read\n1 ok read null\n0 invoke write 2\n0 ok write 2",
            ),
            (
                "deleted",
                Valid,
                "",
                "0 invoke write 1\n0 ok write 1\n0 invoke write null\n0 ok write null\n1 invoke final-read\n1 ok final-read null",
            ),
        ],
    );
}

#[test]
fn atomic_commit() {
    let commit = |fate: &str| format!("0 invoke commit 7\n0 {fate} commit 7\n");
    let outcome = |node: &str, outcome: &str| {
        format!("1 invoke outcome 7\n1 ok outcome {{\"txn\":7,\"outcome\":\"{outcome}\"}} @{node}\n")
    };
    hold(
        "atomic-commit",
        &[
            ("nobody asked", Unknown, "no participant", &commit("ok")),
            (
                "all committed",
                Valid,
                "",
                &(commit("ok") + &outcome("a", "committed") + &outcome("b", "committed")),
            ),
            (
                "all aborted",
                Valid,
                "",
                &(commit("fail") + &outcome("a", "aborted") + &outcome("b", "pending")),
            ),
            (
                "split",
                Invalid,
                "split-decision",
                &(commit("info") + &outcome("a", "committed") + &outcome("b", "aborted")),
            ),
            (
                "changed",
                Invalid,
                "decision-changed",
                &(commit("info") + &outcome("a", "committed") + &outcome("a", "aborted")),
            ),
            (
                "told otherwise",
                Invalid,
                "acknowledged-but-aborted",
                &(commit("ok") + &outcome("a", "aborted")),
            ),
            (
                "refused and done",
                Invalid,
                "refused-but-committed",
                &(commit("fail") + &outcome("a", "committed")),
            ),
            (
                "against a vote",
                Invalid,
                "committed-despite-no",
                &(commit("info")
                    + "2 invoke vote {\"txn\":7,\"participant\":\"b\",\"vote\":\"no\"}\n2 ok vote\n"
                    + &outcome("a", "committed")),
            ),
        ],
    );
}

#[test]
fn watch() {
    let writes = "0 invoke write \"a\"\n0 ok write 1\n0 invoke write \"b\"\n0 ok write 2\n0 invoke write \"c\"\n0 ok write 3\n";
    let watch = |events: &str| format!("{writes}1 invoke watch\n1 ok watch {events}");
    let a = "[1,\"a\"]";
    let (b, c) = ("[2,\"b\"]", "[3,\"c\"]");
    let then = |events: &str, more: &str| format!("{}\n1 invoke watch\n1 ok watch [{more}]", watch(events));
    hold(
        "watch",
        &[
            ("nobody watched", Unknown, "no watch", writes),
            ("told nothing", Unknown, "any event", &watch("[]")),
            ("all", Valid, "", &watch(&format!("[{a},{b},{c}]"))),
            ("not as far", Valid, "", &watch(&format!("[{a},{b}]"))),
            ("a gap", Invalid, "gap", &watch(&format!("[{a},{c}]"))),
            (
                "out of order",
                Invalid,
                "out-of-order",
                &watch(&format!("[{a},{c},{b}]")).replace("0 invoke write \"b\"\n0 ok write 2\n", ""),
            ),
            ("twice", Invalid, "duplicated", &watch(&format!("[{a},{a},{b}]"))),
            ("goes on", Valid, "", &then(&format!("[{a}]"), &format!("{b},{c}"))),
            ("goes on too far ahead", Invalid, "gap-after-resume", &then(&format!("[{a}]"), c)),
            ("told again", Invalid, "replayed", &then(&format!("[{a},{b}]"), &format!("{b},{c}"))),
            (
                "from a revision",
                Invalid,
                "gap-after-resume",
                &format!("{writes}1 invoke watch {{\"from\":2}}\n1 ok watch [{c}]"),
            ),
            ("promised the end", Invalid, "gap", &watch(&format!("{{\"events\":[{a},{b}],\"to\":3}}"))),
            ("another value", Invalid, "disagreement", &watch("[[1,\"x\"]]")),
            (
                "a failed write",
                Invalid,
                "aborted-event",
                &(writes.to_owned()
                    + "0 invoke write \"d\"\n0 fail write\n1 invoke watch {\"from\":4}\n1 ok watch [[4,\"d\"]]"),
            ),
        ],
    );
}

#[test]
fn each_key_is_judged_apart_and_named() {
    let lines = |read: &str| {
        format!(
            "0 invoke add [\"x\",1]\n1 invoke add [\"y\",2]\n0 ok add [\"x\",1]\n1 ok add [\"y\",2]\n0 invoke read [\"x\",null]\n1 invoke read [\"y\",null]\n1 ok read [\"y\",{read}]\n0 ok read [\"x\",[1]]"
        )
    };
    assert_eq!(judge("per-key-set", &script(&lines("[2]"))).verdict, Valid);
    let bad = script(&lines("[]"));
    let judgement = judge("per-key-set", &bad);
    assert_eq!((judgement.verdict, problems(&judgement)), (Invalid, vec!["lost"]));
    let Evidence::Finding(finding) = &judgement.evidence[0] else { panic!() };
    assert_eq!(finding.key, Some("y".into()));
    assert_eq!(judgement.evidence[0].positions(), [1, 5]);
    assert!(
        finding.sentence.starts_with("key \"y\": 2 was added, answered at event 3,"),
        "{}",
        finding.sentence
    );
    assert_eq!(judgement.details["failures"], checkers::value::to_value(&["y"]));
    for threads in [2, 5] {
        let lifted = PerKey::new(Box::new(Set));
        assert_eq!(lifted.check(&bad, &Budget { threads, ..Budget::default() }), judgement);
    }
    let bare = judge("per-key-set", &script("0 invoke add 1\n0 ok add 1"));
    assert!(bare.verdict == Unknown && bare.reason.contains("[key, value]"), "{}", bare.reason);
    let other = judge("per-key-set", &script("0 invoke read [1,null]\n0 ok read [2,[]]"));
    assert!(other.verdict == Unknown && other.reason.starts_with("event 1: "), "{}", other.reason);
}

#[test]
fn a_key_that_the_checker_refuses_is_never_judged() {
    // Of the key 1 a value is lost; of the key 2 somebody does what no set does.
    let lost = "0 invoke add [1,7]\n0 ok add [1,7]\n0 invoke read [1,null]\n0 ok read [1,[]]";
    assert_eq!(judge("per-key-set", &script(lost)).verdict, Invalid);
    let strange = script(&format!("{lost}\n0 invoke pop [2,1]\n0 ok pop [2,1]\n0 invoke pop [3,1]"));
    let judgement = judge("per-key-set", &strange);
    assert_eq!(judgement.verdict, Unknown, "{:?}", judgement.evidence);
    assert!(judgement.reason.starts_with("event 4: a set has no `pop`"), "{}", judgement.reason);
    // A register that a promise is lifted from says which event of the whole it means.
    let asks = "0 invoke write [1,7]\n0 ok write [1,7]\n0 invoke write [2,7]\n0 ok write [2,7]\n0 invoke read [2,[3,4]]\n0 ok read [2,[5,6]]";
    let judgement = judge("per-key-staleness", &script(asks));
    assert_eq!(judgement.verdict, Unknown, "{:?}", judgement.evidence);
    assert!(judgement.reason.starts_with("event 4: a `read` of one register"), "{}", judgement.reason);
    // What a read was told is nowhere: it was not told that there is nothing.
    let untold = "0 invoke write [1,1]\n0 ok write\n0 invoke read [1,null]\n0 ok read";
    for checker in ["per-key-staleness", "per-key-causal", "per-key-durability", "per-key-counter"] {
        let text =
            if checker == "per-key-counter" { untold.replace("write", "add") } else { untold.to_owned() };
        let judgement = judge(checker, &script(&text));
        assert_eq!(judgement.verdict, Unknown, "{checker}: {:?}", judgement.evidence);
        let expected = "event 3: `read` of the key 1 must answer [1, value], not null";
        assert!(judgement.reason.starts_with(expected), "{checker}: {}", judgement.reason);
    }
}

#[test]
fn positions_of_a_part_are_those_of_the_whole_in_every_kind_of_evidence() {
    let text = "5 invoke add [0,7]\n5 ok add [0,7]\n0 invoke add [1,1]\n0 ok add [1,1]\n0 invoke read [1,null]\n0 ok read [1,[]]\n5 invoke read [0,null]\n5 ok read [0,[7]]";
    let judgement = judge("per-key-set-full", &script(text));
    assert_eq!(judgement.evidence[0].positions(), [2, 4]);
    let sentence = judgement.evidence[0].sentence();
    assert!(sentence.contains("event 3") && sentence.contains("event 4"), "{sentence}");
}

#[test]
fn the_worst_of_several_wins() {
    let history = script("0 invoke generate\n0 ok generate 1\n0 invoke generate\n0 ok generate 1");
    let both = Composition::new("ids").with(UniqueIds).with(Counter::default()).with(UniqueIds);
    let judgement = both.check(&history, &Budget::default());
    assert_eq!((both.name(), judgement.verdict), ("ids", Invalid));
    assert_eq!(judgement.details["checkers"]["counter"]["verdict"], "unknown");
    assert_eq!(judgement.details["checkers"]["unique-ids-2"]["verdict"], "invalid");
    assert_eq!(judgement.evidence.len(), 2);
    assert!(judgement.reason.starts_with("unique-ids: the id 1"), "{}", judgement.reason);
    assert_eq!(Composition::new("none").check(&history, &Budget::default()).verdict, Unknown);
    let doubt = Composition::new("doubt").with(Counter::default()).check(&history, &Budget::default());
    assert!(doubt.verdict == Unknown && doubt.reason.starts_with("counter: "), "{}", doubt.reason);
}

#[test]
fn a_bank_can_be_told_its_accounts_and_its_total() {
    let read = |text: &str| script(&format!("0 invoke read\n0 ok read {text}"));
    let bank =
        Bank { accounts: Some(vec![Value::Int(0), "1".into()]), total: Some(10), negative_balances: true };
    let judge = |text: &str| {
        let judgement = bank.check(&read(text), &Budget::default());
        (judgement.verdict, problems(&judgement).join(" "))
    };
    assert_eq!(judge("{\"0\":11,\"1\":-1}"), (Verdict::Valid, String::new()));
    assert_eq!(judge("[[0,10],[1,0]]"), (Verdict::Valid, String::new()));
    assert_eq!(judge("{\"0\":1,\"1\":1}"), (Verdict::Invalid, "wrong-total".to_owned()));
    assert_eq!(judge("{\"0\":10,\"2\":0}"), (Verdict::Invalid, "unexpected-key".to_owned()));
}
