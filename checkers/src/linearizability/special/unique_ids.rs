//! A generator of ids: no two answers are the same. When they were given makes no difference.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::{Contradiction, Sentence, Span, Special};
use crate::hash::FastHash;

/// Whether all answers differ.
pub fn check<T: Eq + Hash>(answers: impl IntoIterator<Item = (Span, T)>) -> Special {
    let mut given: HashMap<T, u32, FastHash> = HashMap::default();
    for (span, id) in answers.into_iter().filter(|(span, _)| span.answered()) {
        match given.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(span.call);
            }
            Entry::Occupied(entry) => {
                let calls = [*entry.get(), span.call];
                let finding = Sentence::new("{} and {} were given the same id", &calls);
                return Special::Invalid(Contradiction::new(finding, Vec::new()));
            }
        }
    }
    Special::Valid
}
