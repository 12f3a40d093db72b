//! Several checkers of one history, as one.

use std::collections::BTreeMap;

use crate::checker::{Budget, Checker, check_guarded};
use crate::history::History;
use crate::model::DecodeError;
use crate::value::to_value;
use crate::verdict::{Judgement, Verdict};

/// Checkers whose judgements are told together: the worst verdict wins, `invalid` over `unknown`
/// over `valid`. Without parts it is `unknown`.
///
/// The judgement of each part stands in the details under its name; the evidence is that of all
/// that found some, in their order.
#[derive(Default)]
pub struct Composition {
    name: String,
    parts: Vec<(String, Box<dyn Checker>)>,
}

impl Composition {
    /// A composition of nothing so far.
    pub fn new(name: impl Into<String>) -> Self {
        Composition { name: name.into(), parts: Vec::new() }
    }

    /// The same with one more checker, under its own name.
    #[must_use]
    pub fn with(self, checker: impl Checker + 'static) -> Self {
        let name = checker.name().to_owned();
        self.with_named(name, Box::new(checker))
    }

    /// The same with one more checker under this name. A name that is there already gets a number,
    /// so that no judgement hides another.
    #[must_use]
    pub fn with_named(mut self, name: impl Into<String>, checker: Box<dyn Checker>) -> Self {
        let name = name.into();
        let taken = |name: &str| self.parts.iter().any(|(other, _)| other == name);
        let free = std::iter::once(name.clone())
            .chain((2..).map(|n: u32| format!("{name}-{n}")))
            .find(|name| !taken(name))
            .unwrap_or(name);
        self.parts.push((free, checker));
        self
    }

    /// The judgements of all parts, in their order.
    pub fn judgements(&self, history: &History, budget: &Budget<'_>) -> Vec<(String, Judgement)> {
        let judge = |(name, checker): &(String, Box<dyn Checker>)| {
            (name.clone(), check_guarded(checker.as_ref(), history, budget))
        };
        self.parts.iter().map(judge).collect()
    }
}

impl Checker for Composition {
    fn name(&self) -> &str {
        &self.name
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        self.parts.iter().try_for_each(|(_, checker)| checker.understands(history))
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        const ALGORITHM: &str = "composition";
        let all = self.judgements(history, budget);
        let Some((name, worst)) = all.iter().rev().max_by_key(|(_, judgement)| judgement.verdict) else {
            return Judgement::unknown(ALGORITHM, "there is no checker to ask");
        };
        let reason =
            if worst.reason.is_empty() { String::new() } else { format!("{name}: {}", worst.reason) };
        let mut judgement = match worst.verdict {
            Verdict::Valid => Judgement::valid(ALGORITHM),
            Verdict::Unknown => Judgement::unknown(ALGORITHM, reason),
            Verdict::Invalid => {
                let evidence = all.iter().flat_map(|(_, judgement)| judgement.evidence.iter().cloned());
                let invalid = Judgement::invalid(ALGORITHM, evidence.collect());
                Judgement { reason, ..invalid }
            }
        };
        let parts: BTreeMap<String, Judgement> = all
            .into_iter()
            .map(|(name, mut part)| {
                // It stands in the whole already.
                part.evidence.clear();
                (name, part)
            })
            .collect();
        judgement.details.insert("checkers".to_owned(), to_value(&parts));
        judgement
    }
}
