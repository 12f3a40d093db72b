//! `stormglass bench`: what the harness itself can do, without a system under test.

use std::io::BufReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use checkers::jsonl::{self, TornTail};
use checkers::{Process, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use workloads::noop::NoopClient;
use workloads::{Client, Op, Outcome, Workload, WorkloadOptions};

use crate::cli::args::{Bench, BenchArgs};
use crate::commands::complain;
use crate::exit::Exit;
use crate::recorder::Recorder;
use crate::run::Interrupt;
use crate::run::load::{Load, LoadOptions, OpenClient};

type AnyError = Box<dyn std::error::Error>;

/// Measures and prints.
pub fn bench(args: &BenchArgs) -> Exit {
    let measured = match &args.what {
        Bench::Noop { time_limit, concurrency } => measure("no-op client", Noop, *time_limit, *concurrency),
        Bench::Echo { time_limit, concurrency } => echo_server()
            .and_then(|opener| measure("TCP echo on loopback", opener, *time_limit, *concurrency)),
    };
    match measured {
        Ok(()) => Exit::Valid,
        Err(error) => complain(Exit::HarnessFailure, &error),
    }
}

/// Generator, workers and recorder as in a run: the register workload, a history on disk.
fn measure(
    name: &str,
    opener: impl OpenClient + 'static,
    time_limit: Duration,
    concurrency: u32,
) -> Result<(), AnyError> {
    let dir = std::env::temp_dir().join(format!("stormglass-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let path = dir.join("history.jsonl");
    let result = (|| {
        let recorder = Arc::new(Recorder::create(&path)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = WorkloadOptions { concurrency, nodes: 5 };
        let mut generator = workloads::register::Register::default().generator(&options);
        let before = memory_bytes();
        let began = Instant::now();
        LocalSet::new().block_on(&runtime, async {
            let options = LoadOptions {
                concurrency,
                nodes: (1..=5).map(|n| format!("n{n}").as_str().into()).collect(),
                op_timeout: Duration::from_secs(5),
            };
            let rng = ChaCha8Rng::seed_from_u64(1);
            let mut load = Load::start(options, Arc::clone(&recorder), Arc::new(opener), rng);
            let end = recorder.now() + time_limit.as_nanos() as u64;
            load.run(&mut generator, Some(end), &Interrupt::default()).await
        })?;
        let took = began.elapsed().as_secs_f64();
        recorder.close()?;
        let during = memory_bytes().saturating_sub(before);
        let began = Instant::now();
        let file = BufReader::with_capacity(1 << 20, std::fs::File::open(&path)?);
        let reading = jsonl::read(file, TornTail::Refuse)?;
        let read_took = began.elapsed().as_secs_f64();
        let after = memory_bytes().saturating_sub(before);
        let operations = reading.history.operations().count();
        let ok = reading.history.operations().filter(|op| op.fate() == checkers::Fate::Ok).count();
        let per = |bytes: u64| bytes as f64 / operations.max(1) as f64;
        println!("{name}, {concurrency} clients: {operations} operations recorded ({ok} ok) in {took:.2} s");
        println!("  {:>10.0} operations/s recorded", operations as f64 / took);
        println!("  {:>10.1} bytes of memory per operation while recording", per(during));
        println!("  {:>10.1} bytes of memory per operation with the whole history read back", per(after));
        println!("  {:>10.2} s to read it back", read_took);
        Ok(())
    })();
    std::fs::remove_dir_all(&dir)?;
    result
}

/// Resident memory, bytes.
fn memory_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    pages * 4096
}

struct Noop;

#[async_trait]
impl OpenClient for Noop {
    async fn open(&self, _home: usize, _process: Process) -> Result<Box<dyn Client>, String> {
        Ok(Box::new(NoopClient))
    }
}

/// A TCP echo server on a thread and a runtime of its own.
fn echo_server() -> Result<Echo, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    std::thread::Builder::new().name("echo".to_owned()).spawn(move || {
        runtime.block_on(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = socket.set_nodelay(true);
                    let mut buffer = [0; 64];
                    while socket.read_exact(&mut buffer).await.is_ok() {
                        if socket.write_all(&buffer).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
    })?;
    Ok(Echo { address })
}

struct Echo {
    address: std::net::SocketAddr,
}

#[async_trait]
impl OpenClient for Echo {
    async fn open(&self, _home: usize, _process: Process) -> Result<Box<dyn Client>, String> {
        let socket = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Box::new(EchoClient { socket }))
    }
}

struct EchoClient {
    socket: TcpStream,
}

#[async_trait]
impl Client for EchoClient {
    async fn invoke(&mut self, op: &Op) -> Outcome {
        let mut frame = [0; 64];
        let exchanged = async {
            self.socket.write_all(&frame).await?;
            self.socket.read_exact(&mut frame).await
        };
        match exchanged.await {
            Ok(_) => Outcome::Ok(op.value.clone()),
            Err(error) => Outcome::Info(Value::from(error.to_string())),
        }
    }
}
