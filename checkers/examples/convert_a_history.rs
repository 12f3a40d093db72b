//! Write a history as EDN that Elle and Knossos accept, and as our own JSON lines.
//!
//! `cargo run -p checkers --example convert_a_history < history.csv`, in any format that is read.

use std::io::{self, BufRead, Write};

use checkers::formats::{self, edn};
use checkers::jsonl;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = io::stdin().lock();
    let first = input.fill_buf()?;
    let format = formats::detect(first, "standard input").ok_or("no format fits")?;
    let history = formats::read(format, input)?;
    let mut out = Vec::new();
    edn::write_history(&mut out, &history)?;
    for (index, event) in (0..).zip(history.events()) {
        jsonl::write_event(&mut out, index, &event.to_event())?;
    }
    Ok(io::stdout().write_all(&out)?)
}
