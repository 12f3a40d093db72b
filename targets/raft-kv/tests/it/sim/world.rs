//! A cluster, its network and its clients in virtual time, all decided by one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use raft_kv::api::{Failure, Request, Response, RoleName};
use raft_kv::bugs::Bugs;
use raft_kv::core::{Config, Envelope, Input, Message, Raft, Token};
use raft_kv::machine::{Command, SessionCommand, Value};
use raft_kv::types::{Entry, Members, NodeId, Payload};

use super::check::{Broken, Floor, Inside, Outside, Violation, violation};
use super::disk::Disk;

/// The size and the rules of a world.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub servers: usize,
    pub clients: usize,
    pub bugs: Bugs,
    /// Chance that a message is lost, and that it comes twice.
    pub loss: f64,
    pub duplication: f64,
    /// Longest delay of a message.
    pub delay: Duration,
    pub snapshot_threshold: u64,
    /// A client's pause between two operations is drawn from up to this.
    pub think: Duration,
    /// A client waits this long for an answer.
    pub patience: Duration,
    /// Whether a client repeats a command that was not answered, in its session.
    pub retry: bool,
    /// Whether only what clients can see counts as a violation.
    pub outside_only: bool,
    /// Whether chaos includes membership changes.
    pub changing_members: bool,
}

impl Rules {
    pub fn new(servers: usize) -> Self {
        Rules {
            servers,
            clients: 4,
            bugs: Bugs::default(),
            loss: 0.02,
            duplication: 0.02,
            delay: Duration::from_millis(15),
            snapshot_threshold: 40,
            think: Duration::from_millis(40),
            patience: Duration::from_millis(700),
            retry: true,
            outside_only: false,
            changing_members: false,
        }
    }
}

struct Server {
    disk: Disk,
    raft: Option<Raft>,
    /// Counts lives: events for an earlier life are void.
    life: u64,
    persisted: u64,
    held: VecDeque<(u64, Envelope)>,
    disk_free_at: Duration,
    tick_at: Duration,
}

struct Client {
    server: NodeId,
    session: u64,
    seq: u64,
    doing: Option<Doing>,
    attempt: u64,
}

enum Doing {
    Register,
    Append { key: String, value: i64 },
    Read { key: String, floor: Floor },
}

enum What {
    Deliver(NodeId, NodeId, Message),
    Fsynced(NodeId, u64, u64),
    Tick(NodeId, u64),
    Ask(usize, u64, NodeId, Request),
    Answer(usize, u64, Response),
    GiveUp(usize, u64),
    Go(usize),
}

struct Event {
    at: Duration,
    number: u64,
    what: What,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

pub struct World {
    pub rules: Rules,
    pub rng: ChaCha8Rng,
    pub now: Duration,
    servers: BTreeMap<NodeId, Server>,
    clients: Vec<Client>,
    queue: BinaryHeap<Reverse<Event>>,
    numbers: u64,
    /// Directed pairs that cannot talk.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    tokens: BTreeMap<(NodeId, Token), (usize, u64)>,
    last_token: u64,
    last_value: i64,
    inside: Inside,
    outside: Outside,
    /// Client operations that were answered.
    pub finished: u64,
    /// Membership changes applied, counted at every server.
    pub changes: usize,
    /// Snapshots that a server was sent and took over.
    pub installs: usize,
}

impl World {
    pub fn new(rules: Rules, seed: u64) -> Self {
        let ids = (1..=rules.servers).map(|n| format!("n{n}").parse().expect("a name"));
        let ids: Vec<NodeId> = ids.collect();
        let server = || Server {
            disk: Disk::default(),
            raft: None,
            life: 0,
            persisted: 0,
            held: VecDeque::new(),
            disk_free_at: Duration::ZERO,
            tick_at: Duration::MAX,
        };
        let client =
            |n: usize| Client { server: ids[n % ids.len()], session: 0, seq: 0, doing: None, attempt: 0 };
        let mut world = World {
            rules,
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: Duration::ZERO,
            servers: ids.iter().map(|id| (*id, server())).collect(),
            clients: (0..rules.clients).map(client).collect(),
            queue: BinaryHeap::new(),
            numbers: 0,
            cut: BTreeSet::new(),
            tokens: BTreeMap::new(),
            last_token: 0,
            last_value: 0,
            inside: Inside::default(),
            outside: Outside::default(),
            finished: 0,
            changes: 0,
            installs: 0,
        };
        for id in ids {
            world.start(id);
        }
        for n in 0..rules.clients {
            world.at(Duration::from_millis(1), What::Go(n));
        }
        world
    }

    pub fn ids(&self) -> Vec<NodeId> {
        self.servers.keys().copied().collect()
    }

    pub fn is_up(&self, id: NodeId) -> bool {
        self.servers[&id].raft.is_some()
    }

    /// Who believes to lead, with the term, the highest first.
    pub fn leaders(&self) -> Vec<(u64, NodeId)> {
        let rafts = self.servers.iter().filter_map(|(id, s)| Some((id, s.raft.as_ref()?)));
        let leading = rafts.filter(|(_, raft)| raft.role_name() == RoleName::Leader);
        let mut leaders: Vec<_> = leading.map(|(id, raft)| (raft.term(), *id)).collect();
        leaders.sort_unstable_by(|a, b| b.cmp(a));
        leaders
    }

    pub fn start(&mut self, id: NodeId) {
        let members: Members = self.servers.keys().map(|id| (*id, String::new())).collect();
        let mut config = Config::new(id);
        config.snapshot_threshold = self.rules.snapshot_threshold;
        config.snapshot_chunk = 100;
        config.bugs = self.rules.bugs;
        let seed = self.rng.random();
        let server = self.servers.get_mut(&id).expect("a server");
        let durable = server.disk.written.clone();
        let raft = Raft::new(config, members, durable, seed, self.now);
        server.raft = Some(raft.expect("its own snapshot"));
        server.tick_at = Duration::MAX;
        self.schedule_tick(id);
    }

    /// Kills a server; after a `power_cut` it has lost what was not fsynced.
    pub fn kill(&mut self, id: NodeId, power_cut: bool) {
        let now = self.now;
        let server = self.servers.get_mut(&id).expect("a server");
        server.raft = None;
        server.life += 1;
        server.persisted = 0;
        server.held.clear();
        server.disk.crash(power_cut, &mut self.rng);
        server.disk_free_at = now;
        // Its clients see the connection close.
        let open: Vec<_> = self.tokens.keys().filter(|(server, _)| *server == id).copied().collect();
        for key in open {
            if let Some((client, attempt)) = self.tokens.remove(&key) {
                let failure = Failure::Indefinite("connection closed".to_owned());
                let answer = What::Answer(client, attempt, Response::Failed(failure));
                self.at(Duration::from_micros(300), answer);
            }
        }
    }

    /// Asks the leader to remove a member, or to add one that was removed; at least two stay.
    pub fn change_members(&mut self) -> Result<(), Violation> {
        let id = *self.ids().choose(&mut self.rng).expect("a server");
        let Some(&(_, leader)) = self.leaders().first() else {
            return Ok(());
        };
        let members = self.servers[&leader].raft.as_ref().map(Raft::members);
        let request = match members {
            Some(members) if !members.contains_key(&id) => {
                let address = String::new();
                Request::AddServer { id, address }
            }
            Some(members) if members.len() > 2 => Request::RemoveServer { id },
            _ => return Ok(()),
        };
        self.last_token += 1;
        let token = Token(self.last_token);
        self.input(leader, Input::Request { token, request })
    }

    /// Cuts all links between `side` and the others.
    pub fn isolate(&mut self, side: &[NodeId]) {
        for a in self.ids() {
            for b in self.ids() {
                if side.contains(&a) != side.contains(&b) {
                    self.cut.insert((a, b));
                }
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.now + time;
        while let Some(Reverse(next)) = self.queue.peek()
            && next.at <= end
        {
            let Some(Reverse(event)) = self.queue.pop() else {
                break;
            };
            self.now = event.at;
            self.happen(event.what)?;
        }
        self.now = end;
        Ok(())
    }

    /// After all faults are gone: everybody must be served, and see all that was acknowledged.
    pub fn settle(&mut self) -> Result<(), Violation> {
        self.cut.clear();
        self.rules.loss = 0.0;
        for id in self.ids() {
            if !self.is_up(id) {
                self.start(id);
            }
        }
        // The recovery time, then a time in which every client must get something done.
        self.run(Duration::from_secs(3))?;
        let before = self.finished;
        self.run(Duration::from_secs(2))?;
        let done = self.finished - before;
        if done < 4 * self.clients.len() as u64 {
            return self.inside_violation(Broken::Liveness, format!("only {done} done"));
        }
        self.compare_machines()
    }

    /// Servers that have applied equally much hold the same, however they came by it.
    fn compare_machines(&self) -> Result<(), Violation> {
        let mut by_index = BTreeMap::new();
        for (id, raft) in self.servers.iter().filter_map(|(id, s)| Some((id, s.raft.as_ref()?))) {
            let (first, machine) = by_index.entry(raft.applied()).or_insert((id, raft.machine()));
            if *machine != raft.machine() {
                let what = format!("{first} and {id} differ at {}", raft.applied());
                return self.inside_violation(Broken::StateMachineSafety, what);
            }
        }
        Ok(())
    }

    fn inside_violation(&self, broken: Broken, what: String) -> Result<(), Violation> {
        if self.rules.outside_only && !broken.is_visible() {
            return Ok(());
        }
        violation(broken, what)
    }

    fn at(&mut self, delay: Duration, what: What) {
        self.numbers += 1;
        let event = Event { at: self.now + delay, number: self.numbers, what };
        self.queue.push(Reverse(event));
    }

    fn happen(&mut self, what: What) -> Result<(), Violation> {
        match what {
            What::Deliver(from, to, message) => {
                if !self.cut.contains(&(from, to)) {
                    self.input(to, Input::Message { from, message })?;
                }
            }
            What::Fsynced(id, life, batch) => {
                let server = self.servers.get_mut(&id).expect("a server");
                if server.life == life {
                    server.disk.fsync(batch);
                    server.persisted = batch;
                    self.input(id, Input::Persisted { batch })?;
                }
            }
            What::Tick(id, life) => {
                let server = self.servers.get_mut(&id).expect("a server");
                if server.life == life && server.tick_at <= self.now {
                    server.tick_at = Duration::MAX;
                    self.input(id, Input::Tick)?;
                }
            }
            What::Ask(client, attempt, to, request) => self.ask(client, attempt, to, request)?,
            What::Answer(client, attempt, response) => self.answered(client, attempt, response)?,
            What::GiveUp(client, attempt) => {
                if self.clients[client].attempt == attempt {
                    let failure = Failure::Indefinite("no answer".to_owned());
                    self.answered(client, attempt, Response::Failed(failure))?;
                }
            }
            What::Go(client) => self.begin(client),
        }
        Ok(())
    }

    fn input(&mut self, id: NodeId, input: Input) -> Result<(), Violation> {
        let now = self.now;
        let lazy = !matches!(input, Input::Tick) && self.rng.random_bool(0.1);
        let server = self.servers.get_mut(&id).expect("a server");
        let Some(raft) = &mut server.raft else {
            return Ok(());
        };
        raft.step(now, input);
        if !lazy {
            self.flush(id)?;
        }
        self.schedule_tick(id);
        Ok(())
    }

    fn flush(&mut self, id: NodeId) -> Result<(), Violation> {
        let outside_only = self.rules.outside_only;
        loop {
            let server = self.servers.get_mut(&id).expect("a server");
            let Some(raft) = &mut server.raft else {
                return Ok(());
            };
            let out = raft.flush();
            if !outside_only {
                let inside = &mut self.inside;
                inside.writes(id, &server.disk.written, &out.persist)?;
                inside.leads(id, raft)?;
                inside.applies(id, &out.applied)?;
            }
            let is_change = |e: &&Entry| matches!(e.payload, Payload::Members(_));
            self.changes += out.applied.iter().filter(is_change).count();
            let is_install =
                |e: &&raft_kv::core::Event| matches!(e, raft_kv::core::Event::SnapshotInstalled { .. });
            self.installs += out.events.iter().filter(is_install).count();
            if !out.persist.is_empty() {
                server.disk.write(out.batch, out.persist);
                let latency = Duration::from_micros(self.rng.random_range(100..4000));
                server.disk_free_at = server.disk_free_at.max(self.now) + latency;
                let delay = server.disk_free_at - self.now;
                let fsynced = What::Fsynced(id, server.life, out.batch);
                self.at(delay, fsynced);
            }
            for envelope in out.send {
                self.send(id, envelope);
            }
            for (token, response) in out.responses {
                if let Some((client, attempt)) = self.tokens.remove(&(id, token)) {
                    let delay = Duration::from_micros(self.rng.random_range(50..1000));
                    self.at(delay, What::Answer(client, attempt, response));
                }
            }
            let server = self.servers.get_mut(&id).expect("a server");
            let held = out.send_when_durable.into_iter().map(|e| (out.batch, e));
            server.held.extend(held);
            let mut ready = Vec::new();
            while server.held.front().is_some_and(|(b, _)| *b <= server.persisted) {
                ready.extend(server.held.pop_front());
            }
            let mut own = Vec::new();
            for (_, envelope) in ready {
                if envelope.to == id {
                    own.push(envelope.message);
                } else {
                    self.send(id, envelope);
                }
            }
            if own.is_empty() {
                return Ok(());
            }
            let now = self.now;
            let server = self.servers.get_mut(&id).expect("a server");
            if let Some(raft) = &mut server.raft {
                for message in own {
                    raft.step(now, Input::Message { from: id, message });
                }
            }
        }
    }

    fn schedule_tick(&mut self, id: NodeId) {
        let now = self.now;
        let server = self.servers.get_mut(&id).expect("a server");
        let Some(raft) = &server.raft else {
            return;
        };
        let due = raft.next_deadline().max(now);
        if due < server.tick_at {
            server.tick_at = due;
            let tick = What::Tick(id, server.life);
            self.at(due - now, tick);
        }
    }

    fn send(&mut self, from: NodeId, envelope: Envelope) {
        let Envelope { to, message } = envelope;
        if self.cut.contains(&(from, to)) || self.rng.random_bool(self.rules.loss) {
            return;
        }
        if self.rng.random_bool(self.rules.duplication) {
            let late = self.rng.random_range(Duration::ZERO..20 * self.rules.delay);
            self.at(late, What::Deliver(from, to, message.clone()));
        }
        let least = Duration::from_micros(100);
        let delay = self.rng.random_range(least..self.rules.delay.max(2 * least));
        self.at(delay, What::Deliver(from, to, message));
    }

    fn ask(&mut self, client: usize, attempt: u64, to: NodeId, request: Request) -> Result<(), Violation> {
        if !self.is_up(to) {
            let failure = Failure::Unavailable("connection refused".to_owned());
            self.at(Duration::from_micros(200), What::Answer(client, attempt, Response::Failed(failure)));
            return Ok(());
        }
        self.last_token += 1;
        let token = Token(self.last_token);
        self.tokens.insert((to, token), (client, attempt));
        self.input(to, Input::Request { token, request })
    }

    fn begin(&mut self, n: usize) {
        // Keys are given up when they have grown long, but still read now and then.
        let newest = 3 + self.last_value / 100;
        let oldest = if self.rng.random_bool(0.2) { 0 } else { newest - 3 };
        let reads = self.rng.random_bool(0.4);
        let oldest = if reads { oldest } else { newest - 3 };
        let key = format!("k{}", self.rng.random_range(oldest..newest));
        let elsewhere = *self.ids().choose(&mut self.rng).expect("a server");
        let wander = self.rng.random_bool(0.2);
        let client = &mut self.clients[n];
        if wander {
            client.server = elsewhere;
        }
        let doing = if client.session == 0 {
            Doing::Register
        } else if reads {
            let floor = self.outside.floor(&key);
            Doing::Read { key, floor }
        } else {
            client.seq += 1;
            self.last_value += 1;
            let value = self.last_value;
            Doing::Append { key, value }
        };
        client.doing = Some(doing);
        self.attempt(n, Duration::ZERO);
    }

    fn attempt(&mut self, n: usize, pause: Duration) {
        let client = &mut self.clients[n];
        client.attempt += 1;
        let request = match client.doing.as_ref().expect("an operation") {
            Doing::Register => Request::RegisterClient,
            Doing::Read { key, .. } => Request::Get { key: key.clone() },
            Doing::Append { key, value } => Request::Command(SessionCommand {
                session: client.session,
                seq: client.seq,
                command: Command::Append { key: key.clone(), value: Value::Int(*value) },
            }),
        };
        let (attempt, server, patience) = (client.attempt, client.server, self.rules.patience);
        let delay = pause + Duration::from_micros(self.rng.random_range(50..1000));
        self.at(delay, What::Ask(n, attempt, server, request));
        self.at(delay + patience, What::GiveUp(n, attempt));
    }

    fn answered(&mut self, n: usize, attempt: u64, response: Response) -> Result<(), Violation> {
        let client = &mut self.clients[n];
        if client.attempt != attempt {
            return Ok(());
        }
        match response {
            Response::Failed(failure) => {
                self.failed(n, &failure);
                return Ok(());
            }
            Response::Registered { session } => client.session = session,
            Response::Value(value) => match client.doing.take().expect("an operation") {
                Doing::Register => panic!("a value for a registration"),
                Doing::Append { key, value } => self.outside.appended(&key, value),
                Doing::Read { floor, .. } => self.outside.read(&floor, &value)?,
            },
            other => panic!("{other:?}"),
        }
        self.finished += 1;
        self.next_operation(n);
        Ok(())
    }

    fn next_operation(&mut self, n: usize) {
        self.clients[n].doing = None;
        self.clients[n].attempt += 1;
        let pause = self.rng.random_range(Duration::ZERO..self.rules.think);
        self.at(pause, What::Go(n));
    }

    fn failed(&mut self, n: usize, failure: &Failure) {
        let ids = self.ids();
        let elsewhere = *ids.choose(&mut self.rng).expect("a server");
        let client = &mut self.clients[n];
        client.server = match failure {
            Failure::NotLeader { hint: Some(leader), .. } => *leader,
            _ => elsewhere,
        };
        if matches!(failure, Failure::SessionExpired) {
            client.session = 0;
            self.next_operation(n);
        } else if failure.definite() || self.rules.retry {
            let pause = self.rng.random_range(Duration::ZERO..Duration::from_millis(60));
            self.attempt(n, pause);
        } else {
            self.next_operation(n);
        }
    }
}
