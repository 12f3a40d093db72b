//! `report.html`: one file, offline, for a person with a failed run.
//!
//! Start at [`render`]. The page is put together from the sources in `results/report/` and the
//! run's data as JSON in a `<script type="application/json">`; the scripts build everything from
//! it with `textContent`, so that no string of a run can become markup.

mod columns;
mod data;
mod operations;
mod trim;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use checkers::History;

use crate::run_results::RunResults;
use crate::store::{RunDir, StoreError, file};
use crate::text::{escape_html, visible, visible_lines};

/// How much of the end of a log is shown.
const LOG_TAIL_BYTES: u64 = 24 << 10;
/// How many logs are shown.
const LOGS_SHOWN: usize = 40;
/// How many files are linked to.
const FILES_LINKED: usize = 200;

const PAGE: &str = include_str!("../../report/page.html");
const STYLE: &str =
    concat!(include_str!("../../report/style.css"), "\n", include_str!("../../report/plots.css"));
const SCRIPTS: [&str; 11] = [
    include_str!("../../report/errors.js"),
    include_str!("../../report/dom.js"),
    include_str!("../../report/data.js"),
    include_str!("../../report/verdict.js"),
    include_str!("../../report/evidence.js"),
    include_str!("../../report/lanes.js"),
    include_str!("../../report/tables.js"),
    include_str!("../../report/charts.js"),
    include_str!("../../report/timeline-draw.js"),
    include_str!("../../report/timeline.js"),
    include_str!("../../report/main.js"),
];

/// What a report is made of. Sections whose part is absent are left out.
#[derive(Clone, Debug)]
pub struct ReportInput<'a> {
    /// What was found.
    pub results: &'a RunResults,
    /// What was recorded.
    pub history: &'a History,
    /// The schedule of faults.
    pub schedule: Option<&'a serde_json::Value>,
    /// Ends of nodes' logs.
    pub logs: Vec<LogTail>,
    /// Files to link to, relative to the report.
    pub files: Vec<String>,
}

impl<'a> ReportInput<'a> {
    /// The report of a history alone.
    pub fn of_history(results: &'a RunResults, history: &'a History) -> Self {
        ReportInput { results, history, schedule: None, logs: Vec::new(), files: Vec::new() }
    }
}

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTail {
    /// Whose.
    pub node: String,
    /// The file, relative to the report.
    pub file: String,
    /// Its last lines.
    pub text: String,
    /// Whether there is more before them.
    pub cut: bool,
}

/// The page.
pub fn render(input: &ReportInput<'_>) -> String {
    let results = input.results;
    let title = escape_html(&visible(&results.title()));
    let verdict = results.verdict.as_str();
    let reason = escape_html(&visible(&crate::text::shorten(&results.reason, 2000)));
    let data = data::json(input);
    let scripts = SCRIPTS.join("\n");
    let parts = [
        ("title", title.as_str()),
        ("style", STYLE),
        ("verdict", verdict),
        ("reason", &reason),
        ("data", &data),
        ("scripts", &scripts),
    ];
    fill(PAGE, &parts)
}

/// Writes the page of a run to its folder, with the schedule, logs and files that are there.
///
/// # Errors
/// What the operating system says, with the path.
pub fn write(run: &RunDir, results: &RunResults, history: &History) -> Result<(), StoreError> {
    let schedule =
        fs::read(run.join(file::SCHEDULE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut files = Vec::new();
    for name in [file::HISTORY, file::RESULTS, file::PLAN, file::SCHEDULE, file::SUMMARY, file::LOG] {
        // The summary is written after the report, and is there when somebody reads it.
        if name == file::SUMMARY || run.join(name).exists() {
            files.push(name.to_owned());
        }
    }
    let mut logs = Vec::new();
    for path in node_files(run) {
        if logs.len() < LOGS_SHOWN
            && path.ends_with(".log")
            && let Some(log) = log_tail(run, &path)
        {
            logs.push(log);
        }
        if files.len() < FILES_LINKED {
            files.push(path);
        }
    }
    let input = ReportInput { results, history, schedule: schedule.as_ref(), logs, files };
    run.write_file(file::REPORT, render(&input).as_bytes())
}

/// Replaces each `{{name}}` of the template by its part, once through, so that what a part
/// contains is never taken for a placeholder.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let size = template.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>();
    let mut page = String::with_capacity(size);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(parts.iter().find(|(known, _)| *known == name).map_or("", |(_, part)| part));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Files under `nodes/<name>/`, relative to the run, two floors deep, in order.
fn node_files(run: &RunDir) -> Vec<String> {
    let list = |folder: &Path| {
        let mut names: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    let nodes = run.join(file::NODES);
    let mut files = Vec::new();
    for node in list(&nodes) {
        for name in list(&nodes.join(&node)) {
            if nodes.join(&node).join(&name).is_file() {
                files.push(format!("{}/{node}/{name}", file::NODES));
            }
        }
    }
    files
}

fn log_tail(run: &RunDir, path: &str) -> Option<LogTail> {
    let mut log = File::open(run.join(path)).ok()?;
    let length = log.metadata().ok()?.len();
    let cut = length > LOG_TAIL_BYTES;
    log.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    log.take(LOG_TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    let text = visible_lines(&String::from_utf8_lossy(&bytes));
    // The first line is seldom whole.
    let text = match text.split_once('\n') {
        Some((_, whole)) if cut => whole.to_owned(),
        _ => text,
    };
    let node = path.split('/').nth(1).unwrap_or_default().to_owned();
    (!text.is_empty()).then(|| LogTail { node, file: path.to_owned(), text, cut })
}

#[cfg(test)]
mod tests;
