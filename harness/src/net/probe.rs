//! Probes: datagrams between sockets of ours inside the nodes' namespaces.
//!
//! The controller holds both ends of every probe, so a link is judged without
//! any help of the processes on it, which may be stopped, killed or lying.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};

use super::address;
use super::evidence::{Finding, LinkEvidence};
use super::grudge::Endpoint;
use super::links::{LinkState, Links};

/// How long nothing may be found out before the rest is given up: how long a
/// probe may take, and a cut to show. On a busy machine a big round takes longer
/// as a whole.
const NEWS_LIMIT: Duration = Duration::from_millis(500);
/// How long a round may take, whatever the news.
const ROUND_LIMIT: Duration = Duration::from_secs(5);
/// A datagram may be lost to a full queue of a busy node, so it is sent again.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long silence must last to count where nothing else can be seen.
const SILENCE: Duration = Duration::from_millis(100);
/// How often evidence of drops is looked for.
const LOOK_EVERY_MS: u8 = 1;

/// What a probe begins with; the nonce follows.
const MAGIC: [u8; 8] = *b"sgprobe\x01";
const PROBE_BYTES: usize = 16;

/// A probe's nonce, if that is what the ethernet frame carries.
pub(super) fn nonce_in_frame(frame: &[u8]) -> Option<u64> {
    const ETHERNET_HEADER: usize = 14;
    const UDP_HEADER: usize = 8;
    let packet = frame.get(ETHERNET_HEADER..)?;
    let is_ipv4 = frame[12..ETHERNET_HEADER] == (libc::ETH_P_IP as u16).to_be_bytes();
    if !is_ipv4 || i32::from(*packet.get(9)?) != libc::IPPROTO_UDP {
        return None;
    }
    let header = usize::from(packet[0] & 0x0f) * 4;
    nonce_in_datagram(packet.get(header + UDP_HEADER..)?)
}

fn nonce_in_datagram(datagram: &[u8]) -> Option<u64> {
    let (magic, rest) = datagram.split_at_checked(MAGIC.len())?;
    let nonce = rest.first_chunk()?;
    (magic == MAGIC).then(|| u64::from_be_bytes(*nonce))
}

fn datagram(nonce: u64) -> [u8; PROBE_BYTES] {
    let mut bytes = [0; PROBE_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..].copy_from_slice(&nonce.to_be_bytes());
    bytes
}

/// Opens a datagram socket in the network namespace of the calling thread, to
/// be bound once that has addresses.
pub(super) fn open_socket() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
}

/// A probe socket and where it can be reached.
#[derive(Debug)]
struct Post {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Post {
    fn bind(socket_fd: OwnedFd, address: Ipv4Addr) -> std::io::Result<Self> {
        let [a, b, c, d] = address.octets();
        // Any free port: the one that a server under test wants must stay free.
        bind(std::os::fd::AsRawFd::as_raw_fd(&socket_fd), &SockaddrIn::new(a, b, c, d, 0))?;
        let socket = UdpSocket::from(socket_fd);
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }
}

/// Sends probes and collects what arrives.
#[derive(Debug)]
pub(super) struct Prober {
    /// By node: on the switch.
    peers: Vec<Post>,
    /// By node: its end of the link to the controller.
    controls: Vec<Post>,
    /// By node: our end of that link.
    controllers: Vec<Post>,
    next_nonce: u64,
}

/// The sockets of one node, not bound yet.
pub(super) struct NodeSockets {
    pub(super) peer: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) controller: OwnedFd,
}

/// One link under examination.
struct Trial {
    source: Endpoint,
    destination: Endpoint,
    expected: LinkState,
    nonce: u64,
    sent: Instant,
    ignored_before: Option<u64>,
    found: Option<Finding>,
}

impl Trial {
    fn to_or_from_clients(&self) -> bool {
        self.source == Endpoint::Clients || self.destination == Endpoint::Clients
    }
}

impl Prober {
    /// Binds the sockets, node by node, to the nodes' addresses.
    pub(super) fn new(nodes: Vec<NodeSockets>) -> std::io::Result<Self> {
        let mut prober =
            Self { peers: Vec::new(), controls: Vec::new(), controllers: Vec::new(), next_nonce: 1 };
        for (node, sockets) in nodes.into_iter().enumerate() {
            prober.peers.push(Post::bind(sockets.peer, address::peer(node))?);
            prober.controls.push(Post::bind(sockets.control, address::control(node))?);
            prober.controllers.push(Post::bind(sockets.controller, address::controller(node))?);
        }
        Ok(prober)
    }

    /// Probes all `wanted` links at once and says what became of each probe.
    ///
    /// `ignored_frames` is the number of frames that the receiver of a client
    /// link has ignored so far.
    pub(super) fn examine(
        &mut self,
        wanted: &[(Endpoint, Endpoint, LinkState)],
        links: &Links,
        mut ignored_frames: impl FnMut(Endpoint, Endpoint) -> Option<u64>,
    ) -> Vec<LinkEvidence> {
        let mut trials = Vec::with_capacity(wanted.len());
        let mut by_nonce = HashMap::with_capacity(wanted.len());
        for &(source, destination, expected) in wanted {
            let mut trial = Trial {
                source,
                destination,
                expected,
                nonce: self.next_nonce,
                sent: Instant::now(),
                ignored_before: None,
                found: None,
            };
            self.next_nonce += 1;
            if trial.to_or_from_clients() {
                trial.ignored_before = ignored_frames(source, destination);
                trial.sent = Instant::now();
            }
            self.send(&mut trial);
            by_nonce.insert(trial.nonce, trials.len());
            trials.push(trial);
        }

        let begun = Instant::now();
        let (mut sent, mut last_news, mut open_before) = (begun, begun, trials.len());
        loop {
            self.collect(&mut trials, &by_nonce);
            look_for_drops(&mut trials, links, &mut ignored_frames);
            let open = trials.iter().filter(|trial| trial.found.is_none()).count();
            if open < open_before {
                (last_news, open_before) = (Instant::now(), open);
            }
            if open == 0 || last_news.elapsed() > NEWS_LIMIT || begun.elapsed() > ROUND_LIMIT {
                break;
            }
            if sent.elapsed() > SEND_AGAIN_AFTER {
                for trial in trials.iter_mut().filter(|trial| trial.found.is_none()) {
                    self.send(trial);
                }
                sent = Instant::now();
            }
            self.wait();
        }
        // A probe that was thought gone may have come after all.
        self.collect(&mut trials, &by_nonce);
        trials.into_iter().map(conclude).collect()
    }

    fn send(&self, trial: &mut Trial) {
        let (from, to) = match (trial.source, trial.destination) {
            (Endpoint::Node(source), Endpoint::Node(destination)) => {
                (&self.peers[source], &self.peers[destination])
            }
            (Endpoint::Node(node), Endpoint::Clients) => (&self.controls[node], &self.controllers[node]),
            (Endpoint::Clients, Endpoint::Node(node)) => (&self.controllers[node], &self.controls[node]),
            (Endpoint::Clients, Endpoint::Clients) => return,
        };
        match from.socket.send_to(&datagram(trial.nonce), to.address) {
            Ok(_) => {}
            // A full queue; it will be sent again.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                trial.found = Some(Finding::NotSent { error: error.to_string() });
            }
        }
    }

    /// Reads everything that has arrived.
    fn collect(&self, trials: &mut [Trial], by_nonce: &HashMap<u64, usize>) {
        let mut bytes = [0; 2 * PROBE_BYTES];
        for post in self.posts() {
            // An error here is either an empty queue or the network's answer to
            // an earlier send; neither says anything of what follows.
            while let Ok(length) = post.socket.recv(&mut bytes) {
                let trial = nonce_in_datagram(&bytes[..length])
                    .and_then(|nonce| by_nonce.get(&nonce))
                    .map(|&at| &mut trials[at]);
                if let Some(trial) = trial
                    && !matches!(trial.found, Some(Finding::Reached { .. }))
                {
                    let latency_us = trial.sent.elapsed().as_micros() as u64;
                    trial.found = Some(Finding::Reached { latency_us });
                }
            }
        }
    }

    /// Waits until something arrives or it is time to look for drops.
    fn wait(&self) {
        let mut sockets: Vec<_> =
            self.posts().map(|post| PollFd::new(post.socket.as_fd(), PollFlags::POLLIN)).collect();
        // Interrupted or not, everything is looked at afterwards.
        let _ = poll(&mut sockets, PollTimeout::from(LOOK_EVERY_MS));
    }

    fn posts(&self) -> impl Iterator<Item = &Post> {
        self.peers.iter().chain(&self.controls).chain(&self.controllers)
    }
}

/// Settles the trials whose probe was seen to vanish.
fn look_for_drops(
    trials: &mut [Trial],
    links: &Links,
    mut ignored_frames: impl FnMut(Endpoint, Endpoint) -> Option<u64>,
) {
    for trial in trials.iter_mut().filter(|trial| trial.found.is_none()) {
        let seen_dropped = match (trial.source, trial.destination) {
            (Endpoint::Node(source), Endpoint::Node(destination)) => {
                (links.last_dropped_probe(source, destination) == trial.nonce).then_some(true)
            }
            // Frames that are ignored for another reason must not pass for a
            // cut where none should be, so only the silence counts there.
            _ if trial.expected == LinkState::Open => None,
            (source, destination) => match trial.ignored_before {
                Some(before) => {
                    let now = ignored_frames(source, destination);
                    now.is_some_and(|now| now > before).then_some(true)
                }
                None => {
                    if trial.sent.elapsed() > SILENCE {
                        trial.found = Some(Finding::NotArrived { seen_dropped: None });
                    }
                    None
                }
            },
        };
        if seen_dropped.is_some() {
            trial.found = Some(Finding::NotArrived { seen_dropped });
        }
    }
}

fn conclude(trial: Trial) -> LinkEvidence {
    let unseen = (!trial.to_or_from_clients() || trial.ignored_before.is_some()).then_some(false);
    LinkEvidence {
        source: trial.source,
        destination: trial.destination,
        expected: trial.expected,
        found: trial.found.unwrap_or(Finding::NotArrived { seen_dropped: unseen }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_found_in_a_frame_and_nowhere_else() {
        let mut frame = vec![0; 14 + 20 + 8];
        frame[12] = 0x08;
        frame[14] = 0x45;
        frame[14 + 9] = 17;
        assert_eq!(nonce_in_frame(&frame), None);
        frame.extend(datagram(0xfeed));
        assert_eq!(nonce_in_frame(&frame), Some(0xfeed));
        frame[14 + 9] = 6;
        assert_eq!(nonce_in_frame(&frame), None);
        assert_eq!(nonce_in_frame(&[0; 10]), None);
    }
}
