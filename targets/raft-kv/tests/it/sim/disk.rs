//! A disk in memory that forgets at a crash what was not fsynced.

use std::collections::VecDeque;

use raft_kv::core::{Durable, Log, Persist};
use raft_kv::types::Entry;

/// What is written, and what of it is on the platter.
#[derive(Default)]
pub struct Disk {
    /// Everything written: what a killed process finds again, since the kernel lives on.
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

    pub fn crash(&mut self, power_cut: bool) {
        self.waiting.clear();
        if power_cut {
            self.written = self.fsynced.clone();
        } else {
            self.fsynced = self.written.clone();
        }
    }
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
