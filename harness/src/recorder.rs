//! The recorder: gives every event its place and time, and has it on disk within milliseconds.
//!
//! One lock orders everything: an event's index, its time and its line are made together, so that
//! the order of the file is the order in which things happened. A thread of its own writes; a
//! killed controller loses at most the last few milliseconds, and what it leaves is a prefix of
//! the history, which is a history.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use checkers::{Event, EventType, jsonl};
use thiserror::Error;

/// How long an event may wait in memory before it is written.
const LINGER: Duration = Duration::from_millis(5);
/// Buffered bytes at which the writer is woken at once.
const WAKE_BYTES: usize = 256 << 10;

/// Why the history cannot be kept. A run without a history is a harness failure.
#[derive(Clone, Debug, Error)]
#[error("cannot write the history {path}: {reason}; free space or choose another --out")]
pub struct RecorderError {
    path: PathBuf,
    reason: String,
}

/// Counts of client events so far, for the status line.
#[derive(Debug, Default)]
pub struct Counts {
    /// Invocations.
    pub invoked: AtomicU64,
    /// Completions by outcome.
    pub ok: AtomicU64,
    /// Definite failures.
    pub fail: AtomicU64,
    /// Indefinite outcomes.
    pub info: AtomicU64,
}

/// Writes `history.jsonl`.
pub struct Recorder {
    shared: Arc<Shared>,
    began: Instant,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
    counts: Counts,
}

#[derive(Default)]
struct State {
    next_index: u64,
    pending: Vec<u8>,
    closed: bool,
    error: Option<RecorderError>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock leaves whole lines only: a line is appended at once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Opens the file, which must not exist, and starts the clock of the run.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, RecorderError> {
        let fail = |error: std::io::Error| RecorderError { path: path.to_owned(), reason: error.to_string() };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(fail)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            state: Mutex::default(),
            wake: Condvar::new(),
            counts: Counts::default(),
        });
        let writer = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || write_until_closed(&shared, file)
            })
            .map_err(fail)?;
        Ok(Recorder { shared, began: Instant::now(), writer: Mutex::new(Some(writer)) })
    }

    /// Nanoseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Records an event; its `time` is set here. Returns the event as recorded.
    pub fn record(&self, mut event: Event) -> Event {
        if !event.process.is_nemesis() {
            let counts = &self.shared.counts;
            match event.event_type {
                EventType::Invoke => &counts.invoked,
                EventType::Ok => &counts.ok,
                EventType::Fail => &counts.fail,
                EventType::Info => &counts.info,
            }
            .fetch_add(1, Relaxed);
        }
        let mut state = self.shared.lock();
        event.time = self.now();
        let index = state.next_index;
        let start = state.pending.len();
        match jsonl::write_event(&mut state.pending, index, &event) {
            Ok(()) => state.next_index += 1,
            Err(error) => {
                // Values come from JSON-like data, so this cannot happen short of a bug of ours;
                // a hole in the history must not go unnoticed.
                state.pending.truncate(start);
                state.error.get_or_insert(RecorderError {
                    path: self.shared.path.clone(),
                    reason: format!("event {index} cannot be encoded: {error}"),
                });
            }
        }
        if state.pending.len() >= WAKE_BYTES {
            self.shared.wake.notify_one();
        }
        event
    }

    /// What was recorded so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// The first trouble with the file, if there was any.
    pub fn error(&self) -> Option<RecorderError> {
        self.shared.lock().error.clone()
    }

    /// Writes what is left, fsyncs, and closes the file.
    ///
    /// # Errors
    /// When any of the history did not reach the disk.
    pub fn close(&self) -> Result<(), RecorderError> {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            return Err(RecorderError {
                path: self.shared.path.clone(),
                reason: "the writing thread panicked".to_owned(),
            });
        }
        self.error().map_or(Ok(()), Err)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // On an early return the events so far are still worth having; the error was reported
        // by `close` or has no one left to hear it.
        let _ = self.close();
    }
}

fn write_until_closed(shared: &Shared, mut file: File) {
    let mut batch = Vec::new();
    loop {
        let closed = {
            let mut state = shared.lock();
            if state.pending.len() < WAKE_BYTES && !state.closed {
                state = shared.wake.wait_timeout(state, LINGER).unwrap_or_else(PoisonError::into_inner).0;
            }
            std::mem::swap(&mut batch, &mut state.pending);
            state.closed
        };
        let mut result = file.write_all(&batch);
        batch.clear();
        if closed && result.is_ok() {
            result = file.sync_all();
        }
        if let Err(error) = result {
            let mut state = shared.lock();
            state.error.get_or_insert(RecorderError { path: shared.path.clone(), reason: error.to_string() });
            return;
        }
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checkers::{Process, Value};
    use std::io::BufReader;

    #[test]
    fn events_of_many_threads_form_a_history() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.jsonl");
        let recorder = Recorder::create(&path).unwrap();
        std::thread::scope(|scope| {
            for process in 0..4 {
                let recorder = &recorder;
                scope.spawn(move || {
                    let process = Process::client(process).unwrap();
                    for n in 0..500 {
                        for event_type in [EventType::Invoke, EventType::Ok] {
                            recorder.record(Event::new(0, process, event_type, "write", Value::Int(n)));
                        }
                    }
                });
            }
        });
        recorder.close().unwrap();
        let file = BufReader::new(File::open(&path).unwrap());
        let reading = jsonl::read(file, jsonl::TornTail::Refuse).unwrap();
        assert_eq!(reading.history.operations().count(), 2000);
        assert_eq!(recorder.counts().ok.load(Relaxed), 2000);
    }

    #[test]
    fn a_full_disk_is_an_error_with_the_path() {
        // /dev/full fails every write with ENOSPC; it exists, so it is opened without create_new.
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let shared = Arc::new(Shared {
            path: "/dev/full".into(),
            state: Mutex::default(),
            wake: Condvar::new(),
            counts: Counts::default(),
        });
        let writer = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || write_until_closed(&shared, file)
        });
        let recorder = Recorder { shared, began: Instant::now(), writer: Mutex::new(Some(writer)) };
        recorder.record(Event::new(0, Process::NEMESIS, EventType::Info, "phase", Value::Nil));
        let error = recorder.close().unwrap_err().to_string();
        assert!(error.contains("/dev/full") && error.contains("No space left"), "{error}");
    }
}
