//! Client connections: requests come in pipelined, answers go out in whatever order they are ready.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::{Event, no_delay};
use crate::api::{Failure, Response};
use crate::wire::codec;
use crate::wire::{ClientFrame, MAX_CLIENT_FRAME, ServerFrame, next_frame, put_frame};

/// Requests that one connection may have unanswered; then it is not read until answers are out.
const MAX_OPEN_REQUESTS: usize = 1024;

/// Where the answer to one request goes.
#[derive(Debug)]
pub(super) struct ReplyTo {
    id: u64,
    answers: mpsc::UnboundedSender<Answer>,
    permit: OwnedSemaphorePermit,
}

impl ReplyTo {
    /// Answers. A client that has gone away is not missed.
    pub(super) fn send(self, response: Response) {
        let frame = ServerFrame { id: self.id, response };
        let answer = Answer { frame, _permit: self.permit };
        let _ = self.answers.send(answer);
    }
}

/// An answer on its way out, which counts as an open request until it is written.
#[derive(Debug)]
struct Answer {
    frame: ServerFrame,
    _permit: OwnedSemaphorePermit,
}

/// Serves clients until it is dropped.
pub(super) async fn accept(listener: TcpListener, events: mpsc::Sender<Event>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let events = events.clone();
                connections.spawn(async move {
                    if let Err(e) = serve(stream, events).await {
                        debug!(error = %e, "client connection ended");
                    }
                });
            }
            Err(e) => {
                // Out of file descriptors, for example; it passes.
                warn!(error = %e, "cannot accept a client");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, events: mpsc::Sender<Event>) -> io::Result<()> {
    no_delay(&stream)?;
    let (read, write) = stream.into_split();
    let (answers, outbox) = mpsc::unbounded_channel();
    // The writer ends when the reader and all open requests have let go of `answers`, or when the
    // client cannot be written to; the reader ends when the client closes.
    let writer = tokio::spawn(write_answers(write, outbox));
    let result = read_requests(read, events, answers).await;
    if result.is_err() {
        writer.abort();
    }
    result
}

async fn read_requests(
    mut read: OwnedReadHalf,
    events: mpsc::Sender<Event>,
    answers: mpsc::UnboundedSender<Answer>,
) -> io::Result<()> {
    let open = Arc::new(Semaphore::new(MAX_OPEN_REQUESTS));
    let mut received = BytesMut::with_capacity(4096);
    loop {
        while let Some(body) = next_frame(&mut received, MAX_CLIENT_FRAME).map_err(io::Error::other)? {
            let Ok(permit) = open.clone().acquire_owned().await else {
                return Ok(());
            };
            let mut reply_to = ReplyTo { id: 0, answers: answers.clone(), permit };
            match codec::decode::<ClientFrame>(&body) {
                Ok(ClientFrame { id, request }) => {
                    reply_to.id = id;
                    if events.send(Event::Request { request, reply_to }).await.is_err() {
                        return Ok(());
                    }
                }
                Err(e) => {
                    // The request's number comes first, so mostly it can still be read.
                    let mut reader = codec::Reader::new(&body);
                    reply_to.id = codec::Wire::take(&mut reader).unwrap_or(0);
                    let failure = Failure::Malformed(e.to_string());
                    reply_to.send(Response::Failed(failure));
                }
            }
        }
        if read.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}

async fn write_answers(mut write: OwnedWriteHalf, mut outbox: mpsc::UnboundedReceiver<Answer>) {
    let mut answers = Vec::new();
    let mut bytes = Vec::new();
    while outbox.recv_many(&mut answers, 64).await > 0 {
        for answer in &answers {
            put_frame(&answer.frame, &mut bytes);
        }
        if write.write_all(&bytes).await.is_err() {
            return;
        }
        answers.clear();
        bytes.clear();
    }
}
