//! What a person would say of small histories of partitioned logs; many are those of Jepsen's own
//! tests of its checker, retold.

use checkers::Verdict::{Invalid, Unknown, Valid};
use checkers::promises::{Kafka, Subscription};
use checkers::{Budget, Checker};

use super::{hold, judge, problems, script};

/// A shorter way to write them: `0 ok poll x:0=a,1=b y:3=c`, `0 ok send x:0=a`, `0 invoke send x=a`,
/// `1 ok txn > x:1=b < x:0=a` (`>` sends, `<` polls), `0 ok assign x,y`.
fn retold(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [process, kind, f, rest @ ..] = &words[..] else { panic!("{line}") };
        let mut parts: Vec<String> = Vec::new();
        let mut polls = *f == "poll";
        let quoted = |message: &str| format!("\"{message}\"");
        for word in rest {
            match *word {
                "<" => {
                    polls = true;
                    parts.push("[\"poll\"]".to_owned());
                }
                ">" => polls = false,
                word if matches!(*f, "assign" | "subscribe") => {
                    parts.extend(word.split(',').map(quoted));
                }
                word if polls => {
                    let (key, messages) = word.split_once(':').expect(word);
                    let pairs: Vec<String> = messages
                        .split(',')
                        .map(|pair| pair.split_once('=').expect(word))
                        .map(|(offset, message)| format!("[{offset},\"{message}\"]"))
                        .collect();
                    parts.push(format!("[\"poll\",{{\"{key}\":[{}]}}]", pairs.join(",")));
                }
                word => {
                    let (place, message) = word.split_once('=').expect(word);
                    parts.push(match place.split_once(':') {
                        Some((key, offset)) => format!("[\"send\",\"{key}\",[{offset},\"{message}\"]]"),
                        None => format!("[\"send\",\"{place}\",\"{message}\"]"),
                    });
                }
            }
        }
        if *f == "poll" && parts.is_empty() {
            parts.push("[\"poll\"]".to_owned());
        }
        lines.push(format!("{process} {kind} {f} [{}]", parts.join(",")));
    }
    lines.join("\n")
}

/// Two messages, acknowledged at offsets 0 and 1.
const AB: &str = "0 invoke send x=a x=b\n0 ok send x:0=a x:1=b\n";

fn poll(what: &str) -> String {
    format!("1 invoke poll\n1 ok poll {what}\n")
}

#[test]
fn verdicts_are_a_persons() {
    let long = "0 invoke send x=a x=b x=c x=d x=e\n0 ok send x:0=a x:1=b x:2=c x:3=d x:4=e\n9 invoke poll\n9 ok poll x:0=a,1=b,2=c,3=d,4=e\n";
    let cases: Vec<(&str, checkers::Verdict, &str, String)> = vec![
        ("nothing was polled", Unknown, "nobody looked", AB.into()),
        ("all was polled", Valid, "", AB.to_owned() + &poll("x:0=a,1=b")),
        ("gaps in offsets mean nothing", Valid, "", "0 invoke send x=a x=b\n0 ok send x:0=a x:7=b\n".to_owned() + &poll("x:0=a,7=b")),
        ("polled without having been sent to the end", Unknown, "never polled", AB.to_owned() + &poll("x:0=a")),
        ("lost", Invalid, "lost-write", AB.to_owned() + &poll("x:1=b")),
        ("a failed send was polled", Invalid, "G1a", "0 invoke send x=a\n0 fail send x=a\n".to_owned() + &poll("x:0=a")),
        ("nobody sent it", Invalid, "never-sent", AB.to_owned() + &poll("x:0=a,1=b,2=c")),
        ("two messages at an offset", Invalid, "inconsistent-offsets", "0 invoke send x=641\n0 ok send x:537=641\n2 invoke send x=645\n2 ok send x:537=645\n".to_owned() + &poll("x:537=641")),
        (
            "an unanswered send that nobody saw does not count",
            Valid,
            "",
            "0 invoke send x=a y=b\n0 info send x:0=a y=b\n2 invoke send x=c\n2 ok send x:0=c\n".to_owned() + &poll("x:0=c"),
        ),
        (
            "it does, once another part of it was seen",
            Invalid,
            "inconsistent-offsets",
            "0 invoke send x=a y=b\n0 info send x:0=a y=b\n2 invoke send x=c\n2 ok send x:0=c\n".to_owned() + &poll("x:0=c y:5=b"),
        ),
        ("one message at two offsets", Invalid, "duplicate", AB.to_owned() + &poll("x:0=a,1=b,2=a")),
        ("what it sent itself", Invalid, "precommitted-read", "0 invoke txn > x=a <\n0 ok txn > x:0=a < x:0=a\n".to_owned()),
        ("a jump within a poll", Invalid, "int-poll-skip", long.to_owned() + &poll("x:0=a,2=c")),
        ("back within a poll", Invalid, "int-nonmonotonic-poll", long.to_owned() + &poll("x:1=b,0=a")),
        ("a jump between polls", Invalid, "poll-skip", long.to_owned() + &poll("x:0=a") + &poll("x:2=c")),
        ("back between polls", Invalid, "nonmonotonic-poll", long.to_owned() + &poll("x:0=a,1=b") + &poll("x:1=b,2=c")),
        ("it was assigned to something else meanwhile", Valid, "", long.to_owned() + &poll("x:0=a") + "1 invoke assign y\n1 ok assign y\n" + &poll("x:2=c")),
        ("it stayed assigned", Invalid, "poll-skip", long.to_owned() + &poll("x:0=a") + "1 invoke assign x,y\n1 ok assign x,y\n" + &poll("x:2=c")),
        ("subscribers may be moved", Valid, "", long.to_owned() + &poll("x:0=a") + "1 invoke subscribe x,y\n1 ok subscribe x,y\n" + &poll("x:2=c")),
        ("after an aborted transaction it polls again", Valid, "", long.to_owned() + &poll("x:0=a") + "1 invoke poll\n1 fail poll x:1=b,2=c\n" + &poll("x:1=b")),
        ("which must not go on instead", Invalid, "poll-skip", long.to_owned() + &poll("x:0=a") + "1 invoke poll\n1 fail poll x:1=b,2=c\n" + &poll("x:3=d")),
        ("sends leave room, which is no matter", Valid, "", "0 invoke send x=a x=b\n2 invoke send x=c\n2 ok send x:1=c\n0 ok send x:0=a x:2=b\n".to_owned() + &poll("x:0=a,1=c,2=b")),
        ("sends go back within a transaction", Invalid, "int-nonmonotonic-send", "0 invoke send x=a x=b\n0 ok send x:1=a x:0=b\n".to_owned() + &poll("x:0=b,1=a")),
        ("sends go back within a process", Invalid, "nonmonotonic-send", "0 invoke send x=a\n0 ok send x:1=a\n0 invoke send x=b\n0 ok send x:0=b\n".to_owned() + &poll("x:0=b,1=a")),
        (
            "two transactions read from each other",
            Invalid,
            "G1c",
            "0 invoke txn > x=a <\n1 invoke txn > y=b <\n0 ok txn > x:0=a < y:0=b\n1 ok txn > y:0=b < x:0=a\n".to_owned(),
        ),
        (
            "it is polled before it is sent, by another process",
            Invalid,
            "G1c-realtime",
            "1 invoke poll\n1 ok poll x:0=a\n0 invoke send x=a\n0 ok send x:0=a\n".to_owned(),
        ),
        ("the same by one process", Invalid, "G1c-process", "1 invoke poll\n1 ok poll x:0=a\n1 invoke send x=a\n1 ok send x:0=a\n".to_owned()),
        ("crashes say nothing", Valid, "", AB.to_owned() + &poll("x:0=a,1=b") + "1 invoke crash\n1 info crash"),
    ];
    let told: Vec<String> = cases.iter().map(|(_, _, _, text)| retold(text)).collect();
    let cases: Vec<_> = cases
        .iter()
        .zip(&told)
        .map(|((name, verdict, problem, _), text)| (*name, *verdict, *problem, &**text))
        .collect();
    hold("kafka", &cases);
}

#[test]
fn what_must_have_committed_and_was_passed_over_is_lost() {
    // Crashed, but a part of it was seen, so all of it is there (Jepsen's test "atomic").
    let crashed = "0 invoke send x=a y=b\n0 info send x=a y:0=b\n1 invoke send y=c\n1 info send y=c\n";
    let later = "3 invoke poll\n3 ok poll y:1=c\n";
    assert_eq!(judge("kafka", &script(&retold(&format!("{crashed}{later}")))).verdict, Valid);
    let seen = "2 invoke poll\n2 ok poll x:0=a\n";
    let judgement = judge("kafka", &script(&retold(&format!("{crashed}{seen}{later}"))));
    assert_eq!(problems(&judgement), ["lost-write"]);
    assert!(judgement.reason.starts_with("\"b\" was sent to the key \"y\""), "{}", judgement.reason);
    // Jepsen's test "consistent": a and b are lost, d is beyond what was polled.
    let text = "0 invoke send x=a\n0 ok send x:0=a\n0 invoke send x=b x=d\n0 ok send x:1=b x:3=d\n1 invoke send x=c\n1 info send x=c\n0 invoke poll\n0 ok poll x:2=c";
    let judgement = judge("kafka", &script(&retold(text)));
    assert_eq!(problems(&judgement), ["lost-write", "lost-write"]);
    // Jepsen's test "inconsistent": b was put over a.
    let text = "0 invoke send x=a\n0 ok send x:0=a\n0 invoke send x=b x=c\n0 ok send x:0=b x:2=c\n0 invoke poll\n0 ok poll x:0=b,2=c";
    let judgement = judge("kafka", &script(&retold(text)));
    assert!(problems(&judgement).contains(&"lost-write"), "{judgement:?}");
}

#[test]
fn what_nobody_polled_is_told_by_what_the_history_is() {
    let text = retold(&format!("{AB}{}", poll("x:0=a")));
    let check = |kafka: Kafka| kafka.check(&script(&text), &Budget::default());
    assert_eq!(check(Kafka::default()).verdict, Unknown);
    let complete = check(Kafka { complete: true, ..Kafka::default() });
    assert_eq!(problems(&complete), ["unseen"]);
    // A poll without an answer may have taken it, if the system deals the messages out.
    let text = retold(&format!("{AB}{}5 invoke poll\n5 info poll", poll("x:1=b")));
    let check = |subscription| {
        Kafka { subscription: Some(subscription), complete: false }.check(&script(&text), &Budget::default())
    };
    assert_eq!(problems(&check(Subscription::Assign)), ["lost-write"]);
    let taken = check(Subscription::Subscribe);
    assert!(taken.verdict == Unknown && taken.reason.contains("may have had them"), "{}", taken.reason);
}

#[test]
fn a_rebalance_excuses_a_jump() {
    let line = |index: usize, kind: &str, f: &str, value: &str, more: &str| {
        format!("{{:index {index} :time {index} :process 0 :type :{kind} :f :{f} :value {value}{more}}}\n")
    };
    let text = |more: &str| {
        line(0, "invoke", "send", "[[:send 0 1] [:send 0 2] [:send 0 3]]", "")
            + &line(1, "ok", "send", "[[:send 0 [0 1]] [:send 0 [1 2]] [:send 0 [2 3]]]", "")
            + &line(2, "invoke", "poll", "[[:poll]]", "")
            + &line(3, "ok", "poll", "[[:poll {0 [[0 1] [1 2] [2 3]]}]]", "")
            + &line(4, "invoke", "assign", "[0]", " :seek-to-beginning? true")
            + &line(5, "ok", "assign", "[0]", " :seek-to-beginning? true")
            + &line(6, "invoke", "poll", "[[:poll]]", "")
            + &line(7, "ok", "poll", "[[:poll {0 [[0 1] [2 3]]}]]", more)
    };
    let check = |text: String| {
        let history = checkers::formats::read(checkers::formats::Format::Edn, text.as_bytes()).unwrap();
        problems(&judge("kafka", &history)).join(" ")
    };
    assert_eq!(check(text("")), "int-poll-skip");
    assert_eq!(check(text(" :rebalance-log [{:keys [0]}]")), "");
}
