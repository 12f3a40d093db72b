//! Who has which address in the local network. Nodes count from 0, addresses
//! from 1.

use std::net::Ipv4Addr;

/// The fewest nodes a network can have.
pub const MIN_NODES: usize = 1;
/// The most nodes a network can have.
pub const MAX_NODES: usize = 64;

/// Prefix length of the network that the nodes share.
pub const PEER_PREFIX: u8 = 24;
/// Prefix length of the network between the controller and one node.
pub const CONTROL_PREFIX: u8 = 30;

/// Interface of a node on the switch.
pub const PEER_INTERFACE: &str = "eth0";
/// Interface of a node towards the controller.
pub const CONTROL_INTERFACE: &str = "ctl0";

/// The address by which nodes reach `node`.
pub fn peer(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, number(node))
}

/// The address by which clients and the controller reach `node`.
pub fn control(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, number(node), 2)
}

/// The address by which `node` reaches clients and the controller.
pub fn controller(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, number(node), 1)
}

/// The controller's end of the link to `node`.
pub(super) fn controller_interface(node: usize) -> String {
    format!("c{}", number(node))
}

/// The switch's end of the link to `node`, where the port is a veth pair.
pub(super) fn port_interface(node: usize) -> String {
    format!("p{}", number(node))
}

fn number(node: usize) -> u8 {
    assert!(node < MAX_NODES, "node {node} of at most {MAX_NODES}");
    node as u8 + 1
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mac(pub(super) [u8; 6]);

impl Mac {
    /// What the hardware addresses of all switch ports begin with.
    const PEER: [u8; 5] = [0x02, 0, 0, 0, 0];

    /// Of `eth0` of a node. The switch reads the node off the last byte.
    pub(super) const fn peer(node: usize) -> Self {
        let [a, b, c, d, e] = Self::PEER;
        Self([a, b, c, d, e, node as u8])
    }

    /// Of `ctl0` of a node.
    pub(super) const fn control(node: usize) -> Self {
        Self([0x02, 0, 0, 0, 1, node as u8])
    }

    /// Of the controller's end of the link to a node.
    pub(super) const fn controller(node: usize) -> Self {
        Self([0x02, 0, 0, 0, 2, node as u8])
    }

    /// Of nobody: a frame to it is ignored by whoever gets it.
    pub(super) const NOBODY: Self = Self([0x02, 0, 0, 0, 0xff, 0xff]);

    /// Whether a frame to this address is for everyone.
    pub(super) const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The node whose `eth0` this is.
    pub(super) fn peer_node(self) -> Option<usize> {
        let (prefix, node) = self.0.split_at(5);
        (prefix == Self::PEER).then(|| usize::from(node[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_off_its_hardware_address() {
        assert_eq!(Mac::peer(7).peer_node(), Some(7));
        assert_eq!(Mac::control(7).peer_node(), None);
        assert_eq!(Mac::NOBODY.peer_node(), None);
        assert!(Mac([0xff; 6]).is_group());
        assert!(!Mac::NOBODY.is_group());
    }

    #[test]
    fn addresses_count_from_one() {
        assert_eq!(peer(0).to_string(), "10.77.0.1");
        assert_eq!(control(MAX_NODES - 1).to_string(), "10.78.64.2");
        assert_eq!(controller(4).to_string(), "10.78.5.1");
    }
}
