//! Raft without I/O: inputs go in, outputs come out.
//!
//! The core reads no clock, opens no file and draws no ambient randomness, so the same inputs give
//! the same outputs, in the server and in a simulator. Feed it with [`Raft::step`], as often as
//! there are inputs, then take what it wants done from [`Raft::flush`] once: everything stepped in
//! between shares one write, one fsync and one message per peer.
//!
//! Start here, then `election` (who leads), `follower` and `leader` (the log goes from one to the
//! other), `commit` (what is committed is applied), `reads`, `snapshot`, `membership`. `log` is the
//! log, `io` the vocabulary, `config` the knobs.

mod commit;
mod config;
mod election;
mod follower;
mod io;
mod leader;
mod log;
mod membership;
mod reads;
mod snapshot;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use config::{Config, ReadMode};
pub use io::{AppendResult, Envelope, Event, Input, Message, Outputs, Persist, Token};
pub use log::Log;

use crate::api::{Failure, Request, Response, RoleName, Status};
use crate::bugs::Bug;
use crate::machine::Machine;
use crate::types::{HardState, Index, Members, NodeId, Snapshot, SnapshotMeta, Term};
use crate::wire::codec::WireError;
use leader::Leader;
use membership::MemberHistory;
use snapshot::Incoming;

/// What a server finds on its disk when it starts; the default is an empty disk.
#[derive(Debug, Clone, Default)]
pub struct Durable {
    /// Term and vote.
    pub hard: HardState,
    /// The latest snapshot, if there is one.
    pub snapshot: Option<Snapshot>,
    /// The log.
    pub log: Log,
}

/// One server's Raft state.
#[derive(Debug)]
pub struct Raft {
    config: Config,
    rng: ChaCha8Rng,
    now: Duration,
    hard: HardState,
    log: Log,
    commit: Index,
    applied: Index,
    machine: Machine,
    members: MemberHistory,
    snapshot: Snapshot,
    role: Role,
    leader: Option<NodeId>,
    /// When the leader was last heard; pre-votes are refused for a while after (thesis §9.6).
    leader_contact: Option<Duration>,
    election_deadline: Duration,
    incoming: Option<Incoming>,
    disk: Disk,
    out: Outputs,
}

#[derive(Debug)]
enum Role {
    Follower,
    PreCandidate { grants: BTreeSet<NodeId> },
    Candidate { grants: BTreeSet<NodeId> },
    Leader(Box<Leader>),
}

/// What is durable, as far as the caller has reported it.
#[derive(Debug, Default)]
struct Disk {
    last_batch: u64,
    /// The log's last entry as of each batch that is not yet reported.
    in_flight: VecDeque<(u64, Index, Term)>,
    /// The last entry known to be durable.
    durable: Index,
}

impl Raft {
    /// A server that starts, or starts again, from what its disk holds. `bootstrap` are the members
    /// of a cluster that has never changed them; `now` is any monotonic time.
    ///
    /// # Errors
    /// The snapshot is not an encoded state machine.
    pub fn new(
        config: Config,
        bootstrap: Members,
        durable: Durable,
        seed: u64,
        now: Duration,
    ) -> Result<Self, WireError> {
        let bare = Snapshot {
            meta: SnapshotMeta { members: bootstrap, ..SnapshotMeta::default() },
            data: Machine::default().encode().into(),
        };
        let snapshot = durable.snapshot.unwrap_or(bare);
        let log = durable.log;
        let mut raft = Raft {
            rng: ChaCha8Rng::seed_from_u64(seed),
            now,
            hard: durable.hard,
            commit: snapshot.meta.index,
            applied: snapshot.meta.index,
            machine: Machine::decode(&snapshot.data)?,
            members: MemberHistory::new(&snapshot.meta, &log),
            role: Role::Follower,
            leader: None,
            leader_contact: None,
            election_deadline: now,
            incoming: None,
            disk: Disk { durable: log.last_index(), ..Disk::default() },
            out: Outputs::default(),
            snapshot,
            log,
            config,
        };
        raft.reset_election_timer();
        Ok(raft)
    }

    /// Takes one input at the time `now`, which never goes back.
    pub fn step(&mut self, now: Duration, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Tick => {}
            Input::Message { from, message } => self.on_message(from, message),
            Input::Request { token, request } => self.on_request(token, request),
            Input::Persisted { batch } => self.on_persisted(batch),
        }
        // Not only on `Tick`: a busy server must not forget the time.
        self.on_time();
    }

    /// Everything that the steps since the last call want done.
    pub fn flush(&mut self) -> Outputs {
        self.launch_reads();
        self.replicate();
        if !self.out.persist.is_empty() {
            self.disk.last_batch += 1;
            let tail = (self.disk.last_batch, self.log.last_index(), self.log.last_term());
            self.disk.in_flight.push_back(tail);
        }
        self.out.batch = self.disk.last_batch;
        std::mem::take(&mut self.out)
    }

    /// When the next `Input::Tick` is due.
    pub fn next_deadline(&self) -> Duration {
        match &self.role {
            Role::Leader(leader) => leader.heartbeat_deadline,
            _ => self.election_deadline,
        }
    }

    /// What this server knows about itself.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            role: self.role_name(),
            term: self.hard.term,
            leader: self.leader,
            leader_address: None,
            commit: self.commit,
            applied: self.applied,
            last_index: self.log.last_index(),
            snapshot: self.snapshot.meta.clone(),
            members: self.members.current().clone(),
        }
    }

    /// Its role.
    pub fn role_name(&self) -> RoleName {
        match self.role {
            Role::Follower => RoleName::Follower,
            Role::PreCandidate { .. } => RoleName::PreCandidate,
            Role::Candidate { .. } => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }

    /// Its term.
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The highest entry it knows to be committed.
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// The highest entry it has applied.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// The state that the applied entries built.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The members it acts upon.
    pub fn members(&self) -> &Members {
        self.members.current()
    }

    fn on_message(&mut self, from: NodeId, message: Message) {
        match message {
            Message::PreVote { term, last_index, last_term } => {
                self.on_pre_vote(from, term, (last_term, last_index))
            }
            Message::PreVoteReply { term, granted } => self.on_pre_vote_reply(from, term, granted),
            Message::Vote { term, last_index, last_term } => {
                self.on_vote(from, term, (last_term, last_index))
            }
            Message::VoteReply { term, granted } => self.on_vote_reply(from, term, granted),
            Message::Append { term, prev_index, prev_term, entries, commit, round } => {
                if self.accept_leader(from, term) {
                    self.on_append(from, (prev_index, prev_term), entries, commit, round);
                } else {
                    self.refuse_append(from, prev_index, round);
                }
            }
            Message::AppendReply { term, round, result } => {
                if self.accept_reply(from, term, round) {
                    self.on_append_reply(from, result);
                }
            }
            Message::Install { term, meta, offset, total, data, round } => {
                if self.accept_leader(from, term) {
                    self.on_install(from, meta, offset, total, &data, round);
                } else {
                    self.reply_install(from, meta.index, Some(offset), round);
                }
            }
            Message::InstallReply { term, round, index, wanted } => {
                if self.accept_reply(from, term, round) {
                    self.on_install_reply(from, index, wanted);
                }
            }
        }
    }

    fn on_request(&mut self, token: Token, request: Request) {
        match request {
            Request::Status => {
                let status = Box::new(self.status());
                self.respond(token, Response::Status(status));
            }
            Request::Get { key } => self.on_get(token, key),
            Request::RegisterClient => self.propose(token, crate::types::Payload::Register),
            Request::Command(command) => self.on_command(token, command),
            Request::AddServer { id, address } => self.add_server(token, id, address),
            Request::RemoveServer { id } => self.remove_server(token, id),
        }
    }

    fn on_persisted(&mut self, batch: u64) {
        while let Some(&(number, index, term)) = self.disk.in_flight.front()
            && number <= batch
        {
            self.disk.in_flight.pop_front();
            // The same index with another term: the entry was replaced after it was written.
            if self.log.term(index) == Some(term) {
                self.disk.durable = self.disk.durable.max(index);
            }
        }
        self.advance_commit();
    }

    fn on_time(&mut self) {
        if self.now < self.next_deadline() {
            return;
        }
        match self.role {
            Role::Leader(_) => self.on_heartbeat_time(),
            _ => self.on_election_timeout(),
        }
    }

    /// Leaves whatever role for that of a follower of `term`.
    fn become_follower(&mut self, term: Term, leader: Option<NodeId>, reason: &'static str) {
        if term > self.hard.term {
            self.hard = HardState { term, vote: None };
        }
        let changed = self.leader != leader || !matches!(self.role, Role::Follower);
        self.leader = leader;
        let role = std::mem::replace(&mut self.role, Role::Follower);
        if let Role::Leader(old) = role {
            self.reset_election_timer();
            self.dismiss(*old);
        }
        if changed {
            self.log_role(reason);
        }
    }

    fn reset_election_timer(&mut self) {
        let base = self.config.election_timeout;
        let factor = self.rng.random_range(1.0..2.0);
        self.election_deadline = self.now + base.mul_f64(factor);
    }

    fn save_hard_state(&mut self) {
        self.out.persist.push(Persist::HardState(self.hard));
    }

    /// Servers that must agree before an entry is committed or a read is confirmed.
    fn commit_quorum(&self) -> usize {
        let members = self.members.current().len();
        // BUG raft.minority-commits: half of the members are taken for a majority.
        if self.config.bugs.has(Bug::MinorityCommits) {
            return (members / 2).max(1);
        }
        members / 2 + 1
    }

    fn is_member(&self) -> bool {
        self.members.current().contains_key(&self.config.id)
    }

    fn not_leader(&self) -> Failure {
        Failure::NotLeader { hint: self.leader.filter(|leader| *leader != self.config.id), address: None }
    }

    fn respond(&mut self, token: Token, response: Response) {
        self.out.responses.push((token, response));
    }

    fn fail(&mut self, token: Token, failure: Failure) {
        self.respond(token, Response::Failed(failure));
    }

    /// Sends a reply that promises something about what is on disk.
    fn promise(&mut self, to: NodeId, message: Message) {
        self.out.send_when_durable.push(Envelope { to, message });
    }

    fn log_role(&mut self, reason: &'static str) {
        let event = Event::Role { role: self.role_name(), term: self.hard.term, leader: self.leader, reason };
        self.out.events.push(event);
    }
}
