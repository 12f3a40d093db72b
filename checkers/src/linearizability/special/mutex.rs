//! A mutex: `acquire` finds it free, `release` finds it held.
//!
//! A process has one operation at a time, and here it releases only what it acquired itself. Its
//! acquire and the release that follows are a *section*, and in an execution they stand next to each
//! other. Two sections exclude each other, so one must be over before the other begins: section X
//! stands before Y if the acquire of X returned before the release of Y was invoked. If that holds
//! both ways, there is no execution; if it does for no pair, the order of the returns of the acquires
//! is one (the argument is that of [`register`](super::register), where these are the blocks).
//!
//! An acquire without an answer is left out: its process never releases, so it could only be the
//! last. A release without an answer may come at any time after it was invoked, and needs no return.
//! A section that is never released is the last of all.

use std::collections::HashMap;

use super::{Contradiction, NEVER, Sentence, Span, Special};
use crate::hash::FastHash;

/// An operation on a mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutexOp {
    /// When.
    pub span: Span,
    /// Who.
    pub process: u32,
    /// Acquire or release.
    pub acquires: bool,
}

/// An acquire with its release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    pub(super) acquire: Span,
    /// `None` if there is none.
    pub(super) release: Option<Span>,
}

impl Section {
    /// The position at which it had not ended yet.
    fn lasted(&self) -> u32 {
        self.release.map_or(NEVER, |release| release.call)
    }
}

/// Whether operations on one mutex, in the order of their invocations, are linearizable.
///
/// Not accepted: a process that releases what it did not acquire before, or acquires twice.
pub fn check(ops: &[MutexOp]) -> Special {
    match sections(ops.iter().enumerate().map(|(at, op)| (at as u32, op))) {
        Ok(sections) => exclusive(sections.into_iter().map(|(_, section)| section).collect()),
        Err(reason) => Special::NotMine(reason),
    }
}

/// The sections in the order of their acquires, each with the index of its acquire.
pub(super) fn sections<'o>(
    ops: impl Iterator<Item = (u32, &'o MutexOp)>,
) -> Result<Vec<(u32, Section)>, &'static str> {
    let mut sections: Vec<(u32, Section)> = Vec::new();
    // By process the section that it is in.
    let mut inside: HashMap<u32, usize, FastHash> = HashMap::default();
    for (at, op) in ops {
        if !op.acquires {
            let Some(section) = inside.remove(&op.process) else {
                return Err("a process releases what it did not acquire");
            };
            sections[section].1.release = Some(op.span);
        } else if op.span.answered() {
            if inside.insert(op.process, sections.len()).is_some() {
                return Err("a process acquires twice");
            }
            sections.push((at, Section { acquire: op.span, release: None }));
        }
    }
    Ok(sections)
}

fn exclusive(mut sections: Vec<Section>) -> Special {
    sections.sort_unstable_by_key(|section| section.acquire.ret);
    let mut longest: Option<&Section> = None;
    for section in &sections {
        if let Some(longest) = longest
            && section.acquire.ret < longest.lasted()
        {
            return Special::Invalid(overlap(longest, section));
        }
        if longest.is_none_or(|longest| longest.lasted() < section.lasted()) {
            longest = Some(section);
        }
    }
    Special::Valid
}

fn overlap(first: &Section, second: &Section) -> Contradiction {
    let held = |section: &Section| match section.release {
        Some(release) => Sentence::new(
            "the lock was held from before {} returned until after {} was invoked, by the same process",
            &[section.acquire.call, release.call],
        ),
        None => Sentence::new(
            "the lock was held from before {} returned, and never released again by its process",
            &[section.acquire.call],
        ),
    };
    Contradiction::new(
        Sentence::new(
            "two processes held the lock at once: {} and {}",
            &[first.acquire.call, second.acquire.call],
        ),
        vec![
            held(first),
            held(second),
            Sentence::new(
                "each of the two had begun before the other ended, so neither can have come first",
                &[],
            ),
        ],
    )
}
