//! The encoding: everything comes back as it was, and hostile bytes do no harm.

use std::sync::Arc;

use bytes::Bytes;
use raft_kv::api::{Failure, Request, Response, RoleName, Status};
use raft_kv::core::{AppendResult, Message};
use raft_kv::machine::{Command, Machine, Rejection, SessionCommand, Value};
use raft_kv::types::{Entry, Members, NodeId, Payload, SnapshotMeta};
use raft_kv::wire::codec::{Wire, decode, encode};
use raft_kv::wire::{ClientFrame, Hello, PeerFrame, ServerFrame};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn comes_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = encode(value);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    // No beginning of an encoding is an encoding.
    for length in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..length]).is_err(), "{value:?} cut at {length}");
    }
}

fn node(name: &str) -> NodeId {
    name.parse().expect("a node name")
}

fn members() -> Members {
    Members::from([(node("n1"), "a:1".to_owned()), (node("n22"), "b:2".to_owned())])
}

fn commands() -> Vec<SessionCommand> {
    let key = || "key".to_owned();
    let list = Value::list([Value::Int(i64::MIN), "é".into(), Value::Nil]);
    let commands = [
        Command::Put { key: key(), value: list.clone() },
        Command::Cas { key: key(), from: Value::Nil, to: Value::Int(-1) },
        Command::Append { key: key(), value: Value::list([list]) },
        Command::Delete { key: String::new() },
        Command::Incr { key: key(), delta: i64::MAX },
    ];
    let session = |command| SessionCommand { session: u64::MAX, seq: 300, command };
    commands.into_iter().map(session).collect()
}

fn entries() -> Vec<Entry> {
    let mut payloads = vec![Payload::Noop, Payload::Register, Payload::Members(Arc::new(members()))];
    payloads.extend(commands().into_iter().map(|c| Payload::Command(Arc::new(c))));
    let entry = |(n, payload)| Entry { index: n, term: 1 << 40, payload };
    (1..).zip(payloads).map(entry).collect()
}

fn messages() -> Vec<Message> {
    let (term, round) = (7, 1 << 33);
    let meta = SnapshotMeta { index: 5, term: 4, members: members() };
    let conflict = |term| AppendResult::Conflict { prev_index: 9, term, first: 3 };
    let reply = |result| Message::AppendReply { term, round, result };
    vec![
        Message::PreVote { term, last_index: 1, last_term: 2 },
        Message::PreVoteReply { term, granted: true },
        Message::Vote { term, last_index: 1, last_term: 2 },
        Message::VoteReply { term, granted: false },
        Message::Append { term, prev_index: 1, prev_term: 2, entries: entries(), commit: 3, round },
        reply(AppendResult::Matched(6)),
        reply(conflict(None)),
        reply(conflict(Some(2))),
        Message::Install { term, meta, offset: 1, total: 2, data: Bytes::from_static(b"xy"), round },
        Message::InstallReply { term, round, index: 1, wanted: Some(0) },
    ]
}

fn requests() -> Vec<Request> {
    let mut requests = vec![
        Request::RegisterClient,
        Request::Get { key: "k".to_owned() },
        Request::Status,
        Request::AddServer { id: node("n9"), address: "h:1".to_owned() },
        Request::RemoveServer { id: node("n9") },
    ];
    requests.extend(commands().into_iter().map(Request::Command));
    requests
}

fn responses() -> Vec<Response> {
    let status = Status {
        id: node("n1"),
        role: RoleName::PreCandidate,
        term: 3,
        leader: Some(node("n2")),
        leader_address: None,
        commit: 1,
        applied: 2,
        last_index: 3,
        snapshot: SnapshotMeta::default(),
        members: members(),
    };
    let failures = [
        Failure::NotLeader { hint: Some(node("n2")), address: Some("a:1".to_owned()) },
        Failure::Rejected(Rejection::CasMismatch { actual: Value::Int(1) }),
        Failure::Rejected(Rejection::NoSuchKey),
        Failure::Rejected(Rejection::WrongType),
        Failure::Rejected(Rejection::Overflow),
        Failure::SessionExpired,
        Failure::StaleSequence,
        Failure::Unavailable("u".to_owned()),
        Failure::Indefinite("i".to_owned()),
        Failure::Malformed("m".to_owned()),
    ];
    let mut responses = vec![
        Response::Value(Value::list([Value::Nil])),
        Response::Registered { session: 9 },
        Response::Status(Box::new(status)),
        Response::Members(members()),
    ];
    responses.extend(failures.into_iter().map(Response::Failed));
    responses
}

#[test]
fn everything_comes_back_as_it_was() {
    for request in requests() {
        comes_back(&ClientFrame { id: 1, request });
    }
    for response in responses() {
        comes_back(&ServerFrame { id: u64::MAX, response });
    }
    for message in messages() {
        comes_back(&PeerFrame::Message(message));
    }
    comes_back(&PeerFrame::Hello(Hello {
        id: node("n1"),
        peer_address: "a:1".to_owned(),
        client_address: "a:2".to_owned(),
    }));
    for number in [0, 1, -1, i64::MIN, i64::MAX] {
        comes_back(&number);
    }
}

#[test]
fn hostile_bytes_are_refused_without_harm() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut samples: Vec<Vec<u8>> = messages().into_iter().map(|m| encode(&PeerFrame::Message(m))).collect();
    samples.extend(requests().into_iter().map(|request| encode(&ClientFrame { id: 1, request })));
    samples.extend(responses().into_iter().map(|response| encode(&ServerFrame { id: 1, response })));
    for turn in 0..60_000 {
        let mut bytes = samples[turn % samples.len()].clone();
        for _ in 0..rng.random_range(1..4) {
            let position = rng.random_range(0..bytes.len());
            bytes[position] = rng.random();
        }
        let _ = decode::<PeerFrame>(&bytes);
        let _ = decode::<ClientFrame>(&bytes);
        let _ = decode::<ServerFrame>(&bytes);
        let _ = Machine::decode(&bytes);
    }
}

#[test]
fn announced_lengths_are_not_believed() {
    // A list of 2^60 values in four bytes, and lists in lists without end.
    let huge = [1, 1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(decode::<ServerFrame>(&huge).is_err());
    let deep = [[3u8, 1]; 100_000].concat();
    assert!(decode::<Value>(&deep).is_err());
}

#[test]
fn node_names_are_checked() {
    for bad in ["", "a=b", "a\nb", "a-name-that-is-longer-than-31-bytes"] {
        assert!(bad.parse::<NodeId>().is_err(), "{bad:?}");
    }
    assert_eq!(node("n1").as_str(), "n1");
    assert!(node("n1") < node("n2") && node("n") < node("n1"));
}
