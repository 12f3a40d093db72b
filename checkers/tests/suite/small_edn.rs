//! As much EDN as the corpus of transactions has: maps, vectors, lists, keywords, integers, nil, booleans.

use std::collections::VecDeque;

use checkers::history::{HistoryBuilder, Rules};
use checkers::{Event, EventType, History, Process, Value};

/// A term of EDN.
#[derive(Clone, Debug, PartialEq)]
pub enum Edn {
    Nil,
    Bool(bool),
    Int(i64),
    /// A keyword, a symbol or a string.
    Word(String),
    Seq(Vec<Edn>),
    Map(Vec<(Edn, Edn)>),
}

/// All terms of a text.
pub fn terms(text: &str) -> Vec<Edn> {
    let bytes = text.as_bytes();
    let (mut at, mut out) = (0, Vec::new());
    while skip(bytes, &mut at) {
        out.push(term(bytes, &mut at));
    }
    out
}

fn skip(bytes: &[u8], at: &mut usize) -> bool {
    while bytes.get(*at).is_some_and(|byte| byte.is_ascii_whitespace() || b",;".contains(byte)) {
        if bytes[*at] == b';' {
            while bytes.get(*at).is_some_and(|byte| *byte != b'\n') {
                *at += 1;
            }
        } else {
            *at += 1;
        }
    }
    *at < bytes.len()
}

fn many(bytes: &[u8], at: &mut usize, end: u8) -> Vec<Edn> {
    let mut out = Vec::new();
    *at += 1;
    while skip(bytes, at) && bytes[*at] != end {
        out.push(term(bytes, at));
    }
    *at += 1;
    out
}

fn term(bytes: &[u8], at: &mut usize) -> Edn {
    match bytes[*at] {
        b'[' => Edn::Seq(many(bytes, at, b']')),
        b'(' => Edn::Seq(many(bytes, at, b')')),
        b'{' => {
            let all = many(bytes, at, b'}');
            Edn::Map(all.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
        }
        b'#' => {
            *at += 1;
            Edn::Seq(many(bytes, at, b'}'))
        }
        b'"' => {
            let start = *at + 1;
            *at = start;
            while bytes[*at] != b'"' {
                *at += 1 + usize::from(bytes[*at] == b'\\');
            }
            *at += 1;
            Edn::Word(String::from_utf8_lossy(&bytes[start..*at - 1]).into_owned())
        }
        _ => {
            let start = *at;
            while bytes.get(*at).is_some_and(|b| !b.is_ascii_whitespace() && !b",]})".contains(b)) {
                *at += 1;
            }
            let word = String::from_utf8_lossy(&bytes[start..*at]).into_owned();
            match &*word {
                "nil" => Edn::Nil,
                "true" => Edn::Bool(true),
                "false" => Edn::Bool(false),
                _ => word.parse().map_or(Edn::Word(word.trim_start_matches(':').to_owned()), Edn::Int),
            }
        }
    }
}

impl Edn {
    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Edn> {
        let Edn::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| *name == Edn::Word(key.to_owned())).map(|(_, value)| value)
    }
    /// The words of a sequence, sorted.
    pub fn words(&self) -> Vec<String> {
        let Edn::Seq(all) = self else { return Vec::new() };
        let mut words: Vec<String> = all.iter().filter_map(Edn::word).map(str::to_owned).collect();
        words.sort();
        words
    }
    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Edn::Word(word) => Some(word),
            _ => None,
        }
    }
    /// The integer, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Edn::Int(n) => Some(*n),
            _ => None,
        }
    }
    fn value(&self) -> Value {
        match self {
            Edn::Nil => Value::Nil,
            Edn::Bool(b) => (*b).into(),
            Edn::Int(n) => Value::Int(*n),
            Edn::Word(word) => Value::from(&**word),
            Edn::Seq(all) => Value::list(all.iter().map(Edn::value)),
            Edn::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(k, v)| (k.value(), v.value())).collect();
                entries.sort();
                Value::Map(entries.into())
            }
        }
    }
}

/// A history of operations of clients. Two of Elle's have a process with several operations outstanding,
/// answered in the order in which they were asked; here each becomes a process of its own.
pub fn history(text: &str) -> History {
    let all = match &terms(text)[..] {
        [Edn::Seq(all)] => all.clone(),
        all => all.to_vec(),
    };
    let mut builder = HistoryBuilder::new(Rules::LENIENT);
    let mut outstanding: Vec<VecDeque<u64>> = vec![VecDeque::new(); 100];
    let invocations = all.iter().any(|op| op.get("type").and_then(Edn::word) == Some("invoke"));
    for (at, op) in all.iter().enumerate() {
        let mut process = op.get("process").and_then(Edn::int).unwrap() as u64;
        let waiting = &mut outstanding[process as usize];
        if op.get("type").and_then(Edn::word) == Some("invoke") {
            process += 100 * waiting.back().map_or(0, |last| last / 100 + 1);
            waiting.push_back(process);
        } else if invocations {
            process = waiting.pop_front().unwrap();
        }
        let process = Process::client(process).unwrap();
        let event_type = match op.get("type").and_then(Edn::word) {
            Some("invoke") => EventType::Invoke,
            Some("ok") => EventType::Ok,
            Some("fail") => EventType::Fail,
            _ => EventType::Info,
        };
        let f = op.get("f").and_then(Edn::word).unwrap_or("txn");
        let value = op.get("value").map(Edn::value).unwrap_or_default();
        let time = op.get("time").and_then(Edn::int).unwrap_or(at as i64) as u64;
        builder.push_event(&Event::new(time, process, event_type, f, value)).unwrap();
    }
    builder.finish()
}
