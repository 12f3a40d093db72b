//! Grudges: who refuses whose messages. A partition is nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The pseudo-node that stands for all clients.
pub const CLIENTS: &str = "clients";

/// For each node, those whose messages do not reach it; Jepsen's meaning. Directed: `n1: [n2]`
/// alone lets `n2` hear `n1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grudge(pub BTreeMap<String, BTreeSet<String>>);

/// Shapes of partitions that are drawn from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionKind {
    /// One random node against all others.
    One,
    /// Two sides as equal as can be.
    Halves,
    /// A majority against a minority of random size.
    Majority,
    /// Every node sees a majority, no two the same one (Jepsen's majorities-ring).
    MajoritiesRing,
    /// Two halves that one node still joins.
    Bridge,
    /// Fewer than a third of the nodes against the others.
    MinorityThird,
    /// Each primary alone, chosen when the fault begins.
    Primaries,
    /// The primaries in a minority with random company, chosen when the fault begins.
    PrimaryMinority,
    /// As [`PartitionKind::PrimaryMinority`], and whenever the others have elected another
    /// primary, the cut moves to it, without a moment of peace.
    Rolling,
    /// One node hears nobody, or nobody hears it: one direction only.
    OneWay,
}

impl PartitionKind {
    /// All kinds, in the order of documentation.
    pub const ALL: [PartitionKind; 10] = [
        PartitionKind::One,
        PartitionKind::Halves,
        PartitionKind::Majority,
        PartitionKind::MajoritiesRing,
        PartitionKind::Bridge,
        PartitionKind::MinorityThird,
        PartitionKind::Primaries,
        PartitionKind::PrimaryMinority,
        PartitionKind::Rolling,
        PartitionKind::OneWay,
    ];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            PartitionKind::One => "one",
            PartitionKind::Halves => "halves",
            PartitionKind::Majority => "majority",
            PartitionKind::MajoritiesRing => "majorities-ring",
            PartitionKind::Bridge => "bridge",
            PartitionKind::MinorityThird => "minority-third",
            PartitionKind::Primaries => "primaries",
            PartitionKind::PrimaryMinority => "primary-minority",
            PartitionKind::Rolling => "rolling",
            PartitionKind::OneWay => "one-way",
        }
    }

    /// The fewest nodes with which this shape cuts anything.
    pub const fn least_nodes(self) -> usize {
        match self {
            PartitionKind::MajoritiesRing | PartitionKind::MinorityThird => 4,
            PartitionKind::Bridge | PartitionKind::PrimaryMinority | PartitionKind::Rolling => 3,
            _ => 2,
        }
    }

    /// Whether it is known only when the fault begins.
    pub const fn depends_on_primaries(self) -> bool {
        matches!(self, PartitionKind::Primaries | PartitionKind::PrimaryMinority | PartitionKind::Rolling)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        PartitionKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The grudge of this shape, drawn from `rng`; `None` for those that depend on who is primary,
    /// which is known only when the fault begins.
    pub fn draw(self, nodes: &[String], rng: &mut ChaCha8Rng) -> Option<Grudge> {
        let mut order: Vec<&str> = nodes.iter().map(String::as_str).collect();
        order.shuffle(rng);
        let n = order.len();
        let sides = |at: usize| Grudge::between(&order[..at], &order[at..]);
        Some(match self {
            PartitionKind::One => sides(1),
            PartitionKind::Halves => sides(n / 2),
            PartitionKind::Majority => sides(rng.random_range(1..=((n - 1) / 2).max(1))),
            // Strictly fewer than a third, and at least one.
            PartitionKind::MinorityThird => sides(n.div_ceil(3).saturating_sub(1).max(1)),
            PartitionKind::MajoritiesRing => majorities_ring(&order),
            PartitionKind::Bridge => {
                let middle = n / 2;
                Grudge::between(&order[..middle], &order[middle + 1..])
            }
            PartitionKind::OneWay => {
                let (one, others) = order.split_at(1);
                if rng.random() { Grudge::deaf(one, others) } else { Grudge::deaf(others, one) }
            }
            PartitionKind::Primaries | PartitionKind::PrimaryMinority | PartitionKind::Rolling => {
                return None;
            }
        })
    }
}

/// Each node keeps the nodes nearest to it on a ring, just enough for a majority.
fn majorities_ring(order: &[&str]) -> Grudge {
    let n = order.len();
    let majority = n / 2 + 1;
    let mut grudge = Grudge::default();
    for (i, node) in order.iter().enumerate() {
        // As many to the left as to the right; with an even majority one more to the right.
        let start = i + n - (majority - 1) / 2;
        let kept: BTreeSet<&str> = (0..majority).map(|k| order[(start + k) % n]).collect();
        let refused = order.iter().filter(|other| !kept.contains(*other)).map(|o| (*o).to_owned());
        grudge.0.insert((*node).to_owned(), refused.collect());
    }
    grudge
}

/// Why a grudge cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrudgeError {
    /// A node that the cluster does not have.
    #[error("the grudge names the node `{name}`, which does not exist; there are {known} and `clients`")]
    UnknownNode {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A node against itself.
    #[error("the grudge has `{name}` refuse itself; a node always hears itself")]
    Itself {
        /// The name.
        name: String,
    },
    /// Text that is no grudge.
    #[error(
        "`{text}` is no grudge; write `n1:n2,n3;n2:n1`: n1 refuses what n2 and n3 send, n2 what n1 sends"
    )]
    Syntax {
        /// What was given.
        text: String,
    },
    /// Cuts nothing.
    #[error("the grudge is empty: it would cut nothing")]
    Empty,
}

impl Grudge {
    /// Each of `left` and each of `right` refuse one another.
    pub fn between(left: &[&str], right: &[&str]) -> Self {
        let mut grudge = Grudge::deaf(left, right);
        grudge.merge(&Grudge::deaf(right, left));
        grudge
    }

    /// None of `listeners` hears any of `speakers`; the other direction stays open.
    pub fn deaf(listeners: &[&str], speakers: &[&str]) -> Self {
        let speakers: BTreeSet<String> = speakers.iter().map(|s| (*s).to_owned()).collect();
        if speakers.is_empty() {
            return Grudge::default();
        }
        Grudge(listeners.iter().map(|l| ((*l).to_owned(), speakers.clone())).collect())
    }

    /// Each of `isolated` apart from every other node, and from one another.
    pub fn isolate(isolated: &[String], nodes: &[String]) -> Self {
        let mut grudge = Grudge::default();
        for one in isolated {
            let others: Vec<&str> = nodes.iter().filter(|n| *n != one).map(String::as_str).collect();
            grudge.merge(&Grudge::between(&[one], &others));
        }
        grudge
    }

    /// `few`, with as many of the others as make the largest minority, against the rest. Those
    /// first in `order` join first. Empty if `few` are no minority.
    pub fn minority_around(few: &[String], order: &[String]) -> Self {
        let size = (order.len().saturating_sub(1)) / 2;
        if few.is_empty() || few.len() > size {
            return Grudge::default();
        }
        let others = order.iter().filter(|node| !few.contains(node));
        let side: Vec<&str> = few.iter().chain(others).take(size).map(String::as_str).collect();
        let rest: Vec<&str> = order.iter().map(String::as_str).filter(|node| !side.contains(node)).collect();
        Grudge::between(&side, &rest)
    }

    /// Of a cut into two sides the nodes of the smaller one: those who refuse most.
    pub fn smaller_side(&self) -> Vec<String> {
        let most = self.0.values().map(BTreeSet::len).max().unwrap_or(0);
        self.0.iter().filter(|(_, refused)| refused.len() == most).map(|(name, _)| name.clone()).collect()
    }

    /// Adds all that `other` refuses.
    pub fn merge(&mut self, other: &Grudge) {
        for (listener, speakers) in &other.0 {
            self.0.entry(listener.clone()).or_default().extend(speakers.iter().cloned());
        }
    }

    /// The directed links that it blocks, as (from, to).
    pub fn blocked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(to, from)| from.iter().map(move |from| (from.as_str(), to.as_str())))
    }

    /// Whether nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.blocked().next().is_none()
    }

    /// Checks it against the cluster.
    ///
    /// # Errors
    /// An unknown node, a node against itself, or nothing at all.
    pub fn validate(&self, nodes: &[String]) -> Result<(), GrudgeError> {
        if self.is_empty() {
            return Err(GrudgeError::Empty);
        }
        for (from, to) in self.blocked() {
            for name in [from, to] {
                if name != CLIENTS && !nodes.iter().any(|node| node == name) {
                    return Err(GrudgeError::UnknownNode { name: name.to_owned(), known: nodes.join(", ") });
                }
            }
            if from == to {
                return Err(GrudgeError::Itself { name: from.to_owned() });
            }
        }
        Ok(())
    }
}

/// `n1:n2,n3;n2:n1`.
impl std::str::FromStr for Grudge {
    type Err = GrudgeError;

    fn from_str(text: &str) -> Result<Self, GrudgeError> {
        let syntax = || GrudgeError::Syntax { text: text.to_owned() };
        let mut grudge = Grudge::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (listener, speakers) = part.split_once(':').ok_or_else(syntax)?;
            let speakers: Vec<&str> = speakers.split(',').map(str::trim).collect();
            if listener.trim().is_empty() || speakers.iter().any(|s| s.is_empty()) {
                return Err(syntax());
            }
            grudge.merge(&Grudge::deaf(&[listener.trim()], &speakers));
        }
        if grudge.is_empty() { Err(syntax()) } else { Ok(grudge) }
    }
}

impl fmt::Display for Grudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (listener, speakers)) in self.0.iter().enumerate() {
            let speakers: Vec<&str> = speakers.iter().map(String::as_str).collect();
            write!(f, "{}{listener}:{}", if i == 0 { "" } else { ";" }, speakers.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn nodes(n: usize) -> Vec<String> {
        (1..=n).map(|i| format!("n{i}")).collect()
    }

    /// For each node, how many nodes it exchanges messages with in both directions, itself included.
    fn circles(grudge: &Grudge, nodes: &[String]) -> Vec<usize> {
        let blocked: BTreeSet<(&str, &str)> = grudge.blocked().collect();
        let hears = |a: &String, b: &String| !blocked.contains(&(b.as_str(), a.as_str()));
        nodes
            .iter()
            .map(|a| nodes.iter().filter(|b| a == *b || (hears(a, b) && hears(b, a))).count())
            .collect()
    }

    #[test]
    fn shapes_cut_what_their_names_say() {
        for seed in 0..50 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for n in 2..9 {
                let nodes = nodes(n);
                let mut sorted = |kind: PartitionKind| {
                    let mut sizes = circles(&kind.draw(&nodes, &mut rng).unwrap(), &nodes);
                    sizes.sort_unstable();
                    sizes
                };
                assert_eq!(sorted(PartitionKind::One)[0], 1);
                let halves = sorted(PartitionKind::Halves);
                assert_eq!((halves[0], halves[n - 1]), (n / 2, n - n / 2));
                assert!(sorted(PartitionKind::Majority)[n - 1] >= n.div_ceil(2));
                if n >= 4 {
                    let ring = sorted(PartitionKind::MajoritiesRing);
                    assert!(ring[0] >= 2 && ring[n - 1] <= n / 2 + 1, "{ring:?} of {n}");
                    let third = sorted(PartitionKind::MinorityThird);
                    assert!(third[0] * 3 < n || third[0] == 1);
                }
                if n >= 3 {
                    assert_eq!(sorted(PartitionKind::Bridge)[n - 1], n, "the bridge hears everybody");
                }
            }
        }
    }

    #[test]
    fn a_ring_of_odd_size_is_symmetric_and_leaves_everyone_a_majority() {
        let nodes = nodes(5);
        let order: Vec<&str> = nodes.iter().map(String::as_str).collect();
        assert_eq!(circles(&majorities_ring(&order), &nodes), [3, 3, 3, 3, 3]);
        assert_eq!(majorities_ring(&order).to_string(), "n1:n3,n4;n2:n4,n5;n3:n1,n5;n4:n1,n2;n5:n2,n3");
    }

    #[test]
    fn a_primary_is_cut_off_in_the_largest_minority() {
        let names = nodes(5);
        let few = vec!["n4".to_owned()];
        let grudge = Grudge::minority_around(&few, &names);
        assert_eq!(grudge.smaller_side(), ["n1", "n4"]);
        assert_eq!(circles(&grudge, &names), [2, 3, 3, 2, 3]);
        assert!(Grudge::minority_around(&names[..3], &names).is_empty(), "three of five are no minority");
        assert!(Grudge::minority_around(&[], &names).is_empty());
    }

    #[test]
    fn one_way_cuts_one_direction() {
        let nodes = nodes(5);
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let grudge = PartitionKind::OneWay.draw(&nodes, &mut rng).unwrap();
            let blocked: BTreeSet<_> = grudge.blocked().collect();
            assert_eq!(blocked.len(), 4);
            assert!(blocked.iter().all(|(a, b)| !blocked.contains(&(b, a))));
        }
    }

    #[test]
    fn text_round_trips_and_nonsense_is_explained() {
        let grudge: Grudge = "n1:n2,n3; clients:n1".parse().unwrap();
        assert_eq!(grudge.to_string(), "clients:n1;n1:n2,n3");
        assert_eq!(grudge.validate(&nodes(3)), Ok(()));
        let error = grudge.validate(&nodes(2)).unwrap_err().to_string();
        assert_eq!(
            error,
            "the grudge names the node `n3`, which does not exist; there are n1, n2 and `clients`"
        );
        assert!("n1".parse::<Grudge>().is_err());
        assert!("n1:".parse::<Grudge>().is_err());
        assert!("".parse::<Grudge>().is_err());
        assert!("n1:n1".parse::<Grudge>().unwrap().validate(&nodes(2)).is_err());
    }
}
