//! What an operator, or a test that reads the log, is told. The fields are stable: `role=leader
//! term=5` means the same in every version.

use tracing::{info, warn};

use crate::core::{Durable, Event};
use crate::types::{Members, NodeId};

/// Sends the log to stderr, unless the program has already decided otherwise.
pub(super) fn to_stderr() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO);
    let _ = subscriber.try_init();
}

pub(super) fn recovered(id: NodeId, durable: &Durable) {
    info!(
        node = %id,
        term = durable.hard.term,
        vote = %name(durable.hard.vote),
        snapshot_index = durable.snapshot.as_ref().map_or(0, |s| s.meta.index),
        log_base = durable.log.base().0,
        last_index = durable.log.last_index(),
        last_term = durable.log.last_term(),
        "started state=recovered"
    );
}

pub(super) fn started(id: NodeId, members: &Members, peer: &str, client: &str) {
    let members = names(members.keys());
    info!(node = %id, %members, listen_peer = peer, listen_client = client, "serving");
}

pub(super) fn event(id: NodeId, event: &Event) {
    match event {
        Event::Role { role, term, leader, reason } => {
            info!(node = %id, %role, term, leader = %name(*leader), reason, "role changed");
        }
        Event::Truncated { from, commit } if from <= commit => {
            warn!(node = %id, from, commit, "committed entries truncated");
        }
        Event::Truncated { from, commit } => {
            info!(node = %id, from, commit, "conflicting entries truncated");
        }
        Event::SnapshotTaken { index, bytes } => {
            info!(node = %id, index, bytes, "snapshot=taken");
        }
        Event::SnapshotSending { to, index } => {
            info!(node = %id, %to, index, "snapshot=sending");
        }
        Event::SnapshotInstalled { index, bytes } => {
            info!(node = %id, index, bytes, "snapshot=installed");
        }
        Event::SnapshotBroken { index } => {
            warn!(node = %id, index, "snapshot=broken");
        }
        Event::Members { index, members } => {
            let members = names(members.iter());
            info!(node = %id, index, %members, "membership changed");
        }
    }
}

fn name(id: Option<NodeId>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

fn names<'a>(ids: impl Iterator<Item = &'a NodeId>) -> String {
    let names: Vec<&str> = ids.map(NodeId::as_str).collect();
    names.join(",")
}
