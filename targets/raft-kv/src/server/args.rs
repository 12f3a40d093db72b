//! The command line of a server.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::bugs::Bug;
use crate::core::{Config, ReadMode};
use crate::types::{Members, NodeId};

/// How to run a Raft server.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Name of this server
    #[arg(long, value_name = "NAME")]
    pub id: NodeId,

    /// Address to listen on for the other servers
    #[arg(long, value_name = "HOST:PORT")]
    pub listen_peer: String,

    /// Address to listen on for clients
    #[arg(long, value_name = "HOST:PORT")]
    pub listen_client: String,

    /// An initial member and where its peers reach it; once for each, may include this server
    #[arg(long = "peer", value_name = "NAME=HOST:PORT")]
    pub peer: Vec<PeerAddress>,

    /// Directory for log and snapshot, created if need be
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Who answers reads: read-index, leader-local or any-node
    #[arg(long, default_value = "read-index", value_name = "MODE")]
    pub read_mode: ReadMode,

    /// Election timeout t; waits are drawn from [t, 2t), heartbeats go out every t/6
    #[arg(long, default_value = "300ms", value_parser = parse_duration, value_name = "TIME")]
    pub election_timeout: Duration,

    /// Take a snapshot when this many entries have been applied since the last
    #[arg(long, default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_threshold: u64,

    /// Break a rule of Raft on purpose; may be repeated
    #[arg(long = "bug", value_name = "BUG")]
    pub bug: Vec<Bug>,

    /// Fixes the random choices; without it they differ from run to run
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Start as no member, and wait to be added to a running cluster
    #[arg(long)]
    pub join: bool,
}

/// A member and where its peers reach it: `n2=10.0.0.2:7000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Its name.
    pub id: NodeId,
    /// `host:port`.
    pub address: String,
}

impl FromStr for PeerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, address) =
            text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form NAME=HOST:PORT"))?;
        Ok(PeerAddress { id: id.parse().map_err(|e| format!("{e}"))?, address: address.to_owned() })
    }
}

impl Args {
    pub(super) fn config(&self) -> Config {
        Config {
            election_timeout: self.election_timeout,
            read_mode: self.read_mode,
            snapshot_threshold: self.snapshot_threshold,
            bugs: self.bug.iter().copied().collect(),
            ..Config::new(self.id)
        }
    }

    /// Everybody we know an address of.
    pub(super) fn peers(&self) -> Members {
        let pairs = self.peer.iter().map(|p| (p.id, p.address.clone()));
        pairs.collect()
    }

    pub(super) fn bootstrap_members(&self) -> Members {
        if self.join {
            return Members::new();
        }
        let mut members = self.peers();
        members.entry(self.id).or_insert(self.listen_peer.clone());
        members
    }

    /// Where peers reach us: as they were told, or where we listen.
    pub(super) fn own_peer_address(&self, listening: &str) -> String {
        let told = self.peers().remove(&self.id);
        told.unwrap_or_else(|| listening.to_owned())
    }

    /// A seed that differs from node to node, or elections would tie for ever.
    pub(super) fn seed_of_node(&self) -> u64 {
        let salt = u64::from(crc32fast::hash(self.id.as_str().as_bytes()));
        self.seed.unwrap_or_else(rand::random) ^ salt.rotate_left(32)
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(""), 1000),
    };
    let millis = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    match millis {
        Some(millis @ 10..=3_600_000) => Ok(Duration::from_millis(millis)),
        _ => Err(format!("{text:?} is not a time such as 300ms or 2s (10ms to 3600s)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_a_sensible_size() {
        assert_eq!(parse_duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        for bad in ["300", "", "s", "-1s", "1ms", "99999999999999999999s"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_peer_is_a_name_and_an_address() {
        let peer: PeerAddress = "n2=10.0.0.2:7000".parse().expect("a peer");
        assert_eq!((peer.id.as_str(), &*peer.address), ("n2", "10.0.0.2:7000"));
        assert!("n2".parse::<PeerAddress>().is_err());
        assert!("=x".parse::<PeerAddress>().is_err());
    }
}
