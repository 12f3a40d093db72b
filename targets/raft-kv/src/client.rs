//! One connection to one server: no retries, no redirects, nothing hidden.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::{Request, Response};
use crate::wire::{ClientFrame, FrameError, MAX_CLIENT_FRAME, ServerFrame, codec};
use crate::wire::{next_frame, put_frame};

/// A connection on which one request at a time is asked.
///
/// A request whose future is dropped before it finished, by a time limit for example, leaves the
/// connection unusable: its answer could be taken for the next one's.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: BytesMut,
    last_id: u64,
    usable: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection came about.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The connection was left unusable by an earlier request; nothing was sent.
    #[error("the connection is unusable since an earlier request was not answered")]
    Unusable,
    /// The connection broke while a request was under way.
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// The server closed the connection while a request was under way.
    #[error("the server closed the connection")]
    Closed,
    /// The server's answer made no sense.
    #[error("the server's answer makes no sense: {0}")]
    Protocol(#[from] FrameError),
}

impl ClientError {
    /// Whether it is certain that the request was never executed and never will be.
    pub fn definite(&self) -> bool {
        match self {
            ClientError::Connect { .. } | ClientError::Unusable => true,
            ClientError::Broken(_) | ClientError::Closed | ClientError::Protocol(_) => false,
        }
    }
}

impl Connection {
    /// Connects to a server's client address, such as `10.0.0.1:7000`.
    ///
    /// # Errors
    /// [`ClientError::Connect`], also when `limit` has passed.
    pub async fn connect(address: &str, limit: Duration) -> Result<Self, ClientError> {
        let connected = timeout(limit, TcpStream::connect(address)).await;
        let late = |_| Err(std::io::ErrorKind::TimedOut.into());
        let stream = connected
            .unwrap_or_else(late)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|source| ClientError::Connect { address: address.to_owned(), source })?;
        Ok(Connection { stream, received: BytesMut::new(), last_id: 0, usable: true })
    }

    /// Asks, and waits for the answer for as long as the connection lives.
    ///
    /// # Errors
    /// There is no answer; whether the request was executed, [`ClientError::definite`] says.
    pub async fn request(&mut self, request: Request) -> Result<Response, ClientError> {
        if !std::mem::replace(&mut self.usable, false) {
            return Err(ClientError::Unusable);
        }
        self.last_id += 1;
        let id = self.last_id;
        let mut bytes = Vec::with_capacity(128);
        put_frame(&ClientFrame { id, request }, &mut bytes);
        self.stream.write_all(&bytes).await?;
        let response = self.answer_to(id).await?;
        self.usable = true;
        Ok(response)
    }

    async fn answer_to(&mut self, id: u64) -> Result<Response, ClientError> {
        loop {
            while let Some(body) = next_frame(&mut self.received, MAX_CLIENT_FRAME)? {
                let frame: ServerFrame = codec::decode(&body).map_err(FrameError::from)?;
                if frame.id == id {
                    return Ok(frame.response);
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }
}
