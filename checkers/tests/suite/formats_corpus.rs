//! Every file of the corpus is read, with as many events as the index says.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use checkers::formats::{self, Format};
use checkers::{EventRef, History};

use crate::corpus_path::corpus;

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut files = 0;
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (format, events) = match columns[1] {
            "EDN" => (Format::Edn, columns[4]),
            "JSON" => (Format::Json, columns[4]),
            "jepsen-log" => (Format::JepsenLog, columns[4]),
            "kv-edn-lines" => (Format::Kv, columns[4]),
            "AWDIT 'test' text" => (Format::Awdit, columns[4]),
            other => panic!("{}: the format {other}", columns[0]),
        };
        let events = match columns[0].rsplit_once('/').map_or("", |(_, name)| name) {
            // The index counts `:type`, of which an exception in the last event has two more.
            "bank.edn" | "bank.json" => "680",
            // The index counts lines with tabs, and some have spaces.
            "etcd_100.log" => "154",
            "etcd_102.log" => "146",
            _ => events,
        };
        files += 1;
        match read(&corpus.join(columns[0]), format) {
            Ok(history) if count(&history, format).to_string() == events => {}
            Ok(history) => {
                wrong.push(format!("{}: {} events, not {events}", columns[0], count(&history, format)));
            }
            Err(error) => wrong.push(format!("{}: {error}", columns[0])),
        }
    }
    assert!(files > 0, "the index names no files");
    assert!(wrong.is_empty(), "{} of {files}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Events, or, of AWDIT's files, reads and writes.
fn count(history: &History, format: Format) -> usize {
    let accesses = |event: EventRef<'_>| event.value.as_list().map_or(0, |accesses| accesses.len());
    match format {
        Format::Awdit => history.events().map(accesses).sum(),
        _ => history.len(),
    }
}

/// The history in a file of the corpus, whose format is found as a user's is.
pub fn read(path: &Path, format: Format) -> Result<History, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let detected = formats::detect(&bytes, &name).ok_or("no format was detected")?;
    if detected != format {
        return Err(format!("{detected} was detected, and it is {format}"));
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    formats::read(format, BufReader::new(file)).map_err(|error| error.to_string())
}
