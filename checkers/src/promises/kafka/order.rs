//! Whether polls and sends go forward through the log, and leave nothing out.

use std::collections::HashMap;

use super::super::findings::{Findings, shorten};
use super::log::{Log, Operations, Part};
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History};

/// The last part of each key in a walk, and the operation that had it.
type Last = HashMap<u32, (Part, u32), FastHash>;

/// Clearing a table costs as much as it is large, and one large operation may come before many small ones.
fn empty(table: &mut Last) {
    if table.capacity() > 64 { *table = Last::default() } else { table.clear() }
}

/// How far the log goes on from one message to the next: 1 is right. Unknown places are right.
fn distance(log: &Log, one: Part, next: Part) -> i64 {
    if one.message == next.message {
        return 0;
    }
    let place = |part: Part| log.of[part.message as usize].only();
    place(one).zip(place(next)).map_or(1, |(one, next)| next - one)
}

fn told(operations: &Operations<'_>, part: Part) -> String {
    shorten(&operations.messages[part.message as usize].value)
}

/// Two parts of one operation after the other.
pub(super) fn within(history: &History, operations: &Operations<'_>, log: &Log, findings: &mut Findings<'_>) {
    let mut last = Last::default();
    for operation in &operations.all {
        let shown = history.origin(operation.call as usize);
        let kinds = [
            (&operations.polls[operation.polls.clone()], "polls", "int-poll-skip", "int-nonmonotonic-poll"),
            (&operations.sends[operation.sends.clone()], "sends", "int-send-skip", "int-nonmonotonic-send"),
        ];
        for (parts, does, skip, back) in kinds {
            let sends = does == "sends";
            if sends && operation.fate == Fate::Fail || parts.len() < 2 {
                continue;
            }
            empty(&mut last);
            for part in parts {
                let Some((before, _)) = last.insert(part.key, (*part, operation.call)) else { continue };
                if !sends && operation.rebalanced.binary_search(&part.key).is_ok() {
                    continue;
                }
                let distance = distance(log, before, *part);
                if distance == 1 {
                    continue;
                }
                let problem = if distance > 1 { skip } else { back };
                findings.add(problem, &[operation.call as usize], || {
                    let (one, next) = (told(operations, before), told(operations, *part));
                    let key = operations.keys[part.key as usize];
                    let how = how(distance);
                    format!("the operation at event {shown} {does} {one} and then {next} of the key {key}, which {how}")
                });
            }
        }
    }
}

fn how(distance: i64) -> String {
    match distance {
        0 => "is the same place in the log".to_owned(),
        n if n < 0 => format!("is {} back in the log", n.unsigned_abs()),
        n => format!("leaves {} out that the log has between them", n - 1),
    }
}

#[derive(Default)]
struct Walk {
    polled: Last,
    sent: Last,
}

/// One operation of a process after the other.
pub(super) fn between(
    history: &History,
    operations: &Operations<'_>,
    log: &Log,
    findings: &mut Findings<'_>,
) {
    let mut walks: HashMap<Process, Walk, FastHash> = HashMap::default();
    let mut first = Last::default();
    for operation in &operations.all {
        let walk = walks.entry(operation.process).or_default();
        if let Some(chosen) = &operation.chosen {
            // It goes on only where it was before.
            let mut kept = Last::default();
            for key in chosen {
                kept.extend(walk.polled.remove(key).map(|last| (*key, last)));
            }
            walk.polled = kept;
            continue;
        }
        let call = operation.call as usize;
        let kinds = [
            (&operations.polls[operation.polls.clone()], &mut walk.polled, "polls"),
            (&operations.sends[operation.sends.clone()], &mut walk.sent, "sends"),
        ];
        for (parts, last, does) in kinds {
            let sends = does == "sends";
            if sends && operation.fate == Fate::Fail {
                continue;
            }
            empty(&mut first);
            for part in parts {
                first.entry(part.key).or_insert((*part, operation.call));
            }
            // In the order of the answer, so that findings come in one order.
            for part in parts {
                let Some((next, _)) = first.remove(&part.key) else { continue };
                let Some((before, other)) = last.get(&part.key).copied() else { continue };
                let distance = distance(log, before, next);
                let problem = match (sends, distance) {
                    (false, n) if n > 1 => "poll-skip",
                    (false, n) if n < 1 => "nonmonotonic-poll",
                    (true, n) if n < 1 => "nonmonotonic-send",
                    _ => continue,
                };
                findings.add(problem, &[other as usize, call], || {
                    format!(
                        "process {} {does} {} of the key {} at event {}, and next {} at event {}, which {}",
                        operation.process,
                        told(operations, before),
                        operations.keys[part.key as usize],
                        history.origin(other as usize),
                        told(operations, next),
                        history.origin(call),
                        how(distance)
                    )
                });
            }
            // Polls of a transaction that did not commit are taken back.
            if sends || operation.fate == Fate::Ok {
                last.extend(parts.iter().map(|part| (part.key, (*part, operation.call))));
            }
        }
    }
}
