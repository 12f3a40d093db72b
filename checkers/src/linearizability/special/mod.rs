//! Near-linear checkers for the objects where that is possible, each sound and complete on what it
//! accepts. What one does not accept, the general [search](super) judges.
//!
//! They take operations as plain columns of numbers, with values named by numbers, and need no
//! search, so an invalid history costs what a valid one costs, and its evidence is two to a dozen
//! operations with a sentence for each step of the argument.
//!
//! | file | object | accepted | cost |
//! |---|---|---|---|
//! | `register.rs` | register with read, write, cas | each value written once | n log n |
//! | `register_order.rs` | the same: an order that explains everything; failed cas | | n log n |
//! | `register_proof.rs` | the same: why there is none | | n |
//! | `fifo_queue.rs` | FIFO queue, and `bag.rs` the unordered one | each element once | n |
//! | `mutex.rs`, `fenced_lock.rs` | locks | processes release what they acquired | n log n |
//! | `set.rs` | set with add, remove, contains | each element added, removed once | n |
//! | `grow_only_set.rs` | set with add and reads of everything | each element added once | size |
//! | `counter.rs` | counter with inc and read | increments all of the same size | n log n |
//! | `fetch_and_add.rs` | counter whose increments answer | the same | n log n |
//! | `from_models.rs` | from the models' typed calls to these columns | | |

mod bag;
pub mod counter;
pub mod fenced_lock;
pub mod fetch_and_add;
pub mod fifo_queue;
pub(crate) mod from_models;
pub mod grow_only_set;
pub mod mutex;
mod names;
pub mod register;
mod register_order;
mod register_proof;
pub mod set;

pub use bag::check as check_bag;

/// The return of an operation that was never answered: it may take effect at any time, or never.
pub const NEVER: u32 = u32::MAX;

/// When an operation was invoked and when it was answered, as positions in the history. The first
/// also names the operation: no two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Position of the invocation.
    pub call: u32,
    /// Position of the completion, or [`NEVER`].
    pub ret: u32,
}

impl Span {
    /// Whether the operation certainly happened.
    pub fn answered(self) -> bool {
        self.ret != NEVER
    }

    /// Whether it was answered before the other was invoked.
    pub fn precedes(self, other: Span) -> bool {
        self.ret < other.call
    }
}

/// What a special checker answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Special {
    /// The operations are linearizable.
    Valid,
    /// They are not.
    Invalid(Contradiction),
    /// Not for this checker to say, and why.
    NotMine(&'static str),
}

/// Why no order explains everything: a few operations, and an argument about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The finding.
    pub finding: Sentence,
    /// The argument, a sentence per step.
    pub steps: Vec<Sentence>,
    /// Positions of the invocations of all operations that the argument rests on, in order.
    pub operations: Vec<u32>,
}

impl Contradiction {
    /// The operations are those that the sentences name.
    pub(super) fn new(finding: Sentence, steps: Vec<Sentence>) -> Self {
        let sentences = std::iter::once(&finding).chain(&steps);
        let mut operations: Vec<u32> = sentences.flat_map(Sentence::operations).collect();
        operations.sort_unstable();
        operations.dedup();
        Contradiction { finding, steps, operations }
    }
}

/// A sentence about operations. Only whoever has the history can write their names in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence(Vec<Part>);

/// A part of a [`Sentence`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Operation(u32),
}

impl Sentence {
    /// The text with each `{}` replaced by the next of the operations.
    pub(super) fn new(template: &str, operations: &[u32]) -> Self {
        let mut parts = Vec::new();
        let mut next = operations.iter();
        for (index, text) in template.split("{}").enumerate() {
            if index > 0
                && let Some(&operation) = next.next()
            {
                parts.push(Part::Operation(operation));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
        }
        Sentence(parts)
    }

    /// Names operations one after the other, the middle ones of many left out.
    pub(super) fn list(mut self, operations: &[u32], most: usize) -> Self {
        let omitted = operations.len().saturating_sub(most);
        let half = most.div_ceil(2);
        for (index, &operation) in operations.iter().enumerate() {
            if omitted > 0 && (half..half + omitted).contains(&index) {
                if index == half {
                    self.0.push(Part::Text(format!(", ({omitted} others)")));
                }
                continue;
            }
            if index > 0 {
                self.0.push(Part::Text(", ".to_owned()));
            }
            self.0.push(Part::Operation(operation));
        }
        self
    }

    /// Goes on with more text.
    pub(super) fn and(mut self, template: &str, operations: &[u32]) -> Self {
        self.0.extend(Sentence::new(template, operations).0);
        self
    }

    /// The operations that it names.
    pub fn operations(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|part| match part {
            Part::Operation(operation) => Some(*operation),
            Part::Text(_) => None,
        })
    }

    /// The sentence, with `name` saying what an operation is called.
    pub fn write(&self, name: impl Fn(u32) -> String) -> String {
        let words = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Operation(operation) => name(*operation),
        });
        words.collect()
    }
}

/// The latest invocation so far, for checking that a given order keeps real time: nothing may stand
/// behind what was invoked only after it had returned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    call: u32,
}

impl Latest {
    /// Appends an operation; if it had returned before one that stands before it was invoked, that
    /// one's position.
    pub(super) fn append(&mut self, span: Span) -> Result<(), u32> {
        if span.ret < self.call {
            return Err(self.call);
        }
        self.call = self.call.max(span.call);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_operations() {
        let sentence = Sentence::new("{} came before {}: ", &[3, 9]).list(&[1, 2, 3, 4, 5], 2).and(".", &[]);
        assert_eq!(sentence.write(|at| format!("#{at}")), "#3 came before #9: #1, (3 others), #5.");
        assert_eq!(sentence.operations().collect::<Vec<_>>(), [3, 9, 1, 5]);
    }
}
