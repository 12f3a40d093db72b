use super::*;
use crate::event::{EventType, Process};
use crate::value::Value;

fn history(text: &str) -> History {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error_of(text: &str) -> String {
    match read(text.as_bytes()) {
        Ok(history) => panic!("{text} was read as {} events", history.len()),
        Err(error) => error.to_string(),
    }
}

/// The value of an invocation, as JSON.
fn value(edn: &str) -> String {
    history(&format!("{{:type :invoke, :process 0, :f :f, :value {edn}}}")).event(0).value.to_string()
}

#[test]
fn a_history_is_a_vector_or_a_stream_laid_out_in_whatever_way() {
    let invoke = "{:type :invoke, :process 0, :f :read, :value nil, :time 5}";
    let ok = "{:process 0 :f :read :value 7 :time 9 :type :ok}";
    for text in [
        format!("{invoke}\n{ok}"),
        format!("{invoke}{ok}"),
        format!("[{invoke}\n {ok}]\n"),
        format!("({invoke},,,{ok})"),
        format!("; a comment\n[{invoke} ; another\n #_ {{:not \"this }}\"}} #_#_ a [b] {ok}\n] ; end"),
        format!("#jepsen.history.Op{invoke} #jepsen.history.Op {ok}"),
        format!("\r\n{}\r\n{ok}\r\n", invoke.replace(", ", "\r\n\t")),
        format!("{{\"type\" \"invoke\" \"process\" 0 \"f\" \"read\" \"value\" nil \"time\" 5}}{ok}"),
    ] {
        let history = history(&text);
        let events: Vec<_> = history.events().map(|event| event.to_event()).collect();
        assert_eq!(events.len(), 2, "{text}");
        assert_eq!((events[0].time, events[1].time), (5, 9), "{text}");
        assert_eq!((events[0].event_type, events[1].event_type), (EventType::Invoke, EventType::Ok));
        assert_eq!((&events[0].value, &events[1].value), (&Value::Nil, &Value::Int(7)));
        assert_eq!(events[1].process, Process::client(0).unwrap());
        assert_eq!(history.partner(0), Some(1));
    }
    for nothing in ["", " \n", "[]", "; nothing\n", "#_ {:type :invoke}"] {
        assert!(history(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn values_become_the_nearest_thing() {
    for (edn, json) in [
        ("nil", "null"),
        ("true", "true"),
        (":a", "\"a\""),
        (":a/b", "\"a/b\""),
        ("sym", "\"sym\""),
        ("-", "\"-\""),
        ("a'", "\"a'\""),
        ("\\a", "\"a\""),
        ("\\newline", "\"\\n\""),
        ("\\u00e4", "\"ä\""),
        ("[\\( \\)]", "[\"(\",\")\"]"),
        ("\"t\\\"\\\\\\n\\u00e4\\ud83d\\ude00 ü\"", "\"t\\\"\\\\\\nä😀 ü\""),
        ("[]", "[]"),
        ("()", "[]"),
        ("[[:r 5 nil] [:append 7 12]]", "[[\"r\",5,null],[\"append\",7,12]]"),
        ("([1,2] , 3)", "[[1,2],3]"),
        ("#{3 1 2}", "[1,2,3]"),
        ("{:b 1 :a {2 3}}", "{\"a\":{\"2\":3},\"b\":1}"),
        ("#:n{:a 1 :_/b 2 :m/c 3}", "{\"b\":2,\"m/c\":3,\"n/a\":1}"),
        ("#inst \"2024-01-01T00:00:00Z\"", "\"2024-01-01T00:00:00Z\""),
        ("[#a #b 1 #c {} #object[java.lang.Object 0x1f \"x\"]]", "[1,{},[\"java.lang.Object\",31,\"x\"]]"),
        ("[1 #_ 2 3 #_[4 #_ 5] #_#_ 6 7]", "[1,3]"),
        (
            "[0 -1 +1 9223372036854775807 -9223372036854775808 12N]",
            "[0,-1,1,9223372036854775807,-9223372036854775808,12]",
        ),
        ("[1.5 -2.0 1e3 2.5M 3M 1. ]", "[1.5,-2,1000,2.5,3,1]"),
        ("[4/2 2/3 -2/4 6/3]", "[2,\"2/3\",\"-1/2\",2]"),
        ("[nil#_x nil]", "[\"nil#_x\",null]"),
    ] {
        assert_eq!(value(edn), json, "{edn}");
    }
    assert_eq!(
        history("{:type :invoke :process 0 :f :f :value {0 10 :x 1}}").event(0).value.to_value(),
        Value::Map([(Value::Int(0), Value::Int(10)), (Value::from("x"), Value::Int(1))].into())
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let op = |value: &str| format!("{{:type :invoke, :process 0, :f :w,\n :value {value}}}");
    let cases = [
        (
            op("9223372036854775808"),
            "line 2, column 9: the number 9223372036854775808 does not fit in 64 bits; write it as text",
        ),
        (op("-9223372036854775809"), "does not fit in 64 bits"),
        (op("99999999999999999999999999999999999999999999"), "does not fit in 64 bits"),
        (op("0xffffffffffffffff"), "does not fit in 64 bits"),
        (op("18446744073709551617/3"), "does not fit in 64 bits"),
        (op("1234567890.1234567M"), "would have to be rounded"),
        (op("007"), "begins with 0"),
        (op("1x"), "`1x` is not a number"),
        (op("1/0"), "divides by zero"),
        (op("1e999"), "too large for a float"),
        (op("{1 2 1 3}"), "the key 1 stands twice in one object"),
        (op("{1}"), "a map ends behind a key without a value"),
        (op("[1 }"), "line 2, column 12: `}` closes a bracket that is not open here"),
        (op("'a"), "is Clojure and not EDN"),
        (op("#'a"), "`#` begins a tag, a set or `#_`"),
        (op("[#a]"), "a tag stands before a value"),
        (op("\"\\q\""), "behind a backslash"),
        (op("\"\\ud800\""), "half a character"),
        (op("\\abc"), "`\\abc` is not a character"),
        (op(":"), "a colon without a name"),
        (op("a\u{0}b"), "a byte 0x00, which no text has"),
        (op(&"[".repeat(200)), "more than 128 brackets are open"),
        (op("[1"), "closes a bracket that is not open here"),
        (op("\"abc"), "line 1: the file ends in the middle of what begins here"),
        (op("1").replace('}', ""), "line 1: the file ends in the middle"),
        (op("1").replace(":w", ":w :f :w"), "line 1, column 35: the key `f` stands twice"),
        (
            op("1").replace(":invoke", ":start"),
            "line 1, column 8: the type is :invoke, :ok, :fail or :info, not `start`",
        ),
        (op("1").replace("s 0", "s -1"), "a process is a number from 0 to 4294967294 or :nemesis, not -1"),
        (op("1").replace("s 0", "s :a"), "not \"a\""),
        (op("1").replace(":type :invoke,", ""), "line 1, column 1: this operation has no `type`"),
        (op("1").replace(":f :w", ""), "this operation has no `f`"),
        ("[1 2]".into(), "line 1, column 2: expected an operation, such as {:type"),
        ("{:valid? true}".into(), "this operation has no `type`"),
        (format!("[{}", op("1")), "the file ends in the middle"),
        (format!("{} ]", op("1")), "line 2, column 12: expected an operation"),
        (
            format!("{}\n{}", op("1"), op("2")),
            "line 3: process 0 invokes again although its operation at event 0",
        ),
        (
            format!("{}\n\n{{:process 1 :type :ok :f :w}}", op("1")),
            "line 4: process 1 completes an operation that it has not invoked",
        ),
        (
            format!(
                "{}\n{{:index 5 :process 0 :type :ok :f :w}}\n{{:index 4 :process 0 :type :invoke :f :w}}",
                op("1")
            ),
            "line 4, column 1: index 4 after index 5",
        ),
    ];
    for (text, expected) in cases {
        let error = error_of(&text);
        assert!(error.contains(expected), "{text}: {error}\nshould contain\n{expected}");
    }
    let error = read(&b"{:type :invoke, :process 0, :f :w, :value \"\xff\"}"[..]).unwrap_err().to_string();
    assert_eq!(error, "line 1, column 44: this is not UTF-8 text");
}

#[test]
fn the_quirks_of_other_peoples_histories() {
    // A process that goes on after `:info`; the nemesis; a nameless transaction; sparse indices.
    let history = history(
        "{:type :invoke :process 0 :value [[:w :x 1]] :index 3}
         {:type :info :process 0 :value [[:w :x 1]] :index 9 :error [:timeout \"x\"] :exception {:a 1}}
         {:type :invoke :process 0 :value [[:r :x nil]] :index -1}
         {:type :info :process :nemesis :f :start-partition :value :majority :node \"n1\"}",
    );
    assert_eq!(history.operations().count(), 2);
    assert_eq!(history.event(0).f, &"txn");
    let info = history.event(1).extra.unwrap();
    assert_eq!(info.error, Some(Value::list(["timeout".into(), "x".into()])));
    assert_eq!(info.other["exception"], crate::object!({"a": 1}));
    let (_, nemesis) = history.nemesis().next().unwrap();
    assert_eq!(
        (nemesis.value.as_str(), nemesis.node.map(|node| node.as_str())),
        (Some("majority"), Some("n1"))
    );
}

#[test]
fn nobody_is_guessed() {
    let told = history(
        "{:type :invoke :f :read :value nil} {:type :invoke :f :write :value 1} {:type :invoke :f :write :value 2}
         {:type :ok :f :write :value 2} {:type :ok :f :read :value 2} {:type :invoke :f :write :value 3}
         {:type :fail :f :write :value 3} {:type :ok :f :write :value 1}",
    );
    let partners: Vec<_> = (0..8).map(|at| told.partner(at).unwrap()).collect();
    assert_eq!(partners, [4, 7, 3, 2, 0, 6, 5, 1]);

    let reads = "{:type :invoke :f :read} {:type :invoke :f :read} {:type :ok :f :read :value 1}";
    let error = error_of(reads);
    assert!(
        error.contains("column 51: this operation has no `process`, and it cannot be told which of 2"),
        "{error}"
    );
    let error = error_of("{:type :invoke :f :read} {:type :ok :f :read} {:type :ok :f :read}");
    assert!(error.contains("completes an operation that nobody has invoked"), "{error}");
    let error = error_of("{:type :invoke :f :read} {:type :ok :f :read :process 1}");
    assert!(error.contains("some operations have a `process` and some have none"), "{error}");

    let only = history("{:type :ok :value [[:w 1 2]]} {:type :ok :value [[:r 1 2]]}");
    assert!(only.completions_only());
    assert_ne!(only.event(0).process, only.event(1).process);
}

#[test]
fn a_process_with_several_operations_is_accepted_if_it_can_be_told_which_is_which() {
    let overlapping = history(
        "{:type :invoke :process 0 :value [[:r :x nil] [:r :y nil]]}
         {:type :invoke :process 0 :value [[:w :y 1] [:w :x 2]] :node n1 :why 7}
         {:type :ok :process 0 :value [[:w :y 1] [:w :x 2]]}
         {:type :ok :process 0 :value [[:r :x nil] [:r :y 1]]}
         {:type :invoke :process 0 :value [[:r :x nil]]}",
    );
    let partners: Vec<_> = (0..5).map(|at| overlapping.partner(at)).collect();
    assert_eq!(partners, [Some(3), Some(2), Some(1), Some(0), None]);
    assert_eq!(overlapping.event(4).process, Process::client(0).unwrap());
    assert_eq!(overlapping.event(1).extra.unwrap().other["why"], 7);

    let lost = "{:type :invoke :process 3 :f :w :value 1}\n{:type :invoke :process 3 :f :w :value 2}\n\
                {:type :ok :process 3 :f :w :value 2}";
    assert!(error_of(lost).starts_with("line 2: process 3 invokes again although its operation at event 0"));
    let unclear =
        "{:type :invoke :process 3 :f :r}{:type :invoke :process 3 :f :r}{:type :ok :process 3 :f :r}";
    assert!(error_of(unclear).contains("process 3 has 2 operations outstanding"));
}

#[test]
fn a_window_that_ends_anywhere_changes_nothing() {
    struct Drop1<'a>(&'a [u8], usize);
    impl std::io::Read for Drop1<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let line = "{:type :invoke :f :txn :process 7 :value [[:append \"k\\\"y\" #{1 2} ] [:r #a \\c 0x1f]] #_x :time 1.5 :e {:a #_ 1 2}} ; c\n\
                {:type :fail :f :txn :process 7 :value [[:append \"k\\\"y\" #{1 2} ] [:r #a \\c 0x1f]] #_x :time 1.5}\n";
    let expected = history(line).len();
    for cut in 0..=line.len() {
        let window = &line.as_bytes()[..cut];
        // Of what a window ends in the middle nothing is concluded.
        let mut cursor = Cursor::new(window, false);
        let (mut events, mut operations, mut open) = (Events::new(), Operations::new(Keyed::No), None);
        let mut read = 0;
        loop {
            match next(&mut cursor, &mut open, &mut operations, &mut events) {
                Ok(Step::Event(_)) => read += 1,
                Ok(_) => panic!("{cut}"),
                Err(Stop::More) => break,
                Err(Stop::Wrong(wrong)) => panic!("{cut}: {wrong:?}"),
            }
        }
        assert!(read <= expected);
    }
    for size in [1, 2, 7, 64] {
        let input = std::io::BufReader::new(Drop1(line.as_bytes(), size));
        assert_eq!(read(input).unwrap().len(), expected);
    }
}

#[test]
fn what_is_written_is_read_again() {
    let text = "{:index 0, :type :invoke, :process 0, :f :txn, :value [[:r 5 nil] [:append \"k\" 1]], :time 1}\n\
                {:index 1, :type :info, :process 0, :f :txn, :value [[:r 5 [1 2]] [:append \"k\" 1]], :time 2, :node \"n1\", \
                :error \"a\\\"b\\n\", :more {\"x\" [1 nil true 1.5]}}\n\
                {:index 2, :type :info, :process :nemesis, :f :kill, :value {\"n\" 1.5e0, 2 \"x y\"}, :time 3, \
                :outcome \"installed\", :evidence {\"pid\" 7}}\n";
    let first = history(text);
    let mut written = Vec::new();
    write_history(&mut written, &first).unwrap();
    let written = String::from_utf8(written).unwrap();
    let again = history(&written);
    let events = |history: &History| history.events().map(|event| event.to_event()).collect::<Vec<_>>();
    assert_eq!(events(&first), events(&again));
    // Maps come sorted, numbers before text; all else is to the letter.
    assert_eq!(written, text.replace("{\"n\" 1.5e0, 2 \"x y\"}", "{2 \"x y\", \"n\" 1.5e0}"));
}
