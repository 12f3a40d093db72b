//! What the tests of this crate share.

use checkers::History;
use checkers::jsonl::{self, TornTail};

/// The history in these lines; blank ones do not count.
pub(crate) fn history(lines: &str) -> History {
    let text: String =
        lines.lines().filter(|line| !line.trim().is_empty()).map(|l| format!("{l}\n")).collect();
    jsonl::read(text.as_bytes(), TornTail::Refuse).expect("a test's history is well-formed").history
}

/// A history of `ok`, `fail` and `info` writes, a millisecond each, one process per outcome.
pub(crate) fn writes(ok: usize, fail: usize, info: usize) -> String {
    let mut lines = String::new();
    let mut time = 0u64;
    let mut add = |process: usize, fate: &str| {
        let head = format!(r#""process":{process},"f":"write","value":["k",1]"#);
        lines += &format!("{{\"time\":{time},\"type\":\"invoke\",{head}}}\n");
        time += 1_000_000;
        lines += &format!("{{\"time\":{time},\"type\":\"{fate}\",{head}}}\n");
    };
    (0..ok).for_each(|_| add(0, "ok"));
    (0..fail).for_each(|_| add(1, "fail"));
    (0..info).for_each(|n| add(2 + n, "info"));
    lines
}
