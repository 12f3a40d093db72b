//! The process around the core: sockets, disk and clock.
//!
//! One thread runs everything except the disk, which has its own, so that heartbeats go on while
//! an fsync takes its time. Start with `driver`, the loop that owns the core: every other task only
//! sends it events. `clients` and `peers` own the sockets, `disk` the storage thread, `args` the
//! command line, `log` says what happened.

mod args;
mod clients;
mod disk;
mod driver;
mod log;
mod peers;

use std::future::Future;
use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub use args::{Args, PeerAddress};

use crate::core::Raft;
use crate::storage::{Storage, StorageError};
use crate::types::NodeId;
use crate::wire::Hello;
use crate::wire::codec::WireError;
use driver::Driver;

/// Events that may wait for the driver; a socket that has more to say waits.
const EVENT_QUEUE: usize = 8192;

/// Why a server stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A socket to listen on could not be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The disk failed or is corrupt.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The stored snapshot is intact, but not a state machine of this version.
    #[error("the snapshot is of another version: {0}")]
    Snapshot(#[from] WireError),
    /// The operating system gave no event loop or no thread.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// The storage thread is gone, which only a panic in it can cause.
    #[error("the storage thread is gone")]
    DiskGone,
}

/// Runs a server until it fails; it does not stop by itself.
///
/// Made for a process of its own: logs to stderr, and turns every panic into an abort, so that no
/// half of a server lives on.
///
/// # Errors
/// The server could not start, or its disk failed.
pub fn run(args: Args) -> Result<(), ServerError> {
    log::to_stderr();
    abort_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args, std::future::pending()))
}

/// Runs a server on the current runtime until `shutdown` is ready.
///
/// # Errors
/// As [`run`].
pub async fn serve(args: Args, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
    let (storage, durable) = Storage::open(&args.data)?;
    log::recovered(args.id, &durable);
    let peer_listener = listen(&args.listen_peer).await?;
    let client_listener = listen(&args.listen_client).await?;
    let hello = Hello {
        id: args.id,
        peer_address: args.own_peer_address(&address(&peer_listener)?),
        client_address: address(&client_listener)?,
    };
    let raft = Raft::new(
        args.config(),
        args.bootstrap_members(),
        durable,
        args.seed_of_node(),
        std::time::Duration::ZERO,
    )?;
    let (events, inbox) = mpsc::channel(EVENT_QUEUE);
    let disk = disk::spawn(storage, events.clone())?;
    // Aborted when this function returns, together with every connection they own.
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(peers::accept(peer_listener, events.clone()));
    tasks.spawn(clients::accept(client_listener, events.clone()));
    let driver = Driver::new(raft, disk, hello, args.peers());
    driver.run(inbox, shutdown).await
}

async fn listen(address: &str) -> Result<TcpListener, ServerError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| ServerError::Listen { address: address.to_owned(), source })
}

fn address(listener: &TcpListener) -> io::Result<String> {
    Ok(listener.local_addr()?.to_string())
}

/// Small messages leave at once.
fn no_delay(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}

/// What the driver is told.
#[derive(Debug)]
enum Event {
    /// A client asks.
    Request { request: crate::api::Request, reply_to: clients::ReplyTo },
    /// Another server dialled us.
    Hello(Hello),
    /// Another server says something.
    Message { from: NodeId, message: crate::core::Message },
    /// Everything up to this batch is durable.
    Persisted(u64),
    /// The disk failed.
    DiskFailed(StorageError),
}
