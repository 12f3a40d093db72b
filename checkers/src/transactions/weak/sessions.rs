//! Read your writes, and monotonic reads: what a session owes to itself.
//!
//! Terry et al. (PDIS 1994). For each session and key there must be an order of the versions such
//! that what the session reads is never older than what it had written, or had seen. Values of registers
//! are unique, which leaves a few patterns; a list shows the order itself. A transaction's earlier
//! micro-operations count as earlier in the session.

use super::super::history::NONE;
use super::Decision;
use super::committed::{Committed, INIT};
use super::explain::Explain;
use super::level::Level;
use super::meter::Meter;
use super::words::Words;

/// Decides read your writes.
///
/// The order of versions that a session sees has its own writes in their order. So of a register it
/// may read, after its own write, that write or one of another session, but neither nil nor an older
/// write of its own; of a list, nothing before its own last append.
pub(crate) fn read_your_writes(words: &Words<'_>, committed: &Committed<'_>) -> Decision {
    let explain = Explain { words, committed, level: Level::ReadYourWrites };
    // For each key the session that last wrote it, with which node, and its rank if it is a list.
    let mut own: Vec<(u32, u32, u32)> = vec![(NONE, NONE, 0); committed.history.keys.len()];
    for session in 0..committed.sessions() {
        for node in committed.session(session) {
            for read in committed.reads_of(*node) {
                let (by, written, rank) = own[read.key as usize];
                if by != session || written == read.from {
                    continue;
                }
                let stale = if committed.lists() {
                    committed.rank(read.from, read.key) < rank
                } else {
                    read.from == INIT || committed.in_session_before(read.from, written)
                };
                if stale {
                    let sentence = format!(
                        "{} read {}, although its session had written {} before, with {}",
                        explain.name(*node),
                        explain.wrote(read.from, read.key),
                        explain.wrote(written, read.key),
                        explain.name(written)
                    );
                    let about = [written, *node, read.from];
                    return Decision::Broken(explain.finding(
                        "stale-own-write",
                        sentence,
                        &about,
                        Some(read.key),
                        Vec::new(),
                    ));
                }
            }
            for at in committed.write_range(*node) {
                let slot = &mut own[committed.writes[at].key as usize];
                let rank = committed.ranks.get(at).copied().unwrap_or(0);
                if slot.0 != session || !committed.lists() || rank >= slot.2 {
                    *slot = (session, *node, rank);
                }
            }
        }
    }
    Decision::Holds
}

/// The last read of a key.
#[derive(Clone, Copy)]
struct Last {
    session: u32,
    time: u32,
    reader: u32,
    from: u32,
    /// A node that writes the key and was seen, the highest in the list if it is one.
    seen: u32,
    rank: u32,
}

/// Decides monotonic reads.
///
/// Going back shows, of a register, where a version is read again after another one, or nil after any:
/// whichever of the two is older, it was read after the newer. One that was seen through another
/// key of its transaction counts as seen. Of a list it shows in the contents.
pub(crate) fn monotonic_reads(
    words: &Words<'_>,
    committed: &Committed<'_>,
    meter: &mut Meter<'_>,
) -> Decision {
    let explain = Explain { words, committed, level: Level::MonotonicReads };
    let nobody = Last { session: NONE, time: 0, reader: NONE, from: NONE, seen: NONE, rank: 0 };
    let mut keys = vec![nobody; committed.history.keys.len()];
    // For each node the session that last saw it, since when, and which of its nodes did.
    let mut since: Vec<(u32, u32, u32)> = vec![(NONE, 0, NONE); committed.len()];
    let mut time = 0;
    for session in 0..committed.sessions() {
        for node in committed.session(session) {
            for at in committed.read_range(*node) {
                let read = committed.reads[at];
                time += 1;
                let key = read.key;
                let last = &mut keys[key as usize];
                if last.session != session {
                    *last = Last { session, ..nobody };
                }
                let before = *last;
                let first_seen = since.get(read.from as usize).filter(|seen| seen.0 == session);
                let back = if committed.lists() {
                    before.seen != NONE && committed.rank(read.from, key) < before.rank
                } else if read.from == INIT {
                    before.seen != NONE
                } else {
                    before.reader != NONE
                        && before.from != read.from
                        && first_seen.is_some_and(|seen| seen.1 < before.time)
                };
                if back {
                    let step = Back { before, read: read.from, key, node: *node };
                    let first = first_seen.map(|seen| seen.2);
                    return Decision::Broken(step.finding(&explain, committed.lists(), first));
                }
                *last = Last { time, reader: *node, from: read.from, ..before };
                for seen in committed.seen_by_read(at) {
                    let known = &mut since[*seen as usize];
                    if known.0 == session {
                        continue;
                    }
                    *known = (session, time, *node);
                    let range = committed.write_range(*seen);
                    if let Err(reason) = meter.take(1 + range.len() as u64) {
                        return Decision::Unknown(reason);
                    }
                    for write in range {
                        let slot = &mut keys[committed.writes[write].key as usize];
                        if slot.session != session {
                            *slot = Last { session, ..nobody };
                        }
                        let rank = committed.ranks.get(write).copied().unwrap_or(0);
                        if slot.seen == NONE || rank > slot.rank {
                            (slot.seen, slot.rank) = (*seen, rank);
                        }
                    }
                }
            }
        }
    }
    Decision::Holds
}

struct Back {
    before: Last,
    read: u32,
    key: u32,
    node: u32,
}

impl Back {
    fn finding(
        &self,
        explain: &Explain<'_, '_>,
        lists: bool,
        first: Option<u32>,
    ) -> crate::evidence::Finding {
        let Back { before, read, key, node } = *self;
        let newer = if lists || read == INIT { before.seen } else { before.from };
        let sentence = format!(
            "{} read {} although its session had seen {} before",
            explain.name(node),
            explain.wrote(read, key),
            explain.wrote(newer, key)
        );
        let mut about = vec![node, read, newer, before.reader];
        let mut steps = Vec::new();
        if let Some(first) = first.filter(|_| !lists && read != INIT) {
            about.push(first);
            steps.push(format!(
                "{} saw {}, so {} of {} is newer for its session",
                explain.name(first),
                explain.name(read),
                explain.wrote(newer, key),
                explain.name(before.reader),
            ));
            steps.push(format!("{} read the older one again", explain.name(node)));
        }
        about.retain(|node| *node != NONE);
        explain.finding("non-monotonic-read", sentence, &about, Some(key), steps)
    }
}
