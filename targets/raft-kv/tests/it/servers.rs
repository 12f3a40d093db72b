//! Real servers in this process: real sockets on loopback, real files, real fsync.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use raft_kv::api::{Failure, Request, Response, Status};
use raft_kv::client::Connection;
use raft_kv::core::ReadMode;
use raft_kv::machine::{Command, SessionCommand, Value};
use raft_kv::server::{Args, PeerAddress, ServerError, serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longest time that anything here may take.
const LIMIT: Duration = Duration::from_secs(20);

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServerError>>,
}

struct Cluster {
    dir: tempfile::TempDir,
    args: BTreeMap<&'static str, Args>,
    running: BTreeMap<&'static str, Running>,
    /// The session of all appends, so that they can be retried, and the last number in it.
    session: Cell<(u64, u64)>,
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}

impl Cluster {
    fn new(names: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let address =
            |name: &&'static str| PeerAddress { id: name.parse().expect("a name"), address: free_address() };
        let peers: Vec<PeerAddress> = names.iter().map(address).collect();
        let mut cluster =
            Cluster { dir, args: BTreeMap::new(), running: BTreeMap::new(), session: Cell::new((0, 0)) };
        for (name, own) in names.iter().zip(&peers) {
            let args = arguments(cluster.dir.path(), name, &own.address, peers.clone());
            cluster.args.insert(*name, args);
            cluster.start(name);
        }
        cluster
    }

    fn start(&mut self, name: &'static str) {
        let (stop, stopped) = oneshot::channel::<()>();
        let args = self.args[name].clone();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(args, shutdown));
        self.running.insert(name, Running { stop, task });
    }

    async fn stop(&mut self, name: &'static str) {
        let Running { stop, task } = self.running.remove(name).expect("it runs");
        drop(stop);
        let ended = timeout(LIMIT, task).await.expect("stops in time");
        ended.expect("no panic").expect("no error");
    }

    async fn ask(&self, name: &str, request: Request) -> Option<Response> {
        let limit = Duration::from_secs(1);
        let address = &self.args[name].listen_client;
        let mut connection = Connection::connect(address, limit).await.ok()?;
        let answer = timeout(Duration::from_secs(2), connection.request(request)).await;
        answer.ok()?.ok()
    }

    /// Asks whoever runs until somebody does it. On a busy machine elections come at any time, so
    /// the request must bear to be repeated.
    async fn done(&self, request: Request) -> Response {
        let attempts = async {
            loop {
                for name in self.running.keys() {
                    match self.ask(name, request.clone()).await {
                        None | Some(Response::Failed(Failure::NotLeader { .. })) => {}
                        Some(Response::Failed(Failure::Unavailable(_))) => {}
                        Some(Response::Failed(Failure::Indefinite(_))) => {}
                        Some(response) => return response,
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(LIMIT, attempts).await.expect("done in time")
    }

    async fn append(&self, key: &str, value: i64) -> Response {
        let (mut session, last) = self.session.get();
        if session == 0 {
            match self.done(Request::RegisterClient).await {
                Response::Registered { session: new } => session = new,
                other => panic!("{other:?}"),
            }
        }
        let seq = last + 1;
        self.session.set((session, seq));
        let key = key.to_owned();
        let value = Value::Int(value);
        let command = Command::Append { key, value };
        let command = SessionCommand { session, seq, command };
        self.done(Request::Command(command)).await
    }

    async fn get(&self, key: &str) -> Value {
        match self.done(Request::Get { key: key.to_owned() }).await {
            Response::Value(value) => value,
            other => panic!("{other:?}"),
        }
    }

    async fn status_when(&self, name: &str, test: impl Fn(&Status) -> bool) -> Status {
        let attempts = async {
            loop {
                if let Some(Response::Status(status)) = self.ask(name, Request::Status).await
                    && test(&status)
                {
                    return *status;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, attempts).await.expect("in time")
    }
}

fn arguments(dir: &Path, name: &str, listen_peer: &str, peer: Vec<PeerAddress>) -> Args {
    Args {
        id: name.parse().expect("a name"),
        listen_peer: listen_peer.to_owned(),
        listen_client: free_address(),
        peer,
        data: dir.join(name),
        read_mode: ReadMode::ReadIndex,
        election_timeout: Duration::from_millis(300),
        snapshot_threshold: 50,
        bug: Vec::new(),
        seed: Some(1),
        join: false,
    }
}

fn numbers(range: std::ops::Range<i64>) -> Value {
    Value::list(range.map(Value::Int))
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_restart_of_all() {
    let mut cluster = Cluster::new(&["n1", "n2", "n3"]);
    for n in 0..120 {
        assert_eq!(cluster.append("list", n).await, Response::Value(Value::Int(n + 1)));
    }
    for name in ["n1", "n2", "n3"] {
        cluster.stop(name).await;
    }
    for name in ["n1", "n2", "n3"] {
        cluster.start(name);
    }
    assert_eq!(cluster.get("list").await, numbers(0..120));
}

#[tokio::test]
async fn a_retried_command_executes_once() {
    let cluster = Cluster::new(&["n1"]);
    let Response::Registered { session } = cluster.done(Request::RegisterClient).await else {
        panic!("no session");
    };
    let incr = |session, seq| {
        let command = Command::Incr { key: "c".to_owned(), delta: 1 };
        Request::Command(SessionCommand { session, seq, command })
    };
    for (seq, expected) in [(1, 1), (1, 1), (2, 2), (2, 2)] {
        let answer = cluster.done(incr(session, seq)).await;
        assert_eq!(answer, Response::Value(Value::Int(expected)));
    }
    let stale = cluster.done(incr(session, 1)).await;
    assert_eq!(stale, Response::Failed(Failure::StaleSequence));
    let unknown = cluster.done(incr(session + 1, 1)).await;
    assert_eq!(unknown, Response::Failed(Failure::SessionExpired));
    assert_eq!(cluster.get("c").await, Value::Int(2));
}

#[tokio::test]
async fn a_lagging_server_gets_a_snapshot() {
    let mut cluster = Cluster::new(&["n1", "n2", "n3"]);
    cluster.append("list", 0).await;
    cluster.stop("n3").await;
    for n in 1..200 {
        cluster.append("list", n).await;
    }
    let ahead = cluster.status_when("n1", |s| s.leader.is_some()).await;
    assert!(ahead.snapshot.index > 100, "{ahead:?}");
    cluster.start("n3");
    let caught_up = cluster.status_when("n3", |s| s.applied >= ahead.commit).await;
    assert!(caught_up.snapshot.index > 100, "{caught_up:?}");
    // It serves what it was sent, also after a restart.
    cluster.stop("n3").await;
    cluster.start("n3");
    cluster.stop("n1").await;
    assert_eq!(cluster.get("list").await, numbers(0..200));
}

#[tokio::test]
async fn a_server_joins_and_another_leaves() {
    let mut cluster = Cluster::new(&["n1", "n2", "n3"]);
    cluster.append("list", 0).await;
    let mut joining = arguments(cluster.dir.path(), "n4", &free_address(), Vec::new());
    joining.join = true;
    let (id, address) = (joining.id, joining.listen_peer.clone());
    cluster.args.insert("n4", joining);
    cluster.start("n4");
    let added = cluster.done(Request::AddServer { id, address }).await;
    assert!(matches!(&added, Response::Members(m) if m.len() == 4), "{added:?}");
    cluster.status_when("n4", |s| s.members.len() == 4 && s.leader.is_some()).await;
    let id = "n1".parse().expect("a name");
    let removed = cluster.done(Request::RemoveServer { id }).await;
    assert!(matches!(&removed, Response::Members(m) if m.len() == 3), "{removed:?}");
    // Two of the three members left: the new one is needed.
    cluster.stop("n1").await;
    cluster.stop("n2").await;
    assert_eq!(cluster.append("list", 1).await, Response::Value(Value::Int(2)));
    assert_eq!(cluster.get("list").await, numbers(0..2));
}

#[tokio::test]
async fn a_server_that_does_not_lead_says_who_does() {
    let cluster = Cluster::new(&["n1", "n2", "n3"]);
    cluster.append("list", 0).await;
    let status = cluster.status_when("n1", |s| s.leader_address.is_some()).await;
    let leader = status.leader.expect("a leader");
    let other = cluster.running.keys().find(|name| **name != leader.as_str());
    let other = other.expect("a follower");
    cluster.status_when(other, |s| s.leader_address.is_some()).await;
    let get = Request::Get { key: "list".to_owned() };
    let Some(Response::Failed(failure)) = cluster.ask(other, get).await else {
        panic!("a follower answered a linearizable read");
    };
    assert!(failure.definite());
    let address = Some(cluster.args[leader.as_str()].listen_client.clone());
    assert_eq!(failure, Failure::NotLeader { hint: Some(leader), address });
}
