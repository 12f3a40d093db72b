//! Which links are cut.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::address::MAX_NODES;

/// One end of a link: a node, or all clients together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Endpoint {
    /// A node, counted from 0; written `n1`, `n2`, …
    Node(usize),
    /// The clients and whatever else of the controller talks to nodes; written `clients`.
    Clients,
}

/// Who refuses to hear from whom: the cut links of a network.
///
/// Written as Jepsen writes it, a map from the receiver to the senders that it
/// does not hear: `{"n1":["n2","n3"]}`. Links are directed; cutting both ways
/// takes two entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grudge {
    unheard: BTreeMap<Endpoint, BTreeSet<Endpoint>>,
}

/// A text that names no endpoint.
#[derive(Debug, Error)]
#[error("{0:?} is neither a node nor the clients; write n1 to n{MAX_NODES}, or clients")]
pub struct EndpointError(String);

impl Grudge {
    /// The grudge that cuts nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Cuts every link between endpoints of different groups, both ways.
    /// Endpoints that are in no group keep their links.
    pub fn between(groups: &[&[Endpoint]]) -> Self {
        let mut grudge = Self::none();
        for (at, group) in groups.iter().enumerate() {
            for others in &groups[at + 1..] {
                for &one in *group {
                    for &other in *others {
                        grudge.cut(one, other);
                        grudge.cut(other, one);
                    }
                }
            }
        }
        grudge
    }

    /// Cuts the link from `source` to `destination`. A link to itself, or from
    /// clients to clients, does not exist and is passed over.
    pub fn cut(&mut self, source: Endpoint, destination: Endpoint) {
        if source != destination {
            self.unheard.entry(destination).or_default().insert(source);
        }
    }

    /// Mends the link from `source` to `destination`.
    pub fn mend(&mut self, source: Endpoint, destination: Endpoint) {
        if let Some(senders) = self.unheard.get_mut(&destination) {
            senders.remove(&source);
            if senders.is_empty() {
                self.unheard.remove(&destination);
            }
        }
    }

    /// Whether the link from `source` to `destination` is cut.
    pub fn cuts(&self, source: Endpoint, destination: Endpoint) -> bool {
        self.unheard.get(&destination).is_some_and(|senders| senders.contains(&source))
    }

    /// Whether nothing is cut.
    pub fn is_none(&self) -> bool {
        self.unheard.values().all(BTreeSet::is_empty)
    }

    /// All cut links, as (source, destination).
    pub fn links(&self) -> impl Iterator<Item = (Endpoint, Endpoint)> + '_ {
        self.unheard
            .iter()
            .flat_map(|(&destination, senders)| senders.iter().map(move |&source| (source, destination)))
    }
}

impl FromIterator<(Endpoint, Endpoint)> for Grudge {
    /// Cuts every (source, destination) listed.
    fn from_iter<I: IntoIterator<Item = (Endpoint, Endpoint)>>(links: I) -> Self {
        let mut grudge = Self::none();
        for (source, destination) in links {
            grudge.cut(source, destination);
        }
        grudge
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "n{}", node + 1),
            Self::Clients => f.write_str("clients"),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "clients" {
            return Ok(Self::Clients);
        }
        text.strip_prefix('n')
            .and_then(|number| number.parse::<usize>().ok())
            .filter(|number| (1..=MAX_NODES).contains(number))
            .map(|number| Self::Node(number - 1))
            .ok_or_else(|| EndpointError(text.to_owned()))
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint::{Clients, Node};
    use super::*;

    #[test]
    fn a_grudge_is_written_from_the_receivers_side() {
        let grudge: Grudge =
            [(Node(1), Node(0)), (Node(2), Node(0)), (Clients, Node(2))].into_iter().collect();
        let text = serde_json::to_string(&grudge).unwrap();
        assert_eq!(text, r#"{"n1":["n2","n3"],"n3":["clients"]}"#);
        assert_eq!(serde_json::from_str::<Grudge>(&text).unwrap(), grudge);
    }

    #[test]
    fn groups_lose_each_other_and_keep_themselves() {
        let grudge = Grudge::between(&[&[Node(0), Node(1)], &[Node(2)]]);
        assert!(grudge.cuts(Node(0), Node(2)) && grudge.cuts(Node(2), Node(0)));
        assert!(!grudge.cuts(Node(0), Node(1)));
        assert_eq!(grudge.links().count(), 4);
    }

    #[test]
    fn mending_every_link_leaves_no_grudge() {
        let mut grudge = Grudge::between(&[&[Node(0)], &[Clients]]);
        for (source, destination) in grudge.clone().links() {
            grudge.mend(source, destination);
        }
        assert_eq!(grudge, Grudge::none());
    }

    #[test]
    fn an_unknown_endpoint_is_quoted() {
        for wrong in ["n0", "n65", "node1", ""] {
            let error = wrong.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{wrong:?} is neither")), "{error}");
        }
    }
}
