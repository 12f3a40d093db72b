//! Parts of a network, tried one by one for the doctor. Each is called in a
//! network namespace that can be thrown away.

use std::fs::File;
use std::os::fd::AsFd;

use super::address::Mac;
use super::netlink::{Netlink, NetlinkError, VethEnd};
use super::network::NetworkError;
use super::port::{self, PortError};

/// Makes a TAP device.
pub(crate) fn tap() -> Result<(), PortError> {
    port::open_tap("trial").map(drop)
}

/// Makes a veth pair and opens one end of it as a port.
pub(crate) fn packet_port() -> Result<(), NetworkError> {
    let here =
        File::open("/proc/self/ns/net").map_err(|source| NetworkError::Namespace { node: 0, source })?;
    let mut netlink = Netlink::open()?;
    let end = |name, node| VethEnd { name, mac: Mac::peer(node) };
    netlink.create_veth(&end("trial0", 0), &end("trial1", 1), here.as_fd())?;
    port::finish_frames(&port::request_socket()?, "trial1")?;
    port::open_packet(netlink.link("trial0")?.index)?;
    Ok(())
}

/// Asks nftables for the number of its generation.
pub(crate) fn nftables() -> Result<(), NetlinkError> {
    Netlink::open_netfilter()?.nftables_generation()
}

/// Delays the loopback interface.
pub(crate) fn netem() -> Result<(), NetlinkError> {
    let mut netlink = Netlink::open()?;
    let loopback = netlink.link("lo")?;
    netlink.add_netem(loopback)
}
