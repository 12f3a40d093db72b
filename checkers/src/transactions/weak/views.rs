//! PRAM and causal memory: each session has one order of all writes and its own transactions that
//! explains what it read.
//!
//! PRAM (Lipton and Sandberg 1988): the order keeps that of every session. Causal memory (Ahamad et al.
//! 1995; CM of Bouajjani et al., POPL 2017): it keeps causality. The transactions of one session
//! stand in a row, so what they read forces everything there is to force (the relation `hb` of
//! Bouajjani et al.), and the order exists if that has no cycle.
//!
//! The order is taken apart from its end. Whatever is not before a transaction of the session
//! has to go before it does; when the transaction that read `x` from `t1` goes, `t1` must go before any
//! other writer of `x` that is still there. What is left when nothing may go has a cycle. So a session costs
//! as much as it sees, not more.

use super::super::history::NONE;
use super::Decision;
use super::causal::{self, causal_order, force_and_tell};
use super::committed::{Committed, INIT};
use super::cycle::{Before, components, shortest};
use super::explain::Explain;
use super::level::Level;
use super::meter::Meter;
use super::order::{Order, Pairs, read_from};
use super::serial::plainly_explained;
use super::words::Words;

/// Decides one of the two.
pub(crate) fn decide(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    meter: &mut Meter<'_>,
) -> Decision {
    let explain = Explain { words, committed, level };
    if level == Level::CausalMemory && causal_order(committed).is_none() {
        return cyclic(&explain);
    }
    let mut views = Views::new(committed, level);
    if let Some(broken) = views.common(&explain) {
        return broken;
    }
    if committed.lists() && plainly_explained(committed) {
        return Decision::Holds;
    }
    let doubtful = match doubtful(committed, level, meter) {
        Ok(doubtful) => doubtful,
        Err(reason) => return Decision::Unknown(reason),
    };
    for session in 0..committed.sessions() {
        if !doubtful[session as usize] {
            continue;
        }
        match views.session(session, meter) {
            Ok(()) => {}
            Err(Stop::Budget(reason)) => {
                return Decision::Unknown(format!(
                    "{reason}; {session} of {} sessions have such an order",
                    committed.sessions()
                ));
            }
            Err(Stop::Broken(broken)) => return views.explain(&explain, session, &broken),
        }
    }
    Decision::Holds
}

/// The sessions whose order must be sought. One that read nothing has whatever order all have; and of causal
/// memory see [`force_and_tell`].
fn doubtful(committed: &Committed<'_>, level: Level, meter: &mut Meter<'_>) -> Result<Vec<bool>, String> {
    let reads = |session: u32| {
        let nodes = committed.session(session);
        nodes.iter().any(|node| !committed.read_range(*node).is_empty())
    };
    let mut all: Vec<bool> = (0..committed.sessions()).map(reads).collect();
    if level == Level::CausalMemory && !committed.lists() {
        let mut pairs = Pairs::default();
        match force_and_tell(committed, &mut pairs, meter) {
            Err(causal::Stop::Budget(reason)) => return Err(reason),
            Err(causal::Stop::Cycle) => {}
            Ok(told) => {
                let order = Order::new(committed, &pairs.pairs);
                if components(&order).is_empty() {
                    all.iter_mut().zip(told).for_each(|(doubtful, told)| *doubtful &= told);
                }
            }
        }
    }
    Ok(all)
}

/// Sessions and reads alone have a cycle.
pub(super) fn cyclic(explain: &Explain<'_, '_>) -> Decision {
    let order = Order::new(explain.committed, &[]);
    let found = components(&order);
    let cycle =
        found.iter().min_by_key(|component| component.len()).map(|component| shortest(&order, component));
    let cycle = cycle.unwrap_or_default();
    Decision::Broken(explain.cycle("cyclic-co", &cycle, |first, second, _| {
        explain.cause(first, second).or_else(|| explain.known(first, second)).unwrap_or_default()
    }))
}

enum Stop {
    Budget(String),
    Broken(Broken),
}

enum Broken {
    /// Nothing may go.
    Stuck,
    /// A transaction read the initial state of a key that this one wrote before.
    Initial { writer: u32, reader: u32, key: u32 },
    /// Of two versions each must be the last before a read.
    Both { one: u32, other: u32, readers: [u32; 2], key: u32 },
}

/// Who has to go first of the writers of a key, and whose read says so.
#[derive(Clone, Copy)]
struct Lock {
    session: u32,
    holder: u32,
    reader: u32,
}

struct Views<'v, 'a> {
    committed: &'v Committed<'a>,
    level: Level,
    /// What lists prove, by what is after.
    known_start: Vec<u32>,
    known: Vec<u32>,
    /// For each node the session for which it was met, and whether it is still there.
    met: Vec<u32>,
    here: Vec<bool>,
    /// How many that are still there are after it.
    followers: Vec<u32>,
    locks: Vec<Lock>,
    waiting: Vec<Vec<u32>>,
    /// How many writers of a key are still there, with the session for which that was counted.
    writers: Vec<(u32, u32)>,
    members: Vec<u32>,
    ready: Vec<u32>,
    key_start: Vec<u32>,
    key_writers: Vec<u32>,
}

impl<'v, 'a> Views<'v, 'a> {
    fn new(committed: &'v Committed<'a>, level: Level) -> Self {
        let nodes = committed.len();
        let keys = committed.history.keys.len();
        let mut known_start = vec![0u32; nodes + 1];
        for known in &committed.known {
            known_start[known.after as usize + 1] += 1;
        }
        for node in 0..nodes {
            known_start[node + 1] += known_start[node];
        }
        let mut next = known_start.clone();
        let mut known = vec![0; committed.known.len()];
        for pair in &committed.known {
            known[next[pair.after as usize] as usize] = pair.before;
            next[pair.after as usize] += 1;
        }
        let (key_start, key_writers) = committed.writers_by_key();
        Views {
            committed,
            level,
            known_start,
            known,
            met: vec![NONE; nodes],
            here: vec![false; nodes],
            followers: vec![0; nodes],
            locks: vec![Lock { session: NONE, holder: NONE, reader: NONE }; keys],
            waiting: vec![Vec::new(); keys],
            writers: vec![(NONE, 0); keys],
            members: Vec::new(),
            ready: Vec::new(),
            key_start,
            key_writers,
        }
    }

    /// What must be before a node in the order of a session.
    fn next_before(&self, session: u32, node: u32, cursor: &mut u32) -> Option<u32> {
        let known = &self.known
            [self.known_start[node as usize] as usize..self.known_start[node as usize + 1] as usize];
        loop {
            let at = *cursor as usize;
            *cursor += 1;
            if let Some(before) = known.get(at) {
                return Some(*before);
            }
            let before = match at - known.len() {
                0 => self.committed.previous[node as usize],
                _ if self.level == Level::Pram && self.committed.session[node as usize] != session => {
                    return None;
                }
                at => read_from(self.committed, node, at - 1)?,
            };
            if before != NONE {
                return Some(before);
            }
        }
    }

    /// What is wrong with the order that all sessions have in common: sessions, what lists prove, and for causal
    /// memory what everybody saw.
    fn common(&self, explain: &Explain<'_, '_>) -> Option<Decision> {
        struct Common<'l, 'v, 'a>(&'l Views<'v, 'a>);
        impl Before for Common<'_, '_, '_> {
            fn nodes(&self) -> usize {
                self.0.committed.len()
            }
            fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
                self.0.next_before(NONE, node, cursor)
            }
        }
        if !self.committed.lists() {
            return None;
        }
        let graph = Common(self);
        let found = components(&graph);
        let cycle = shortest(&graph, found.iter().min_by_key(|component| component.len())?);
        Some(Decision::Broken(explain.cycle("cyclic-hb", &cycle, |first, second, _| {
            explain.cause(first, second).or_else(|| explain.known(first, second)).unwrap_or_default()
        })))
    }

    fn lock(&self, session: u32, key: u32) -> Option<Lock> {
        let lock = self.locks[key as usize];
        (lock.session == session && lock.holder != NONE).then_some(lock)
    }

    fn session(&mut self, session: u32, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let committed = self.committed;
        let own = committed.session(session);
        let Some(last) = own.last() else { return Ok(()) };
        self.collect(session, *last);
        meter.take(self.members.len() as u64 + 1).map_err(Stop::Budget)?;
        self.ready.clear();
        self.ready.extend(self.members.iter().filter(|node| self.followers[**node as usize] == 0));
        for t3 in own.iter().rev() {
            let mut its_turn = false;
            while let Some(node) = self.ready.pop() {
                meter.take(1).map_err(Stop::Budget)?;
                if node == *t3 {
                    its_turn = true;
                } else if let Some(key) = self.blocked(session, node) {
                    self.waiting[key as usize].push(node);
                } else {
                    self.remove(session, node);
                }
            }
            if !its_turn || self.blocked(session, *t3).is_some() {
                return Err(Stop::Broken(Broken::Stuck));
            }
            self.remove(session, *t3);
            for read in committed.reads_of(*t3) {
                self.read(session, *t3, read.key, read.from).map_err(Stop::Broken)?;
            }
        }
        while let Some(node) = self.ready.pop() {
            match self.blocked(session, node) {
                Some(key) => self.waiting[key as usize].push(node),
                None => self.remove(session, node),
            }
        }
        if self.members.iter().any(|node| self.here[*node as usize]) {
            return Err(Stop::Broken(Broken::Stuck));
        }
        Ok(())
    }

    /// All that is before the last transaction of the session.
    fn collect(&mut self, session: u32, last: u32) {
        self.members.clear();
        self.members.push(last);
        self.meet(session, last);
        let mut done = 0;
        while done < self.members.len() {
            let node = self.members[done];
            done += 1;
            let mut cursor = 0;
            while let Some(before) = self.next_before(session, node, &mut cursor) {
                if self.met[before as usize] != session {
                    self.meet(session, before);
                    self.members.push(before);
                }
                self.followers[before as usize] += 1;
            }
        }
    }

    fn meet(&mut self, session: u32, node: u32) {
        self.met[node as usize] = session;
        self.here[node as usize] = true;
        self.followers[node as usize] = 0;
        for write in self.committed.writes_of(node) {
            let writers = &mut self.writers[write.key as usize];
            if writers.0 != session {
                *writers = (session, 0);
                self.waiting[write.key as usize].clear();
            }
            writers.1 += 1;
        }
    }

    fn blocked(&self, session: u32, node: u32) -> Option<u32> {
        let writes = self.committed.writes_of(node).iter();
        writes
            .map(|write| write.key)
            .find(|key| self.lock(session, *key).is_some_and(|lock| lock.holder != node))
    }

    fn remove(&mut self, session: u32, node: u32) {
        self.here[node as usize] = false;
        for write in self.committed.writes_of(node) {
            self.writers[write.key as usize].1 -= 1;
            if self.lock(session, write.key).is_some_and(|lock| lock.holder == node) {
                self.locks[write.key as usize].holder = NONE;
                let woken = std::mem::take(&mut self.waiting[write.key as usize]);
                self.ready.extend(woken);
            }
        }
        let mut cursor = 0;
        while let Some(before) = self.next_before(session, node, &mut cursor) {
            let followers = &mut self.followers[before as usize];
            *followers -= 1;
            if *followers == 0 {
                self.ready.push(before);
            }
        }
    }

    fn read(&mut self, session: u32, t3: u32, key: u32, t1: u32) -> Result<(), Broken> {
        if t1 == INIT {
            let (counted, writers) = self.writers[key as usize];
            if counted != session || writers == 0 {
                return Ok(());
            }
            let start = self.key_start[key as usize] as usize;
            let end = self.key_start[key as usize + 1] as usize;
            let writer = self.key_writers[start..end]
                .iter()
                .find(|node| self.met[**node as usize] == session && self.here[**node as usize]);
            return Err(Broken::Initial { writer: writer.copied().unwrap_or(t3), reader: t3, key });
        }
        if let Some(lock) = self.lock(session, key)
            && lock.holder != t1
        {
            let readers = [lock.reader, t3];
            return Err(Broken::Both { one: lock.holder, other: t1, readers, key });
        }
        self.locks[key as usize] = Lock { session, holder: t1, reader: t3 };
        Ok(())
    }

    fn explain(&self, explain: &Explain<'_, '_>, session: u32, broken: &Broken) -> Decision {
        let name = |node| explain.name(node);
        let who = self.committed.session(session).first().map(|node| name(*node)).unwrap_or_default();
        let view = format!("in the order that the session of {who} sees");
        Decision::Broken(match *broken {
            Broken::Initial { writer, reader, key } => {
                let sentence = format!(
                    "{} read {}, the initial state, but {view} {} of {} must come before",
                    name(reader),
                    explain.wrote(INIT, key),
                    explain.wrote(writer, key),
                    name(writer)
                );
                let (way, steps) = self.way(explain, session, writer, reader);
                explain.finding("write-hb-init-read", sentence, &way, Some(key), steps)
            }
            Broken::Both { one, other, readers, key } => {
                let sentence = format!(
                    "{view}, {} and {} of key {} would each have to be the newer: {} read the first, {} the second, \
                     and both must have seen both",
                    explain.wrote(one, key),
                    explain.wrote(other, key),
                    explain.words.key(key),
                    name(readers[0]),
                    name(readers[1]),
                );
                let (mut about, mut steps) = self.way(explain, session, one, readers[1]);
                let (more, rest) = self.way(explain, session, other, readers[0]);
                about.extend(more);
                about.extend(readers);
                steps.extend(rest);
                explain.finding("cyclic-hb", sentence, &about, Some(key), steps)
            }
            Broken::Stuck => {
                let graph = Left { views: self, session };
                let found = components(&graph);
                let smallest = found.iter().min_by_key(|component| component.len());
                let cycle = smallest.map(|component| shortest(&graph, component)).unwrap_or_default();
                explain.cycle("cyclic-hb", &cycle, |first, second, about| {
                    self.step(explain, session, first, second, about)
                })
            }
        })
    }

    fn step(
        &self,
        explain: &Explain<'_, '_>,
        session: u32,
        first: u32,
        second: u32,
        about: &mut Vec<u32>,
    ) -> String {
        if let Some(why) = explain.cause(first, second).or_else(|| explain.known(first, second)) {
            return why;
        }
        let (one, other) = (explain.name(first), explain.name(second));
        let locked = self.committed.writes_of(second).iter().find_map(|write| {
            let lock = self.lock(session, write.key).filter(|lock| lock.holder == second)?;
            self.committed.writes_key(first, write.key).then_some((write.key, lock.reader))
        });
        match locked {
            Some((key, reader)) => {
                about.push(reader);
                format!(
                    "{one} is before {other}: {} read {} although {} comes before it",
                    explain.name(reader),
                    explain.wrote(second, key),
                    explain.wrote(first, key)
                )
            }
            None => format!("{one} is before {other}"),
        }
    }

    /// How a node comes before another in the order of a session: the nodes, and a sentence for each step.
    fn way(&self, explain: &Explain<'_, '_>, session: u32, first: u32, last: u32) -> (Vec<u32>, Vec<String>) {
        let graph = Left { views: self, session };
        let mut to = vec![NONE; self.committed.len()];
        let mut queue = std::collections::VecDeque::from([last]);
        to[last as usize] = last;
        while let Some(node) = queue.pop_front() {
            if node == first {
                break;
            }
            // The reader itself has gone already; what it followed and saw has not.
            let mut cursor = 0;
            while let Some(before) = graph.next_before(node, &mut cursor) {
                if to[before as usize] == NONE {
                    to[before as usize] = node;
                    queue.push_back(before);
                }
            }
        }
        let mut way = vec![first];
        let mut steps = Vec::new();
        let mut about = Vec::new();
        let mut at = first;
        while at != last && to[at as usize] != NONE {
            let next = to[at as usize];
            steps.push(self.step(explain, session, at, next, &mut about));
            way.push(next);
            at = next;
        }
        way.push(last);
        way.extend(about);
        (way, steps)
    }
}

/// What is left of the order of a session, with what reads have forced.
struct Left<'l, 'v, 'a> {
    views: &'l Views<'v, 'a>,
    session: u32,
}

impl Before for Left<'_, '_, '_> {
    fn nodes(&self) -> usize {
        self.views.committed.len()
    }

    fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
        let views = self.views;
        if views.met[node as usize] != self.session {
            return None;
        }
        const FORCED: u32 = 1 << 31;
        while *cursor < FORCED {
            match views.next_before(self.session, node, cursor) {
                Some(before) if views.here[before as usize] => return Some(before),
                Some(_) => {}
                None => *cursor = FORCED,
            }
        }
        // Then the other writers of keys whose lock the node holds.
        let mut left = *cursor - FORCED;
        for write in views.committed.writes_of(node) {
            if views.lock(self.session, write.key).is_none_or(|lock| lock.holder != node) {
                continue;
            }
            let start = views.key_start[write.key as usize];
            let writers =
                &views.key_writers[start as usize..views.key_start[write.key as usize + 1] as usize];
            while let Some(other) = writers.get(left as usize) {
                *cursor += 1;
                left += 1;
                let there = views.met[*other as usize] == self.session && views.here[*other as usize];
                if there && *other != node {
                    return Some(*other);
                }
            }
            left -= writers.len() as u32;
        }
        None
    }
}

/// Decides the weakest form of causal consistency, CC of Bouajjani et al. (POPL 2017): no cycle of
/// causality (CyclicCO), and nobody reads a version although it has seen, by way of causality, a newer
/// one that had seen that (WriteCORead, WriteCOInitRead).
pub(crate) fn weak_causal(words: &Words<'_>, committed: &Committed<'_>, meter: &mut Meter<'_>) -> Decision {
    use super::causal::{Stop, force_weak};
    use super::order::{Forced, Sink};

    struct First(Option<Forced>);
    impl Sink for First {
        fn forced(&mut self, forced: Forced) {
            self.0.get_or_insert(forced);
        }
    }

    let explain = Explain { words, committed, level: Level::WeakCausal };
    if committed.lists() && !components(&Order::new(committed, &[])).is_empty() {
        return cyclic(&explain);
    }
    let mut first = First(None);
    match force_weak(committed, &mut first, meter) {
        Ok(()) => {}
        Err(Stop::Cycle) => return cyclic(&explain),
        Err(Stop::Budget(reason)) => return Decision::Unknown(reason),
    }
    let Some(forced) = first.0 else { return Decision::Holds };
    if forced.t1 == INIT {
        return Decision::Broken(explain.before_all("write-co-init-read", &forced));
    }
    let Forced { t2, t1, t3, key } = forced;
    let mut about = vec![t1, t2, t3];
    let mut steps = Vec::new();
    for (from, to) in [(t1, t2), (t2, t3)] {
        let path = explain.causal_path(from, to);
        steps.extend(path.windows(2).filter_map(|pair| explain.cause(pair[0], pair[1])));
        about.extend(path);
    }
    let sentence = format!(
        "{} read {} of {}, although it had seen {} of {}, which is newer",
        explain.name(t3),
        explain.wrote(t1, key),
        explain.name(t1),
        explain.wrote(t2, key),
        explain.name(t2)
    );
    Decision::Broken(explain.finding("write-co-read", sentence, &about, Some(key), steps))
}
