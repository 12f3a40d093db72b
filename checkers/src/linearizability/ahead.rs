//! What a search may know of what comes.
//!
//! A state that cannot come back is not left while an operation
//! that needs it has yet to be invoked. And when a write is placed, so are, just before it, all
//! writes in flight whose value nobody ever finds: in any execution that places such a write later,
//! what follows it is another write, so it can be moved. Where the model knows the one state from which
//! a call can go on, it is tried in no other, and where it knows that nothing goes
//! on from a state to the end, that state is not entered. That loses no execution of the *whole*
//! history, and often most of the work; but what such a search reaches before it ends is not all
//! that is possible there.

use std::collections::HashMap;

use super::problem::Problem;
use crate::hash::FastHash;
use crate::model::{Blindness, Foresight, Hopeless, Model};

/// What a search knows of what comes; nothing, for one that does not look ahead.
pub(super) struct Ahead<M: Model> {
    /// Position before which a state must not be left.
    pub(super) last_needs: HashMap<M::State, usize, FastHash>,
    /// By call.
    pub(super) blindness: Vec<Blindness>,
    /// The only state from which to try a call, by call.
    pub(super) only_from: Vec<Option<M::State>>,
    /// Which states not to enter.
    pub(super) hopeless: Option<Hopeless<M::State>>,
}

impl<M: Model> Ahead<M> {
    pub(super) fn nothing() -> Self {
        Ahead { last_needs: HashMap::default(), blindness: Vec::new(), only_from: Vec::new(), hopeless: None }
    }

    /// `None` if there is nothing to be seen.
    pub(super) fn of(problem: &Problem<'_, M>) -> Option<Self> {
        let foresight = problem.model.foresight(&problem.calls);
        let Foresight { last_needs: needs, blindness, only_from, hopeless } = foresight;
        let nothing_known = hopeless.is_none() && needs.is_empty() && only_from.iter().all(Option::is_none);
        if nothing_known && !blindness.contains(&Blindness::Idle) {
            return None;
        }
        Some(Ahead { last_needs: needs.into_iter().collect(), blindness, only_from, hopeless })
    }

    /// Whether it is known of some call from which state alone it can be placed.
    pub(super) fn foresees(&self) -> bool {
        !self.only_from.is_empty()
    }
}
