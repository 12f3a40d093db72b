//! The same as the report in short: for a terminal, and as Markdown for a pipeline's page.

use std::fmt::Write as _;

use checkers::Verdict;

use crate::coverage::{CoverageVerdict, FaultCoverage};
use crate::run_results::{CheckerResult, RunResults};
use crate::text::{shorten, visible};

/// Width of a terminal's line. Paths and words of a command are never cut, even if they are longer.
const WIDTH: usize = 100;
/// Where the second column begins.
const INDENT: usize = 13;
/// Checkers told one by one, and fault classes.
const LISTED: usize = 5;

/// What a summary is made of.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// What was found.
    pub results: &'a RunResults,
    /// Where the report is, as the reader would type it.
    pub report: Option<&'a str>,
}

/// Whether the terminal understands colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Escape sequences for colours.
    On,
    /// Text alone.
    Off,
}

/// One line of the summary: what it is about, and the words.
struct Row {
    label: &'static str,
    text: String,
    kind: RowKind,
}

enum RowKind {
    /// Wrapped to at most this many lines, then cut.
    Prose(usize),
    /// Wrapped where a shell allows it.
    Command,
    /// Never cut.
    Path,
}

impl Summary<'_> {
    /// At most 25 lines for a terminal, with a line end each.
    pub fn terminal(&self, color: Color) -> String {
        let results = self.results;
        let (icon, code) = match results.verdict {
            Verdict::Valid => ("✓", "32"),
            Verdict::Unknown => ("?", "33"),
            Verdict::Invalid => ("✕", "31"),
        };
        let head = format!("{icon} {}", results.verdict.as_str().to_uppercase());
        let head = if color == Color::On { format!("\x1b[1;{code}m{head}\x1b[0m") } else { head };
        let title = wrap(&results.title(), 60, 1).remove(0);
        let mut out = format!("{head}  {title}  (exit code {})\n", results.exit_code);
        for line in wrap(&results.reason, WIDTH - 2, 3) {
            let _ = writeln!(out, "  {line}");
        }
        out.push('\n');
        for row in self.rows() {
            row.write(&mut out);
        }
        out
    }

    fn rows(&self) -> Vec<Row> {
        let results = self.results;
        let mut rows = Vec::new();
        let mut add = |label, text: String, kind| rows.push(Row { label, text, kind });
        if let Some(evidence) = self.other_evidence() {
            add("evidence", evidence, RowKind::Prose(2));
        }
        let checkers = &results.checkers.0;
        for (n, (name, result)) in checkers.iter().take(LISTED).enumerate() {
            add(if n == 0 { "checkers" } else { "" }, checker_line(name, result), RowKind::Prose(1));
        }
        if checkers.len() > LISTED {
            add("", format!("… and {} more", checkers.len() - LISTED), RowKind::Prose(1));
        }
        let coverage = &results.coverage;
        let thin = coverage.verdict == CoverageVerdict::Thin;
        add(
            "coverage",
            if thin { format!("thin: {}", coverage.reason) } else { "sufficient".to_owned() },
            RowKind::Prose(if thin { 2 } else { 1 }),
        );
        for fault in coverage.faults.iter().take(LISTED) {
            add("", fault_line(fault), RowKind::Prose(1));
        }
        if coverage.faults.len() > LISTED {
            add("", format!("… and {} more", coverage.faults.len() - LISTED), RowKind::Prose(1));
        }
        add("operations", self.operations_line(), RowKind::Prose(1));
        if let Some(line) = self.recovery_line() {
            add("recovery", line, RowKind::Prose(2));
        }
        if let Some(report) = self.report {
            add("report", visible(report).into_owned(), RowKind::Path);
        }
        if let Some(command) = results.rerun() {
            add("run again", visible(command).into_owned(), RowKind::Command);
        }
        rows
    }

    /// The first evidence's sentence, unless the reason has said it.
    fn other_evidence(&self) -> Option<String> {
        let sentence = self.results.evidence().next()?.1.sentence();
        (!sentence.is_empty() && !self.results.reason.contains(sentence.trim_end_matches('.')))
            .then(|| sentence.to_owned())
    }

    fn operations_line(&self) -> String {
        let stats = &self.results.stats;
        let all = &stats.operations.all;
        let share = |part: usize| 100.0 * part as f64 / all.count.max(1) as f64;
        let mut line = format!(
            "{}: {:.1} % ok, {:.1} % fail, {:.1} % info in {:.1} s",
            all.count,
            share(all.ok.count),
            share(all.fail.count),
            share(all.info.count),
            stats.operations.duration_ms / 1e3
        );
        if let Some((f, latency)) = stats.busiest() {
            let f = shorten(&visible(f), 20);
            let _ = write!(line, "; {f} p50 {:.1} ms, p99 {:.1} ms", latency.p50_ms, latency.p99_ms);
        }
        line
    }

    fn recovery_line(&self) -> Option<String> {
        let recovery = &self.results.recovery;
        let time = recovery.seconds.map(|seconds| format!("{seconds:.1} s")).unwrap_or_default();
        let line = match (recovery.recovered?, time.as_str()) {
            (true, "") => "served again".to_owned(),
            (true, time) => format!("served again after {time}"),
            (false, "") => "did not serve again".to_owned(),
            (false, time) => format!("did not serve again within {time}"),
        };
        Some(if recovery.reason.is_empty() { line } else { format!("{line}: {}", recovery.reason) })
    }

    /// A section of Markdown.
    pub fn markdown(&self) -> String {
        let results = self.results;
        let icon = match results.verdict {
            Verdict::Valid => "✅",
            Verdict::Unknown => "❔",
            Verdict::Invalid => "❌",
        };
        let mut out = format!(
            "## {icon} {}: {}\n\n{}\n\n",
            results.verdict.as_str(),
            markdown(&results.title(), 100),
            markdown(&results.reason, 1000)
        );
        if let Some(evidence) = self.other_evidence() {
            let _ = writeln!(out, "> {}\n", markdown(&evidence, 1000));
        }
        if !results.checkers.0.is_empty() {
            out.push_str("| checker | verdict | algorithm | time |\n|---|---|---|---:|\n");
            for (name, result) in &results.checkers.0 {
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} ms |",
                    markdown(name, 80),
                    result.verdict,
                    markdown(&result.algorithm, 80),
                    result.millis
                );
            }
            out.push('\n');
        }
        let coverage = &results.coverage;
        let _ = writeln!(out, "Coverage: {}\n", markdown(&coverage.reason, 1000));
        if !coverage.faults.is_empty() {
            out.push_str("| fault | requested | installed | skipped | in doubt | healed |\n");
            out.push_str("|---|---|---:|---:|---:|---:|\n");
            for fault in &coverage.faults {
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} | {} | {} |",
                    markdown(&fault.class, 80),
                    if fault.requested { "yes" } else { "no" },
                    fault.installed,
                    fault.skipped,
                    fault.indeterminate,
                    fault.healed
                );
            }
            out.push('\n');
        }
        let _ = writeln!(out, "- Operations: {}", markdown(&self.operations_line(), 300));
        if let Some(line) = self.recovery_line() {
            let _ = writeln!(out, "- Recovery: {}", markdown(&line, 500));
        }
        let _ = writeln!(out, "- Exit code: {}", results.exit_code);
        if let Some(seed) = results.seed {
            let _ = writeln!(out, "- Seed: {seed}");
        }
        if let Some(report) = self.report {
            let _ = writeln!(out, "- Report: {}", markdown(report, 4000));
        }
        if let Some(command) = results.rerun() {
            let _ = write!(out, "\nRun it again:\n\n{}", fenced(&visible(command)));
        }
        out
    }
}

impl Row {
    fn write(&self, out: &mut String) {
        let lines = match self.kind {
            RowKind::Prose(most) => wrap(&self.text, WIDTH - INDENT, most),
            RowKind::Command => wrap_command(&self.text),
            RowKind::Path => vec![self.text.clone()],
        };
        for (n, line) in lines.iter().enumerate() {
            let label = if n == 0 { self.label } else { "" };
            let width = INDENT - 2;
            let _ = writeln!(out, "  {label:<width$}{line}");
        }
    }
}

fn checker_line(name: &str, result: &CheckerResult) -> String {
    let icon = match result.verdict {
        Verdict::Valid => "✓",
        Verdict::Unknown => "?",
        Verdict::Invalid => "✕",
    };
    let took = result.millis as f64 / 1e3;
    format!("{icon} {name}: {} ({}, {took:.1} s)", result.verdict, result.algorithm)
}

fn fault_line(fault: &FaultCoverage) -> String {
    let mut line = format!("{}: {} installed, {} healed", fault.class, fault.installed, fault.healed);
    for (count, what) in [(fault.skipped, "skipped"), (fault.indeterminate, "in doubt")] {
        if count > 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    if !fault.requested {
        line.push_str(", not requested");
    }
    if let Some(reason) = fault.reasons.first() {
        let _ = write!(line, " ({reason})");
    }
    line
}

/// Lines of at most `width` characters, at most `most` of them; an ellipsis says that there is more.
fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    // What cannot be shown need not be wrapped either.
    let head: String = text.chars().take(width * (most + 1)).collect();
    let text = visible(&head);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        while let Some(line) = lines.last_mut() {
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= width {
                line.extend(" ".chars().take(gap));
                line.extend(word.iter());
                break;
            }
            if used > 0 {
                lines.push(String::new());
            } else {
                line.extend(word.drain(..width));
                lines.push(String::new());
            }
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(width - 2).collect::<String>() + " …";
        }
    }
    lines
}

/// A command over several lines that a shell takes for one.
fn wrap_command(command: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Inside quotes a line cannot be broken; such a command stays on one line.
    if command.contains(['\'', '"', '\\']) || command.chars().count() <= WIDTH - INDENT {
        return vec![command.to_owned()];
    }
    for word in command.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + word.chars().count() + 3 > WIDTH - INDENT {
            line.push_str(" \\");
            lines.push(format!("  {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Text of others inside Markdown: one line, nothing of it markup.
fn markdown(text: &str, length: usize) -> String {
    let mut out = String::new();
    for c in visible(&shorten(text, length)).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '@' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A block of code with a fence longer than any in it.
fn fenced(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{code}\n{fence}\n")
}

#[cfg(test)]
mod tests;
