//! Five servers on loopback under load: `cargo run --release -p raft-kv --example load -- 50 5`
//! (clients, seconds). Prints linearizable operations per second, half of them reads.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use raft_kv::api::{Request, Response};
use raft_kv::client::Connection;
use raft_kv::machine::{Command, Value};
use raft_kv::server::{Args, run};

#[derive(clap::Parser)]
enum Cli {
    /// Runs one server; the example starts itself five times.
    Node(Box<Args>),
    /// Drives a cluster.
    Load { clients: u64, seconds: u64 },
}

const NODES: usize = 5;

fn main() {
    match <Cli as clap::Parser>::parse() {
        Cli::Node(args) => {
            if let Err(e) = run(*args) {
                eprintln!("{e}");
                std::process::exit(1);
            }
        }
        Cli::Load { clients, seconds } => load(clients, seconds),
    }
}

fn load(clients: u64, seconds: u64) {
    let data = std::env::temp_dir().join(format!("raft-kv-load-{}", std::process::id()));
    let ports: Vec<u16> = (0..2 * NODES).map(|_| free_port()).collect();
    let exe = std::env::current_exe().expect("own path");
    let mut nodes = Vec::new();
    for n in 0..NODES {
        let mut command = std::process::Command::new(&exe);
        command.arg("node").arg(format!("--id=n{}", n + 1));
        command.arg(format!("--listen-peer=127.0.0.1:{}", ports[n]));
        command.arg(format!("--listen-client=127.0.0.1:{}", ports[NODES + n]));
        command.arg(format!("--data={}", data.join(n.to_string()).display()));
        for (peer, port) in ports[..NODES].iter().enumerate() {
            command.arg(format!("--peer=n{}=127.0.0.1:{port}", peer + 1));
        }
        nodes.push(command.spawn().expect("spawn a server"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let leader = find_leader(&ports[NODES..]).await;
        println!("leader at {leader}");
        let end = Instant::now() + Duration::from_secs(seconds);
        let workers: Vec<_> =
            (0..clients).map(|client| tokio::spawn(work(client, leader.clone(), end))).collect();
        let mut latencies = Vec::new();
        for worker in workers {
            latencies.extend(worker.await.expect("worker"));
        }
        latencies.sort_unstable();
        let count = latencies.len();
        let at = |share: f64| latencies[((count - 1) as f64 * share) as usize];
        println!(
            "{} ops/s, p50 {:?}, p99 {:?}, max {:?}",
            count as u64 / seconds,
            at(0.5),
            at(0.99),
            at(1.0)
        );
    });
    for mut node in nodes {
        let _ = node.kill();
        let _ = node.wait();
    }
    let _ = std::fs::remove_dir_all(&data);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

async fn find_leader(ports: &[u16]) -> String {
    loop {
        for port in ports {
            let address = format!("127.0.0.1:{port}");
            let Ok(mut c) = Connection::connect(&address, Duration::from_secs(1)).await else {
                continue;
            };
            if let Ok(Response::Status(status)) = c.request(Request::Status).await
                && let Some(address) = status.leader_address
            {
                return address;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn work(client: u64, leader: String, end: Instant) -> Vec<Duration> {
    let mut connection = Connection::connect(&leader, Duration::from_secs(1)).await.expect("connect");
    let mut latencies = Vec::new();
    for turn in 0.. {
        let start = Instant::now();
        if start >= end {
            break;
        }
        let key = format!("k{}", (client + turn) % 16);
        let request = if turn % 2 == 0 {
            let value = Value::Int(turn as i64);
            Request::plain(Command::Put { key, value })
        } else {
            Request::Get { key }
        };
        match connection.request(request).await {
            Ok(Response::Value(_)) => latencies.push(start.elapsed()),
            other => panic!("{other:?}"),
        }
    }
    latencies
}
