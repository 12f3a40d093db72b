//! The loop that owns the load: asks the generator, hands operations to workers, hears of their
//! completions.
//!
//! Everything here runs on one thread. That keeps an operation at about a microsecond of our own
//! time, and makes the order in which the generator hears of events the order of the history.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use checkers::{Event, EventType, Extra, Name, Process, Value};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;
use tokio::time::Instant;
use workloads::{Client, Context, Generator, Next, Op, Outcome, Thread};

use super::interrupt::Interrupt;
use crate::recorder::{Recorder, RecorderError};

/// How long a worker that could not connect waits before it says so, so that a dead node is not
/// asked a hundred thousand times a second.
const PAUSE_AFTER_FAILED_OPEN: Duration = Duration::from_millis(50);
/// Beyond its time limit a call is given this long to notice that it was dropped.
const DRAIN_SLACK: Duration = Duration::from_secs(2);

/// Opens clients: one for each process.
#[async_trait]
pub trait OpenClient: Send + Sync {
    /// A client for `process`, at home on the node `home`.
    ///
    /// # Errors
    /// In words, when no connection can be had; the operation waiting for it then fails, since it
    /// was never sent.
    async fn open(&self, home: usize, process: Process) -> Result<Box<dyn Client>, String>;
}

/// What the load loop needs to know of the run.
#[derive(Clone)]
pub struct LoadOptions {
    /// Number of worker threads.
    pub concurrency: u32,
    /// Names of the nodes; thread *t* is at home on node *t* mod *n*.
    pub nodes: Vec<Name>,
    /// Longest time that a call may take; it is `info` then.
    pub op_timeout: Duration,
}

/// Why the load ended early, for a reason of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The history cannot be kept.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// A worker is gone: a bug of ours.
    #[error("a worker ended by itself; this is a bug in a client or in the runner")]
    WorkerLost,
    /// Worker processes are numbered in 32 bits.
    #[error("out of process numbers after 4,294,967,294 processes")]
    OutOfProcesses,
}

/// The workers and their bookkeeping; lives through all phases of a run.
pub struct Load {
    options: LoadOptions,
    recorder: Arc<Recorder>,
    rng: ChaCha8Rng,
    workers: Vec<mpsc::UnboundedSender<Call>>,
    completions: mpsc::UnboundedReceiver<Completion>,
    processes: Vec<Process>,
    threads: Vec<Thread>,
    free: VecDeque<Thread>,
    outstanding: usize,
}

struct Call {
    process: Process,
    op: Op,
}

struct Completion {
    thread: u32,
    event: Event,
}

impl Load {
    /// Starts the workers on the current (single-threaded) runtime's [`LocalSet`](tokio::task::LocalSet).
    pub fn start(
        options: LoadOptions,
        recorder: Arc<Recorder>,
        opener: Arc<dyn OpenClient>,
        rng: ChaCha8Rng,
    ) -> Self {
        let (done, completions) = mpsc::unbounded_channel();
        let mut workers = Vec::new();
        for thread in 0..options.concurrency {
            let (calls, inbox) = mpsc::unbounded_channel();
            let home = thread as usize % options.nodes.len().max(1);
            let worker = Worker {
                thread,
                home,
                node: options.nodes.get(home).cloned(),
                op_timeout: options.op_timeout,
                opener: Arc::clone(&opener),
                recorder: Arc::clone(&recorder),
                client: None,
            };
            tokio::task::spawn_local(worker.serve(inbox, done.clone()));
            workers.push(calls);
        }
        let threads: Vec<_> = (0..options.concurrency).map(Thread::Client).collect();
        Load {
            processes: (0..options.concurrency).filter_map(|t| Process::client(t.into())).collect(),
            free: threads.iter().copied().collect(),
            outstanding: 0,
            threads,
            options,
            recorder,
            rng,
            workers,
            completions,
        }
    }

    /// Runs `generator` until it ends, the interrupt is raised or the run's time `end` (ns) has
    /// come; then waits for the calls in flight.
    ///
    /// # Errors
    /// Trouble of ours; never anything that the system under test does.
    pub async fn run(
        &mut self,
        generator: &mut dyn Generator,
        end: Option<u64>,
        interrupt: &Interrupt,
    ) -> Result<(), LoadError> {
        loop {
            let now = self.recorder.now();
            if interrupt.is_raised() || end.is_some_and(|end| now >= end) {
                break;
            }
            if let Some(error) = self.recorder.error() {
                return Err(error.into());
            }
            // Hand out all that can be handed out, then let the workers run.
            let ask_again = match self.ask(generator, now) {
                Next::Invoke(thread, op) => {
                    self.invoke(generator, thread, op)?;
                    if !self.free.is_empty() {
                        continue;
                    }
                    None
                }
                Next::Done if self.outstanding == 0 => return Ok(()),
                Next::Done => None,
                Next::Pending(until) => until,
            };
            let until = [ask_again, end].into_iter().flatten().min();
            self.hear(generator, until, interrupt).await?;
        }
        self.drain(generator).await
    }

    fn ask(&mut self, generator: &mut dyn Generator, now: u64) -> Next {
        let processes = &self.processes;
        let process_of = |thread: Thread| match thread {
            Thread::Client(t) => processes.get(t as usize).copied().unwrap_or(Process::NEMESIS),
            Thread::Nemesis => Process::NEMESIS,
        };
        let mut ctx = Context {
            time: now,
            free: self.free.make_contiguous(),
            threads: &self.threads,
            process_of: &process_of,
            rng: &mut self.rng,
        };
        generator.next(&mut ctx)
    }

    fn invoke(&mut self, generator: &mut dyn Generator, thread: Thread, op: Op) -> Result<(), LoadError> {
        let Thread::Client(t) = thread else { return Err(LoadError::WorkerLost) };
        match self.free.front() {
            Some(first) if *first == thread => {
                self.free.pop_front();
            }
            _ => self.free.retain(|other| *other != thread),
        }
        let process = self.processes[t as usize];
        let event = Event::new(0, process, EventType::Invoke, op.f.clone(), op.value.clone());
        let event = self.recorder.record(event);
        generator.update(thread, &event);
        self.outstanding += 1;
        self.workers[t as usize].send(Call { process, op }).map_err(|_| LoadError::WorkerLost)
    }

    /// Waits for a completion, until `until` (ns of the run) at the most, and takes all there are.
    async fn hear(
        &mut self,
        generator: &mut dyn Generator,
        until: Option<u64>,
        interrupt: &Interrupt,
    ) -> Result<(), LoadError> {
        let now = self.recorder.now();
        // Bounded, so that trouble with the recorder is noticed on an idle run too.
        let wait = until.map_or(1_000_000_000, |t| t.saturating_sub(now)).min(1_000_000_000);
        let first = tokio::select! {
            biased;
            completion = self.completions.recv() => Some(completion.ok_or(LoadError::WorkerLost)?),
            () = interrupt.raised() => None,
            () = tokio::time::sleep(Duration::from_nanos(wait)) => None,
        };
        if let Some(completion) = first {
            self.complete(generator, completion)?;
            while let Ok(completion) = self.completions.try_recv() {
                self.complete(generator, completion)?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, generator: &mut dyn Generator, completion: Completion) -> Result<(), LoadError> {
        let Completion { thread, event } = completion;
        self.outstanding -= 1;
        let id = Thread::Client(thread);
        generator.update(id, &event);
        if event.event_type == EventType::Info {
            // The process may yet act; its thread goes on under a new name.
            let next = u64::from(self.processes[thread as usize].number().unwrap_or(0))
                + u64::from(self.options.concurrency);
            self.processes[thread as usize] = Process::client(next).ok_or(LoadError::OutOfProcesses)?;
        }
        self.free.push_back(id);
        Ok(())
    }

    async fn drain(&mut self, generator: &mut dyn Generator) -> Result<(), LoadError> {
        let deadline = Instant::now() + self.options.op_timeout + DRAIN_SLACK;
        while self.outstanding > 0 {
            match tokio::time::timeout_at(deadline, self.completions.recv()).await {
                Ok(Some(completion)) => self.complete(generator, completion)?,
                Ok(None) => return Err(LoadError::WorkerLost),
                // Every call has a time limit of its own, so this is a client that blocks the
                // thread or never yields. Its operation stays open, which is `info`.
                Err(_) => return Err(LoadError::WorkerLost),
            }
        }
        Ok(())
    }
}

struct Worker {
    thread: u32,
    home: usize,
    node: Option<Name>,
    op_timeout: Duration,
    opener: Arc<dyn OpenClient>,
    recorder: Arc<Recorder>,
    client: Option<Box<dyn Client>>,
}

impl Worker {
    async fn serve(
        mut self,
        mut calls: mpsc::UnboundedReceiver<Call>,
        done: mpsc::UnboundedSender<Completion>,
    ) {
        while let Some(call) = calls.recv().await {
            let f = call.op.f.clone();
            let outcome = self.perform(&call).await;
            let node = self
                .client
                .as_ref()
                .and_then(|client| client.last_node().cloned())
                .or_else(|| self.node.clone());
            let (event_type, value, error) = match outcome {
                Outcome::Ok(value) => (EventType::Ok, value, None),
                Outcome::Fail(error) => (EventType::Fail, call.op.value, Some(error)),
                Outcome::Info(error) => (EventType::Info, call.op.value, Some(error)),
            };
            if event_type == EventType::Info {
                // A dead process does not speak again, and its connection may still carry an answer.
                self.client = None;
            }
            let extra = error.map(|error| Box::new(Extra { error: Some(error), ..Extra::default() }));
            let event = Event { time: 0, process: call.process, event_type, f, value, node, extra };
            let event = self.recorder.record(event);
            if done.send(Completion { thread: self.thread, event }).is_err() {
                return;
            }
        }
    }

    async fn perform(&mut self, call: &Call) -> Outcome {
        let deadline = Instant::now() + self.op_timeout;
        let client = match &mut self.client {
            Some(client) => client,
            slot => {
                let open = self.opener.open(self.home, call.process);
                let problem = match tokio::time::timeout_at(deadline, open).await {
                    Ok(Ok(client)) => {
                        *slot = Some(client);
                        None
                    }
                    Ok(Err(reason)) => Some(reason),
                    Err(_) => Some("no connection within the time limit of an operation".to_owned()),
                };
                match (problem, slot) {
                    (None, Some(client)) => client,
                    (problem, _) => {
                        tokio::time::sleep(PAUSE_AFTER_FAILED_OPEN).await;
                        return Outcome::Fail(Value::from(problem.unwrap_or_default()));
                    }
                }
            }
        };
        match tokio::time::timeout_at(deadline, client.invoke(&call.op)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Info(Value::from("timeout")),
        }
    }
}

#[cfg(test)]
mod tests;
