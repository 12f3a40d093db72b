//! What is known of a serial order or of snapshots, and which pairs of writes are left to decide.
//!
//! A polygraph (Papadimitriou, JACM 1979): for two writes of a key one is first, and then whoever
//! read the first is before the second. As in Cobra (OSDI 2020) what reads a version and writes the
//! next is one chain with it, which leaves fewer pairs. For snapshot isolation a transaction is two
//! moments, its snapshot and its commit (Viper, EuroSys 2023): whoever follows another begins after
//! its commit, whoever misses a write takes its snapshot before that commit. Then the history is
//! possible if and only if some choice leaves no cycle (Cerone and Gotsman, PODC 2016).

use super::super::super::history::NONE;
use super::super::committed::{Committed, INIT};
use crate::history::Fate;

/// What is to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One transaction after the other.
    Serial,
    /// Snapshots.
    Snapshot,
}

/// What an explanation must respect beside reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing.
    Nothing,
    /// The order of each session.
    Sessions,
    /// What was answered before another began, and sessions.
    Time,
}

/// A helping node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aux {
    /// Everybody who read what this node wrote to the key, but for the one who wrote the next version.
    Readers { writer: u32, key: u32 },
    /// A moment.
    Moment,
}

/// Versions of a key each of which is known to be right after the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub first: u32,
    pub last: u32,
    /// The graph's node for the readers of the last version; [`NONE`] without any.
    pub readers: u32,
}

/// What no choice can explain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clash {
    /// Two transactions each wrote on top of the same version.
    Update { key: u32, base: u32, one: u32, other: u32 },
    /// A transaction read two versions of a key.
    Reread { key: u32, reader: u32, one: u32, other: u32 },
}

/// See the module.
pub(crate) struct Polygraph {
    pub kind: Kind,
    /// How many nodes the graph has: transactions' moments first, then [`Aux`].
    pub nodes: usize,
    pub aux: Vec<Aux>,
    pub edges: Vec<(u32, u32)>,
    /// Chains of a key whose order is not known: key, and which of `chains`.
    pub keys: Vec<(u32, std::ops::Range<usize>)>,
    pub chains: Vec<Chain>,
    /// Where to put a node if nothing else says it.
    pub hint: Vec<u32>,
    first_aux: u32,
}

impl Polygraph {
    /// The node at which a transaction takes its snapshot.
    pub fn begin(&self, node: u32) -> u32 {
        match self.kind {
            Kind::Serial => node,
            Kind::Snapshot => 2 * node,
        }
    }

    /// The node at which it commits.
    pub fn commit(&self, node: u32) -> u32 {
        match self.kind {
            Kind::Serial => node,
            Kind::Snapshot => 2 * node + 1,
        }
    }

    /// The transaction of a node of the graph, or what else it is.
    pub fn meaning(&self, at: u32) -> Result<u32, Aux> {
        if at >= self.first_aux {
            return Err(self.aux[(at - self.first_aux) as usize]);
        }
        Ok(match self.kind {
            Kind::Serial => at,
            Kind::Snapshot => at / 2,
        })
    }

    /// The edges that say that a chain is before another.
    pub fn edges_of(&self, before: &Chain, after: &Chain) -> [(u32, u32); 2] {
        let follows = (self.commit(before.last), self.begin(after.first));
        let missed =
            if before.readers == NONE { follows } else { (before.readers, self.commit(after.first)) };
        [follows, missed]
    }

    fn add_aux(&mut self, aux: Aux, hint: u32) -> u32 {
        self.aux.push(aux);
        self.hint.push(hint);
        self.nodes += 1;
        self.nodes as u32 - 1
    }

    /// Of all that takes part.
    ///
    /// # Errors
    /// Something that no choice can explain.
    pub fn new(committed: &Committed<'_>, kind: Kind, keeps: Keeps) -> Result<Self, Clash> {
        let count = committed.len();
        let per = if kind == Kind::Serial { 1 } else { 2 };
        let mut graph = Polygraph {
            kind,
            nodes: count * per,
            aux: Vec::new(),
            edges: Vec::new(),
            keys: Vec::new(),
            chains: Vec::new(),
            hint: Vec::with_capacity(count * per),
            first_aux: (count * per) as u32,
        };
        for node in 0..count as u32 {
            let txn = &committed.history.txns[committed.txn[node as usize] as usize];
            let end = if txn.fate == Fate::Ok && txn.ret != NONE { txn.ret } else { txn.call + 1 };
            match kind {
                Kind::Serial => graph.hint.push(txn.call / 2 + end / 2),
                Kind::Snapshot => {
                    graph.hint.push(txn.call / 4 * 3 + end / 4);
                    graph.hint.push(txn.call / 4 + end / 4 * 3);
                    graph.edges.push((2 * node, 2 * node + 1));
                }
            }
        }
        if keeps != Keeps::Nothing {
            for session in 0..committed.sessions() {
                let mut before = NONE;
                for node in committed.session(session).iter() {
                    if before != NONE {
                        graph.edges.push((graph.commit(before), graph.begin(*node)));
                    }
                    before = *node;
                }
            }
        }
        if keeps == Keeps::Time {
            graph.time(committed);
        }
        graph.versions(committed)?;
        Ok(graph)
    }

    /// Real time in as many edges as there are events: a row of moments, after each of which
    /// begins what began later.
    fn time(&mut self, committed: &Committed<'_>) {
        let mut events: Vec<(u32, bool, u32)> = Vec::new();
        for node in 0..committed.len() as u32 {
            let txn = &committed.history.txns[committed.txn[node as usize] as usize];
            events.push((txn.call, false, node));
            if txn.fate == Fate::Ok && txn.ret != NONE {
                events.push((txn.ret, true, node));
            }
        }
        events.sort_unstable();
        let (mut moment, mut open) = (NONE, false);
        for (at, answered, node) in events {
            if answered {
                if !open {
                    let next = self.add_aux(Aux::Moment, at);
                    if moment != NONE {
                        self.edges.push((moment, next));
                    }
                    (moment, open) = (next, true);
                }
                self.edges.push((self.commit(node), moment));
            } else {
                open = false;
                if moment != NONE {
                    self.edges.push((moment, self.begin(node)));
                }
            }
        }
    }

    fn versions(&mut self, committed: &Committed<'_>) -> Result<(), Clash> {
        let keys = committed.history.keys.len();
        let writes = committed.writes.len();
        // Which of the writes is right after another, and before.
        let mut next = vec![NONE; writes];
        let mut has_before = vec![false; writes];
        let mut first: Vec<u32> = vec![NONE; keys];
        let (start, writers) = committed.writers_by_key();
        let of_key = |key: usize| &writers[start[key] as usize..start[key + 1] as usize];
        let at = |node: u32, key: u32| committed.write_at(node, key).unwrap_or_default();
        if committed.lists() {
            for key in 0..keys as u32 {
                let mut seen: Vec<(u32, u32)> = of_key(key as usize)
                    .iter()
                    .map(|node| (committed.rank(*node, key), *node))
                    .filter(|(rank, _)| *rank != u32::MAX)
                    .collect();
                seen.sort_unstable();
                if let Some((_, node)) = seen.first() {
                    first[key as usize] = *node;
                }
                for pair in seen.windows(2) {
                    next[at(pair[0].1, key)] = pair[1].1;
                    has_before[at(pair[1].1, key)] = true;
                }
            }
        }
        let mut read_by = vec![(NONE, NONE); keys];
        let mut readers: Vec<u32> = vec![NONE; writes];
        let mut readers_of_initial: Vec<u32> = vec![NONE; keys];
        for node in 0..committed.len() as u32 {
            for read in committed.reads_of(node) {
                let key = read.key;
                let (by, one) = std::mem::replace(&mut read_by[key as usize], (node, read.from));
                if by == node && one != read.from {
                    return Err(Clash::Reread { key, reader: node, one, other: read.from });
                }
                if read.from != INIT {
                    self.edges.push((self.commit(read.from), self.begin(node)));
                }
                let (following, group) = match read.from {
                    INIT => (&mut first[key as usize], &mut readers_of_initial[key as usize]),
                    from => (&mut next[at(from, key)], &mut readers[at(from, key)]),
                };
                if let Some(own) = committed.write_at(node, key) {
                    if *following != NONE && *following != node {
                        return Err(Clash::Update { key, base: read.from, one: *following, other: node });
                    }
                    *following = node;
                    if read.from != INIT {
                        has_before[own] = true;
                    }
                    continue;
                }
                if *group == NONE {
                    *group = self.add_aux(
                        Aux::Readers { writer: read.from, key },
                        self.hint[self.begin(node) as usize],
                    );
                }
                self.edges.push((self.begin(node), *group));
            }
        }
        for key in 0..keys as u32 {
            let begins = self.chains.len();
            let mut leading = NONE;
            for node in of_key(key as usize).iter() {
                if has_before[at(*node, key)] {
                    continue;
                }
                let mut last = *node;
                // A ring of reads is a cycle of edges as well; here it must only end.
                let mut steps = 0;
                while next[at(last, key)] != NONE && steps <= of_key(key as usize).len() {
                    let following = next[at(last, key)];
                    self.edges.push((self.commit(last), self.begin(following)));
                    let group = readers[at(last, key)];
                    if group != NONE {
                        self.edges.push((group, self.commit(following)));
                    }
                    last = following;
                    steps += 1;
                }
                if first[key as usize] == *node {
                    leading = self.chains.len() as u32;
                }
                if readers_of_initial[key as usize] != NONE {
                    self.edges.push((readers_of_initial[key as usize], self.commit(*node)));
                }
                self.chains.push(Chain { first: *node, last, readers: readers[at(last, key)] });
            }
            if leading != NONE {
                let chain = self.chains.swap_remove(leading as usize);
                for other in begins..self.chains.len() {
                    let edges = self.edges_of(&chain, &self.chains[other].clone());
                    self.edges.extend(edges);
                }
            }
            if self.chains.len() - begins > 1 {
                self.keys.push((key, begins..self.chains.len()));
            } else {
                self.chains.truncate(begins);
            }
        }
        Ok(())
    }
}
