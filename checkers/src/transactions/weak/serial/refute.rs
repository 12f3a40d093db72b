//! A refutation made small, and put into words.

use super::super::super::history::NONE;
use super::super::committed::{Committed, INIT};
use super::super::explain::Explain;
use super::super::level::Level;
use super::super::meter::Meter;
use super::super::words::Words;
use super::cases::{Case, End, Proof, Step, prove};
use super::polygraph::{Aux, Chain, Clash, Keeps, Kind, Polygraph};
use super::solve::{Attempt, Established, Forced, Refuted, attempt, needed};
use crate::checker::Budget;
use crate::evidence::Finding;

/// Steps of one attempt at something smaller, and how many attempts there are.
const STEPS: u64 = 2_000_000;
const ATTEMPTS: usize = 600;

/// A refutation as evidence. A history of some of the transactions, in which reads from the others
/// are left out, has an explanation if the whole has one: so transactions go one by one while the
/// rest is still refuted.
pub(super) fn finding(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    kind: Kind,
    keeps: Keeps,
    refuted: Refuted,
    meter: &Meter<'_>,
) -> Finding {
    let involved = involved(committed, &refuted);
    let smaller = Smaller { kind, keeps, budget: meter.part(STEPS) };
    if let Some((part, refuted)) = smaller.search(committed, involved) {
        return say(words, &part, level, (kind, keeps), &refuted);
    }
    say(words, committed, level, (kind, keeps), &refuted)
}

/// The transactions of a refutation.
fn involved(committed: &Committed<'_>, refuted: &Refuted) -> Vec<u32> {
    let of_way = |graph: &Polygraph, way: &[u32]| -> Vec<u32> {
        way.iter()
            .flat_map(|at| match graph.meaning(*at) {
                Ok(node) => vec![node],
                Err(Aux::Readers { writer, .. }) if writer != INIT => vec![writer],
                Err(_) => Vec::new(),
            })
            .collect()
    };
    let mut all = match refuted {
        Refuted::Clash(Clash::Update { base, one, other, .. }) => vec![*base, *one, *other],
        Refuted::Clash(Clash::Reread { reader, one, other, .. }) => vec![*reader, *one, *other],
        Refuted::Known { graph, cycle } => of_way(graph, cycle),
        Refuted::Searched { involved, .. } => involved.clone(),
        Refuted::Forced { graph, forced, last } => {
            let mut all = of_way(graph, &last.way);
            let mut pairs: Vec<&Forced> =
                needed(forced, &last.uses).into_iter().map(|at| &forced[at]).collect();
            pairs.push(last);
            if let Some(opposite) = forced.last() {
                pairs.push(opposite);
                pairs.extend(needed(forced, &opposite.uses).into_iter().map(|at| &forced[at]));
            }
            for pair in pairs {
                all.extend(of_way(graph, &pair.way));
                all.extend([pair.before.first, pair.before.last, pair.after.first, pair.after.last]);
            }
            all
        }
    };
    all.retain(|node| (*node as usize) < committed.len());
    all.sort_unstable();
    all.dedup();
    all
}

struct Smaller<'b> {
    kind: Kind,
    keeps: Keeps,
    budget: Budget<'b>,
}

impl Smaller<'_> {
    fn refutes<'a>(&self, committed: &Committed<'a>, nodes: &[u32]) -> Option<(Committed<'a>, Refuted)> {
        let part = committed.part(nodes);
        let mut meter = Meter::new(&self.budget);
        match attempt(&part, self.kind, self.keeps, &mut meter, &mut Established::default()) {
            Attempt::Refuted(refuted) => Some((part, *refuted)),
            _ => None,
        }
    }

    fn search<'a>(&self, committed: &Committed<'a>, mut nodes: Vec<u32>) -> Option<(Committed<'a>, Refuted)> {
        // What was read from may be what it takes, a few steps back.
        let mut found = self.refutes(committed, &nodes);
        for _ in 0..8 {
            if found.is_some() || nodes.len() > 20_000 {
                break;
            }
            let sources: Vec<u32> =
                nodes.iter().flat_map(|node| committed.reads_of(*node)).map(|read| read.from).collect();
            nodes.extend(sources.into_iter().filter(|from| *from != INIT));
            nodes.sort_unstable();
            nodes.dedup();
            found = self.refutes(committed, &nodes);
        }
        let mut found = found?;
        let mut left = ATTEMPTS;
        let mut chunk = nodes.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            let before = nodes.len();
            while at < nodes.len() && left > 0 {
                left -= 1;
                let end = (at + chunk).min(nodes.len());
                let fewer: Vec<u32> = nodes[..at].iter().chain(&nodes[end..]).copied().collect();
                match self.refutes(committed, &fewer) {
                    Some(smaller) => {
                        found = smaller;
                        nodes = fewer;
                    }
                    None => at = end,
                }
            }
            if left == 0 {
                break;
            }
            if chunk > 1 {
                chunk = chunk.min(nodes.len()).div_ceil(2);
            } else if nodes.len() == before {
                break;
            }
        }
        Some(found)
    }
}

/// How many steps a person reads.
const SAID: usize = 40;

/// From so many transactions on no proof by cases is sought.
const FEW: usize = 200;

/// What is left out in the middle of an argument, whose end says what is wrong.
fn shortened(mut steps: Vec<String>, limit: usize) -> Vec<String> {
    if steps.len() > limit {
        let rest = steps.split_off(steps.len() - limit / 2);
        let left_out = steps.len() - limit / 2;
        steps.truncate(limit / 2);
        steps.push(format!("… {left_out} steps of the same kind …"));
        steps.extend(rest);
    }
    steps
}

fn say(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    (kind, keeps): (Kind, Keeps),
    refuted: &Refuted,
) -> Finding {
    let explain = Explain { words, committed, level };
    let say = Say { explain: &explain, kind, keeps };
    let all: Vec<u32> = (0..committed.len() as u32).collect();
    let level = level.name();
    match refuted {
        Refuted::Clash(clash) => say.clash(clash),
        Refuted::Known { graph, cycle } => {
            let mut way = cycle.clone();
            way.extend(cycle.first());
            let steps = say.way(graph, &way);
            let about = say.nodes(graph, cycle);
            let names: Vec<String> = about.iter().take(6).map(|node| explain.name(*node)).collect();
            let sentence = format!(
                "not {level}: {} would each have to be before the next, and the last before the first",
                names.join(", ")
            );
            explain.finding("cycle", sentence, &about, None, steps)
        }
        Refuted::Forced { .. } | Refuted::Searched { .. }
            if committed.len() <= FEW
                && let Some((graph, proof)) = say.proof() =>
        {
            let mut steps = Vec::new();
            say.case(&graph, &proof, &proof.all, "", &mut steps);
            let (key, pair) = first_pair(&proof);
            let what = match proof.all.end {
                End::Neither(..) => "neither can be first".to_owned(),
                End::Cases(_) => {
                    format!("neither can be first, as {} cases show", cases(&proof.all))
                }
            };
            let sentence = format!(
                "not {level}: of {} and {}, which both wrote key {}, {what}",
                explain.name(pair[0]),
                explain.name(pair[1]),
                words.key(key)
            );
            explain.finding("no-order-of-writes", sentence, &all, Some(key), shortened(steps, SAID_OF_CASES))
        }
        Refuted::Forced { graph, forced, last } => {
            let mut roots = last.uses.clone();
            roots.extend(forced.last().map(|opposite| opposite.uses.clone()).unwrap_or_default());
            let mut steps: Vec<String> =
                needed(forced, &roots).into_iter().map(|at| say.forced(graph, &forced[at])).collect();
            steps.extend(forced.last().map(|opposite| say.forced(graph, opposite)));
            steps.push(format!("but just as well {}: a contradiction", say.forced(graph, last)));
            let sentence = format!(
                "not {level}: of {} and {}, which both wrote key {}, neither can be first",
                explain.name(last.before.last),
                explain.name(last.after.first),
                words.key(last.key)
            );
            explain.finding("no-order-of-writes", sentence, &all, Some(last.key), shortened(steps, SAID))
        }
        Refuted::Searched { involved, conflicts } => {
            let few = involved.len().min(64);
            let sentence = format!(
                "not {level}: no order of the writes of these {} transactions explains what they read; all \
                 were tried, with {conflicts} dead ends",
                committed.len().min(involved.len().max(1))
            );
            let nodes = if committed.len() <= 64 { &all[..] } else { &involved[..few] };
            let mut steps = Vec::new();
            for node in nodes {
                for read in committed.reads_of(*node) {
                    steps.push(format!(
                        "{} read {} of {}",
                        explain.name(*node),
                        explain.wrote(read.from, read.key),
                        explain.name(read.from)
                    ));
                }
            }
            steps.truncate(SAID);
            explain.finding("no-order-of-writes", sentence, nodes, None, steps)
        }
    }
}

/// Steps of a proof by cases that a person reads.
const SAID_OF_CASES: usize = 80;

/// How many cases a proof has.
fn cases(case: &Case) -> usize {
    match &case.end {
        End::Neither(..) => 1,
        End::Cases(both) => both.iter().map(|(_, case)| cases(case)).sum(),
    }
}

/// The key and the two writers that a proof is about.
fn first_pair(proof: &Proof) -> (u32, [u32; 2]) {
    let (key, before, after) = match &proof.all.end {
        End::Neither(forced, _) => (forced.key, forced.before, forced.after),
        End::Cases(both) => match &proof.steps[both[0].0 as usize] {
            Step::Supposed { key, before, after } => (*key, *before, *after),
            Step::Follows(forced) => (forced.key, forced.before, forced.after),
        },
    };
    (key, [before.last, after.first])
}

struct Say<'e, 'a> {
    explain: &'e Explain<'e, 'a>,
    kind: Kind,
    keeps: Keeps,
}

impl Say<'_, '_> {
    /// A proof by cases, if one is found.
    fn proof(&self) -> Option<(Polygraph, Proof)> {
        let graph = Polygraph::new(self.explain.committed, self.kind, self.keeps).ok()?;
        let proof = prove(&graph)?;
        Some((graph, proof))
    }

    /// The steps of a part of a proof, each with the case that it is in.
    fn case(&self, graph: &Polygraph, proof: &Proof, case: &Case, number: &str, steps: &mut Vec<String>) {
        let within = if number.is_empty() { String::new() } else { format!("case {number}: ") };
        for at in &case.follows {
            if let Step::Follows(forced) = &proof.steps[*at as usize] {
                steps.push(format!("{within}{}", self.forced(graph, forced)));
            }
        }
        match &case.end {
            End::Neither(forced, opposite) => {
                steps.push(format!("{within}{}", self.forced(graph, forced)));
                let opposite = self.forced(graph, opposite);
                steps.push(format!("{within}but just as well {opposite}: a contradiction"));
            }
            End::Cases(both) => {
                for (nth, (supposed, part)) in both.iter().enumerate() {
                    let inner = if number.is_empty() {
                        format!("{}", nth + 1)
                    } else {
                        format!("{number}.{}", nth + 1)
                    };
                    if let Step::Supposed { key, before, after } = &proof.steps[*supposed as usize] {
                        steps.push(format!(
                            "case {inner}: if {} is before {}",
                            self.chain(before, *key, true),
                            self.chain(after, *key, false)
                        ));
                    }
                    self.case(graph, proof, part, &inner, steps);
                }
            }
        }
    }

    fn nodes(&self, graph: &Polygraph, way: &[u32]) -> Vec<u32> {
        let mut nodes: Vec<u32> = way.iter().filter_map(|at| graph.meaning(*at).ok()).collect();
        nodes.dedup();
        nodes
    }

    fn clash(&self, clash: &Clash) -> Finding {
        let explain = self.explain;
        let (key, base, one, other) = match *clash {
            Clash::Update { key, base, one, other } => (key, base, one, other),
            Clash::Reread { key, reader, one, other } => {
                let sentence = format!(
                    "not {}: {} read both {} and {}",
                    explain.level.name(),
                    explain.name(reader),
                    explain.wrote(one, key),
                    explain.wrote(other, key),
                );
                return explain.finding(
                    "non-repeatable-read",
                    sentence,
                    &[reader, one, other],
                    Some(key),
                    vec![],
                );
            }
        };
        let version = explain.wrote(base, key);
        let sentence = format!(
            "not {}: {} and {} both read {version} and wrote that key: one update is lost",
            explain.level.name(),
            explain.name(one),
            explain.name(other),
        );
        let mut steps: Vec<String> = [one, other]
            .iter()
            .filter(|node| {
                explain
                    .committed
                    .reads_of(**node)
                    .contains(&super::super::committed::Read { key, from: base })
            })
            .map(|node| {
                format!("{} read {version} and then wrote {}", explain.name(*node), explain.wrote(*node, key))
            })
            .collect();
        steps.push(format!(
            "whichever of them is second must have seen the other's write of key {}",
            explain.words.key(key)
        ));
        explain.finding("lost-update", sentence, &[base, one, other], Some(key), steps)
    }

    fn chain(&self, chain: &Chain, key: u32, last: bool) -> String {
        let node = if last { chain.last } else { chain.first };
        format!("{}'s {}", self.explain.name(node), self.explain.wrote(node, key))
    }

    fn forced(&self, graph: &Polygraph, forced: &Forced) -> String {
        let Forced { key, before, after, way, .. } = forced;
        let (first, second) = (self.chain(before, *key, true), self.chain(after, *key, false));
        let missed = way.last() == Some(&after.readers) && after.readers != NONE;
        let consequence = if missed {
            format!(
                "whoever read {} would be before {}",
                self.chain(after, *key, true),
                self.explain.name(before.first)
            )
        } else {
            format!("{} would be before {}", self.explain.name(after.last), self.explain.name(before.first))
        };
        let why = self.way(graph, way);
        let why = if why.is_empty() { "that is one and the same".to_owned() } else { why.join(", and ") };
        format!("{first} is before {second}: the other way round {consequence}; but {why}")
    }

    /// A sentence for each edge of a way that says something.
    fn way(&self, graph: &Polygraph, way: &[u32]) -> Vec<String> {
        let mut steps = Vec::new();
        let mut previous = NONE;
        let mut through: Option<Aux> = None;
        for at in way {
            match graph.meaning(*at) {
                Err(aux) => through = Some(aux),
                Ok(node) => {
                    if previous != NONE && previous != node {
                        steps.push(self.edge(previous, node, through));
                    }
                    (previous, through) = (node, None);
                }
            }
        }
        if let Some(Aux::Readers { writer, key }) = through
            && previous != NONE
        {
            steps.push(format!(
                "{} read {} of {}",
                self.explain.name(previous),
                self.explain.wrote(writer, key),
                self.explain.name(writer)
            ));
        }
        steps
    }

    fn edge(&self, first: u32, second: u32, through: Option<Aux>) -> String {
        let explain = self.explain;
        let (one, other) = (explain.name(first), explain.name(second));
        match through {
            Some(Aux::Moment) => return format!("{one} was answered before {other} began"),
            Some(Aux::Readers { writer, key }) => {
                let version = explain.wrote(writer, key);
                return format!(
                    "{one} read {version}, which {other} overwrote with {}, so {one} did not see {other}",
                    explain.wrote(second, key)
                );
            }
            None => {}
        }
        let committed = explain.committed;
        if self.keeps == Keeps::Nothing && committed.in_session_before(first, second) {
            // Sessions do not count here: the reason is another.
            let saw = committed.reads_of(second).iter().find(|read| read.from == first);
            if let Some(read) = saw {
                return format!("{other} saw {} of {one}", explain.wrote(first, read.key));
            }
        } else if let Some(why) = explain.cause(first, second) {
            return why;
        }
        let shared = committed.writes_of(first).iter().find(|write| committed.writes_key(second, write.key));
        match shared {
            Some(write) => format!("{one} wrote key {} before {other}", explain.words.key(write.key)),
            None => format!("{one} is before {other}"),
        }
    }
}
