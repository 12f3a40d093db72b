//! What probes found, as data.

use serde::Serialize;

use super::grudge::Endpoint;
use super::links::LinkState;

/// How many mismatches a summary shows.
const EXAMPLES: usize = 8;

/// What became of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// It arrived.
    Reached {
        /// One way, from before the send until it was read.
        latency_us: u64,
    },
    /// It did not arrive within the limit.
    NotArrived {
        /// Whether it was seen to vanish: the switch dropped this very probe,
        /// or the receiver's interface ignored a frame meanwhile. `None` where
        /// the kernel does not count that (client links before Linux 5.19).
        seen_dropped: Option<bool>,
    },
    /// The sender's kernel would not send it, so nothing is known of the link.
    NotSent {
        /// The kernel's answer.
        error: String,
    },
}

/// One directed link, as it should be and as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LinkEvidence {
    /// Who sent.
    pub source: Endpoint,
    /// Who was to receive.
    pub destination: Endpoint,
    /// How the link should be.
    pub expected: LinkState,
    /// How it was found.
    pub found: Finding,
}

impl LinkEvidence {
    /// Whether the link was found as it should be.
    ///
    /// A cut needs positive evidence: silence alone may also be a lost datagram
    /// or a node without its interface.
    pub fn holds(&self) -> bool {
        match (self.expected, &self.found) {
            (LinkState::Open, Finding::Reached { .. }) => true,
            (LinkState::Cut, Finding::NotArrived { seen_dropped }) => seen_dropped.unwrap_or(true),
            _ => false,
        }
    }
}

/// What a round of probes found of every directed link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The links, by source and destination.
    pub links: Vec<LinkEvidence>,
    /// How long the round took.
    pub took_us: u64,
}

/// The same in few words, for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EvidenceSummary {
    /// Links that were found open.
    pub reached: usize,
    /// Links that were found cut.
    pub not_arrived: usize,
    /// The slowest probe that arrived.
    pub slowest_us: Option<u64>,
    /// Links that were found other than they should be.
    pub mismatches: usize,
    /// The first few of those.
    pub examples: Vec<LinkEvidence>,
    /// How long the round took.
    pub took_us: u64,
}

impl Evidence {
    /// Whether every link was found as it should be.
    pub fn holds(&self) -> bool {
        self.links.iter().all(LinkEvidence::holds)
    }

    /// The links that were found other than they should be.
    pub fn mismatches(&self) -> impl Iterator<Item = &LinkEvidence> {
        self.links.iter().filter(|link| !link.holds())
    }

    /// The same in few words: numbers, and the first few mismatches.
    pub fn summary(&self) -> EvidenceSummary {
        let latencies = || {
            self.links.iter().filter_map(|link| match link.found {
                Finding::Reached { latency_us } => Some(latency_us),
                _ => None,
            })
        };
        EvidenceSummary {
            reached: latencies().count(),
            not_arrived: self
                .links
                .iter()
                .filter(|link| matches!(link.found, Finding::NotArrived { .. }))
                .count(),
            slowest_us: latencies().max(),
            mismatches: self.mismatches().count(),
            examples: self.mismatches().take(EXAMPLES).cloned().collect(),
            took_us: self.took_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(expected: LinkState, found: Finding) -> LinkEvidence {
        LinkEvidence { source: Endpoint::Node(0), destination: Endpoint::Clients, expected, found }
    }

    #[test]
    fn silence_is_no_proof_of_a_cut_where_drops_can_be_seen() {
        let silence = |seen_dropped| Finding::NotArrived { seen_dropped };
        assert!(link(LinkState::Cut, silence(Some(true))).holds());
        assert!(link(LinkState::Cut, silence(None)).holds());
        assert!(!link(LinkState::Cut, silence(Some(false))).holds());
        assert!(!link(LinkState::Open, silence(Some(true))).holds());
    }

    #[test]
    fn a_probe_that_could_not_be_sent_proves_nothing() {
        let found = Finding::NotSent { error: "ENETDOWN".to_owned() };
        assert!(!link(LinkState::Cut, found.clone()).holds());
        assert!(!link(LinkState::Open, found).holds());
    }

    #[test]
    fn a_summary_keeps_the_mismatches() {
        let evidence = Evidence {
            links: vec![
                link(LinkState::Open, Finding::Reached { latency_us: 90 }),
                link(LinkState::Cut, Finding::Reached { latency_us: 120 }),
            ],
            took_us: 700,
        };
        let text = serde_json::to_string(&evidence.summary()).unwrap();
        assert_eq!(
            text,
            r#"{"reached":2,"not_arrived":0,"slowest_us":120,"mismatches":1,"examples":[{"source":"n1","destination":"clients","expected":"cut","found":{"reached":{"latency_us":120}}}],"took_us":700}"#
        );
    }
}
