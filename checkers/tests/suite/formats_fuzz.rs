//! Whatever bytes a reader is given, it ends, with a history or with a sentence.

use std::io::{BufReader, Read};

use checkers::formats::{self, Format, FormatError, MAX_EVENT_BYTES, edn};
use checkers::{Event, History};
use proptest::prelude::*;

use crate::corpus_path::corpus;

/// A small history in each format, with as much of its syntax as there is.
const SEEDS: &[(Format, &str)] = &[
    (
        Format::Edn,
        "; c\n[{:type :invoke, :f :txn, :value [[:r 5 nil] (:append \"k\\n\\u00e4\" #{1 \\a 2/3})], :process 0, :time 1.5, :index 0}\n\
         #op{:type :info :f :txn :value [[:r 5 [1 -2 99]]] :process 0 :error {:a #inst \"x\" :b ##NaN} #_ #_ 1 2 :x 1e3}]",
    ),
    (
        Format::Edn,
        "{:type :invoke :value [[:w 1 2]]}{:type :invoke :value [[:w 1 3]]}{:type :ok :value [[:w 1 3]]}{:type :ok :value [[:w 1 2]]}",
    ),
    (
        Format::Edn,
        "{:type :invoke :process 0 :f :w :value 1}{:type :invoke :process 0 :f :w :value 2}{:type :ok :process 0 :f :w :value 2}\
         {:type :ok :process 0 :f :w :value 1}{:process :nemesis :type :info :f :kill :value #:a{:b 0x1f}}",
    ),
    (
        Format::Json,
        "[{\"type\":\"invoke\",\"f\":\"add\",\"process\":0,\"value\":{\"0\":-1.5e2,\"a\\u00e9\":[true,null]}},\n\
         {\"process\":0,\"type\":\"ok\",\"f\":\"add\",\"error\":[\"x\"],\"time\":7}]",
    ),
    (
        Format::Jsonl,
        "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":[\"k1\",7]}\n\
         {\"index\":1,\"time\":2,\"process\":0,\"type\":\"ok\",\"f\":\"write\",\"value\":[\"k1\",7],\"node\":\"n1\",\"x\":{}}\n",
    ),
    (
        Format::JepsenLog,
        "x y\nINFO j - 0\t:invoke\t:cas\t[1 2]\nINFO j - 0 :info :cas :timed-out\n:nemesis\t:info\t:start\t{:a #{1}}\tx\n",
    ),
    (
        Format::Kv,
        "{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}\n{:process 0, :type :ok, :f :get, :key \"7\", :value \"\"}\n",
    ),
    (
        Format::Histgen,
        "{\"type\":\"meta\"}\n{\"i\":0,\"t\":1,\"p\":2,\"type\":\"invoke\",\"f\":\"cas\",\"k\":0,\"v\":[0,1]}\n\
         {\"i\":1,\"t\":2,\"p\":2,\"type\":\"fail\",\"f\":\"cas\",\"k\":0,\"v\":[0,1]}\n",
    ),
    (Format::Awdit, "w 0 1\n-----\nr 0 2\n=====\nw 1 -3\n"),
    (Format::Plume, "w(0,1,0,0)\nr(0,1,1,1)\nw(0,7,1,-1)\n"),
    (
        Format::DbcopJson,
        "{\"params\":{},\"data\":[[{\"events\":[{\"Read\":{\"variable\":0,\"version\":null}},[\"w\",1,2]],\"committed\":false}],[]]}",
    ),
    (Format::DbcopText, "// c\n[x:=1 y==?] [x==1]!\n---\n[y:=2]\n"),
    (Format::Csv, "process,type,f,value,time\n0,invoke,w,\"a \"\"b\",1\n0,ok,w,,2\n"),
    (Format::Csv, "op,key,value,start,end,type\nput,1,[1 2],0.5,1,\nget,1,,1,2,info\n"),
];

/// A change of bytes; positions count from the beginning and around.
#[derive(Clone, Debug)]
enum Edit {
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Cut(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let special = prop::sample::select(b"\"\\ \n,:;#_{}[]()0129-.eNM/x\0\xff\xc3\r\t=w".to_vec());
    let byte = prop_oneof![3 => special, 1 => any::<u8>()];
    let words = prop::sample::select(vec![
        "nil",
        "99999999999999999999",
        "#_",
        "#{",
        "{{",
        "[[[[",
        "\"",
        "\\u12",
        "##Inf",
        ":type",
        ":process",
        "1e999",
        "=====",
        "\u{feff}",
        "é",
    ]);
    let edit = prop_oneof![
        4 => (any::<usize>(), byte.clone()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (any::<usize>(), prop::collection::vec(byte, 1..4)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (any::<usize>(), words).prop_map(|(at, word)| Edit::Insert(at, word.into())),
        2 => (any::<usize>(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        2 => (any::<usize>(), 1..40_usize, 2..200_usize).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        1 => any::<usize>().prop_map(Edit::Cut),
    ];
    prop::collection::vec(edit, 0..6)
}

fn apply(bytes: &mut Vec<u8>, edits: &[Edit]) {
    for edit in edits {
        let place = |at: &usize| at % (bytes.len() + 1);
        match edit {
            Edit::Replace(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Edit::Insert(at, inserted) => {
                let at = place(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Edit::Remove(at, count) => {
                let at = place(at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Edit::Repeat(at, count, times) => {
                let at = place(at);
                let piece = bytes[at..(at + count).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, piece);
            }
            Edit::Cut(at) => {
                let at = place(at);
                bytes.truncate(at);
            }
        }
    }
}

/// Gives few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(out.len());
        let (now, later) = self.0.split_at(count);
        out[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn events(history: &History) -> Vec<Event> {
    history.events().map(|event| event.to_event()).collect()
}

/// Reads in one piece and in small ones, which must be the same, and writes what was read.
fn read(format: Format, bytes: &[u8]) {
    let whole =
        formats::read(format, bytes).map(|history| events(&history)).map_err(|error| error.to_string());
    let trickled = formats::read(format, BufReader::with_capacity(16, Trickle(bytes, 7)));
    let trickled = trickled.map(|history| events(&history)).map_err(|error| error.to_string());
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(whole, trickled, "{format}: {}", shown());
    match whole {
        Err(error) => assert!(error.len() < 1_000 && error.contains("line "), "{error}"),
        Ok(whole) => {
            let mut written = Vec::new();
            let history = formats::read(format, bytes).unwrap_or_default();
            edn::write_history(&mut written, &history).unwrap();
            match edn::read(&written[..]) {
                Ok(again) => assert_eq!(events(&again), whole, "{format}: {}", shown()),
                Err(error) => {
                    panic!("{format}: {error}: {}\nof {}", String::from_utf8_lossy(&written), shown())
                }
            }
        }
    }
    formats::detect(bytes, "history.edn");
}

fn cases(ordinary: u32, nightly: u32) -> ProptestConfig {
    let cases = if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { nightly } else { ordinary };
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

#[test]
fn the_seeds_are_histories() {
    for (format, text) in SEEDS {
        let history =
            formats::read(*format, text.as_bytes()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert!(!history.is_empty(), "{format}: {text}");
        read(*format, text.as_bytes());
    }
}

proptest! {
    #![proptest_config(cases(5_000, 100_000))]

    #[test]
    fn a_mutated_history_is_read_or_refused(seed in 0..SEEDS.len(), other in 0..SEEDS.len(), edits in edits()) {
        let (format, text) = SEEDS[seed];
        let mut bytes = text.as_bytes().to_vec();
        apply(&mut bytes, &edits);
        read(format, &bytes);
        // A history of one format in the hands of another's reader.
        let _ = formats::read(SEEDS[other].0, &bytes[..]);
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0..Format::ALL.len()) {
        read(Format::ALL[format], &bytes);
    }
}

proptest! {
    #![proptest_config(cases(200, 10_000))]

    #[test]
    fn a_mutated_file_of_the_corpus_is_read_or_refused(file in any::<usize>(), edits in edits()) {
        let Some(corpus) = corpus() else { return Ok(()) };
        let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
        let rows: Vec<&str> = index.lines().skip(1).collect();
        let mut bytes = std::fs::read(corpus.join(rows[file % rows.len()].split('\t').next().unwrap())).unwrap();
        bytes.truncate(20_000);
        apply(&mut bytes, &edits);
        if let Some(format) = formats::detect(&bytes, "") {
            read(format, &bytes);
        }
    }
}

/// Gives a beginning, and then the same bytes for ever.
struct Endless {
    beginning: &'static [u8],
    again: Vec<u8>,
    given: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.beginning.is_empty() {
            return self.beginning.read(out);
        }
        let count = out.len().min(self.again.len());
        out[..count].copy_from_slice(&self.again[..count]);
        // What comes next is what would have come.
        let passed = count % self.again.len();
        self.again.rotate_left(passed);
        self.given += count;
        assert!(self.given <= 4 * MAX_EVENT_BYTES, "still reading after {} bytes", self.given);
        Ok(count)
    }
}

#[test]
fn what_does_not_end_is_refused_before_it_fills_the_memory() {
    for (format, beginning, again) in [
        (Format::Edn, "{:type :invoke :process 0 :f :w :value \"", &b"abc"[..]),
        (Format::Edn, "{:type :invoke :process 0 :f :w :value [", b"1 "),
        (Format::Edn, "", b"#_"),
        (Format::Json, "{\"value\":\"", b"\\n"),
        (
            Format::Jsonl,
            "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"w\",\"value\":\"",
            b"a",
        ),
        (Format::JepsenLog, "", b"x "),
        (Format::Kv, "{:value [", b"[] "),
        (Format::Histgen, "{\"v\":[1", b",1"),
        (Format::Awdit, "", b"="),
        (Format::Plume, "w(", b"1"),
        (Format::DbcopJson, "[[{\"events\":[1", b",1"),
        (Format::DbcopText, "[", b"x"),
        (Format::Csv, "op,type,\"", b"a"),
    ] {
        let input = Endless { beginning: beginning.as_bytes(), again: again.repeat(1 << 15), given: 0 };
        match formats::read(format, BufReader::new(input)) {
            Err(FormatError::TooLong { line: 1 } | FormatError::Jsonl(_)) => {}
            other => panic!("{format}: {:?}", other.map(|history| history.len())),
        }
    }
}
