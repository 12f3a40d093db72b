//! Where the switch meets a node.
//!
//! A port is a descriptor that yields the frames a node sends, one per read,
//! and delivers a frame to the node, one per write. Either it is a TAP device,
//! whose interface is the node's `eth0`; or, where the machine does not let us
//! open `/dev/net/tun`, an AF_PACKET socket on the other end of a veth pair.
//!
//! Both carry plain frames of at most the MTU with complete checksums. Offload
//! (`IFF_VNET_HDR`) would be faster, but its frames carry no checksum of their
//! own: a corrupted one would be believed.

use std::ffi::c_char;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which kind of port a network is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortBackend {
    /// TAP where the machine allows it, else AF_PACKET.
    #[default]
    Auto,
    /// TAP devices.
    Tap,
    /// AF_PACKET sockets on veth pairs.
    Packet,
}

/// A port that could not be opened.
#[derive(Debug, Error)]
#[error("{}; {remedy}", self.cause())]
pub struct PortError {
    action: &'static str,
    source: Errno,
    remedy: &'static str,
}

impl PortError {
    /// What failed, without the advice.
    pub fn cause(&self) -> String {
        format!("could not {}: {}", self.action, self.source)
    }
}

const TUN_REMEDY: &str = "run as root, `chmod 666 /dev/net/tun`, or use AF_PACKET ports";
const PACKET_REMEDY: &str = "run inside the sandbox, or as root with CAP_NET_RAW";

// From linux/if_packet.h and linux/ethtool.h.
const PACKET_QDISC_BYPASS: i32 = 20;
const PACKET_IGNORE_OUTGOING: i32 = 23;
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;

nix::ioctl_write_ptr_bad!(
    /// Makes a descriptor of /dev/net/tun an interface.
    tun_set_interface,
    libc::TUNSETIFF,
    libc::ifreq
);
nix::ioctl_readwrite_bad!(
    /// Reads or changes what an interface computes in hardware.
    ethtool,
    libc::SIOCETHTOOL,
    libc::ifreq
);

/// Opens a TAP device in the network namespace of the calling thread.
///
/// The interface lives there as long as the descriptor, which works from every
/// namespace.
pub(super) fn open_tap(interface: &str) -> Result<OwnedFd, PortError> {
    let failed = |action| move |source| PortError { action, source, remedy: TUN_REMEDY };
    let tap = open("/dev/net/tun", OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(failed("open /dev/net/tun"))?;
    let mut request = interface_request(interface);
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
    // SAFETY: the request is an ifreq, as TUNSETIFF wants it.
    unsafe { tun_set_interface(tap.as_raw_fd(), &raw const request) }.map_err(failed("make a TAP device"))?;
    Ok(tap)
}

/// Opens an AF_PACKET port on `link` of the calling thread's network namespace.
pub(super) fn open_packet(link: u32) -> Result<OwnedFd, PortError> {
    let failed = |action| move |source| PortError { action, source, remedy: PACKET_REMEDY };
    // Protocol 0 receives nothing: bound to one link first, it never sees another's frames.
    let port =
        socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
            .map_err(failed("open a packet socket"))?;
    set_option(&port, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        .map_err(failed("keep a packet socket from hearing itself"))?;
    // Of both only speed depends, and the second needs privilege in the machine itself.
    let _ = set_option(&port, libc::SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    let room = 8 << 20;
    let _ = set_option(&port, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, room)
        .or_else(|_| set_option(&port, libc::SOL_SOCKET, libc::SO_RCVBUF, room));

    // SAFETY: sockaddr_ll is plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = link as i32;
    // SAFETY: the address is a sockaddr_ll of the length given.
    let bound = unsafe {
        libc::bind(port.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as libc::socklen_t)
    };
    Errno::result(bound).map_err(failed("bind a packet socket"))?;
    Ok(port)
}

/// Makes the kernel finish the frames it sends on `interface`: checksums filled
/// in, none longer than the MTU. `socket` is any socket of that namespace.
pub(super) fn finish_frames(socket: &impl AsRawFd, interface: &str) -> Result<(), PortError> {
    #[repr(C)]
    struct EthtoolValue {
        command: u32,
        value: u32,
    }
    for command in [ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_STXCSUM] {
        let mut setting = EthtoolValue { command, value: 0 };
        let mut request = interface_request(interface);
        request.ifr_ifru.ifru_data = (&raw mut setting).cast::<c_char>();
        // SAFETY: the request points to an ethtool_value, which outlives the call.
        unsafe { ethtool(socket.as_raw_fd(), &raw mut request) }.map_err(|source| PortError {
            action: "switch checksum offload off",
            source,
            remedy: PACKET_REMEDY,
        })?;
    }
    Ok(())
}

/// A datagram socket of the calling thread's namespace, for interface requests.
pub(super) fn request_socket() -> Result<OwnedFd, PortError> {
    // SAFETY: socket takes any numbers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = Errno::result(socket).map_err(|source| PortError {
        action: "open a datagram socket",
        source,
        remedy: PACKET_REMEDY,
    })?;
    // SAFETY: the descriptor was just opened and is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

fn interface_request(interface: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain numbers and pointers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0, as the kernel wants it.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *to = from as c_char;
    }
    request
}

fn set_option(socket: &OwnedFd, level: i32, option: i32, value: i32) -> Result<(), Errno> {
    // SAFETY: the value is an int of the length given.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    Errno::result(answer).map(drop)
}
