//! EDN: values written in one of the ways in which they may be written.

use checkers::formats::Format;
use checkers::{EventType, Value};

use super::{fraction, integer, number, one, over_the_window, read, text};
use crate::promises::rounds;
use crate::simulate::Random;

/// What is to be spelt.
#[derive(Clone, Debug)]
enum Term {
    Nil,
    Bool(bool),
    Int(i64),
    Fraction(f64),
    /// Of so many hundredths, exactly.
    Decimal(i64),
    Ratio(i64, i64),
    Text(String),
    Char(char),
    Keyword(String),
    Symbol(String),
    List(Vec<Term>),
    Vector(Vec<Term>),
    Set(Vec<Term>),
    Map(Vec<(Term, Term)>),
    /// A map whose keywords have this namespace.
    Spaced(String, Vec<(Term, Term)>),
    Tagged(&'static str, Box<Term>),
}

use Term::*;

fn name(random: &mut Random) -> String {
    let part = |random: &mut Random| {
        let first = one(random, &["a", "b", "x", "*", "!", "_", "?", "ä", "<", "=", "&", "%", "$"]);
        let mut name = first.to_owned();
        for _ in 0..random.below(4) {
            name.push_str(one(random, &["a", "1", "-", ".", "#", ":x", "'", "ß", "+", ">"]));
        }
        name
    };
    let bare = part(random);
    if random.percent(20) { format!("{}/{bare}", part(random).replace('/', "")) } else { bare }
}

fn term(random: &mut Random, depth: u64) -> Term {
    let some = |random: &mut Random| -> Vec<Term> {
        (0..random.below(5)).map(|_| term(random, depth - 1)).collect()
    };
    let entries = |random: &mut Random| -> Vec<(Term, Term)> {
        let mut entries: Vec<(Term, Term)> =
            (0..random.below(4)).map(|_| (term(random, depth - 1), term(random, depth - 1))).collect();
        if random.percent(3) {
            entries.extend(entries.first().cloned());
        }
        entries
    };
    match random.below(if depth == 0 { 13 } else { 20 }) {
        0 => Nil,
        1 => Bool(random.percent(50)),
        2..5 => Int(integer(random)),
        5 => Fraction(fraction(random)),
        6 => Decimal(random.below(1_000_000) as i64 - 500_000),
        7 => Ratio(random.below(40) as i64 - 20, 1 + random.below(12) as i64),
        8..10 => Text(text(random)),
        10 => Char(one(
            random,
            &['a', 'Z', '(', ']', '"', ';', '\\', '#', ':', 'ä', '€', '\n', ' ', '\t', '\r', 'u'],
        )),
        11 => Keyword(name(random)),
        12 => Symbol(match random.below(6) {
            0 => one(random, &["+", "-", "nill", "-a", "+b", "true1", ".x", "-.", "/"]).to_string(),
            _ => name(random),
        }),
        13 => List(some(random)),
        14..16 => Vector(some(random)),
        16 => Set(some(random)),
        17 => Map(entries(random)),
        18 => Spaced(one(random, &["jepsen", "a.b", "x"]).to_string(), entries(random)),
        _ => Tagged(
            one(random, &["inst", "foo/bar", "jepsen.history.Op", "uuid"]),
            term(random, depth - 1).into(),
        ),
    }
}

/// What the text means, by the table of `formats::edn`; `None` if a map has a key twice.
fn meaning(term: &Term) -> Option<Value> {
    let all = |terms: &[Term]| terms.iter().map(meaning).collect::<Option<Vec<Value>>>();
    let map = |entries: Vec<(Value, Value)>| {
        let mut entries = entries;
        entries.sort();
        let twice = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
        (!twice).then(|| Value::Map(entries.into()))
    };
    Some(match term {
        Nil => Value::Nil,
        Bool(b) => Value::Bool(*b),
        Int(n) => Value::Int(*n),
        Fraction(x) => number(*x),
        Decimal(n) => number(format!("{n}e-2").parse().unwrap()),
        Ratio(above, below) => {
            let divisor = (1..=*below).rev().find(|d| above % d == 0 && below % d == 0).unwrap();
            match (above / divisor, below / divisor) {
                (above, 1) => Value::Int(above),
                (above, below) => Value::from(format!("{above}/{below}")),
            }
        }
        Text(text) | Keyword(text) | Symbol(text) => Value::from(text.as_str()),
        Char(c) => Value::from(c.to_string()),
        List(items) | Vector(items) => Value::from(all(items)?),
        Set(items) => {
            let mut items = all(items)?;
            items.sort();
            Value::from(items)
        }
        Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| Some((meaning(key)?, meaning(value)?)));
            return map(pairs.collect::<Option<_>>()?);
        }
        Spaced(space, entries) => {
            let named = |key: &Term| match key {
                Keyword(name) => Some(Value::from(match name.strip_prefix("_/") {
                    Some(bare) => bare.to_owned(),
                    None if name.contains('/') => name.clone(),
                    None => format!("{space}/{name}"),
                })),
                other => meaning(other),
            };
            let pairs = entries.iter().map(|(key, value)| Some((named(key)?, meaning(value)?)));
            return map(pairs.collect::<Option<_>>()?);
        }
        Tagged(_, inner) => meaning(inner)?,
    })
}

/// What means nothing: at least one thing if `must`.
fn space(random: &mut Random, must: bool, depth: u64, out: &mut String) {
    let mut left = u64::from(must) + random.below(10) / 8;
    while left > 0 {
        left -= 1;
        match random.below(12) {
            0 => out.push_str("; a comment \" [ #_\n"),
            1 => out.push_str(";\r\n"),
            2 if depth > 0 => {
                // Discarded, whatever it is; and two with two marks.
                let twice = random.percent(30);
                out.push_str(if twice { " #_ #_" } else { " #_" });
                for _ in 0..1 + u64::from(twice) {
                    let must = random.percent(50);
                    space(random, must, 0, out);
                    let ignored = std::iter::repeat_with(|| term(random, depth.min(2) - 1))
                        .find(|term| meaning(term).is_some());
                    spell(random, &ignored.unwrap_or(Nil), 0, out);
                    out.push(' ');
                }
            }
            3 => out.push(','),
            4 => out.push_str("\n  "),
            5 => out.push('\t'),
            _ => out.push(' '),
        }
    }
}

/// `depth` says how deep there may be discarded forms.
fn spell(random: &mut Random, term: &Term, depth: u64, out: &mut String) {
    let sequence = |random: &mut Random, open: &str, items: &[&Term], close: char, out: &mut String| {
        out.push_str(open);
        space(random, false, depth, out);
        for item in items {
            spell(random, item, depth, out);
            space(random, true, depth, out);
        }
        out.push(close);
    };
    match term {
        Nil => out.push_str("nil"),
        Bool(b) => out.push_str(&b.to_string()),
        Int(n) => {
            let sign = if *n < 0 { "-" } else { one(random, &["", "", "+"]) };
            let digits = n.unsigned_abs();
            out.push_str(&match random.below(6) {
                0 => format!("{sign}{digits}N"),
                1 => format!("{sign}0x{digits:x}"),
                2 => format!("{sign}0X{digits:X}"),
                _ => format!("{sign}{digits}"),
            });
        }
        Fraction(x) => out.push_str(&match random.below(3) {
            0 => format!("{x:e}"),
            1 => format!("{x:?}").replace('e', "E"),
            // With a point, or it would be an integer.
            _ => format!("{x:?}"),
        }),
        Decimal(n) => {
            let sign = if *n < 0 { "-" } else { "" };
            let n = n.abs();
            out.push_str(&format!("{sign}{}.{:02}M", n / 100, n % 100));
        }
        Ratio(above, below) => out.push_str(&format!("{above}/{below}")),
        Text(text) => spell_text(random, text, out),
        Char(c) => out.push_str(&match c {
            '\n' => "\\newline".to_owned(),
            ' ' => "\\space".into(),
            '\t' => "\\tab".into(),
            '\r' => "\\return".into(),
            c if random.percent(30) => format!("\\u{:04x}", u32::from(*c)),
            c => format!("\\{c}"),
        }),
        Keyword(name) => out.push_str(&format!(":{name}")),
        Symbol(name) => out.push_str(name),
        List(items) => sequence(random, "(", &items.iter().collect::<Vec<_>>(), ')', out),
        Vector(items) => sequence(random, "[", &items.iter().collect::<Vec<_>>(), ']', out),
        Set(items) => sequence(random, "#{", &items.iter().collect::<Vec<_>>(), '}', out),
        Map(entries) => {
            let items: Vec<&Term> = entries.iter().flat_map(|(key, value)| [key, value]).collect();
            sequence(random, "{", &items, '}', out);
        }
        Spaced(space, entries) => {
            let items: Vec<&Term> = entries.iter().flat_map(|(key, value)| [key, value]).collect();
            sequence(random, &format!("#:{space}{{"), &items, '}', out);
        }
        Tagged(tag, inner) => {
            out.push_str(&format!("#{tag}"));
            space(random, true, depth, out);
            spell(random, inner, depth, out);
        }
    }
}

fn spell_text(random: &mut Random, text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let short = match character {
            '"' | '\\' => Some(character),
            '\n' => Some('n'),
            '\t' => Some('t'),
            '\r' => Some('r'),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            _ => None,
        };
        let must = matches!(character, '"' | '\\');
        match short {
            Some(short) if must || random.percent(50) => out.extend(['\\', short]),
            _ if random.percent(10) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// An event whose value is the term, with its fields in any order and spelling.
fn event(random: &mut Random, term: &Term) -> String {
    let mut value = String::new();
    spell(random, term, 3, &mut value);
    let mut fields = [
        ("type", one(random, &[":invoke", "\"invoke\""]).to_string()),
        ("process", one(random, &["3", "\"3\"", "3N", "+3"]).to_string()),
        ("f", one(random, &[":x", "\"x\"", "x"]).to_string()),
        ("value", value),
        ("time", one(random, &["7", "7N", "7.0", "0x7"]).to_string()),
        ("index", one(random, &["0", "nil", "5"]).to_string()),
    ];
    fields.sort_by_key(|_| random.next());
    let mut out = String::new();
    space(random, false, 2, &mut out);
    if random.percent(20) {
        out.push_str("#jepsen.history.Op");
        space(random, false, 2, &mut out);
    }
    out.push('{');
    for (key, value) in fields {
        space(random, false, 2, &mut out);
        match random.percent(80) {
            true => out.push_str(&format!(":{key}")),
            false => out.push_str(&format!("\"{key}\"")),
        }
        space(random, true, 2, &mut out);
        out.push_str(&value);
        space(random, true, 2, &mut out);
    }
    out.push('}');
    space(random, false, 2, &mut out);
    out
}

#[test]
fn values_are_read_however_they_are_spelt() {
    let mut random = Random(47);
    let (mut good, mut bad) = (0, 0);
    for round in 0..rounds() {
        let term = term(&mut random, 3);
        let text = event(&mut random, &term);
        let spelt = match random.below(100) {
            0 => over_the_window(&mut random, &text),
            1..20 => format!("[{text}]"),
            20..40 => format!("({text})"),
            _ => text.clone(),
        };
        match (read(&mut random, Format::Edn, spelt.as_bytes()), meaning(&term)) {
            (Ok(history), Some(expected)) => {
                good += 1;
                let event = history.event(0).to_event();
                assert_eq!(event.value, expected, "round {round}: {text}\n{term:?}");
                let head = (event.time, event.process.number(), event.event_type, event.f.as_str());
                assert_eq!(head, (7, Some(3), EventType::Invoke, "x"), "{text}");
                assert_eq!(history.len(), 1);
            }
            (Err(error), None) => {
                bad += 1;
                assert!(error.to_string().contains("twice"), "{error}: {text}");
            }
            (found, expected) => panic!("round {round}: {found:?}, not {expected:?}:\n{text}\n{term:?}"),
        }
    }
    assert!(good > 1_000 && bad > 10, "{good} good, {bad} bad");
}
