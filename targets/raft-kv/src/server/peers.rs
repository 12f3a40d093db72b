//! Connections between servers.
//!
//! Every server dials every other and speaks only on the connection it dialled. The other side
//! only acknowledges how many bytes it has read. These acknowledgements are there because a
//! partition makes TCP back off: seconds after the network has healed it may still be silent. So a
//! connection on which data stays unacknowledged is dropped and dialled anew at once. Whatever is
//! lost on the way, Raft sends again.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::{Event, no_delay};
use crate::core::Message;
use crate::types::NodeId;
use crate::wire::codec;
use crate::wire::{Hello, MAX_PEER_FRAME, PeerFrame, next_frame, put_frame};

/// Messages that wait for a peer; when there are more, the new ones are dropped.
const QUEUE: usize = 1024;

/// Longest attempt to connect.
const CONNECT_LIMIT: Duration = Duration::from_millis(300);

/// Pause between two attempts to connect.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How long a reader waits for more before it acknowledges.
const ACK_PAUSE: Duration = Duration::from_millis(50);

/// How long sent data may stay unacknowledged before the connection is given up.
const SILENCE_LIMIT: Duration = Duration::from_millis(600);

/// How long a dialler may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(5);

/// The way to one peer. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Link {
    address: String,
    queue: mpsc::Sender<Message>,
}

impl Link {
    /// Starts to dial.
    pub(super) fn dial(peer: NodeId, address: String, hello: Hello) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        tokio::spawn(keep_connected(peer, address.clone(), hello, messages));
        Link { address, queue }
    }

    /// Where it dials.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends if there is room; Raft tolerates loss.
    pub(super) fn send(&self, message: Message) {
        let _ = self.queue.try_send(message);
    }
}

async fn keep_connected(peer: NodeId, address: String, hello: Hello, mut messages: mpsc::Receiver<Message>) {
    while !messages.is_closed() {
        match timeout(CONNECT_LIMIT, TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => {
                info!(%peer, %address, "peer connected");
                let end = speak(stream, &hello, &mut messages).await;
                info!(%peer, reason = %end, "peer disconnected");
            }
            Ok(Err(error)) => debug!(%peer, %error, "cannot connect"),
            Err(_) => debug!(%peer, "connecting takes too long"),
        }
        sleep(RETRY_PAUSE).await;
    }
}

/// Sends messages until the connection ends; returns why it did.
async fn speak(mut stream: TcpStream, hello: &Hello, messages: &mut mpsc::Receiver<Message>) -> io::Error {
    if let Err(e) = prepare(&stream) {
        return e;
    }
    // What waited for the connection is out of date.
    while messages.try_recv().is_ok() {}
    let (mut read, mut write) = stream.split();
    let mut bytes = Vec::new();
    put_frame(&PeerFrame::Hello(hello.clone()), &mut bytes);
    let mut batch = Vec::new();
    let mut acks = BytesMut::new();
    let (mut sent, mut acked) = (0u64, 0u64);
    let mut unacked_since = None;
    loop {
        if !bytes.is_empty() {
            match timeout(SILENCE_LIMIT, write.write_all(&bytes)).await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => return e,
                Err(_) => return io::Error::other("cannot send"),
            }
            sent += bytes.len() as u64;
            bytes.clear();
            unacked_since.get_or_insert(Instant::now());
        }
        let patience = unacked_since.map_or_else(Instant::now, |at| at + SILENCE_LIMIT);
        tokio::select! {
            // Acknowledgements first: after a pause of this process they may be waiting already.
            biased;
            read = read.read_buf(&mut acks) => match read {
                Ok(0) => return io::Error::other("closed by the peer"),
                Ok(_) => {
                    while let Some((ack, _)) = acks.split_first_chunk::<8>() {
                        acked = u64::from_le_bytes(*ack);
                        let _ = acks.split_to(8);
                    }
                    unacked_since = (acked < sent).then(Instant::now);
                }
                Err(e) => return e,
            },
            count = messages.recv_many(&mut batch, 64) => {
                if count == 0 {
                    return io::Error::other("no longer wanted");
                }
                for message in batch.drain(..) {
                    put_frame(&PeerFrame::Message(message), &mut bytes);
                }
            }
            () = sleep_until(patience), if unacked_since.is_some() => {
                return io::Error::other("the peer is silent");
            }
        }
    }
}

/// Listens to peers until it is dropped.
pub(super) async fn accept(listener: TcpListener, events: mpsc::Sender<Event>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, from)) => {
                let events = events.clone();
                connections.spawn(async move {
                    if let Err(e) = listen(stream, events).await {
                        debug!(%from, error = %e, "connection from a peer ended");
                    }
                });
            }
            Err(e) => {
                // Out of file descriptors, for example; it passes.
                warn!(error = %e, "cannot accept a peer");
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}

async fn listen(mut stream: TcpStream, events: mpsc::Sender<Event>) -> io::Result<()> {
    prepare(&stream)?;
    let (mut read, mut write) = stream.split();
    let mut received = BytesMut::with_capacity(16 << 10);
    let mut total = 0u64;
    let mut ack_due = None;
    let mut peer = None;
    let introduction_due = Instant::now() + HELLO_LIMIT;
    loop {
        tokio::select! {
            count = read.read_buf(&mut received) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                total += count as u64;
                ack_due.get_or_insert_with(|| Instant::now() + ACK_PAUSE);
            }
            () = sleep_until(ack_due.unwrap_or(introduction_due)), if ack_due.is_some() => {
                write.write_all(&total.to_le_bytes()).await?;
                ack_due = None;
            }
            () = sleep_until(introduction_due), if peer.is_none() => {
                return Err(io::Error::other("no introduction"));
            }
        }
        while let Some(body) = next_frame(&mut received, MAX_PEER_FRAME).map_err(io::Error::other)? {
            let frame: PeerFrame = codec::decode(&body).map_err(io::Error::other)?;
            let event = match (frame, peer) {
                (PeerFrame::Hello(hello), None) => {
                    peer = Some(hello.id);
                    Event::Hello(hello)
                }
                (PeerFrame::Message(message), Some(from)) => Event::Message { from, message },
                _ => return Err(io::Error::other("introduction out of place")),
            };
            if events.send(event).await.is_err() {
                return Ok(());
            }
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    no_delay(stream)?;
    let limit = SILENCE_LIMIT.as_millis() as u32;
    setsockopt(stream, sockopt::TcpUserTimeout, &limit).map_err(io::Error::from)
}
