//! JSON, ours and other people's, against serde_json.

use checkers::formats::Format;
use checkers::{EventType, Process, Value};

use super::{fraction, integer, number, one, over_the_window, read, text};
use crate::promises::rounds;
use crate::simulate::Random;

/// What is to be spelt.
#[derive(Clone, Debug)]
enum Document {
    Word(&'static str),
    Number(String),
    Text(String),
    List(Vec<Document>),
    Object(Vec<(String, Document)>),
}

use Document::{List, Number, Object, Text, Word};

fn document(random: &mut Random, depth: u64) -> Document {
    match random.below(if depth == 0 { 7 } else { 11 }) {
        0 => Word(one(random, &["null", "true", "false"])),
        1..3 => Number(integer(random).to_string()),
        3 => Number(spelt_number(random)),
        4..7 => Text(text(random)),
        7..9 => List((0..random.below(5)).map(|_| document(random, depth - 1)).collect()),
        _ => Object((0..random.below(5)).map(|_| (key(random), document(random, depth - 1))).collect()),
    }
}

fn key(random: &mut Random) -> String {
    match random.below(4) {
        0 => integer(random).to_string(),
        1 => one(random, &["a", "b", "007", "-0", "+1", "0", "", "99999999999999999999"]).to_string(),
        _ => text(random),
    }
}

fn spelt_number(random: &mut Random) -> String {
    match random.below(7) {
        0 => format!("{:?}", fraction(random)),
        1 => format!("{:e}", fraction(random)),
        2 => format!("{:E}", fraction(random)),
        3 => {
            one(random, &["-0", "-0.0", "0e0", "0E5", "1e3", "1E+2", "25e-1", "1.0", "100.00e-2"]).to_string()
        }
        4 => one(random, &["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e400"])
            .to_string(),
        5 => one(random, &["9007199254740993.0", "1e19", "1e300", "-9223372036854775808.0", "5e-324"])
            .to_string(),
        _ => format!("{}.{}e{}", integer(random), random.below(1_000), random.below(9)),
    }
}

fn deep(random: &mut Random, depth: usize) -> Document {
    (0..depth).fold(Number("1".into()), |inner, _| match random.percent(50) {
        true => List(vec![inner]),
        false => Object(vec![("k".into(), inner)]),
    })
}

/// What may stand between things; `lines` says whether a line end may.
fn space(random: &mut Random, lines: bool, out: &mut String) {
    while random.percent(15) {
        out.push(one(random, if lines { &[' ', '\t', '\r', '\n'] } else { &[' ', '\t', '\r', ' '] }));
    }
}

fn spell(random: &mut Random, document: &Document, lines: bool, out: &mut String) {
    match document {
        Word(word) => out.push_str(word),
        Number(number) => out.push_str(number),
        Text(text) => spell_text(random, text, out),
        List(items) => {
            out.push('[');
            space(random, lines, out);
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                    space(random, lines, out);
                }
                spell(random, item, lines, out);
                space(random, lines, out);
            }
            out.push(']');
        }
        Object(entries) => {
            out.push('{');
            space(random, lines, out);
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                    space(random, lines, out);
                }
                spell_text(random, key, out);
                space(random, lines, out);
                out.push(':');
                space(random, lines, out);
                spell(random, value, lines, out);
                space(random, lines, out);
            }
            out.push('}');
        }
    }
}

/// Each character as itself or escaped, as it may be.
fn spell_text(random: &mut Random, text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let short = match character {
            '"' | '\\' | '/' => Some(character),
            '\n' => Some('n'),
            '\t' => Some('t'),
            '\r' => Some('r'),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            _ => None,
        };
        let must = matches!(character, '"' | '\\' | '\u{0}'..='\u{1f}');
        match short.filter(|_| random.percent(50)) {
            Some(short) => out.extend(['\\', short]),
            None if must || random.percent(10) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let digits =
                        if random.percent(50) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                    out.push_str(&digits);
                }
            }
            None => out.push(character),
        }
    }
    out.push('"');
}

/// A key twice in one object, which means nothing; or an integer that does not fit.
fn refused(document: &Document) -> bool {
    match document {
        Number(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            digits.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_err()
        }
        List(items) => items.iter().any(refused),
        Object(entries) => {
            let twice = |at: usize| entries[..at].iter().any(|(key, _)| *key == entries[at].0);
            (0..entries.len()).any(twice) || entries.iter().any(|(_, value)| refused(value))
        }
        Word(_) | Text(_) => false,
    }
}

/// What serde_json understands, as a value of ours. `edn` says whether keys that are integers' are
/// integers, and numbers without a fraction may be beyond 64 bits.
fn understood(json: &serde_json::Value, edn: bool) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Value::Int(n),
            (None, Some(x)) if edn || x.fract() != 0.0 || x.abs() < 9_223_372_036_854_775_808.0 => number(x),
            _ => return None,
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => {
            Value::from(items.iter().map(|item| understood(item, edn)).collect::<Option<Vec<_>>>()?)
        }
        serde_json::Value::Object(entries) => {
            let key = |key: &String| match key.parse::<i64>() {
                Ok(n) if edn && n.to_string() == *key => Value::Int(n),
                _ => Value::from(key.as_str()),
            };
            let mut all = Vec::new();
            for (name, value) in entries {
                all.push((key(name), understood(value, edn)?));
            }
            all.sort();
            Value::Map(all.into())
        }
    })
}

fn agrees(random: &mut Random, document: &Document, edn: bool) {
    let mut spelt = String::new();
    spell(random, document, edn, &mut spelt);
    let line = if edn || random.percent(30) {
        let parts = [
            "\"time\":7".to_owned(),
            "\"process\":3".into(),
            "\"type\":\"invoke\"".into(),
            "\"f\":\"x\"".into(),
            format!("\"value\":{spelt}"),
        ];
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|_| random.next());
        let mut line = String::from("{");
        for (at, part) in order.into_iter().enumerate() {
            line.push_str(if at > 0 { "," } else { "" });
            space(random, edn, &mut line);
            line.push_str(&parts[part]);
            space(random, edn, &mut line);
        }
        line + "}\n"
    } else {
        format!(
            "{{\"index\":0,\"time\":7,\"process\":3,\"type\":\"invoke\",\"f\":\"x\",\"value\":{spelt}}}\n"
        )
    };
    let referee: Result<serde_json::Value, _> = serde_json::from_str(&line);
    let expected =
        referee.ok().filter(|_| !refused(document)).and_then(|line| understood(&line["value"], edn));
    let (format, text) = match edn {
        true if random.percent(1) => (Format::Json, over_the_window(random, &line)),
        true => (Format::Json, line.clone()),
        false => (Format::Jsonl, line.clone()),
    };
    let found = read(random, format, text.as_bytes());
    match (&found, expected) {
        (Ok(history), Some(expected)) => {
            let event = history.event(0).to_event();
            assert_eq!(event.value, expected, "{format} of {line}");
            let head = (event.time, event.process, event.event_type, event.f.as_str(), history.len());
            assert_eq!(head, (7, Process::client(3).unwrap(), EventType::Invoke, "x", 1), "{line}");
        }
        (Err(_), None) => {}
        (found, expected) => panic!("{format} reads {line} as {found:?}, not {expected:?}"),
    }
}

#[test]
fn documents_are_read_as_serde_json_reads_them() {
    let mut random = Random(41);
    for _ in 0..rounds() {
        let document = document(&mut random, 4);
        agrees(&mut random, &document, false);
        agrees(&mut random, &document, true);
    }
    for depth in (1..120).chain([140, 200, 5_000]) {
        let document = deep(&mut random, depth);
        agrees(&mut random, &document, false);
        agrees(&mut random, &document, true);
    }
}

#[test]
fn numbers_are_what_rfc_8259_says() {
    for (number, expected) in [
        ("0e5", Some(Value::Int(0))),
        ("-0", Some(Value::Int(0))),
        ("1E2", Some(Value::Int(100))),
        ("-2.07612050540294e-187", Some(self::number(-2.07612050540294e-187))),
        ("1.E5", None),
        ("1.e5", None),
        ("1.", None),
        (".5", None),
        ("+1", None),
        ("01", None),
        ("1e", None),
        ("1e+", None),
        ("0x1", None),
        ("9223372036854775808", None),
    ] {
        let line = format!(
            "{{\"index\":0,\"time\":7,\"process\":3,\"type\":\"invoke\",\"f\":\"x\",\"value\":{number}}}\n"
        );
        for format in [Format::Jsonl, Format::Json] {
            let found = checkers::formats::read(format, line.as_bytes());
            let found = found.ok().map(|history| history.event(0).value.to_value());
            assert_eq!(found, expected, "{format}: {number}");
        }
    }
}

/// A few bytes changed: it is refused where serde_json refuses it, and otherwise means the same.
#[test]
fn what_is_no_json_is_none_for_all() {
    let mut random = Random(43);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..4 * rounds() {
        let document = List(vec![document(&mut random, 3)]);
        let mut bytes = {
            let mut spelt = String::new();
            spell(&mut random, &document, false, &mut spelt);
            spelt.into_bytes()
        };
        for _ in 0..1 + random.below(2) {
            let at = 1 + random.below(bytes.len() as u64 - 1) as usize;
            let byte = one(&mut random, b"\"\\[]{},:0123456789.eE+-ntu \x00\x1f\x7f\xc3\xa4\xf0\x9f\xed\xa0");
            match random.below(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if bytes.len() < 2 {
                break;
            }
        }
        for format in [Format::Jsonl, Format::Json] {
            let head = b"{\"index\":0,\"time\":7,\"process\":3,\"type\":\"invoke\",\"f\":\"x\",\"value\":";
            let line = [&head[..], &bytes, b"}\n"].concat();
            let alone = serde_json::from_slice::<Value>(&bytes);
            let about = || format!("{format} of {}", String::from_utf8_lossy(&line));
            // The change may have closed the value, and what follows is fields of the line.
            let within = serde_json::from_slice::<serde_json::Value>(&line).is_ok();
            if alone.is_err() && within {
                continue;
            }
            match (read(&mut random, format, &line), alone) {
                (Ok(history), Ok(expected)) => {
                    good += 1;
                    // Keys that are integers' were compared above.
                    let found = history.event(0).value.to_value().to_string();
                    let again: Value = serde_json::from_str(&found).unwrap();
                    assert_eq!(again, expected, "{}", about());
                }
                (Err(_), Err(_)) => bad += 1,
                (Err(error), Ok(expected)) => panic!("{}: {error}, not {expected}", about()),
                // It does not fit in 64 bits for one of them, and has an exponent.
                (Ok(_), Err(error)) if format == Format::Json && error.to_string().contains("64 bits") => {}
                (Ok(history), Err(error)) => panic!("{}: {}, but {error}", about(), history.event(0).value),
            }
        }
    }
    assert!(good > 100 && bad > 100, "{good} good, {bad} bad");
}
