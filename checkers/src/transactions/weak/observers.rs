//! Monotonic writes, and writes follow reads: what every session owes to the others.
//!
//! Terry et al. (PDIS 1994). For each session and key there must be an order of the versions, with the
//! writes of each session in their order (monotonic writes), or each write after those that its session
//! had seen (writes follow reads), such that a transaction which sees a transaction also sees what
//! must be before that: if it reads the key, then that version or a later one.

use std::cmp::Reverse;

use super::Decision;
use super::committed::{Committed, INIT};
use super::cycle::{Before, components, shortest};
use super::explain::Explain;
use super::level::Level;
use super::meter::Meter;
use super::serial::Dag;
use super::words::Words;

/// A write of a key that a session makes, or sees: where in the session, and the writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: u32,
    session: u32,
    place: u32,
    writer: u32,
}

/// An order of two versions, and the transaction whose read demands it, if it does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    before: u32,
    after: u32,
    reader: u32,
}

const NOBODY: u32 = u32::MAX;

struct Observers<'o, 'a> {
    committed: &'o Committed<'a>,
    level: Level,
    explain: Explain<'o, 'a>,
    entries: Vec<Entry>,
}

/// Decides one of the two.
pub(crate) fn decide(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    meter: &mut Meter<'_>,
) -> Decision {
    let explain = Explain { words, committed, level };
    let mut observers = Observers { committed, level, explain, entries: Vec::new() };
    observers.decide(meter).unwrap_or_else(Decision::Unknown)
}

impl Observers<'_, '_> {
    fn decide(&mut self, meter: &mut Meter<'_>) -> Result<Decision, String> {
        self.collect(meter)?;
        let committed = self.committed;
        // The reads of each key, session by session.
        let mut reads: Vec<(u32, u32, u32, u32)> = Vec::with_capacity(committed.reads.len());
        for node in 0..committed.len() as u32 {
            for read in committed.reads_of(node) {
                let session = committed.session[node as usize];
                reads.push((read.key, session, node, read.from));
            }
        }
        reads.sort_unstable();
        meter.take(reads.len() as u64)?;
        let sees: Vec<Vec<(u32, u32)>> =
            (0..committed.len() as u32).map(|node| self.sessions_seen(node)).collect();
        let mut at = 0;
        while at < reads.len() {
            let key = reads[at].0;
            let end = at + reads[at..].partition_point(|read| read.0 == key);
            let base = self.base(key, meter)?;
            if let Some(finding) = self.agrees(key, None, &base) {
                return Ok(finding);
            }
            let mut order = KeyOrder::new(&reads[at..end], &base, committed.lists());
            while at < end {
                let session = reads[at].1;
                let next = at + reads[at..end].partition_point(|read| read.1 == session);
                let mut pairs: Vec<Pair> = Vec::new();
                for (_, _, node, from) in &reads[at..next] {
                    for (other, place) in &sees[*node as usize] {
                        let range = self.prefix(key, *other, *place);
                        meter.take(1 + range.len() as u64)?;
                        for entry in &self.entries[range] {
                            if entry.writer == *node || entry.writer == *from {
                                continue;
                            }
                            if *from == INIT {
                                return Ok(self.missed(key, entry.writer, *node));
                            }
                            pairs.push(Pair { before: entry.writer, after: *from, reader: *node });
                        }
                    }
                }
                pairs.sort_unstable();
                pairs.dedup_by_key(|pair| (pair.before, pair.after));
                meter.may_hold((pairs.len() + base.len() * 3) * size_of::<Pair>())?;
                let before = order.steps();
                if (committed.lists() || !order.allows(&pairs, &base))
                    && let Some(finding) =
                        self.agrees(key, Some(&pairs), if committed.lists() { &[] } else { &base })
                {
                    return Ok(finding);
                }
                meter.take(pairs.len() as u64 + order.steps() - before)?;
                at = next;
            }
        }
        Ok(Decision::Holds)
    }

    /// For monotonic writes what each session writes, for writes follow reads what it first sees.
    fn collect(&mut self, meter: &mut Meter<'_>) -> Result<(), String> {
        let committed = self.committed;
        let mut seen_by = vec![NOBODY; committed.len()];
        for session in 0..committed.sessions() {
            for node in committed.session(session) {
                let place = committed.place[*node as usize];
                if self.level == Level::MonotonicWrites {
                    let own = committed.writes_of(*node);
                    self.entries.extend(own.iter().map(|write| Entry {
                        key: write.key,
                        session,
                        place,
                        writer: *node,
                    }));
                    continue;
                }
                for read in committed.read_range(*node) {
                    for seen in committed.seen_by_read(read) {
                        if std::mem::replace(&mut seen_by[*seen as usize], session) == session {
                            continue;
                        }
                        let writes = committed.writes_of(*seen);
                        meter.take(1 + writes.len() as u64)?;
                        self.entries.extend(writes.iter().map(|write| Entry {
                            key: write.key,
                            session,
                            place,
                            writer: *seen,
                        }));
                    }
                }
                meter.may_hold(self.entries.len() * 16)?;
            }
        }
        self.entries.sort_unstable();
        Ok(())
    }

    /// Of each session that a node saw something of, up to where.
    fn sessions_seen(&self, node: u32) -> Vec<(u32, u32)> {
        let committed = self.committed;
        let mut seen: Vec<(u32, u32)> = committed
            .read_range(node)
            .flat_map(|read| committed.seen_by_read(read))
            .map(|seen| (committed.session[*seen as usize], committed.place[*seen as usize]))
            .collect();
        seen.sort_unstable_by_key(|(session, place)| (*session, Reverse(*place)));
        seen.dedup_by_key(|(session, _)| *session);
        seen
    }

    /// What whoever sees a place of a session must see of a key.
    fn prefix(&self, key: u32, session: u32, place: u32) -> std::ops::Range<usize> {
        let start = self.entries.partition_point(|entry| (entry.key, entry.session) < (key, session));
        // A session's write is itself what is seen; what it had read before it is seen with it.
        let end = match self.level {
            Level::MonotonicWrites => (key, session, place),
            _ => (key, session, place + 1),
        };
        let end = self.entries.partition_point(|entry| (entry.key, entry.session, entry.place) < end);
        // Of a session's own writes the last implies the others.
        match self.level {
            Level::MonotonicWrites => start.max(end.saturating_sub(2))..end,
            _ => start..end.max(start),
        }
    }

    /// The pairs of a key that hold for everybody.
    fn base(&self, key: u32, meter: &mut Meter<'_>) -> Result<Vec<Pair>, String> {
        let committed = self.committed;
        let start = self.entries.partition_point(|entry| entry.key < key);
        let end = self.entries.partition_point(|entry| entry.key <= key);
        let of_key = &self.entries[start..end];
        let mut pairs = Vec::new();
        if self.level == Level::MonotonicWrites {
            for two in of_key.windows(2).filter(|two| two[0].session == two[1].session) {
                pairs.push(Pair { before: two[0].writer, after: two[1].writer, reader: NOBODY });
            }
            return Ok(pairs);
        }
        let mut writers: Vec<u32> = of_key.iter().map(|entry| entry.writer).collect();
        writers.sort_unstable();
        writers.dedup();
        // Only a write that somebody saw can be between two others.
        for writer in writers {
            let (session, place) = (committed.session[writer as usize], committed.place[writer as usize]);
            let range = self.prefix(key, session, place);
            meter.take(1 + range.len() as u64)?;
            for entry in &self.entries[range] {
                if entry.writer != writer {
                    pairs.push(Pair { before: entry.writer, after: writer, reader: NOBODY });
                }
            }
            meter.may_hold(pairs.len() * 2 * size_of::<Pair>())?;
        }
        Ok(pairs)
    }

    /// A contradiction among pairs, if there is one.
    fn agrees(&self, key: u32, pairs: Option<&[Pair]>, base: &[Pair]) -> Option<Decision> {
        let all = || pairs.unwrap_or_default().iter().chain(base);
        if self.committed.lists() {
            let rank = |node| self.committed.rank(node, key);
            let wrong = all().find(|pair| rank(pair.before) > rank(pair.after))?;
            return Some(self.against_list(key, wrong));
        }
        // Pairs that agree with the order of invocations have no cycle.
        if pairs.is_some_and(<[Pair]>::is_empty) || all().all(|pair| pair.before < pair.after) {
            return None;
        }
        let mut nodes: Vec<u32> = all().flat_map(|pair| [pair.before, pair.after]).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let local = |node: u32| nodes.partition_point(|other| *other < node) as u32;
        let mut graph = Local(vec![Vec::new(); nodes.len()]);
        for pair in all() {
            graph.0[local(pair.after) as usize].push(local(pair.before));
        }
        let found = components(&graph);
        let smallest = found.iter().min_by_key(|component| component.len())?;
        let cycle: Vec<u32> = shortest(&graph, smallest).into_iter().map(|at| nodes[at as usize]).collect();
        let finding = self.explain.cycle(self.problem(), &cycle, |first, second, about| {
            let pair = all().find(|pair| (pair.before, pair.after) == (first, second));
            match pair {
                Some(pair) => self.pair(key, pair, about),
                None => format!("{} is before {}", self.explain.name(first), self.explain.name(second)),
            }
        });
        Some(Decision::Broken(finding))
    }

    fn problem(&self) -> &'static str {
        match self.level {
            Level::MonotonicWrites => "non-monotonic-write",
            _ => "write-before-read",
        }
    }

    fn pair(&self, key: u32, pair: &Pair, about: &mut Vec<u32>) -> String {
        let name = |node| self.explain.name(node);
        let wrote = |node| self.explain.wrote(node, key);
        let (before, after) = (name(pair.before), name(pair.after));
        if pair.reader == NOBODY {
            return match self.level {
                Level::MonotonicWrites => format!("{before} and later {after} are of one session"),
                _ => format!("the session of {after} had seen {before} when it wrote {}", wrote(pair.after)),
            };
        }
        about.push(pair.reader);
        format!(
            "{} read {} and saw a transaction whose session had {} {} of {before} before",
            name(pair.reader),
            wrote(pair.after),
            if self.level == Level::MonotonicWrites { "written" } else { "seen" },
            wrote(pair.before),
        )
    }

    fn against_list(&self, key: u32, pair: &Pair) -> Decision {
        let mut about = vec![pair.before, pair.after];
        let steps = vec![
            self.pair(key, pair, &mut about),
            format!(
                "but {} is not before {} in the lists that were read",
                self.explain.wrote(pair.before, key),
                self.explain.wrote(pair.after, key)
            ),
        ];
        let sentence = format!(
            "{} must be before {}, and is not",
            self.explain.wrote(pair.before, key),
            self.explain.wrote(pair.after, key)
        );
        Decision::Broken(self.explain.finding(self.problem(), sentence, &about, Some(key), steps))
    }

    fn missed(&self, key: u32, writer: u32, reader: u32) -> Decision {
        let how = if self.level == Level::MonotonicWrites { "written" } else { "seen" };
        let sentence = format!(
            "{} read {}, the initial state, and saw a transaction whose session had {how} {} of {} before",
            self.explain.name(reader),
            self.explain.wrote(INIT, key),
            self.explain.wrote(writer, key),
            self.explain.name(writer),
        );
        Decision::Broken(self.explain.finding(self.problem(), sentence, &[writer, reader], Some(key), vec![]))
    }
}

/// The order of the versions of a register that holds for everybody, to which each session adds its own
/// pairs for a while.
struct KeyOrder {
    nodes: Vec<u32>,
    /// Made when it is needed.
    dag: Option<Dag>,
    /// Everything in `base` agrees with the order of invocations.
    ascending: bool,
}

impl KeyOrder {
    fn new(reads: &[(u32, u32, u32, u32)], base: &[Pair], lists: bool) -> Self {
        let mut order = KeyOrder { nodes: Vec::new(), dag: None, ascending: true };
        if !lists {
            let read = reads.iter().map(|(_, _, _, from)| *from).filter(|from| *from != INIT);
            order.nodes = read.chain(base.iter().flat_map(|pair| [pair.before, pair.after])).collect();
            order.nodes.sort_unstable();
            order.nodes.dedup();
            order.ascending = base.iter().all(|pair| pair.before < pair.after);
        }
        order
    }

    fn steps(&self) -> u64 {
        self.dag.as_ref().map_or(0, |dag| dag.steps)
    }

    /// Whether the pairs have no cycle with the base, which has none by itself.
    fn allows(&mut self, pairs: &[Pair], base: &[Pair]) -> bool {
        if pairs.is_empty() || self.ascending && pairs.iter().all(|pair| pair.before < pair.after) {
            return true;
        }
        let nodes = &self.nodes;
        let local = |node: u32| nodes.binary_search(&node).ok().map(|at| at as u32);
        if self.dag.is_none() {
            let edge = |pair: &Pair| local(pair.before).zip(local(pair.after));
            let edges: Vec<(u32, u32)> = base.iter().filter_map(edge).collect();
            let hint: Vec<u32> = (0..nodes.len() as u32).collect();
            self.dag = Dag::new(nodes.len(), &edges, &hint);
        }
        let Some(dag) = &mut self.dag else { return false };
        let mut added = Vec::with_capacity(pairs.len());
        let mut fine = true;
        for pair in pairs {
            // A version that nobody reads, and nothing is known of, is after no other.
            let Some((before, after)) = local(pair.before).zip(local(pair.after)) else { continue };
            fine = dag.add(before, after, NOBODY).is_ok();
            if !fine {
                break;
            }
            added.push((before, after));
        }
        for (before, after) in added.into_iter().rev() {
            dag.undo(before, after);
        }
        fine
    }
}

struct Local(Vec<Vec<u32>>);

impl Before for Local {
    fn nodes(&self) -> usize {
        self.0.len()
    }
    fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
        *cursor += 1;
        self.0[node as usize].get(*cursor as usize - 1).copied()
    }
}
