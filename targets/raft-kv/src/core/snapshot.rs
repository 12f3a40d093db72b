//! Snapshots: taking, sending and installing them (§7).

use bytes::Bytes;

use super::leader::PeerState;
use super::membership::MemberHistory;
use super::{Envelope, Event, Message, Persist, Raft, Role};
use crate::machine::Machine;
use crate::types::{Index, NodeId, Snapshot, SnapshotMeta};

/// A snapshot that is arriving.
#[derive(Debug)]
pub(super) struct Incoming {
    meta: SnapshotMeta,
    bytes: Vec<u8>,
}

impl Raft {
    /// Replaces the applied part of the log by a snapshot, except a tail for slow followers.
    pub(super) fn take_snapshot(&mut self) {
        let index = self.applied;
        let Some(term) = self.log.term(index) else {
            return;
        };
        let members = self.members.at(index).clone();
        self.snapshot =
            Snapshot { meta: SnapshotMeta { index, term, members }, data: self.machine.encode().into() };
        self.log.compact_to(index.saturating_sub(self.config.snapshot_threshold / 4));
        self.out.events.push(Event::SnapshotTaken { index, bytes: self.snapshot.data.len() });
        self.persist_snapshot();
    }

    fn persist_snapshot(&mut self) {
        let persist = Persist::Snapshot {
            snapshot: self.snapshot.clone(),
            base: self.log.base(),
            tail: self.log.iter().cloned().collect(),
        };
        self.out.persist.push(persist);
    }

    /// Begins to send our snapshot to a peer whose next entry we have no more.
    pub(super) fn start_snapshot(&mut self, to: NodeId) {
        let snapshot = self.snapshot.clone();
        let index = snapshot.meta.index;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if let Some(peer) = leader.peers.get_mut(&to) {
            peer.state = PeerState::Snapshot { snapshot, offset: 0 };
            self.out.events.push(Event::SnapshotSending { to, index });
            self.send_chunk(to);
        }
    }

    /// Sends, or sends again, the part of the snapshot that a peer wants next.
    pub(super) fn send_chunk(&mut self, to: NodeId) {
        let (term, chunk) = (self.hard.term, self.config.snapshot_chunk);
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let Some(peer) = leader.peers.get(&to) else {
            return;
        };
        let PeerState::Snapshot { snapshot, offset } = &peer.state else {
            return;
        };
        let total = snapshot.data.len();
        let start = (*offset as usize).min(total);
        let end = (start + chunk).min(total);
        let message = Message::Install {
            term,
            meta: snapshot.meta.clone(),
            offset: *offset,
            total: total as u64,
            data: snapshot.data.slice(start..end),
            round: leader.reads.round,
        };
        self.out.send.push(Envelope { to, message });
    }

    pub(super) fn on_install_reply(&mut self, from: NodeId, index: Index, wanted: Option<u64>) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(peer) = leader.peers.get_mut(&from) else {
            return;
        };
        let PeerState::Snapshot { snapshot, offset } = &mut peer.state else {
            return;
        };
        if snapshot.meta.index != index {
            return;
        }
        match wanted {
            Some(wanted) if wanted != *offset => {
                *offset = wanted.min(snapshot.data.len() as u64);
                self.send_chunk(from);
            }
            // A repeated part was answered; the one that is wanted is under way.
            Some(_) => {}
            None => {
                peer.matched = peer.matched.max(index);
                peer.next = peer.matched + 1;
                peer.state = PeerState::Probe { waiting: false };
            }
        }
    }

    pub(super) fn on_install(
        &mut self,
        from: NodeId,
        meta: SnapshotMeta,
        offset: u64,
        total: u64,
        data: &Bytes,
        round: u64,
    ) {
        let index = meta.index;
        if index <= self.commit {
            self.incoming = None;
            self.reply_install(from, index, None, round);
            return;
        }
        if self.incoming.as_ref().is_none_or(|i| i.meta != meta) {
            let bytes = Vec::new();
            self.incoming = Some(Incoming { meta, bytes });
        }
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        if offset == incoming.bytes.len() as u64 {
            incoming.bytes.extend_from_slice(data);
        }
        let have = incoming.bytes.len() as u64;
        if have < total {
            self.reply_install(from, index, Some(have), round);
            return;
        }
        if let Some(incoming) = self.incoming.take() {
            let installed = self.install(incoming);
            let wanted = (!installed).then_some(0);
            self.reply_install(from, index, wanted, round);
        }
    }

    /// Replaces our state by the snapshot; false if it cannot be decoded.
    fn install(&mut self, incoming: Incoming) -> bool {
        let Incoming { meta, bytes } = incoming;
        let index = meta.index;
        let Ok(machine) = Machine::decode(&bytes) else {
            self.out.events.push(Event::SnapshotBroken { index });
            return false;
        };
        self.machine = machine;
        // Entries that follow the snapshot are kept, if it is about our log (§7).
        if self.log.term(index) == Some(meta.term) {
            self.log.compact_to(index);
        } else {
            self.log.reset(index, meta.term);
        }
        self.members = MemberHistory::new(&meta, &self.log);
        self.log_members(index);
        self.commit = self.commit.max(index);
        self.applied = index;
        self.disk.durable = self.disk.durable.min(self.log.last_index());
        self.out.events.push(Event::SnapshotInstalled { index, bytes: bytes.len() });
        let data = bytes.into();
        self.snapshot = Snapshot { meta, data };
        self.persist_snapshot();
        true
    }

    pub(super) fn reply_install(&mut self, to: NodeId, index: Index, wanted: Option<u64>, round: u64) {
        let term = self.hard.term;
        let reply = Message::InstallReply { term, round, index, wanted };
        self.promise(to, reply);
    }
}
