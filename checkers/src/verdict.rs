//! Verdicts, and what a checker says beside one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::value::{Value, to_value};

/// What a history shows of a promise. The order is the rule of composition: the worst one wins,
/// and a doubt is worse than a proof that all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The promise was kept, throughout this history.
    Valid,
    /// Neither shown nor refuted. Never to be taken for [`Verdict::Valid`].
    Unknown,
    /// The promise was broken, and there is evidence.
    Invalid,
}

impl Verdict {
    /// The word in which files and reports say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Unknown => "unknown",
            Verdict::Invalid => "invalid",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A checker's whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Which algorithm answered.
    pub algorithm: Cow<'static, str>,
    /// One sentence: why. Empty only for a plain `valid`.
    #[serde(default)]
    pub reason: String,
    /// For `invalid`: what proves it, the most telling first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Whatever else was measured or established, by name.
    #[serde(default)]
    pub details: BTreeMap<String, Value>,
}

impl Judgement {
    /// The promise was kept.
    pub fn valid(algorithm: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Verdict::Valid, algorithm, String::new())
    }

    /// Nothing can be said, and why.
    pub fn unknown(algorithm: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown, algorithm, reason.into())
    }

    /// The promise was broken. The reason is the first piece of evidence's sentence.
    pub fn invalid(algorithm: impl Into<Cow<'static, str>>, evidence: Vec<Evidence>) -> Self {
        let reason = evidence.first().map(|e| e.sentence().to_owned()).unwrap_or_default();
        Judgement { evidence, ..Self::new(Verdict::Invalid, algorithm, reason) }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.details.insert(name.to_owned(), to_value(&value));
        self
    }

    fn new(verdict: Verdict, algorithm: impl Into<Cow<'static, str>>, reason: String) -> Self {
        Judgement {
            verdict,
            algorithm: algorithm.into(),
            reason,
            evidence: Vec::new(),
            details: BTreeMap::new(),
        }
    }
}
