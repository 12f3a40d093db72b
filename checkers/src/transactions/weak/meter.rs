//! How much of a budget is left.

use crate::checker::Budget;

/// Counts steps and bytes, and asks now and then whether to stop.
pub(crate) struct Meter<'b> {
    budget: &'b Budget<'b>,
    /// Steps taken.
    pub steps: u64,
    ask_at: u64,
}

/// The stop is asked once in so many steps.
const ASK: u64 = 1 << 20;

impl<'b> Meter<'b> {
    /// Nothing is used yet.
    pub fn new(budget: &'b Budget<'b>) -> Self {
        Meter { budget, steps: 0, ask_at: 0 }
    }

    /// A budget of so many steps, that ends when this one is told to stop.
    pub fn part(&self, max_steps: u64) -> Budget<'b> {
        Budget { max_steps, ..*self.budget }
    }

    /// How many steps are left.
    pub fn left(&self) -> u64 {
        self.budget.max_steps.saturating_sub(self.steps)
    }

    /// That all steps were taken, in words.
    pub fn ended(&self) -> String {
        format!("the budget of {} steps ended", self.budget.max_steps)
    }

    /// Some steps more.
    ///
    /// # Errors
    /// Why to stop.
    #[inline]
    pub fn take(&mut self, steps: u64) -> Result<(), String> {
        self.steps += steps;
        if self.steps < self.ask_at { Ok(()) } else { self.ask() }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// Why not.
    #[cold]
    pub fn ask(&mut self) -> Result<(), String> {
        self.ask_at = (self.steps + ASK).min(self.budget.max_steps);
        if self.steps >= self.budget.max_steps {
            return Err(self.ended());
        }
        match self.budget.stop.and_then(|stop| stop()) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// Whether so many bytes may be held.
    ///
    /// # Errors
    /// They may not.
    pub fn may_hold(&self, bytes: usize) -> Result<(), String> {
        if bytes <= self.budget.max_bytes {
            return Ok(());
        }
        Err(format!("the budget of {} bytes ended", self.budget.max_bytes))
    }
}
