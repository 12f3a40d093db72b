//! Every file of the corpus is read, with as many events as the index says.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use checkers::formats::edn;

use crate::corpus_path::corpus;

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        if columns[1] != "EDN" {
            continue;
        }
        match read(&corpus.join(columns[0])) {
            Ok(events) if events.to_string() == columns[4] => {}
            // The index counts `:type`, of which its last exception has two more.
            Ok(680) if columns[0] == "jepsen-cli/jepsen/bank.edn" => {}
            Ok(events) => wrong.push(format!("{}: {events} events, not {}", columns[0], columns[4])),
            Err(error) => wrong.push(format!("{}: {error}", columns[0])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(path: &Path) -> Result<usize, String> {
    let history = edn::read(BufReader::new(File::open(path).unwrap())).map_err(|error| error.to_string())?;
    Ok(history.len())
}
