//! The storage thread: whatever waits is written and fsynced at once (group commit).

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::mpsc;

use super::Event;
use crate::core::Persist;
use crate::storage::Storage;

/// What one flush of the core wants to be durable.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: u64,
    pub(super) ops: Vec<Persist>,
}

/// Starts the thread. It ends when the returned sender or the driver is gone, or the disk fails.
pub(super) fn spawn(storage: Storage, events: mpsc::Sender<Event>) -> io::Result<Sender<Job>> {
    // Unbounded, but what can wait here is bounded: by the requests a leader holds, and by the
    // entries it has under way to a follower.
    let (jobs, inbox) = channel();
    thread::Builder::new().name("disk".to_owned()).spawn(move || work(storage, &inbox, &events))?;
    Ok(jobs)
}

fn work(mut storage: Storage, inbox: &Receiver<Job>, events: &mpsc::Sender<Event>) {
    while let Ok(first) = inbox.recv() {
        let mut batch = first.batch;
        let mut ops = first.ops;
        while let Ok(next) = inbox.try_recv() {
            batch = next.batch;
            ops.extend(next.ops);
        }
        let event = match storage.persist(ops) {
            Ok(()) => Event::Persisted(batch),
            Err(e) => Event::DiskFailed(e),
        };
        let failed = matches!(event, Event::DiskFailed(_));
        if events.blocking_send(event).is_err() || failed {
            return;
        }
    }
}
