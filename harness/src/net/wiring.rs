//! How a node is furnished and joined to the others.

use std::os::fd::{AsFd, OwnedFd};

use super::address::{self, CONTROL_INTERFACE, Mac, PEER_INTERFACE};
use super::namespace::NetNamespace;
use super::netlink::{Link, Netlink, NetlinkError, VethEnd};
use super::network::{NetworkError, probe_error};
use super::port::{self, PortBackend, PortError};
use super::{probe, tuning};

/// What is opened inside a node's namespace and belongs to it for ever.
pub(super) struct Furniture {
    pub(super) netlink: Netlink,
    pub(super) peer_probe: OwnedFd,
    pub(super) control_probe: OwnedFd,
    /// For requests about interfaces that netlink does not take.
    requests: OwnedFd,
    tap: Option<Result<OwnedFd, PortError>>,
}

/// A namespace with what was opened in it.
pub(super) type Room = (NetNamespace, Furniture);

/// The two ends of the wire between a node and the controller.
pub(super) struct ControlEnds {
    pub(super) node: Link,
    pub(super) controller: Link,
}

/// Makes the namespace of a node, with its TAP if one is wanted.
pub(super) fn furnish(node: usize, backend: PortBackend) -> Result<Room, NetworkError> {
    let (namespace, furniture) = NetNamespace::create(|| {
        tuning::tune();
        let mut netlink = Netlink::open()?;
        netlink.set_up("lo")?;
        Ok::<_, NetworkError>(Furniture {
            netlink,
            peer_probe: probe::open_socket().map_err(probe_error)?,
            control_probe: probe::open_socket().map_err(probe_error)?,
            requests: port::request_socket()?,
            tap: (backend != PortBackend::Packet).then(|| port::open_tap(PEER_INTERFACE)),
        })
    })
    .map_err(|source| NetworkError::Namespace { node, source })?;
    Ok((namespace, furniture?))
}

/// The TAPs of all nodes, or of none, and what the ports then are, in words.
pub(super) fn choose_ports(
    rooms: &mut [Room],
    backend: PortBackend,
) -> Result<(Option<Vec<OwnedFd>>, String), NetworkError> {
    // All are taken out before any is judged: closing those that did open frees
    // the name eth0 for the other kind.
    let taps: Vec<_> = rooms.iter_mut().map(|(_, furniture)| furniture.tap.take()).collect();
    let taps: Result<Option<Vec<_>>, _> = taps.into_iter().map(Option::transpose).collect();
    match taps {
        Ok(Some(taps)) => Ok((Some(taps), "user-space switch, TAP ports".to_owned())),
        Ok(None) => Ok((None, "user-space switch, AF_PACKET ports".to_owned())),
        Err(refusal) if backend == PortBackend::Auto => {
            Ok((None, format!("user-space switch, AF_PACKET ports ({})", refusal.cause())))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// Gives a node its `eth0` as a veth pair and opens the other end as a port.
pub(super) fn plug_in(
    node: usize,
    netlink: &mut Netlink,
    namespace: &NetNamespace,
    furniture: &Furniture,
) -> Result<OwnedFd, NetworkError> {
    let port = address::port_interface(node);
    netlink.create_veth(
        &VethEnd { name: &port, mac: Mac::NOBODY },
        &VethEnd { name: PEER_INTERFACE, mac: Mac::peer(node) },
        namespace.as_fd(),
    )?;
    port::finish_frames(&furniture.requests, PEER_INTERFACE)?;
    netlink.set_up(&port)?;
    Ok(port::open_packet(netlink.link(&port)?.index)?)
}

/// Gives a node its address on the switch and makes it know the others.
pub(super) fn join_peers(node: usize, nodes: usize, netlink: &mut Netlink) -> Result<(), NetlinkError> {
    netlink.set_mac(PEER_INTERFACE, Mac::peer(node))?;
    let link = netlink.link(PEER_INTERFACE)?;
    netlink.add_address(link, address::peer(node), address::PEER_PREFIX)?;
    netlink.set_up(PEER_INTERFACE)?;
    for other in (0..nodes).filter(|&other| other != node) {
        netlink.set_neighbour(link, address::peer(other), Mac::peer(other))?;
    }
    Ok(())
}

/// Lays the wire between a node and the controller.
pub(super) fn join_controller(
    node: usize,
    ours: &mut Netlink,
    namespace: &NetNamespace,
    theirs: &mut Netlink,
) -> Result<ControlEnds, NetlinkError> {
    let near = address::controller_interface(node);
    ours.create_veth(
        &VethEnd { name: &near, mac: Mac::controller(node) },
        &VethEnd { name: CONTROL_INTERFACE, mac: Mac::control(node) },
        namespace.as_fd(),
    )?;
    let controller = ours.link(&near)?;
    ours.add_address(controller, address::controller(node), address::CONTROL_PREFIX)?;
    ours.set_up(&near)?;
    ours.set_neighbour(controller, address::control(node), Mac::control(node))?;

    let node_end = theirs.link(CONTROL_INTERFACE)?;
    theirs.add_address(node_end, address::control(node), address::CONTROL_PREFIX)?;
    theirs.set_up(CONTROL_INTERFACE)?;
    theirs.set_neighbour(node_end, address::controller(node), Mac::controller(node))?;
    Ok(ControlEnds { node: node_end, controller })
}
