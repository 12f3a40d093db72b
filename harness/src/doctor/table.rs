//! Findings as text.

use std::fmt::Write;

use super::Finding;

/// The width of the table.
const COLUMNS: usize = 100;
const NAME_COLUMNS: usize = 17;
const VERDICT_COLUMNS: usize = 5;

/// Findings as a table for a terminal, at most 100 columns wide.
pub fn render(findings: &[Finding]) -> String {
    let mut table = String::new();
    for finding in findings {
        let verdict = if finding.works { "yes" } else { "no" };
        let label = format!("{:NAME_COLUMNS$}{verdict:VERDICT_COLUMNS$}", finding.name);
        paragraph(&mut table, &label, &finding.detail);
        if !finding.works && !finding.faults.is_empty() {
            paragraph(&mut table, "", &format!("needed for: {}", finding.faults.join("; ")));
        }
        if let Some(fix) = finding.fix {
            paragraph(&mut table, "", &format!("to fix: {fix}"));
        }
    }
    table
}

/// Writes a text beside a label, in lines that begin below each other.
fn paragraph(table: &mut String, label: &str, text: &str) {
    let indent = NAME_COLUMNS + VERDICT_COLUMNS;
    let room = COLUMNS - indent;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    for (number, line) in lines.iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let written = writeln!(table, "{label:indent$}{line}");
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_is_missing_and_what_to_do() {
        let findings = [
            Finding {
                name: "TAP",
                works: true,
                detail: "device made".to_owned(),
                fix: None,
                faults: &["none"],
            },
            Finding {
                name: "user namespaces",
                works: false,
                detail: "the kernel refused namespaces even with a user namespace: EPERM: \
                         Operation not permitted"
                    .to_owned(),
                fix: Some("set a sysctl"),
                faults: &["every fault on local nodes", "more"],
            },
        ];
        let expected = "\
TAP              yes  device made
user namespaces  no   the kernel refused namespaces even with a user namespace: EPERM: Operation not
                      permitted
                      needed for: every fault on local nodes; more
                      to fix: set a sysctl
";
        assert_eq!(render(&findings), expected);
        assert!(expected.lines().all(|line| line.len() <= COLUMNS));
    }
}
