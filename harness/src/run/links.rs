//! The nemesis' view of the sandbox's network.

use std::sync::Arc;

use serde_json::json;

use crate::nemesis::grudge::{CLIENTS, Grudge};
use crate::nemesis::{LinkCheck, Links};
use crate::net::{Endpoint, Network};

/// The links of a sandboxed cluster.
pub struct SandboxLinks {
    network: Arc<Network>,
    nodes: Vec<String>,
}

impl SandboxLinks {
    /// The links between these nodes, in the order in which the network counts them.
    pub fn new(network: Arc<Network>, nodes: Vec<String>) -> Self {
        SandboxLinks { network, nodes }
    }

    fn endpoint(&self, name: &str) -> Result<Endpoint, String> {
        if name == CLIENTS {
            return Ok(Endpoint::Clients);
        }
        let number = self.nodes.iter().position(|node| node == name);
        number.map(Endpoint::Node).ok_or_else(|| format!("there is no node `{name}`"))
    }
}

impl Links for SandboxLinks {
    fn impose(&self, grudge: &Grudge) -> Result<LinkCheck, String> {
        let mut cuts = crate::net::Grudge::none();
        for (from, to) in grudge.blocked() {
            cuts.cut(self.endpoint(from)?, self.endpoint(to)?);
        }
        self.network.impose(&cuts).map_err(|error| error.to_string())?;
        let found = self.network.verify(&cuts);
        let dropped: u64 = grudge
            .blocked()
            .filter_map(|(from, to)| match (self.endpoint(from).ok()?, self.endpoint(to).ok()?) {
                (Endpoint::Node(from), Endpoint::Node(to)) => {
                    Some(self.network.counts(from, to).dropped_frames)
                }
                _ => None,
            })
            .sum();
        let mut evidence = json!(found.summary());
        evidence["frames_dropped_so_far"] = json!(dropped);
        Ok(LinkCheck { holds: found.holds(), evidence })
    }
}
