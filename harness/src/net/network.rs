//! Nodes and their wiring, and grudges put into force.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use thiserror::Error;

use super::address::{self, MAX_NODES, MIN_NODES, Mac};
use super::evidence::{Evidence, Finding, LinkEvidence};
use super::grudge::{Endpoint, Grudge};
use super::links::{LinkCounts, LinkState, Links};
use super::namespace::NetNamespace;
use super::netlink::{Link, Netlink, NetlinkError};
use super::port::{PortBackend, PortError};
use super::probe::{self, NodeSockets, Prober};
use super::switch::Switch;
use super::{tuning, wiring};

/// Why there is no network, or no change to it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A network of that size cannot be made.
    #[error("a local network of {0} nodes cannot be made; ask for {MIN_NODES} to {MAX_NODES}")]
    NodeCount(usize),
    /// A grudge names a node that does not exist.
    #[error("there is no {0} in a network of {1} nodes; name n1 to n{1}, or clients")]
    NoSuchNode(Endpoint, usize),
    /// A network namespace was refused.
    #[error("no network namespace for n{}: {source}; run inside the sandbox", .node + 1)]
    Namespace {
        /// The node it was for.
        node: usize,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A link, address or neighbour was refused.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A port of the switch could not be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The switch could not be started.
    #[error("the switch could not be started: {0}; try again when the machine has memory to spare")]
    Switch(#[source] io::Error),
    /// A probe socket could not be opened.
    #[error("a probe socket could not be opened: {0}; try again when the machine has memory to spare")]
    Probe(#[source] io::Error),
}

/// A network of nodes, joined by a switch of ours.
///
/// Make it inside the sandbox: interfaces of the controller's namespace are
/// deleted when it is dropped, but only the sandbox sees to them after SIGKILL.
#[derive(Debug)]
pub struct Network {
    // In this order dropped: frames must stop before the wires are pulled.
    _switch: Switch,
    wiring: Mutex<Wiring>,
    nodes: Vec<Node>,
    links: Arc<Links>,
    backend: String,
    set_up: Duration,
}

/// A node's place in the network.
#[derive(Debug)]
pub struct Node {
    number: usize,
    namespace: NetNamespace,
}

/// What changes a network, and what looks at it; one user at a time, so that
/// evidence is always of one grudge.
#[derive(Debug)]
struct Wiring {
    netlink: Netlink,
    control_links: Vec<ControlLink>,
    prober: Prober,
    grudge: Grudge,
    /// Interfaces of ours in the controller's namespace.
    interfaces: Vec<String>,
}

/// The wire between the controller and a node.
#[derive(Debug)]
struct ControlLink {
    netlink: Netlink,
    node_end: Link,
    controller_end: Link,
    from_clients: LinkState,
    to_clients: LinkState,
}

impl Network {
    /// Makes `nodes` nodes and joins them, all links open.
    ///
    /// # Errors
    ///
    /// When the kernel refuses a part of it; what was made is taken down again.
    pub fn create(nodes: usize, backend: PortBackend) -> Result<Self, NetworkError> {
        let started = Instant::now();
        if !(MIN_NODES..=MAX_NODES).contains(&nodes) {
            return Err(NetworkError::NodeCount(nodes));
        }
        tuning::tune();
        let mut netlink = Netlink::open()?;
        let mut rooms =
            (0..nodes).map(|node| wiring::furnish(node, backend)).collect::<Result<Vec<_>, _>>()?;
        let (taps, description) = wiring::choose_ports(&mut rooms, backend)?;

        let mut interfaces = Interfaces::default();
        let mut ports = Vec::with_capacity(nodes);
        let mut control_links = Vec::with_capacity(nodes);
        let mut sockets = Vec::with_capacity(nodes);
        let mut places = Vec::with_capacity(nodes);
        let mut taps = taps.into_iter().flatten();
        for (number, (namespace, mut furniture)) in rooms.into_iter().enumerate() {
            let port = match taps.next() {
                Some(tap) => tap,
                None => {
                    interfaces.0.push(address::port_interface(number));
                    wiring::plug_in(number, &mut netlink, &namespace, &furniture)?
                }
            };
            ports.push(port);
            wiring::join_peers(number, nodes, &mut furniture.netlink)?;
            interfaces.0.push(address::controller_interface(number));
            let ends = wiring::join_controller(number, &mut netlink, &namespace, &mut furniture.netlink)?;
            control_links.push(ControlLink {
                netlink: furniture.netlink,
                node_end: ends.node,
                controller_end: ends.controller,
                from_clients: LinkState::Open,
                to_clients: LinkState::Open,
            });
            sockets.push(NodeSockets {
                peer: furniture.peer_probe,
                control: furniture.control_probe,
                controller: probe::open_socket().map_err(probe_error)?,
            });
            places.push(Node { number, namespace });
        }

        let links = Arc::new(Links::new(nodes));
        Ok(Self {
            _switch: Switch::start(ports, Arc::clone(&links)).map_err(NetworkError::Switch)?,
            wiring: Mutex::new(Wiring {
                netlink,
                control_links,
                prober: Prober::new(sockets).map_err(NetworkError::Probe)?,
                grudge: Grudge::none(),
                interfaces: interfaces.keep(),
            }),
            nodes: places,
            links,
            backend: description,
            set_up: started.elapsed(),
        })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Always false: a network has nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node, counted from 0.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the switch's ports are, in words.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// How long making the network took.
    pub fn set_up(&self) -> Duration {
        self.set_up
    }

    /// Puts a grudge into force instead of the one before: exactly the links
    /// that it cuts are cut afterwards.
    ///
    /// Links between nodes change all at once; once this has returned, no frame
    /// is judged by the former grudge. Links to and from clients follow within
    /// microseconds, one after the other.
    ///
    /// # Errors
    ///
    /// When the grudge names a node that is not there (nothing has changed
    /// then), or the kernel refuses a neighbour entry (heal, or try again).
    pub fn impose(&self, grudge: &Grudge) -> Result<(), NetworkError> {
        self.impose_on(&mut self.wiring(), grudge)
    }

    /// Cuts one more link.
    ///
    /// # Errors
    ///
    /// As [`Network::impose`].
    pub fn block(&self, source: Endpoint, destination: Endpoint) -> Result<(), NetworkError> {
        let mut wiring = self.wiring();
        let mut grudge = wiring.grudge.clone();
        grudge.cut(source, destination);
        self.impose_on(&mut wiring, &grudge)
    }

    /// Opens all links. May be called again and again.
    ///
    /// # Errors
    ///
    /// As [`Network::impose`].
    pub fn heal(&self) -> Result<(), NetworkError> {
        self.impose(&Grudge::none())
    }

    /// The grudge in force.
    pub fn grudge(&self) -> Grudge {
        self.wiring().grudge.clone()
    }

    /// What the link from node `source` to node `destination` has carried.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn counts(&self, source: usize, destination: usize) -> LinkCounts {
        self.links.counts(source, destination)
    }

    /// Sends one probe and says what became of it.
    ///
    /// # Errors
    ///
    /// When there is no such node, or no such link.
    pub fn probe(&self, source: Endpoint, destination: Endpoint) -> Result<Finding, NetworkError> {
        self.check([source, destination])?;
        let mut wiring = self.wiring();
        let expected = state(&wiring.grudge, source, destination);
        let mut found = wiring.examine(&[(source, destination, expected)], &self.links);
        Ok(found.remove(0).found)
    }

    /// Probes every directed link, to and from clients too, and compares what
    /// was found with `expected`.
    ///
    /// Takes a few milliseconds when everything is as expected, and up to half a
    /// second for links that are silent and should not be. Grudges wait meanwhile.
    pub fn verify(&self, expected: &Grudge) -> Evidence {
        let nodes = || (0..self.len()).map(Endpoint::Node);
        let ends = || nodes().chain([Endpoint::Clients]);
        let wanted: Vec<_> = ends()
            .flat_map(|source| ends().map(move |destination| (source, destination)))
            .filter(|(source, destination)| source != destination)
            .map(|(source, destination)| (source, destination, state(expected, source, destination)))
            .collect();
        let mut wiring = self.wiring();
        let started = Instant::now();
        let links = wiring.examine(&wanted, &self.links);
        Evidence { links, took_us: started.elapsed().as_micros() as u64 }
    }

    fn impose_on(&self, wiring: &mut Wiring, grudge: &Grudge) -> Result<(), NetworkError> {
        self.check(grudge.links().flat_map(|(source, destination)| [source, destination]))?;
        self.links.set(grudge);
        wiring.grudge = grudge.clone();
        wiring.set_client_links()
    }

    fn check(&self, ends: impl IntoIterator<Item = Endpoint>) -> Result<(), NetworkError> {
        match ends.into_iter().find(|end| matches!(end, Endpoint::Node(node) if *node >= self.len())) {
            Some(end) => Err(NetworkError::NoSuchNode(end, self.len())),
            None => Ok(()),
        }
    }

    fn wiring(&self) -> MutexGuard<'_, Wiring> {
        self.wiring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// The node's number, counted from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The address by which other nodes reach it.
    pub fn peer_addr(&self) -> Ipv4Addr {
        address::peer(self.number)
    }

    /// The address by which clients and the controller reach it.
    pub fn ctl_addr(&self) -> Ipv4Addr {
        address::control(self.number)
    }

    /// The address by which it reaches clients and the controller.
    pub fn controller_addr(&self) -> Ipv4Addr {
        address::controller(self.number)
    }

    /// Its network namespace; [`enter`](super::enter) it between fork and exec.
    pub fn netns_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Its network namespace.
    pub fn namespace(&self) -> &NetNamespace {
        &self.namespace
    }
}

impl Wiring {
    /// Makes the client links as the grudge wants them.
    ///
    /// A link is cut at its sending end, by a neighbour entry that leads to
    /// nobody: frames cross the wire and the receiver ignores them, as it does
    /// frames for others. That is silent, and needs no packet filter.
    fn set_client_links(&mut self) -> Result<(), NetworkError> {
        for (node, link) in self.control_links.iter_mut().enumerate() {
            let end = Endpoint::Node(node);
            let from_clients = state(&self.grudge, Endpoint::Clients, end);
            if from_clients != link.from_clients {
                let mac = open_or_nobody(from_clients, Mac::control(node));
                self.netlink.set_neighbour(link.controller_end, address::control(node), mac)?;
                link.from_clients = from_clients;
            }
            let to_clients = state(&self.grudge, end, Endpoint::Clients);
            if to_clients != link.to_clients {
                let mac = open_or_nobody(to_clients, Mac::controller(node));
                link.netlink.set_neighbour(link.node_end, address::controller(node), mac)?;
                link.to_clients = to_clients;
            }
        }
        Ok(())
    }

    fn examine(&mut self, wanted: &[(Endpoint, Endpoint, LinkState)], links: &Links) -> Vec<LinkEvidence> {
        let (netlink, control_links) = (&mut self.netlink, &mut self.control_links);
        self.prober.examine(wanted, links, |source, destination| {
            let receiver = match (source, destination) {
                (_, Endpoint::Node(node)) => control_links[node].netlink.link(address::CONTROL_INTERFACE),
                (Endpoint::Node(node), _) => netlink.link(&address::controller_interface(node)),
                (Endpoint::Clients, Endpoint::Clients) => return None,
            };
            receiver.ok()?.ignored_frames
        })
    }
}

impl Drop for Wiring {
    fn drop(&mut self) {
        // The kernel would delete them soon after their namespaces; the next
        // network wants the names now.
        for interface in &self.interfaces {
            let _ = self.netlink.delete_link(interface);
        }
    }
}

/// Interfaces made so far, deleted again unless all went well.
#[derive(Default)]
struct Interfaces(Vec<String>);

impl Interfaces {
    fn keep(mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Interfaces {
    fn drop(&mut self) {
        if let Ok(mut netlink) = Netlink::open() {
            for interface in &self.0 {
                let _ = netlink.delete_link(interface);
            }
        }
    }
}

fn state(grudge: &Grudge, source: Endpoint, destination: Endpoint) -> LinkState {
    if grudge.cuts(source, destination) { LinkState::Cut } else { LinkState::Open }
}

fn open_or_nobody(state: LinkState, mac: Mac) -> Mac {
    match state {
        LinkState::Open => mac,
        LinkState::Cut => Mac::NOBODY,
    }
}

pub(super) fn probe_error(source: Errno) -> NetworkError {
    NetworkError::Probe(source.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Network>();
    }
}
