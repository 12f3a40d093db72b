//! `stormglass convert`: writes a history in another format.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use checkers::formats::edn;
use checkers::{History, jsonl};

use crate::cli::args::{ConvertArgs, Written};
use crate::commands::check::file;
use crate::commands::complain;
use crate::exit::Exit;

/// Reads and writes.
pub fn convert(args: &ConvertArgs) -> Exit {
    let history = match file::read(&args.path, args.format) {
        Ok(history) => history,
        Err(error) => return complain(Exit::BadInput, &error),
    };
    let written = match &args.out {
        None => write(&mut io::stdout().lock(), &history, args.to),
        Some(path) => File::create(path).and_then(|mut file| write(&mut file, &history, args.to)),
    };
    match written {
        Ok(()) => Exit::Valid,
        Err(error) => {
            let place = args.out.as_ref().map_or("standard output".into(), |path| path.display().to_string());
            complain(Exit::HarnessFailure, &format_args!("cannot write {place}: {error}"))
        }
    }
}

fn write(out: &mut impl Write, history: &History, format: Written) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, out);
    match format {
        Written::Edn => edn::write_history(&mut out, history)?,
        Written::Jsonl => {
            let mut line = Vec::new();
            for (index, event) in history.events().enumerate() {
                line.clear();
                jsonl::write_event(&mut line, index as u64, &event.to_event())?;
                out.write_all(&line)?;
            }
        }
    }
    out.flush()
}
