//! Read committed: a transaction that has read from `t2` does not afterwards read what `t2`
//! overwrote. Biswas and Enea, axiom "Read Committed"; the pairs are AWDIT's, section 3.

use super::super::history::NONE;
use super::committed::Committed;
use super::meter::Meter;
use super::order::{Forced, Sink};

/// What a node reads of a key from some place on.
#[derive(Clone, Copy)]
struct Ahead {
    /// By whom this was written down.
    reader: u32,
    /// The nearest read is from here.
    nearest: u32,
    /// The nearest that is from somewhere else; `NONE - 1` without one.
    other: u32,
}

const NOWHERE: u32 = NONE - 1;

/// Every pair that read committed forces, up to those that follow from others.
///
/// A transaction costs its reads times the square root of the history at most, because the
/// smaller of two sets is walked.
///
/// # Errors
/// The budget ended.
pub(crate) fn force(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<(), String> {
    let keys = committed.history.keys.len();
    let mut ahead = vec![Ahead { reader: NONE, nearest: NOWHERE, other: NOWHERE }; keys];
    // For each writer the node that last met it, and at which of its reads first.
    let mut first_met: Vec<(u32, u32)> = vec![(NONE, 0); committed.len()];
    for t3 in 0..committed.len() as u32 {
        let reads = committed.read_range(t3);
        meter.take(reads.len() as u64 + 1)?;
        if reads.len() < 2 {
            continue;
        }
        for at in reads.clone() {
            for t2 in committed.seen_by_read(at) {
                let met = &mut first_met[*t2 as usize];
                if met.0 != t3 {
                    *met = (t3, at as u32);
                }
            }
        }
        let mut distinct = Vec::new();
        for at in reads.clone().rev() {
            for t2 in committed.seen_by_read(at) {
                if first_met[*t2 as usize] != (t3, at as u32) {
                    continue;
                }
                let mut look = |key: u32| {
                    let next = ahead[key as usize];
                    if next.reader != t3 {
                        return;
                    }
                    let t1 = if next.nearest == *t2 { next.other } else { next.nearest };
                    if t1 != NOWHERE && !committed.known_before(*t2, t1, key) {
                        sink.forced(Forced { t2: *t2, t1, t3, key });
                    }
                };
                let writes = committed.writes_of(*t2);
                if writes.len() <= distinct.len() {
                    writes.iter().for_each(|write| look(write.key));
                } else {
                    distinct.iter().filter(|key| committed.writes_key(*t2, **key)).for_each(|key| look(*key));
                }
            }
            let read = committed.reads[at];
            let next = &mut ahead[read.key as usize];
            if next.reader != t3 {
                *next = Ahead { reader: t3, nearest: read.from, other: NOWHERE };
                distinct.push(read.key);
            } else if next.nearest != read.from {
                *next = Ahead { reader: t3, nearest: read.from, other: next.nearest };
            }
        }
    }
    Ok(())
}
