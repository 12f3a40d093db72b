//! Read atomic: a transaction sees all writes of a transaction of which it sees one, and all of
//! its session. Biswas and Enea, axiom "Read Atomic"; the pairs are AWDIT's, section 3.

use super::super::history::NONE;
use super::committed::Committed;
use super::meter::Meter;
use super::order::{Forced, Sink};

/// Every pair that read atomic forces, up to those that follow from others.
///
/// # Errors
/// The budget ended.
pub(crate) fn force(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<(), String> {
    own_session(committed, sink, meter)?;
    fractured(committed, sink, meter)
}

/// The writes of the session: the last one suffices, since it is after those before.
fn own_session(committed: &Committed<'_>, sink: &mut impl Sink, meter: &mut Meter<'_>) -> Result<(), String> {
    // For each key the session that last wrote it, and with which node.
    let mut latest: Vec<(u32, u32)> = vec![(NONE, NONE); committed.history.keys.len()];
    for session in 0..committed.sessions() {
        for t3 in committed.session(session) {
            meter.take(committed.read_range(*t3).len() as u64 + 1)?;
            for read in committed.reads_of(*t3) {
                let (by, t2) = latest[read.key as usize];
                if by == session && t2 != read.from && !committed.known_before(t2, read.from, read.key) {
                    sink.forced(Forced { t2, t1: read.from, t3: *t3, key: read.key });
                }
            }
            for write in committed.writes_of(*t3) {
                latest[write.key as usize] = (session, *t3);
            }
        }
    }
    Ok(())
}

/// The other writes of whatever is read from.
fn fractured(committed: &Committed<'_>, sink: &mut impl Sink, meter: &mut Meter<'_>) -> Result<(), String> {
    // For each key the node that last read it, and the first of its reads.
    let mut read_by: Vec<(u32, u32)> = vec![(NONE, NONE); committed.history.keys.len()];
    let mut met: Vec<u32> = vec![NONE; committed.len()];
    for t3 in 0..committed.len() as u32 {
        let reads = committed.read_range(t3);
        meter.take(reads.len() as u64 + 1)?;
        if reads.len() < 2 {
            continue;
        }
        for at in reads.clone() {
            let read = committed.reads[at];
            let first = &mut read_by[read.key as usize];
            if first.0 != t3 {
                *first = (t3, at as u32);
                continue;
            }
            // A second read of another version contradicts the first: each sees the other's writer.
            let earlier = committed.reads[first.1 as usize].from;
            if earlier != read.from {
                for (t2, t1) in [(earlier, read.from), (read.from, earlier)] {
                    if t2 != NONE {
                        sink.forced(Forced { t2, t1, t3, key: read.key });
                    }
                }
            }
        }
        for at in reads.clone() {
            for t2 in committed.seen_by_read(at) {
                if std::mem::replace(&mut met[*t2 as usize], t3) == t3 {
                    continue;
                }
                let mut look = |key: u32| {
                    let (by, first) = read_by[key as usize];
                    if by != t3 {
                        return;
                    }
                    let t1 = committed.reads[first as usize].from;
                    if t1 != *t2 && !committed.known_before(*t2, t1, key) {
                        sink.forced(Forced { t2: *t2, t1, t3, key });
                    }
                };
                let writes = committed.writes_of(*t2);
                if writes.len() <= reads.len() {
                    writes.iter().for_each(|write| look(write.key));
                } else {
                    for other in reads.clone() {
                        let key = committed.reads[other].key;
                        if committed.writes_key(*t2, key) {
                            look(key);
                        }
                    }
                }
            }
        }
    }
    Ok(())
}
