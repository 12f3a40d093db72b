//! The verdict of a whole run, and its exit code.
//!
//! `invalid` beats `unknown` beats `valid`. Thin coverage turns a valid run into an unknown one.
//! A system that kept its promise and did not come back stays `valid`, with a code of its own.
//! An interrupted run shows nothing good, but what it violated up to there is `invalid`.
//! When the harness failed there is no verdict about the system at all.

use checkers::Verdict;

use crate::coverage::{Coverage, CoverageVerdict};
use crate::run_results::{CheckerResults, Recovery};

/// What the program exits with, by meaning.
pub mod exit_code {
    /// Every checker valid, coverage sufficient.
    pub const VALID: u8 = 0;
    /// Some checker invalid: the system broke its promise.
    pub const INVALID: u8 = 1;
    /// Budget spent, coverage thin, or nothing to judge.
    pub const UNKNOWN: u8 = 2;
    /// Safety held, but the system did not serve again in the recovery window.
    pub const NOT_RECOVERED: u8 = 3;
    /// Bad arguments, configuration or input file.
    pub const BAD_INPUT: u8 = 254;
    /// The harness itself failed.
    pub const HARNESS_FAILURE: u8 = 255;
    /// Interrupted; what was recorded is kept and judged. The verdict is `invalid` or `unknown`.
    pub const INTERRUPTED: u8 = 130;
}

/// What went wrong with us, as opposed to the system under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Somebody stopped the run.
    Interrupted,
    /// A deploy, a node or the store failed; why, in a sentence.
    Failed(String),
}

/// The verdict of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overall {
    /// The verdict.
    pub verdict: Verdict,
    /// One of [`exit_code`].
    pub exit_code: u8,
    /// One sentence: why.
    pub reason: String,
}

/// The verdict that these add up to.
pub fn compose(
    checkers: &CheckerResults,
    coverage: &Coverage,
    recovery: &Recovery,
    trouble: &Trouble,
) -> Overall {
    use CoverageVerdict::{Sufficient, Thin};
    use Verdict::{Invalid, Unknown, Valid};

    // Nothing judged is nothing shown.
    let worst = checkers.0.iter().map(|(_, result)| result.verdict).max().unwrap_or(Unknown);
    let finding = finding(checkers, worst);
    let (verdict, exit_code, reason) = match (trouble, worst, coverage.verdict, recovery.recovered) {
        (Trouble::Failed(why), Invalid, _, _) => (
            Unknown,
            exit_code::HARNESS_FAILURE,
            format!(
                "The harness failed: {} Up to there a checker found a violation: {finding}",
                sentence(why)
            ),
        ),
        (Trouble::Failed(why), Unknown | Valid, _, _) => {
            (Unknown, exit_code::HARNESS_FAILURE, format!("The harness failed: {}", sentence(why)))
        }
        // What was violated in a prefix is violated, whatever would have followed.
        (Trouble::Interrupted, Invalid, _, _) => (
            Invalid,
            exit_code::INTERRUPTED,
            format!(
                "The run was interrupted, and what was recorded up to there shows a violation: {finding}"
            ),
        ),
        (Trouble::Interrupted, Unknown | Valid, _, _) => (
            Unknown,
            exit_code::INTERRUPTED,
            "The run was interrupted; what was recorded up to there can be judged with `check`.".to_owned(),
        ),
        (Trouble::None, Invalid, _, _) => (Invalid, exit_code::INVALID, finding),
        (Trouble::None, Unknown, _, Some(false)) => {
            (Unknown, exit_code::UNKNOWN, format!("{finding} Nor did the system recover: {}", lost(recovery)))
        }
        (Trouble::None, Unknown, _, Some(true) | None) => (Unknown, exit_code::UNKNOWN, finding),
        (Trouble::None, Valid, Thin, Some(false)) => (
            Unknown,
            exit_code::UNKNOWN,
            format!(
                "Nothing was violated, but the run tried too little: {} Nor did the system recover: {}",
                coverage.reason,
                lost(recovery)
            ),
        ),
        (Trouble::None, Valid, Thin, Some(true) | None) => (
            Unknown,
            exit_code::UNKNOWN,
            format!("Nothing was violated, but the run tried too little: {}", coverage.reason),
        ),
        (Trouble::None, Valid, Sufficient, Some(false)) => (
            Valid,
            exit_code::NOT_RECOVERED,
            format!("Safety held, but the system did not recover: {}", lost(recovery)),
        ),
        (Trouble::None, Valid, Sufficient, Some(true) | None) => {
            (Valid, exit_code::VALID, format!("Every promise checked was kept: {}", coverage.reason))
        }
    };
    Overall { verdict, exit_code, reason }
}

/// What the first checker with this verdict says, with its name.
fn finding(checkers: &CheckerResults, verdict: Verdict) -> String {
    match checkers.0.iter().find(|(_, result)| result.verdict == verdict) {
        Some((name, result)) if !result.reason.is_empty() => format!("{name}: {}", sentence(&result.reason)),
        Some((name, _)) => format!("The checker `{name}` says {verdict} without a reason."),
        None => "No checker judged this history.".to_owned(),
    }
}

fn lost(recovery: &Recovery) -> String {
    match (recovery.reason.as_str(), recovery.seconds) {
        ("", Some(seconds)) => format!("it did not serve within {seconds:.1} s after the last heal."),
        ("", None) => "it did not serve again after the last heal.".to_owned(),
        (reason, _) => sentence(reason),
    }
}

/// The text with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use checkers::Judgement;
    use checkers::evidence::{Evidence, SetElementEvidence};

    use crate::coverage::OperationCounts;
    use crate::run_results::CheckerResult;

    fn answer(verdict: Verdict) -> Judgement {
        match verdict {
            Verdict::Valid => Judgement::valid("a"),
            Verdict::Unknown => Judgement::unknown("a", "out of steps"),
            Verdict::Invalid => {
                let evidence = SetElementEvidence {
                    element: 1.into(),
                    problem: "lost".to_owned(),
                    sentence: "element 1 was lost".to_owned(),
                    operations: Vec::new(),
                };
                Judgement::invalid("a", vec![Evidence::SetElement(evidence)])
            }
        }
    }

    fn composed(
        verdicts: &[Verdict],
        coverage: CoverageVerdict,
        recovered: Option<bool>,
        trouble: &Trouble,
    ) -> Overall {
        let checkers = verdicts
            .iter()
            .enumerate()
            .map(|(n, v)| (format!("c{n}"), CheckerResult::new(answer(*v), Duration::ZERO)))
            .collect();
        let coverage = Coverage {
            verdict: coverage,
            reason: "COVERAGE.".to_owned(),
            operations: OperationCounts::default(),
            faults: Vec::new(),
        };
        let recovery = Recovery { recovered, seconds: Some(30.0), reason: String::new() };
        compose(&checkers, &coverage, &recovery, trouble)
    }

    #[test]
    fn verdicts_compose_by_this_table() {
        use CoverageVerdict::{Sufficient, Thin};
        use Trouble::{Interrupted, None as Fine};
        use Verdict::{Invalid, Unknown, Valid};
        let failed = Trouble::Failed("node n1 did not start".to_owned());
        type Row<'a> = (&'a [Verdict], CoverageVerdict, Option<bool>, &'a Trouble, Verdict, u8, &'a str);
        #[rustfmt::skip]
        let table: [Row<'_>; 17] = [
            (&[Valid, Valid],   Sufficient, Some(true),  &Fine, Valid,   0, "Every promise checked was kept: COVERAGE."),
            (&[Valid],          Sufficient, None,        &Fine, Valid,   0, "Every promise checked was kept: COVERAGE."),
            (&[Valid],          Sufficient, Some(false), &Fine, Valid,   3, "Safety held, but the system did not recover: it did not serve within 30.0 s after the last heal."),
            (&[Valid],          Thin,       Some(true),  &Fine, Unknown, 2, "Nothing was violated, but the run tried too little: COVERAGE."),
            (&[Valid],          Thin,       None,        &Fine, Unknown, 2, "Nothing was violated, but the run tried too little: COVERAGE."),
            (&[Valid],          Thin,       Some(false), &Fine, Unknown, 2, "Nothing was violated, but the run tried too little: COVERAGE. Nor did the system recover: it did not serve within 30.0 s after the last heal."),
            (&[],               Sufficient, Some(true),  &Fine, Unknown, 2, "No checker judged this history."),
            (&[Valid, Unknown], Sufficient, Some(true),  &Fine, Unknown, 2, "c1: out of steps."),
            (&[Unknown],        Thin,       Some(false), &Fine, Unknown, 2, "c0: out of steps. Nor did the system recover: it did not serve within 30.0 s after the last heal."),
            (&[Unknown, Invalid], Sufficient, Some(true),  &Fine, Invalid, 1, "c1: element 1 was lost."),
            (&[Invalid, Valid], Thin,       Some(false), &Fine, Invalid, 1, "c0: element 1 was lost."),
            (&[Valid],          Sufficient, Some(true),  &Interrupted, Unknown, 130, "The run was interrupted; what was recorded up to there can be judged with `check`."),
            (&[Invalid],        Sufficient, Some(true),  &Interrupted, Invalid, 130, "The run was interrupted, and what was recorded up to there shows a violation: c0: element 1 was lost."),
            (&[Unknown, Invalid], Thin,     None,        &Interrupted, Invalid, 130, "The run was interrupted, and what was recorded up to there shows a violation: c1: element 1 was lost."),
            (&[Valid],          Sufficient, Some(true),  &failed, Unknown, 255, "The harness failed: node n1 did not start."),
            (&[],               Thin,       None,        &failed, Unknown, 255, "The harness failed: node n1 did not start."),
            (&[Invalid],        Sufficient, Some(true),  &failed, Unknown, 255, "The harness failed: node n1 did not start. Up to there a checker found a violation: c0: element 1 was lost."),
        ];
        for (verdicts, coverage, recovered, trouble, verdict, exit_code, reason) in table {
            let overall = composed(verdicts, coverage, recovered, trouble);
            let expected = Overall { verdict, exit_code, reason: reason.to_owned() };
            assert_eq!(overall, expected, "{verdicts:?} {coverage:?} {recovered:?} {trouble:?}");
        }
    }
}
