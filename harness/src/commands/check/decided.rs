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
        let judgement = self.inference.check(history, budget);
        if judgement.verdict != Verdict::Valid || history.operations().nth(SMALL).is_some() {
            return judgement;
        }
        let small = Budget { max_steps: STEPS.min(budget.max_steps), ..*budget };
        let mut decided = self.levels.iter().map(|level| level.check(history, &small));
        decided.find(|second| second.verdict == Verdict::Invalid).unwrap_or(judgement)
    }
}
