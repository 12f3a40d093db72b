//! A set with `add`, `remove` and `contains`, in which every element is added and removed once.
//!
//! Elements do not depend on each other. An element is in the set from the moment `x` of its add to
//! the moment `y` of its remove. Whoever found it demands `x` before its return and `y` after its
//! invocation; so `x` is no later than `X`, the first of the returns of the add and of those who found
//! it, and `y` no earlier than `Y`, the last of the invocations of the remove and of those. Whoever
//! missed it is best served by `x = X` and `y = Y`: it must have been invoked before `X`, or have
//! returned after `Y`. A remove that comes before the add removes nothing; then there is no `y`.
//!
//! An add without an answer may be left out if nobody found its element; a remove without an answer
//! at any time.

use super::names::Names;
use super::{Contradiction, NEVER, Sentence, Span, Special};

/// What an operation on a set does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetAct {
    /// Puts the element in.
    Add,
    /// Takes the element out, if it is there.
    Remove,
    /// Found the element.
    Found,
    /// Looked for the element, which was not there.
    Missed,
}

/// An operation on a set. Elements are named by numbers: equal names mean equal elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetOp {
    /// When.
    pub span: Span,
    /// What.
    pub act: SetAct,
    /// Which element.
    pub element: u64,
}

/// What happened to one element.
#[derive(Clone, Copy, Debug)]
struct Element {
    add: Option<Span>,
    remove: Option<Span>,
    /// Of those who found it: who returned first, and who was invoked last.
    found: Option<(Span, Span)>,
}

/// Whether operations on one set are linearizable.
///
/// Not accepted: an element that is added twice, or removed twice.
pub fn check(ops: &[SetOp]) -> Special {
    match decide(ops) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

fn decide(ops: &[SetOp]) -> Result<(), Special> {
    let mut names = Names::of(ops.iter().map(|op| op.element));
    let mut elements: Vec<Element> = Vec::new();
    let number = |names: &Names, op: &SetOp| names.get(op.element).map_or(0, |at| at as usize);
    for op in ops {
        if names.get(op.element).is_none() {
            names.add(op.element, elements.len() as u32);
            elements.push(Element { add: None, remove: None, found: None });
        }
        let element = &mut elements[number(&names, op)];
        match op.act {
            SetAct::Add if element.add.replace(op.span).is_some() => {
                return Err(Special::NotMine("an element is added twice"));
            }
            SetAct::Remove if element.remove.replace(op.span).is_some() => {
                return Err(Special::NotMine("an element is removed twice"));
            }
            SetAct::Found if op.span.answered() => {
                let (mut first, mut last) = element.found.unwrap_or((op.span, op.span));
                if op.span.ret < first.ret {
                    first = op.span;
                }
                if op.span.call > last.call {
                    last = op.span;
                }
                element.found = Some((first, last));
            }
            _ => {}
        }
    }
    // For each the ways in which all is explained but those who missed it, then those too.
    let mut ways: Vec<Ways> = Vec::with_capacity(elements.len());
    for element in &elements {
        ways.push(Ways::of(element).map_err(Special::Invalid)?);
    }
    for op in ops.iter().filter(|op| op.act == SetAct::Missed && op.span.answered()) {
        let at = number(&names, op);
        if !ways[at].miss(op.span) {
            return Err(Special::Invalid(missed(&elements[at], op.span)));
        }
    }
    Ok(())
}

/// What one element's execution can look like.
#[derive(Clone, Copy, Debug)]
struct Ways {
    /// `X` and `Y`: added, then removed.
    removed: Option<(u32, u32)>,
    /// `X`: added, and there ever since.
    stays: Option<u32>,
    /// Never added.
    absent: bool,
}

impl Ways {
    fn of(element: &Element) -> Result<Self, Contradiction> {
        let none = Ways { removed: None, stays: None, absent: false };
        let (Some(add), found) = (element.add, element.found) else {
            return match element.found {
                Some((first, _)) => Err(Contradiction::new(
                    Sentence::new("{} found an element that nothing had added", &[first.call]),
                    Vec::new(),
                )),
                None => Ok(Ways { absent: true, ..none }),
            };
        };
        let latest_add = found.map_or(add.ret, |(first, _)| first.ret.min(add.ret));
        if let Some((first, _)) = found
            && first.ret < add.call
        {
            return Err(Contradiction::new(
                Sentence::new("{} found an element before {} added it", &[first.call, add.call]),
                vec![Sentence::new(
                    "nothing else adds it, and {} had returned before {} was invoked",
                    &[first.call, add.call],
                )],
            ));
        }
        let mut ways = Ways { absent: found.is_none() && !add.answered(), ..none };
        match element.remove {
            None => ways.stays = Some(latest_add),
            Some(remove) => {
                let earliest_remove = found.map_or(remove.call, |(_, last)| last.call.max(remove.call));
                if earliest_remove < remove.ret && add.call < remove.ret {
                    ways.removed = Some((latest_add, earliest_remove));
                }
                if !remove.answered() || remove.call < latest_add {
                    ways.stays = Some(latest_add);
                }
            }
        }
        if ways.removed.is_none()
            && ways.stays.is_none()
            && !ways.absent
            && let (Some((_, last)), Some(remove)) = (found, element.remove)
        {
            let in_before = if add.ret < remove.call { add } else { found.map_or(add, |(first, _)| first) };
            return Err(Contradiction::new(
                Sentence::new("{} found an element that {} had removed", &[last.call, remove.call]),
                vec![
                    Sentence::new(
                        "it was in before {} returned, which was before {} was invoked",
                        &[in_before.call, remove.call],
                    ),
                    Sentence::new("{} had returned before {} was invoked", &[remove.call, last.call]),
                    Sentence::new("only {} adds it", &[add.call]),
                ],
            ));
        }
        Ok(ways)
    }

    /// Leaves only the ways in which somebody missed the element; false if there is none.
    fn miss(&mut self, span: Span) -> bool {
        self.removed = self.removed.filter(|(x, y)| span.call < *x || span.ret > *y);
        self.stays = self.stays.filter(|x| span.call < *x);
        self.removed.is_some() || self.stays.is_some() || self.absent
    }
}

fn missed(element: &Element, by: Span) -> Contradiction {
    let nobody = Span { call: NEVER, ret: NEVER };
    let add = element.add.unwrap_or(nobody);
    let in_before = match element.found {
        Some((first, _)) if first.ret < add.ret => first,
        _ => add,
    };
    let mut steps = vec![
        Sentence::new("{} adds the element", &[add.call]),
        Sentence::new(
            "it was in before {} returned, which was before {} was invoked",
            &[in_before.call, by.call],
        ),
    ];
    match (element.remove, element.found) {
        (None, _) => steps.push(Sentence::new("nothing removes it", &[])),
        (Some(remove), Some((_, last))) if last.call > remove.call && last.call > by.ret => {
            steps.push(Sentence::new(
                "it was still in when {} was invoked, after {} had returned",
                &[last.call, by.call],
            ));
            steps.push(Sentence::new("only {} removes it, and nothing adds it again", &[remove.call]));
        }
        (Some(remove), _) => steps.push(Sentence::new(
            "only {} removes it, and no order of that with what others found leaves a moment for {}",
            &[remove.call, by.call],
        )),
    }
    Contradiction::new(Sentence::new("{} did not find an element that was there", &[by.call]), steps)
}
