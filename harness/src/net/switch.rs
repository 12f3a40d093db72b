//! The user-space ethernet switch: one thread that carries every frame between
//! nodes.
//!
//! There is no learning and no flooding: the receiver is written in the last
//! byte of the destination address ([`Mac::peer`]), and nodes know each other's
//! addresses from the start. Frames for a group go to everyone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::address::Mac;
use super::links::{Decision, Decisions, Links};

/// Frames read from one port before the others have their turn.
const FRAMES_PER_TURN: usize = 64;
/// Longer than any frame: the MTU of a node may be raised up to 65535.
const FRAME_ROOM: usize = 65_536 + 64;
/// Two hardware addresses and the type of what they carry.
const ETHERNET_HEADER: usize = 14;

/// Wakes the switch to stop; ports are known by their node's number.
const STOP: u64 = u64::MAX;

/// A running switch. Dropping it stops the thread and closes the ports.
#[derive(Debug)]
pub(super) struct Switch {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
struct Carrier {
    ports: Vec<OwnedFd>,
    links: Arc<Links>,
    epoll: Epoll,
    /// Held so that it stays open while the thread may be woken by it.
    _stop: Arc<EventFd>,
}

impl Switch {
    /// Starts carrying frames between `ports`, node by node.
    pub(super) fn start(ports: Vec<OwnedFd>, links: Arc<Links>) -> io::Result<Self> {
        assert_eq!(ports.len(), links.nodes(), "one port for each node");
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (node, port) in ports.iter().enumerate() {
            epoll.add(port, EpollEvent::new(EpollFlags::EPOLLIN, node as u64))?;
        }
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        epoll.add(&*stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
        let carrier = Carrier { ports, links, epoll, _stop: Arc::clone(&stop) };
        let thread = std::thread::Builder::new().name("switch".to_owned()).spawn(move || carrier.carry())?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // Writing can fail only if the count is at its end, and then it is awake.
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Carrier {
    fn carry(self) {
        let mut events = [EpollEvent::empty(); 32];
        let mut room = vec![0; FRAME_ROOM];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => &events[..ready],
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "the switch cannot wait for frames; the network is down");
                    return;
                }
            };
            if ready.iter().any(|event| event.data() == STOP) {
                return;
            }
            // One set of link states for the whole batch: see `Links::set`.
            let decisions = self.links.decisions();
            for event in ready {
                self.serve(event.data() as usize, &decisions, &mut room);
            }
        }
    }

    /// Carries what `source` has sent.
    fn serve(&self, source: usize, decisions: &Decisions<'_>, room: &mut [u8]) {
        for _ in 0..FRAMES_PER_TURN {
            match read(&self.ports[source], room) {
                Ok(length) => self.carry_frame(source, &room[..length], decisions),
                // The node took its interface down; it may come up again.
                Err(Errno::EAGAIN | Errno::ENETDOWN) => return,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    // Its interface is gone. Asked again, the kernel would only
                    // say so again, without end.
                    tracing::warn!(node = source + 1, %error, "a node's interface is gone from the switch");
                    let _ = self.epoll.delete(self.ports[source].as_fd());
                    return;
                }
            }
        }
    }

    fn carry_frame(&self, source: usize, frame: &[u8], decisions: &Decisions<'_>) {
        if frame.len() < ETHERNET_HEADER {
            return;
        }
        let mut address = [0; 6];
        address.copy_from_slice(&frame[..6]);
        let address = Mac(address);
        if address.is_group() {
            for destination in 0..self.ports.len() {
                self.deliver(source, destination, frame, decisions);
            }
        } else if let Some(destination) = address.peer_node() {
            self.deliver(source, destination, frame, decisions);
        }
    }

    fn deliver(&self, source: usize, destination: usize, frame: &[u8], decisions: &Decisions<'_>) {
        if destination == source || destination >= self.ports.len() {
            return;
        }
        match decisions.decide(source, destination, frame) {
            Decision::Pass => {
                let taken = write(&self.ports[destination], frame).is_ok();
                decisions.count(source, destination, frame.len(), taken);
            }
            Decision::Drop => {}
        }
    }
}
