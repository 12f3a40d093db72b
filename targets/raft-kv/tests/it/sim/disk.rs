//! A disk in memory that forgets at a crash what was not fsynced.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use raft_kv::core::{Durable, Log, Persist};
use raft_kv::types::{Entry, Snapshot};

/// What is written, and what of it is on the platter.
#[derive(Default)]
pub struct Disk {
    /// Everything handed to the disk: the most that a killed process can find again.
    pub written: Durable,
    /// Everything fsynced: what is left after a power cut.
    pub fsynced: Durable,
    waiting: VecDeque<(u64, Vec<Persist>)>,
}

impl Disk {
    pub fn write(&mut self, batch: u64, ops: Vec<Persist>) {
        for op in &ops {
            replay(&mut self.written, op);
        }
        self.waiting.push_back((batch, ops));
    }

    pub fn fsync(&mut self, batch: u64) {
        while let Some((number, _)) = self.waiting.front()
            && *number <= batch
        {
            let (_, ops) = self.waiting.pop_front().expect("looked at");
            for op in &ops {
                replay(&mut self.fsynced, op);
            }
        }
    }

    /// After a power cut only what was fsynced is left. A killed process also leaves what it had
    /// written of the rest: some of the operations, and of the next one, if it is a snapshot,
    /// perhaps the snapshot's file without the log's.
    pub fn crash(&mut self, power_cut: bool, rng: &mut ChaCha8Rng) {
        let waiting = std::mem::take(&mut self.waiting);
        if !power_cut {
            let ops: Vec<_> = waiting.into_iter().flat_map(|(_, ops)| ops).collect();
            let done = rng.random_range(0..=ops.len());
            for op in &ops[..done] {
                replay(&mut self.fsynced, op);
            }
            if let Some(Persist::Snapshot { snapshot, .. }) = ops.get(done)
                && rng.random_bool(0.5)
            {
                replace_snapshot_only(&mut self.fsynced, snapshot);
            }
        }
        self.written = self.fsynced.clone();
    }
}

/// What recovery makes of a crash between the snapshot's rename and the log's.
fn replace_snapshot_only(disk: &mut Durable, snapshot: &Snapshot) {
    let (index, term) = (snapshot.meta.index, snapshot.meta.term);
    if disk.log.term(index) != Some(term) {
        disk.log.reset(index, term);
    }
    disk.snapshot = Some(snapshot.clone());
}

fn replay(disk: &mut Durable, op: &Persist) {
    match op {
        Persist::HardState(hard) => disk.hard = *hard,
        Persist::Entries(entries) => append(&mut disk.log, entries),
        Persist::Snapshot { snapshot, base, tail } => {
            disk.snapshot = Some(snapshot.clone());
            disk.log = Log::new(*base, tail.clone());
        }
    }
}

fn append(log: &mut Log, entries: &[Entry]) {
    for entry in entries {
        assert!(entry.index <= log.last_index() + 1, "a gap on disk");
        log.truncate_from(entry.index);
        log.push(entry.clone());
    }
}
