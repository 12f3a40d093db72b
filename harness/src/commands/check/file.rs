//! Finding and reading the history that somebody names.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use checkers::History;
use checkers::formats::{self, DETECT_BYTES, Format};
use results::store::file as stored;

/// Standard input, as a path.
const STDIN: &str = "-";
/// How much is read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A run of ours.
    Run,
    /// A history.
    File(PathBuf),
}

/// Looks what `path` leads to: a file, a run of ours, or a test in Jepsen's store.
pub fn find(path: &Path) -> Result<Found, Box<dyn std::error::Error>> {
    if !path.is_dir() {
        return Ok(Found::File(path.to_owned()));
    }
    if path.join(stored::HISTORY).exists() || path.join(stored::PLAN).exists() {
        return Ok(Found::Run);
    }
    let jepsen = path.join("history.edn");
    if jepsen.exists() {
        return Ok(Found::File(jepsen));
    }
    let binary = path.join("test.jepsen").exists() || path.join("jepsen.history").exists();
    let why = if binary {
        "only Jepsen's binary history; write history.edn with Jepsen's own `jepsen.store` and check that"
    } else {
        "neither history.jsonl, as in a run of ours, nor history.edn, as in a test of Jepsen's; \
         name a run, a test or a file"
    };
    Err(format!("{} is a directory with {why}", path.display()).into())
}

/// Reads a history in that format, or in the one that its first bytes show.
pub fn read(path: &Path, format: Option<Format>) -> Result<History, Box<dyn std::error::Error>> {
    let shown =
        if path == Path::new(STDIN) { "standard input".to_owned() } else { path.display().to_string() };
    let mut input: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| format!("cannot open {shown}: {error}"))?)
    };
    let mut head = Vec::new();
    input
        .by_ref()
        .take(DETECT_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(|error| format!("cannot read {shown}: {error}"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let format = match format.or_else(|| formats::detect(&head, &name)) {
        Some(format) => format,
        // A history without events is one, of whatever format.
        None if head.trim_ascii().is_empty() => Format::Jsonl,
        None => {
            let known: Vec<&str> = Format::ALL.map(Format::name).to_vec();
            return Err(format!(
                "{shown}: line 1 is not of a history in any format that is known; name it with --format: {}",
                known.join(", ")
            )
            .into());
        }
    };
    let whole: Box<dyn BufRead> =
        Box::new(BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(input)));
    formats::read(format, whole).map_err(|error| format!("{shown}: {error}").into())
}
