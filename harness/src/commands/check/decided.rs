//! An inference of dependencies, and a second look at what it lets pass.
//!
//! Cycles of dependencies that can be inferred are the quickest way to an anomaly, and to its name. But no
//! edge goes to a write whose place nobody saw, so that an inference alone lets some histories pass that
//! are no snapshot isolation. Where a history is small its level is decided as well, and a refutation
//! counts; whoever wants a proof, or to hear of its absence, says `--prove`.

use checkers::model::DecodeError;
use checkers::transactions::Isolation;
use checkers::{Budget, Checker, History, Judgement, Verdict};

/// The largest history that is looked at twice, in operations.
const SMALL: usize = 20_000;
/// How many steps the second look may take.
const STEPS: u64 = 2_000_000;

/// What a `valid` means that nothing else stands behind.
const NOT_PROVED: &str = "no anomaly could be inferred; that is no proof, which --prove looks for";

/// See the module.
pub struct Decided {
    /// The first look.
    pub inference: Box<dyn Checker>,
    /// The levels that are promised.
    pub levels: Vec<Isolation>,
}

impl Checker for Decided {
    fn name(&self) -> &str {
        self.inference.name()
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        self.inference.understands(history)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let mut judgement = self.inference.check(history, budget);
        if judgement.verdict != Verdict::Valid || self.levels.is_empty() {
            return judgement;
        }
        let mut proved = history.operations().nth(SMALL).is_none();
        if proved {
            let small = Budget { max_steps: STEPS.min(budget.max_steps), ..*budget };
            for level in &self.levels {
                let second = level.check(history, &small);
                if second.verdict == Verdict::Invalid {
                    return second;
                }
                proved &= second.verdict == Verdict::Valid;
            }
        }
        if !proved && judgement.reason.is_empty() {
            judgement.reason = NOT_PROVED.to_owned();
        }
        judgement.with("proved", proved)
    }
}
