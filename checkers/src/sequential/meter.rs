//! What is left of a budget, for work of every kind.
//!
//! A step of the budget is a configuration of a search. What is done to numbers in a row costs less:
//! so many units of it are a step. Whoever works says so as it goes, and is told when to end.

use crate::checker::Budget;

/// How many numbers are looked at in the time of a step.
const UNITS_A_STEP: u64 = 256;
/// How many units pass between two questions whether to stop: some milliseconds.
const ASK_EVERY: u64 = 1 << 22;

/// Why the work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spent(pub(super) String);

impl Spent {
    pub(super) fn steps() -> Self {
        Spent("the budget of steps is spent".to_owned())
    }

    pub(super) fn memory() -> Self {
        Spent("the budget of memory is spent".to_owned())
    }
}

/// See the module.
pub(super) struct Meter<'b> {
    stop: Option<&'b (dyn Fn() -> Option<String> + Sync)>,
    most: u64,
    spent: u64,
    ask_at: u64,
    /// How many bytes tables may take.
    pub(super) bytes: usize,
}

impl<'b> Meter<'b> {
    /// So many steps of this budget.
    pub(super) fn new(budget: &Budget<'b>, steps: u64) -> Self {
        let most = steps.saturating_mul(UNITS_A_STEP);
        Meter { stop: budget.stop, most, spent: 0, ask_at: ASK_EVERY, bytes: budget.max_bytes }
    }

    /// Spends so many units.
    pub(super) fn spend(&mut self, units: u64) -> Result<(), Spent> {
        self.spent = self.spent.saturating_add(units);
        if self.spent > self.most {
            return Err(Spent::steps());
        }
        if self.spent >= self.ask_at {
            self.ask_at = self.spent.saturating_add(ASK_EVERY);
            return self.stop.and_then(|stop| stop()).map_or(Ok(()), |reason| Err(Spent(reason)));
        }
        Ok(())
    }

    /// Spends so many steps.
    pub(super) fn step(&mut self, steps: u64) -> Result<(), Spent> {
        self.spend(steps.saturating_mul(UNITS_A_STEP))
    }

    /// Asks whether to stop, whatever was spent since it was last asked.
    pub(super) fn ask(&mut self) -> Result<(), Spent> {
        self.ask_at = 0;
        self.spend(0)
    }

    /// How many steps that were, a part of one being one.
    pub(super) fn steps(&self) -> u64 {
        self.spent.div_ceil(UNITS_A_STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_spends_is_asked_and_ends() {
        let stop = || Some("time limit".to_owned());
        let mut meter = Meter::new(&Budget { stop: Some(&stop), ..Budget::default() }, u64::MAX);
        assert_eq!(meter.spend(1), Ok(()));
        assert_eq!(meter.spend(ASK_EVERY), Err(Spent("time limit".to_owned())));
        let mut meter = Meter::new(&Budget::default(), 2);
        assert_eq!((meter.step(2), meter.steps()), (Ok(()), 2));
        assert_eq!(meter.spend(1), Err(Spent::steps()));
    }
}
