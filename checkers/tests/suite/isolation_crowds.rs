//! Many sessions of a few transactions each, against the definitions in the plainest form that still ends:
//! relations as tables of bits, saturated until nothing is added.

use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Fate, Verdict};

use crate::isolation_text::{Op, Txn, history};
use crate::simulate::Random;

/// For each transaction a bit for each that is before it.
type Table = Vec<Vec<u64>>;

fn bit(table: &Table, before: usize, after: usize) -> bool {
    table[after][before / 64] >> (before % 64) & 1 == 1
}

fn put(table: &mut Table, before: usize, after: usize) -> bool {
    let new = !bit(table, before, after);
    table[after][before / 64] |= 1 << (before % 64);
    new
}

fn closed(mut table: Table) -> Table {
    for middle in 0..table.len() {
        let row = table[middle].clone();
        for after in 0..table.len() {
            if bit(&table, middle, after) {
                table[after].iter_mut().zip(&row).for_each(|(a, b)| *a |= b);
            }
        }
    }
    table
}

fn acyclic(closed: &Table) -> bool {
    (0..closed.len()).all(|at| !bit(closed, at, at))
}

/// What took part: sessions and who read from whom. The initial state is `None`.
struct World {
    count: usize,
    session: Vec<usize>,
    writes: Vec<Vec<u64>>,
    reads: Vec<Vec<(u64, Option<usize>)>>,
    sessions: Table,
    causes: Table,
}

impl World {
    fn new(txns: &[Txn]) -> Self {
        let writes = |txn: &Txn| -> Vec<(u64, i64)> {
            let written = |op: &Op| match op {
                Op::W(key, value) => Some((*key, *value)),
                Op::R(..) => None,
            };
            txn.ops.iter().filter_map(written).collect()
        };
        let read = |txn: &Txn, value: i64| {
            txn.fate == Fate::Ok
                && txn.ops.iter().any(|op| matches!(op, Op::R(_, seen) if seen.contains(&value)))
        };
        // Nobody knows what an unanswered one read, so it matters only to those who read from it.
        let happened = |txn: &&Txn| match txn.fate {
            Fate::Ok => true,
            Fate::Info => writes(txn).iter().any(|(_, value)| txns.iter().any(|other| read(other, *value))),
            Fate::Fail => false,
        };
        let txns: Vec<&Txn> = txns.iter().filter(happened).collect();
        let count = txns.len();
        let words = count.div_ceil(64);
        let mut sessions: Table = vec![vec![0; words]; count];
        for (at, txn) in txns.iter().enumerate() {
            for (other, before) in txns.iter().enumerate() {
                if before.session == txn.session && before.call < txn.call {
                    put(&mut sessions, other, at);
                }
            }
        }
        let from = |value: i64| txns.iter().position(|txn| writes(txn).iter().any(|(_, v)| *v == value));
        let reads: Vec<Vec<(u64, Option<usize>)>> = txns
            .iter()
            .map(|txn| {
                let seen = |op: &Op| match op {
                    Op::R(key, seen) if txn.fate == Fate::Ok => {
                        Some((*key, seen.first().map(|v| from(*v).unwrap())))
                    }
                    _ => None,
                };
                txn.ops.iter().filter_map(seen).collect()
            })
            .collect();
        let mut causes = sessions.clone();
        for (at, reads) in reads.iter().enumerate() {
            for (_, from) in reads {
                from.iter().for_each(|from| {
                    put(&mut causes, *from, at);
                });
            }
        }
        World {
            count,
            session: txns.iter().map(|txn| txn.session).collect(),
            writes: txns.iter().map(|txn| writes(txn).into_iter().map(|(key, _)| key).collect()).collect(),
            reads,
            sessions,
            causes: closed(causes),
        }
    }

    /// Each pair that a read demands: of the writers of its key those that are before the reader are before the
    /// one that it read from. `None` if that is the initial state.
    fn forced(&self, before: &Table, readers: &[usize]) -> Option<Vec<(usize, usize)>> {
        let mut pairs = Vec::new();
        for t3 in readers {
            for (key, t1) in &self.reads[*t3] {
                for t2 in (0..self.count).filter(|t2| t2 != t3 && Some(*t2) != *t1) {
                    if bit(before, t2, *t3) && self.writes[t2].contains(key) {
                        pairs.push((t2, (*t1)?));
                    }
                }
            }
        }
        Some(pairs)
    }

    fn holds(&self, level: Level) -> bool {
        let everybody: Vec<usize> = (0..self.count).collect();
        let own = |session: usize| -> Vec<usize> {
            everybody.iter().copied().filter(|at| self.session[*at] == session).collect()
        };
        match level {
            Level::WeakCausal => {
                acyclic(&self.causes)
                    && self
                        .forced(&self.causes, &everybody)
                        .is_some_and(|pairs| pairs.iter().all(|(t2, t1)| !bit(&self.causes, *t1, *t2)))
            }
            Level::Causal => {
                let Some(pairs) = self.forced(&self.causes, &everybody) else { return false };
                let mut all = self.causes.clone();
                pairs.into_iter().for_each(|(t2, t1)| {
                    put(&mut all, t2, t1);
                });
                acyclic(&closed(all))
            }
            _ => {
                let mut sessions = self.session.clone();
                sessions.sort_unstable();
                sessions.dedup();
                sessions.into_iter().all(|session| self.session_holds(level, &own(session)))
            }
        }
    }

    /// Whether a session has an order of its own: hb of Bouajjani et al., and for PRAM the same from less.
    fn session_holds(&self, level: Level, own: &[usize]) -> bool {
        let mut before = match level {
            Level::CausalMemory => self.causes.clone(),
            _ => {
                let mut sessions = self.sessions.clone();
                for at in own {
                    for (_, from) in &self.reads[*at] {
                        from.iter().for_each(|from| {
                            put(&mut sessions, *from, *at);
                        });
                    }
                }
                closed(sessions)
            }
        };
        loop {
            if !acyclic(&before) {
                return false;
            }
            let Some(pairs) = self.forced(&before, own) else { return false };
            let mut more = false;
            for (t2, t1) in pairs {
                more |= put(&mut before, t2, t1);
            }
            if !more {
                return true;
            }
            before = closed(before);
        }
    }
}

/// Transactions of so many sessions at a time on a few replicas, which get each other's transactions whole and
/// in any order that keeps causes before effects, or now and then does not.
fn replicas(random: &mut Random, sessions: usize, txns: usize, keys: u64, wrong: u64) -> Vec<Txn> {
    let count = 1 + random.below(3) as usize;
    // For each replica what it holds, and which transactions it has.
    let mut held: Vec<std::collections::BTreeMap<u64, (i64, usize)>> = vec![Default::default(); count];
    let mut has: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut all: Vec<(Txn, Vec<(u64, i64)>)> = Vec::new();
    let mut names: Vec<(usize, usize)> = (0..sessions).map(|at| (at, at % count)).collect();
    let mut next = sessions;
    let per_session = 1 + random.below(4);
    let mut value = 0;
    while all.len() < txns {
        if random.below(3) == 0 {
            // One replica learns what another has, in the order of commits, which all agree on.
            let (to, from) = (random.below(count as u64) as usize, random.below(count as u64) as usize);
            let mut news: Vec<usize> = has[from].iter().copied().filter(|at| !has[to].contains(at)).collect();
            if random.below(1000) < wrong {
                news.truncate(1);
                news.reverse();
            }
            for at in news {
                has[to].push(at);
                for (key, value) in &all[at].1 {
                    let entry = held[to].entry(*key).or_insert((*value, at));
                    if entry.1 < at {
                        *entry = (*value, at);
                    }
                }
            }
            continue;
        }
        let at = random.below(names.len() as u64) as usize;
        let (session, replica) = names[at];
        let mut ops = Vec::new();
        let mut written = Vec::new();
        for key in 0..keys {
            match random.below(4) {
                0 => {
                    let seen = held[replica].get(&key).map(|(value, _)| *value);
                    let old = random.below(1000) < wrong;
                    let seen = if old { None } else { seen };
                    ops.push(Op::R(key, seen.into_iter().collect()));
                }
                1 => {
                    value += 1;
                    written.push((key, value));
                }
                _ => {}
            }
        }
        if ops.is_empty() && written.is_empty() {
            continue;
        }
        ops.extend(written.iter().map(|(key, value)| Op::W(*key, *value)));
        let fate = match random.below(40) {
            0 => Fate::Fail,
            1 | 2 => Fate::Info,
            _ => Fate::Ok,
        };
        let number = all.len();
        if fate != Fate::Fail {
            has[replica].push(number);
            for (key, value) in &written {
                held[replica].insert(*key, (*value, number));
            }
        }
        let txn = Txn { session, fate, ops, call: 2 * number, ret: 2 * number + 1 };
        all.push((txn, written));
        if fate == Fate::Info || random.below(per_session) == 0 {
            names[at] = (next, next % count);
            next += 1;
        }
    }
    all.into_iter().map(|(txn, _)| txn).collect()
}

fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 4_000 } else { 150 }
}

const LEVELS: [Level; 4] = [Level::Pram, Level::WeakCausal, Level::CausalMemory, Level::Causal];

#[test]
fn many_sessions_agree_with_relations_as_tables() {
    let mut seen = [[0u64; 2]; LEVELS.len()];
    for seed in 0..cases() {
        let mut random = Random(seed);
        let sessions = [3, 10, 40, 90][seed as usize % 4];
        let keys = 1 + random.below(4);
        let wrong = [0, 0, 2, 20][random.below(4) as usize];
        let txns = replicas(&mut random, sessions, 40 + 20 * (seed as usize % 8), keys, wrong);
        let world = World::new(&txns);
        let history = history(&txns, Holds::Registers);
        for (at, level) in LEVELS.into_iter().enumerate() {
            let judgement = Isolation::new(level, Holds::Registers).check(&history, &Budget::default());
            let expected = world.holds(level);
            let found = if expected { Verdict::Valid } else { Verdict::Invalid };
            assert_eq!(
                judgement.verdict, found,
                "seed {seed}, {level:?}: {} {:#?}",
                judgement.reason, judgement.evidence
            );
            seen[at][usize::from(expected)] += 1;
        }
    }
    for (level, [broken, kept]) in LEVELS.iter().zip(&seen) {
        let few = cases() / 20;
        assert!(*broken > few && *kept > few, "{level:?}: {broken} broken, {kept} kept");
    }
}

/// Each of 30,000 sessions appends once, at the same time as all others; and 100,000 sessions of two transactions
/// each. What a checker holds is bounded by a tenth of what it may hold by default.
#[test]
fn a_crowd_costs_no_more_than_a_few() {
    let budget = Budget { max_bytes: 200 << 20, max_steps: 100_000_000, ..Budget::default() };
    let mut txns: Vec<Txn> = (0..30_000)
        .map(|at| Txn {
            session: at,
            fate: Fate::Ok,
            ops: vec![Op::W(1, at as i64)],
            call: at,
            ret: at + 30_000,
        })
        .collect();
    for reader in 0..3 {
        let (session, call) = (30_000 + reader, 60_000 + 2 * reader);
        let ops = vec![Op::R(1, (0..30_000).collect())];
        txns.push(Txn { session, fate: Fate::Ok, ops, call, ret: call + 1 });
    }
    let one_list = history(&txns, Holds::Lists);
    let sessions = 100_000;
    let twice = (0..2 * sessions).map(|at| {
        let (session, second) = (at % sessions, at / sessions);
        let key = (session / 8) as u64;
        let ops = match second {
            0 => vec![Op::W(key, session as i64 + 1)],
            _ => vec![Op::R(key, vec![(session / 8 * 8) as i64 + 1])],
        };
        // All write at once; then all read the last write of the key, which is the first of eight sessions.
        let call = 2 * sessions * second + if second == 0 { sessions - 1 - session } else { session };
        Txn { session, fate: Fate::Ok, ops, call, ret: call + sessions }
    });
    let crowd = history(&twice.collect::<Vec<_>>(), Holds::Registers);
    for level in Level::all().filter(|level| level.is_polynomial()) {
        for (what, history, holds) in
            [("one list", &one_list, Holds::Lists), ("two each", &crowd, Holds::Registers)]
        {
            let judgement = Isolation::new(level, holds).check(history, &budget);
            assert_eq!(judgement.verdict, Verdict::Valid, "{what}, {level:?}: {}", judgement.reason);
        }
    }
}
