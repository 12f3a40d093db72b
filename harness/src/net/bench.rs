//! What the switch costs: round trips of small datagrams between two nodes.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::network::{Network, Node};

/// A round trip that takes longer is lost: a queue was full, or a link is cut.
const PATIENCE: Duration = Duration::from_millis(500);
/// So many lost in a row are no bad luck.
const LOST_IN_A_ROW: usize = 3;
/// Not measured: caches are cold and the threads have not met yet.
const WARM_UP: usize = 100;

/// Round-trip times between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RoundTrips {
    /// How many came back.
    pub returned: usize,
    /// How many did not.
    pub lost: usize,
    /// The fastest.
    pub min_us: f64,
    /// The median.
    pub p50_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
}

/// Plays ping-pong with datagrams of 64 bytes from one node to another.
///
/// # Errors
///
/// When a socket is refused, or several datagrams in a row do not come back.
///
/// # Panics
///
/// When there is no such node.
pub fn round_trips(
    network: &Network,
    source: usize,
    destination: usize,
    rounds: usize,
) -> io::Result<RoundTrips> {
    let ping = socket(network.node(source))?;
    let pong = socket(network.node(destination))?;
    ping.connect(pong.local_addr()?)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&pong, &done));
        let measured = measure(&ping, rounds);
        done.store(true, Ordering::Relaxed);
        measured
    })
}

fn socket(node: &Node) -> io::Result<UdpSocket> {
    let address = node.peer_addr();
    let socket = node.namespace().run(|| UdpSocket::bind((address, 0)))??;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn echo(socket: &UdpSocket, done: &AtomicBool) {
    let mut datagram = [0; 64];
    while !done.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            // What cannot be sent counts as lost on the other side.
            let _ = socket.send_to(&datagram[..length], from);
        }
    }
}

fn measure(socket: &UdpSocket, rounds: usize) -> io::Result<RoundTrips> {
    let mut times = Vec::with_capacity(rounds);
    let mut lost_in_a_row = 0;
    for round in 0..rounds + WARM_UP {
        let time = round_trip(socket, round as u64)?;
        lost_in_a_row = if time.is_some() { 0 } else { lost_in_a_row + 1 };
        if lost_in_a_row == LOST_IN_A_ROW {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{LOST_IN_A_ROW} datagrams in a row were lost; heal the link and try again"),
            ));
        }
        if let Some(time) = time
            && round >= WARM_UP
        {
            times.push(time.as_nanos() as f64 / 1000.0);
        }
    }
    if times.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no rounds were asked for; ask for one at least",
        ));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(RoundTrips {
        returned: times.len(),
        lost: rounds - times.len(),
        min_us: times[0],
        p50_us: at(0.5),
        p99_us: at(0.99),
    })
}

/// One round trip, or nothing if it is lost. Late answers to earlier rounds are
/// told by their number.
fn round_trip(socket: &UdpSocket, round: u64) -> io::Result<Option<Duration>> {
    let mut datagram = [0; 64];
    datagram[..8].copy_from_slice(&round.to_ne_bytes());
    let started = Instant::now();
    socket.send(&datagram)?;
    let mut answer = [0; 64];
    while started.elapsed() < PATIENCE {
        match socket.recv(&mut answer) {
            Ok(_) if answer[..8] == datagram[..8] => return Ok(Some(started.elapsed())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}
