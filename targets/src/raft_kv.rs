//! The in-repo Raft key-value store: the server is this binary, the client follows leaders.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use checkers::{Name, Process, Value};
use clap::Parser;
use raft_kv::api::{Failure, Request, Response, RoleName};
use raft_kv::bugs::CATALOGUE;
use raft_kv::client::Connection;
use raft_kv::machine::{Command, SessionCommand, SessionId, Value as KvValue};
use tokio::time::{Instant, timeout};
use workloads::{Client, Op, Outcome};

use crate::target::{
    Bug, NodeAddress, NodeStatus, OptionError, ProcessSpec, Program, Target, TargetOption, TargetOptions,
};

/// Port of every server for its peers, on the node's peer address.
const PEER_PORT: u16 = 7000;
/// Port of every server for clients, on the node's client address.
const CLIENT_PORT: u16 = 7001;
/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(300);
/// How long a server may take to say how it is.
const STATUS_LIMIT: Duration = Duration::from_millis(300);
/// How long one attempt of a request may take before another server is tried.
const ATTEMPT_LIMIT: Duration = Duration::from_millis(600);
/// How long to wait when nobody leads.
const NO_LEADER_PAUSE: Duration = Duration::from_millis(50);
/// The key under which the `set` workload's elements are.
const SET_KEY: &str = "set";

/// The target `raft-kv`.
pub struct RaftKv;

/// The server's command line, as `stormglass node` has it.
#[derive(clap::Parser)]
struct ServerCommand {
    #[command(flatten)]
    _args: raft_kv::server::Args,
}

const OPTIONS: &[TargetOption] = &[
    TargetOption {
        name: "read-mode",
        summary: "who answers reads: read-index (linearizable, the default), leader-local or any-node (stale)",
    },
    TargetOption { name: "election-timeout", summary: "election timeout, such as 300ms (the default)" },
    TargetOption {
        name: "snapshot-threshold",
        summary: "entries between snapshots, such as 10000 (the default)",
    },
];

#[async_trait]
impl Target for RaftKv {
    fn name(&self) -> &'static str {
        "raft-kv"
    }

    fn summary(&self) -> &'static str {
        "a Raft key-value store, part of this binary; linearizable unless told otherwise"
    }

    fn workloads(&self) -> &'static [&'static str] {
        &["register", "set"]
    }

    fn bugs(&self) -> Vec<Bug> {
        CATALOGUE
            .iter()
            .map(|info| Bug {
                name: info.name,
                summary: info.summary,
                precedent: info.precedent,
                workload: info.workload,
                faults: info.faults,
                run: info.run,
                anomaly: info.anomaly,
            })
            .collect()
    }

    fn options(&self) -> &'static [TargetOption] {
        OPTIONS
    }

    fn validate(&self, options: &TargetOptions) -> Result<(), OptionError> {
        // The server's own parser is the judge, so that the two can never disagree.
        let node = NodeAddress {
            name: "n1".into(),
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
            client: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        let spec = self.process(&node, std::slice::from_ref(&node), Path::new("data"), options);
        match ServerCommand::try_parse_from(spec.args.iter().skip(1)) {
            Ok(_) => Ok(()),
            Err(error) => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Err(OptionError { reason: line.trim_start_matches("error: ").to_owned() })
            }
        }
    }

    fn process(
        &self,
        node: &NodeAddress,
        cluster: &[NodeAddress],
        data_dir: &Path,
        options: &TargetOptions,
    ) -> ProcessSpec {
        let mut args: Vec<String> = vec!["node".into(), "raft-kv".into()];
        // In one word, so that no value is taken for a flag.
        let mut option = |name: &str, value: String| args.push(format!("--{name}={value}"));
        option("id", node.name.to_string());
        option("listen-peer", format!("{}:{PEER_PORT}", node.peer));
        option("listen-client", format!("{}:{CLIENT_PORT}", node.client));
        for member in cluster {
            option("peer", format!("{}={}:{PEER_PORT}", member.name, member.peer));
        }
        option("data", data_dir.display().to_string());
        option("seed", options.seed.to_string());
        for (name, value) in &options.options {
            option(name, value.clone());
        }
        for bug in &options.bugs {
            option("bug", bug.clone());
        }
        ProcessSpec { program: Program::Own, args, env: Vec::new() }
    }

    async fn status(&self, node: &NodeAddress) -> Result<NodeStatus, String> {
        let asked = async {
            let mut connection =
                Connection::connect(&client_address(node), CONNECT_LIMIT).await.map_err(|e| e.to_string())?;
            match connection.request(Request::Status).await {
                Ok(Response::Status(status)) => Ok(NodeStatus {
                    primary: status.role == RoleName::Leader,
                    term: Some(status.term),
                    leader: status.leader.map(|leader| leader.to_string()),
                    applied: Some(status.applied),
                }),
                Ok(other) => Err(format!("answered {other:?}")),
                Err(error) => Err(error.to_string()),
            }
        };
        timeout(STATUS_LIMIT, asked).await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn open(
        &self,
        cluster: &[NodeAddress],
        home: usize,
        _process: Process,
        options: &TargetOptions,
    ) -> Result<Box<dyn Client>, String> {
        if cluster.is_empty() {
            return Err("the cluster has no nodes".to_owned());
        }
        let any_node = options.options.iter().any(|(name, value)| name == "read-mode" && value == "any-node");
        Ok(Box::new(RaftClient {
            nodes: cluster.to_vec(),
            home,
            at: home,
            reads_at_home: any_node,
            connections: cluster.iter().map(|_| None).collect(),
            session: None,
            next_seq: 1,
            patience: options.op_timeout.mul_f64(0.75),
        }))
    }
}

fn client_address(node: &NodeAddress) -> String {
    format!("{}:{CLIENT_PORT}", node.client)
}

/// A client process: asks its home node first, every time, and follows hints to the leader. A
/// client that remembered the leader would leave an isolated one for good, and nobody would be
/// left to see what it does. Commands carry a session and a sequence number (thesis §6.3), so that
/// it may retry them.
struct RaftClient {
    nodes: Vec<NodeAddress>,
    home: usize,
    /// Whom to ask next.
    at: usize,
    reads_at_home: bool,
    /// A connection to each node that was asked and answered.
    connections: Vec<Option<Connection>>,
    session: Option<SessionId>,
    next_seq: u64,
    /// When to give up by itself. Shorter than the runner's limit, so that an operation that
    /// certainly did not happen is `fail` and not `info`.
    patience: Duration,
}

/// What one attempt gave.
enum Attempt {
    Answer(Response),
    /// Nothing came of it, and nothing will.
    Nothing(String),
    /// It was sent, and what came of it is not known.
    Doubt(String),
}

#[async_trait]
impl Client for RaftClient {
    async fn invoke(&mut self, op: &Op) -> Outcome {
        let deadline = Instant::now() + self.patience;
        self.go_to(self.home);
        match translate(op) {
            Ok(Translated::Read { key, keyed }) => self.read(key, keyed, deadline).await,
            Ok(Translated::Command(command)) => self.command(op, command, deadline).await,
            Err(reason) => Outcome::Fail(Value::from(reason)),
        }
    }

    fn last_node(&self) -> Option<&Name> {
        self.nodes.get(self.at).map(|node| &node.name)
    }
}

impl RaftClient {
    async fn read(&mut self, key: String, keyed: Option<Value>, deadline: Instant) -> Outcome {
        // A read changes nothing, so however it ended it may be asked again, and fails at last.
        match self.until_answered(&Request::Get { key }, deadline).await {
            (Some(Response::Value(value)), _) => {
                let value = from_kv(&value);
                Outcome::Ok(match keyed {
                    Some(key) => Value::pair(key, value),
                    // The set that nothing was added to reads as nothing.
                    None if value.is_nil() => Value::list([]),
                    None => value,
                })
            }
            (Some(other), _) => Outcome::Fail(Value::from(unexpected(&other))),
            (None, why) => Outcome::Fail(Value::from(why)),
        }
    }

    async fn command(&mut self, op: &Op, command: Command, deadline: Instant) -> Outcome {
        let session = match self.session {
            Some(session) => session,
            // Opening a session is no part of the operation: if it fails, nothing was asked.
            None => match self.until_answered(&Request::RegisterClient, deadline).await {
                (Some(Response::Registered { session }), _) => *self.session.insert(session),
                (Some(other), _) => return Outcome::Fail(Value::from(unexpected(&other))),
                (None, why) => return Outcome::Fail(Value::from(format!("no session: {why}"))),
            },
        };
        let seq = self.next_seq;
        self.next_seq += 1;
        let request = Request::Command(SessionCommand { session, seq, command });
        let mut doubt: Option<String> = None;
        loop {
            let attempt = self.attempt(&request, deadline).await;
            let why = match attempt {
                Attempt::Answer(Response::Value(_)) => return Outcome::Ok(op.value.clone()),
                // Executed and refused; a repetition gets the answer of the first execution.
                Attempt::Answer(Response::Failed(Failure::Rejected(rejection))) => {
                    return Outcome::Fail(Value::from(rejection.to_string()));
                }
                Attempt::Answer(Response::Failed(failure)) => match failure {
                    Failure::NotLeader { .. } | Failure::Unavailable(_) => failure.to_string(),
                    Failure::Indefinite(reason) => {
                        doubt.get_or_insert(format!("indefinite: {reason}"));
                        failure_text(reason)
                    }
                    // No later attempt can do better.
                    final_one => {
                        let definite = final_one.definite() && doubt.is_none();
                        let text = Value::from(final_one.to_string());
                        // The session is of no more use.
                        self.session = None;
                        return if definite { Outcome::Fail(text) } else { Outcome::Info(text) };
                    }
                },
                Attempt::Answer(other) => {
                    return Outcome::Info(Value::from(unexpected(&other)));
                }
                Attempt::Nothing(why) => why,
                Attempt::Doubt(why) => {
                    doubt.get_or_insert(why.clone());
                    why
                }
            };
            if Instant::now() + NO_LEADER_PAUSE >= deadline {
                return match doubt {
                    Some(doubt) => Outcome::Info(Value::from(doubt)),
                    None => Outcome::Fail(Value::from(why)),
                };
            }
        }
    }

    /// Repeats a request that may be repeated freely until it is answered.
    async fn until_answered(&mut self, request: &Request, deadline: Instant) -> (Option<Response>, String) {
        loop {
            let why = match self.attempt(request, deadline).await {
                Attempt::Answer(Response::Failed(failure)) => failure.to_string(),
                Attempt::Answer(response) => return (Some(response), String::new()),
                Attempt::Nothing(why) | Attempt::Doubt(why) => why,
            };
            if Instant::now() + NO_LEADER_PAUSE >= deadline {
                return (None, why);
            }
        }
    }

    /// One request to one server. On anything but a final answer, [`RaftClient::at`] is whom to
    /// ask next.
    async fn attempt(&mut self, request: &Request, deadline: Instant) -> Attempt {
        let at = self.at;
        let limit = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT_LIMIT);
        let mut connection = match self.connections[at].take() {
            Some(connection) => connection,
            None => {
                match Connection::connect(&client_address(&self.nodes[at]), limit.min(CONNECT_LIMIT)).await {
                    Ok(connection) => connection,
                    Err(error) => {
                        self.try_another().await;
                        return Attempt::Nothing(error.to_string());
                    }
                }
            }
        };
        match timeout(limit, connection.request(request.clone())).await {
            Err(_) => {
                let why = format!("no answer from {} within {} ms", self.nodes[at].name, limit.as_millis());
                self.try_another().await;
                Attempt::Doubt(why)
            }
            Ok(Err(error)) => {
                self.try_another().await;
                if error.definite() {
                    Attempt::Nothing(error.to_string())
                } else {
                    Attempt::Doubt(error.to_string())
                }
            }
            Ok(Ok(response)) => {
                self.connections[at] = Some(connection);
                match &response {
                    Response::Failed(Failure::NotLeader { hint, .. }) => {
                        let leader = hint.and_then(|id| self.node_named(&id.to_string()));
                        match leader {
                            Some(leader) if leader != at => self.go_to(leader),
                            // It knows no leader, or takes itself for none: an election is on.
                            _ => self.try_another().await,
                        }
                    }
                    Response::Failed(Failure::Unavailable(_) | Failure::Indefinite(_)) => {
                        tokio::time::sleep(NO_LEADER_PAUSE).await;
                    }
                    _ => {}
                }
                Attempt::Answer(response)
            }
        }
    }

    fn node_named(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// Home first, then around the ring: a client is at home somewhere, which makes both sides of
    /// a partition have clients.
    async fn try_another(&mut self) {
        let next = if self.at == self.home { (self.at + 1) % self.nodes.len() } else { self.home };
        let next = if self.reads_at_home { self.home } else { next };
        self.go_to(next);
        tokio::time::sleep(NO_LEADER_PAUSE).await;
    }

    fn go_to(&mut self, node: usize) {
        self.at = node;
    }
}

enum Translated {
    /// A read of this key; the value is `[key, …]` if the workload names keys.
    Read {
        key: String,
        keyed: Option<Value>,
    },
    Command(Command),
}

/// From a workload's operation to a request.
fn translate(op: &Op) -> Result<Translated, String> {
    let nonsense = || format!("raft-kv has no operation `{}` with the value {}", op.f, op.value);
    let keyed = || {
        let (key, value) = op.value.as_pair().ok_or_else(nonsense)?;
        let name = key.as_str().ok_or_else(nonsense)?.to_owned();
        Ok::<_, String>((name, key, value))
    };
    Ok(match op.f.as_str() {
        "read" if op.value.is_nil() => Translated::Read { key: SET_KEY.to_owned(), keyed: None },
        "read" => {
            let (name, key, _) = keyed()?;
            Translated::Read { key: name, keyed: Some(key.clone()) }
        }
        "write" => {
            let (key, _, value) = keyed()?;
            Translated::Command(Command::Put { key, value: to_kv(value).ok_or_else(nonsense)? })
        }
        "cas" => {
            let (key, _, pair) = keyed()?;
            let (from, to) = pair.as_pair().ok_or_else(nonsense)?;
            let (from, to) = (to_kv(from).ok_or_else(nonsense)?, to_kv(to).ok_or_else(nonsense)?);
            Translated::Command(Command::Cas { key, from, to })
        }
        "add" => {
            let value = to_kv(&op.value).ok_or_else(nonsense)?;
            Translated::Command(Command::Append { key: SET_KEY.to_owned(), value })
        }
        _ => return Err(nonsense()),
    })
}

fn to_kv(value: &Value) -> Option<KvValue> {
    Some(match value {
        Value::Nil => KvValue::Nil,
        Value::Int(n) => KvValue::Int(*n),
        Value::Str(text) => KvValue::Str(text.to_string()),
        Value::List(items) => KvValue::list(items.iter().map(to_kv).collect::<Option<Vec<_>>>()?),
        Value::Bool(_) | Value::Float(_) | Value::Map(_) => return None,
    })
}

fn from_kv(value: &KvValue) -> Value {
    match value {
        KvValue::Nil => Value::Nil,
        KvValue::Int(n) => Value::Int(*n),
        KvValue::Str(text) => Value::from(text.as_str()),
        KvValue::List(items) => Value::list(items.iter().map(from_kv)),
    }
}

fn unexpected(response: &Response) -> String {
    format!("unexpected answer {response:?}")
}

fn failure_text(reason: String) -> String {
    format!("indefinite: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(options: &[(&str, &str)]) -> TargetOptions {
        let pairs = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TargetOptions { options: pairs.collect(), ..TargetOptions::default() }
    }

    #[test]
    fn the_server_itself_judges_values_of_options() {
        assert_eq!(
            RaftKv.validate(&options(&[("read-mode", "any-node"), ("election-timeout", "150ms")])),
            Ok(())
        );
        let refused = RaftKv.validate(&options(&[("read-mode", "psychic")])).unwrap_err().reason;
        assert!(refused.contains("psychic") && refused.contains("leader-local"), "{refused}");
        // A value must not pass for a flag of the server.
        assert!(RaftKv.validate(&options(&[("snapshot-threshold", "--bug")])).is_err());
    }

    #[test]
    fn operations_become_requests_and_nonsense_is_a_definite_failure() {
        let command = |f: &str, value: Value| match translate(&Op::new(f, value)) {
            Ok(Translated::Command(command)) => format!("{command:?}"),
            Ok(Translated::Read { key, keyed }) => format!("read {key} {keyed:?}"),
            Err(reason) => reason,
        };
        assert_eq!(command("read", Value::Nil), "read set None");
        assert_eq!(command("read", Value::pair("r1", Value::Nil)), "read r1 Some(Str(\"r1\"))");
        assert!(command("write", Value::pair("r1", 7)).starts_with("Put { key: \"r1\", value: Int(7)"));
        assert!(
            command("cas", Value::pair("r1", Value::pair(1, 2)))
                .starts_with("Cas { key: \"r1\", from: Int(1)")
        );
        assert!(command("add", Value::Int(3)).starts_with("Append { key: \"set\""));
        for (f, value) in [("frob", Value::Nil), ("write", Value::Int(1)), ("cas", Value::pair("r1", 1))] {
            assert!(command(f, value).contains("raft-kv has no operation"), "{f}");
        }
    }

    #[test]
    fn every_bug_names_a_workload_of_this_target_and_the_options_of_a_run() {
        for bug in RaftKv.bugs() {
            assert!(RaftKv.workloads().contains(&bug.workload), "{}", bug.name);
            assert!(
                bug.run.contains(&format!("--workload {} --faults {} ", bug.workload, bug.faults)),
                "{}",
                bug.name
            );
        }
    }
}
