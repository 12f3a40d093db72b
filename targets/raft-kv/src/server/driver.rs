//! The loop that owns the core.
//!
//! It takes all events that wait, steps the core with each, and then does once what the core wants:
//! under load, one write, one fsync and one message per peer serve many requests.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::clients::ReplyTo;
use super::disk::Job;
use super::peers::Link;
use super::{Event, ServerError, log};
use crate::api::{Failure, Response};
use crate::core::{Envelope, Input, Outputs, Raft, Token};
use crate::types::{Members, NodeId};
use crate::wire::Hello;

/// Events taken at once; more wait for the next turn.
const MAX_BATCH: usize = 2048;

pub(super) struct Driver {
    raft: Raft,
    started: Instant,
    disk: Sender<Job>,
    persisted: u64,
    /// Messages that wait until the batch they depend on is durable; oldest first.
    held: VecDeque<(u64, Envelope)>,
    hello: Hello,
    /// Where to dial peers, as the command line, the members or the peers themselves said.
    addresses: Members,
    client_addresses: BTreeMap<NodeId, String>,
    links: BTreeMap<NodeId, Link>,
    open: HashMap<Token, ReplyTo>,
    last_token: u64,
}

impl Driver {
    pub(super) fn new(raft: Raft, disk: Sender<Job>, hello: Hello, addresses: Members) -> Self {
        Driver {
            raft,
            started: Instant::now(),
            disk,
            persisted: 0,
            held: VecDeque::new(),
            hello,
            addresses,
            client_addresses: BTreeMap::new(),
            links: BTreeMap::new(),
            open: HashMap::new(),
            last_token: 0,
        }
    }

    /// Runs until `shutdown` is ready or the disk fails.
    pub(super) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Event>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServerError> {
        let mut shutdown = pin!(shutdown);
        let mut events = Vec::new();
        self.connect();
        let Hello { id, peer_address, client_address } = &self.hello;
        log::started(*id, self.raft.members(), peer_address, client_address);
        loop {
            let deadline = self.started + self.raft.next_deadline();
            tokio::select! {
                _ = inbox.recv_many(&mut events, MAX_BATCH) => {}
                () = sleep_until(deadline) => self.step(Input::Tick),
                () = &mut shutdown => return Ok(()),
            }
            for event in events.drain(..) {
                self.take(event)?;
            }
            self.turn()?;
        }
    }

    fn step(&mut self, input: Input) {
        let now: Duration = self.started.elapsed();
        self.raft.step(now, input);
    }

    fn take(&mut self, event: Event) -> Result<(), ServerError> {
        match event {
            Event::Request { request, reply_to } => {
                self.last_token += 1;
                let token = Token(self.last_token);
                self.open.insert(token, reply_to);
                self.step(Input::Request { token, request });
            }
            Event::Hello(hello) => {
                self.client_addresses.insert(hello.id, hello.client_address);
                // Members know each other's address; this is how a joining server learns one.
                self.addresses.entry(hello.id).or_insert(hello.peer_address);
                self.connect();
            }
            Event::Message { from, message } => self.step(Input::Message { from, message }),
            Event::Persisted(batch) => {
                self.persisted = batch;
                self.step(Input::Persisted { batch });
            }
            Event::DiskFailed(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// Does what the core wants, and again as long as it sends messages to itself.
    fn turn(&mut self) -> Result<(), ServerError> {
        loop {
            let outputs = self.raft.flush();
            self.dispatch(outputs)?;
            let mut spoke_to_itself = false;
            while let Some((batch, _)) = self.held.front()
                && *batch <= self.persisted
                && let Some((_, envelope)) = self.held.pop_front()
            {
                if envelope.to == self.hello.id {
                    let (from, message) = (envelope.to, envelope.message);
                    self.step(Input::Message { from, message });
                    spoke_to_itself = true;
                } else {
                    self.send(envelope);
                }
            }
            if !spoke_to_itself {
                return Ok(());
            }
        }
    }

    fn dispatch(&mut self, outputs: Outputs) -> Result<(), ServerError> {
        let Outputs { persist, batch, send, send_when_durable, applied: _, responses, events } = outputs;
        let mut members_changed = false;
        for event in &events {
            log::event(self.hello.id, event);
            members_changed |= matches!(event, crate::core::Event::Members { .. });
        }
        if members_changed {
            self.connect();
        }
        for envelope in send {
            self.send(envelope);
        }
        if !persist.is_empty() {
            let job = Job { batch, ops: persist };
            self.disk.send(job).map_err(|_| ServerError::DiskGone)?;
        }
        let held = send_when_durable.into_iter().map(|e| (batch, e));
        self.held.extend(held);
        for (token, response) in responses {
            if let Some(reply_to) = self.open.remove(&token) {
                reply_to.send(self.with_addresses(response));
            }
        }
        Ok(())
    }

    fn send(&self, envelope: Envelope) {
        if let Some(link) = self.links.get(&envelope.to) {
            link.send(envelope.message);
        }
    }

    /// Dials everybody we know of and have no link to. A removed member keeps its link: it may be
    /// added again, and nobody but it needs to know.
    fn connect(&mut self) {
        for (id, address) in self.raft.members() {
            self.addresses.insert(*id, address.clone());
        }
        for (id, address) in &self.addresses {
            let linked = self.links.get(id).is_some_and(|l| l.address() == address);
            if *id != self.hello.id && !linked {
                let link = Link::dial(*id, address.clone(), self.hello.clone());
                self.links.insert(*id, link);
            }
        }
    }

    /// The core knows the leader's name; where clients reach it, the leader told us.
    fn with_addresses(&self, mut response: Response) -> Response {
        let known = |id: &Option<NodeId>| match id {
            Some(id) if *id == self.hello.id => Some(self.hello.client_address.clone()),
            Some(id) => self.client_addresses.get(id).cloned(),
            None => None,
        };
        match &mut response {
            Response::Failed(Failure::NotLeader { hint, address }) => *address = known(hint),
            Response::Status(status) => status.leader_address = known(&status.leader),
            _ => {}
        }
        response
    }
}
