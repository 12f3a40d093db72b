//! A small client of the kernel's routing netlink: links, addresses, neighbours.
//!
//! One request, one answer, blocking: set-up is sequential anyway, the socket
//! stays in the namespace it was opened in, and no runtime is needed before
//! `main` has one.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use thiserror::Error;

use super::address::Mac;

/// The kernel refused a change to links, addresses or neighbours.
#[derive(Debug, Error)]
#[error("netlink could not {action}: {source}; this needs the sandbox, or root with CAP_NET_ADMIN")]
pub struct NetlinkError {
    /// What was asked.
    action: String,
    /// The kernel's answer.
    source: Errno,
}

impl NetlinkError {
    /// The kernel's answer.
    pub fn errno(&self) -> Errno {
        self.source
    }
}

/// A netlink socket, bound to the namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// One end of a veth pair.
pub(super) struct VethEnd<'a> {
    pub(super) name: &'a str,
    pub(super) mac: Mac,
}

/// What the kernel says of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) index: u32,
    /// Frames ignored because they were addressed to somebody else; `None`
    /// where the kernel does not count them (before 5.19).
    pub(super) ignored_frames: Option<u64>,
}

// From linux/netlink.h, rtnetlink.h, if_link.h, veth.h; libc has only some.
const NLMSG_ERROR: u16 = 2;
const ACKNOWLEDGE: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const CREATE_OR_REPLACE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
/// Place of `rx_otherhost_dropped` among the numbers of `rtnl_link_stats64`.
const OTHERHOST_DROPPED: usize = 24;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TC_H_ROOT: u32 = u32::MAX;
/// `NFNL_SUBSYS_NFTABLES` and `NFT_MSG_GETGEN`.
const NFT_MSG_GETGEN: u16 = 10 << 8 | 16;
const HEADER_BYTES: usize = 16;
const LINK_BODY_BYTES: usize = 16;
/// The description of one link takes about 2 KiB.
const ANSWER_ROOM: usize = 16 * 1024;

impl Netlink {
    /// Opens a socket in the network namespace of the calling thread.
    pub(crate) fn open() -> Result<Self, NetlinkError> {
        Self::open_protocol(SockProtocol::NetlinkRoute)
    }

    /// The same to the kernel's packet filter.
    pub(super) fn open_netfilter() -> Result<Self, NetlinkError> {
        Self::open_protocol(SockProtocol::NetlinkNetFilter)
    }

    fn open_protocol(protocol: SockProtocol) -> Result<Self, NetlinkError> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
            .map_err(|source| NetlinkError { action: "open a socket".to_owned(), source })?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Brings a link up.
    pub(crate) fn set_up(&mut self, name: &str) -> Result<(), NetlinkError> {
        let mut message = Message::link(libc::RTM_NEWLINK, ACKNOWLEDGE, libc::IFF_UP as u32);
        message.text(libc::IFLA_IFNAME, name);
        self.request(message, || format!("bring up {name}"))
    }

    /// Gives a link its hardware address.
    pub(super) fn set_mac(&mut self, name: &str, mac: Mac) -> Result<(), NetlinkError> {
        let mut message = Message::link(libc::RTM_NEWLINK, ACKNOWLEDGE, 0);
        message.text(libc::IFLA_IFNAME, name);
        message.attribute(libc::IFLA_ADDRESS, &mac.0);
        self.request(message, || format!("set the hardware address of {name}"))
    }

    /// Makes a pair of links: `near` in our namespace, `far` in another.
    pub(super) fn create_veth(
        &mut self,
        near: &VethEnd<'_>,
        far: &VethEnd<'_>,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetlinkError> {
        let mut message = Message::link(libc::RTM_NEWLINK, ACKNOWLEDGE | CREATE, 0);
        message.text(libc::IFLA_IFNAME, near.name);
        message.attribute(libc::IFLA_ADDRESS, &near.mac.0);
        message.nest(libc::IFLA_LINKINFO, |message| {
            message.text(IFLA_INFO_KIND, "veth");
            message.nest(IFLA_INFO_DATA, |message| {
                message.nest(VETH_INFO_PEER, |message| {
                    message.body(&[0; LINK_BODY_BYTES]);
                    message.text(libc::IFLA_IFNAME, far.name);
                    message.attribute(libc::IFLA_ADDRESS, &far.mac.0);
                    message.attribute(libc::IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.request(message, || format!("make the veth pair {}", near.name))
    }

    /// Deletes a link; of a veth pair both ends go.
    pub(super) fn delete_link(&mut self, name: &str) -> Result<(), NetlinkError> {
        let mut message = Message::link(libc::RTM_DELLINK, ACKNOWLEDGE, 0);
        message.text(libc::IFLA_IFNAME, name);
        self.request(message, || format!("delete {name}"))
    }

    /// Adds an address to a link.
    pub(super) fn add_address(
        &mut self,
        link: Link,
        address: Ipv4Addr,
        prefix: u8,
    ) -> Result<(), NetlinkError> {
        let mut message = Message::new(libc::RTM_NEWADDR, ACKNOWLEDGE | CREATE);
        // struct ifaddrmsg: family, prefix length, flags, scope, link.
        message.body(&[libc::AF_INET as u8, prefix, 0, libc::RT_SCOPE_UNIVERSE]);
        message.body(&link.index.to_ne_bytes());
        message.attribute(libc::IFA_LOCAL, &address.octets());
        message.attribute(libc::IFA_ADDRESS, &address.octets());
        self.request(message, || format!("add the address {address}/{prefix}"))
    }

    /// Says for good which hardware address `address` has; replaces what was said before.
    pub(super) fn set_neighbour(
        &mut self,
        link: Link,
        address: Ipv4Addr,
        mac: Mac,
    ) -> Result<(), NetlinkError> {
        let mut message = Message::new(libc::RTM_NEWNEIGH, ACKNOWLEDGE | CREATE_OR_REPLACE);
        // struct ndmsg: family, padding, link, state, flags, type.
        message.body(&[libc::AF_INET as u8, 0, 0, 0]);
        message.body(&link.index.to_ne_bytes());
        message.body(&libc::NUD_PERMANENT.to_ne_bytes());
        message.body(&[0, 0]);
        message.attribute(libc::NDA_DST, &address.octets());
        message.attribute(libc::NDA_LLADDR, &mac.0);
        self.request(message, || format!("set the neighbour {address}"))
    }

    /// Looks a link up by its name.
    pub(super) fn link(&mut self, name: &str) -> Result<Link, NetlinkError> {
        let failed = |source| NetlinkError { action: format!("look up {name}"), source };
        let mut message = Message::link(libc::RTM_GETLINK, libc::NLM_F_REQUEST as u16, 0);
        message.text(libc::IFLA_IFNAME, name);
        let answer = self.exchange(message).map_err(failed)?;
        Link::parse(&answer).ok_or_else(|| failed(Errno::EBADMSG))
    }

    /// Puts a netem queue with 10 ms of delay on a link that has none.
    pub(super) fn add_netem(&mut self, link: Link) -> Result<(), NetlinkError> {
        let mut message = Message::new(libc::RTM_NEWQDISC, ACKNOWLEDGE | CREATE);
        // struct tcmsg: family and padding, link, handle, parent, info.
        message.body(&[0; 4]);
        message.body(&link.index.to_ne_bytes());
        message.body(&0_u32.to_ne_bytes());
        message.body(&TC_H_ROOT.to_ne_bytes());
        message.body(&0_u32.to_ne_bytes());
        message.text(TCA_KIND, "netem");
        // struct tc_netem_qopt: latency in ticks of 64 ns, room for frames, and
        // loss, gap, duplication, jitter.
        let options = [10_000_000 / 64, 1000, 0, 0, 0, 0_u32];
        message.attribute(TCA_OPTIONS, &options.map(u32::to_ne_bytes).concat());
        self.request(message, || "add a netem queue".to_owned())
    }

    /// Asks nftables how often its rules have changed: a question that only
    /// nftables can answer.
    pub(super) fn nftables_generation(&mut self) -> Result<(), NetlinkError> {
        let mut message = Message::new(NFT_MSG_GETGEN, libc::NLM_F_REQUEST as u16);
        // struct nfgenmsg: family, version, resource.
        message.body(&[0; 4]);
        self.request(message, || "ask nftables".to_owned())
    }

    /// Sends a request and drops the answer, unless it is an error.
    fn request(&mut self, message: Message, action: impl FnOnce() -> String) -> Result<(), NetlinkError> {
        self.exchange(message).map(drop).map_err(|source| NetlinkError { action: action(), source })
    }

    /// Sends a message and returns the one that answers it.
    fn exchange(&mut self, message: Message) -> Result<Vec<u8>, Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message.finish(self.sequence);
        let kernel = NetlinkAddr::new(0, 0);
        sendto(self.socket.as_raw_fd(), &request, &kernel, MsgFlags::empty())?;
        loop {
            let mut room = [0; ANSWER_ROOM];
            let length = match recv(self.socket.as_raw_fd(), &mut room, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                received => received?,
            };
            let answer = &room[..length];
            let sequence = u32_at(answer, 8).ok_or(Errno::EBADMSG)?;
            if sequence != self.sequence {
                continue;
            }
            if u16_at(answer, 4) == Some(NLMSG_ERROR) {
                let code = u32_at(answer, HEADER_BYTES).ok_or(Errno::EBADMSG)? as i32;
                if code != 0 {
                    return Err(Errno::from_raw(-code));
                }
            }
            return Ok(answer.to_vec());
        }
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Link {
    /// Reads an `RTM_NEWLINK` message.
    fn parse(message: &[u8]) -> Option<Self> {
        let index = u32_at(message, HEADER_BYTES + 4)?;
        let mut rest = message.get(HEADER_BYTES + LINK_BODY_BYTES..)?;
        let mut ignored_frames = None;
        while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
            let length = usize::from(length);
            let value = rest.get(4..length)?;
            if kind == libc::IFLA_STATS64 {
                ignored_frames = value
                    .chunks_exact(8)
                    .nth(OTHERHOST_DROPPED)
                    .and_then(|number| Some(u64::from_ne_bytes(number.try_into().ok()?)));
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(Self { index, ignored_frames })
    }
}

/// A request under construction.
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message with a header and nothing else yet.
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self { bytes }
    }

    /// A message about a link, with the flags given switched on.
    fn link(kind: u16, flags: u16, link_flags: u32) -> Self {
        let mut message = Self::new(kind, flags);
        // struct ifinfomsg: family and type, index, flags, which flags to change.
        message.bytes.extend([0; 8]);
        message.bytes.extend(link_flags.to_ne_bytes());
        message.bytes.extend(link_flags.to_ne_bytes());
        message
    }

    /// Appends a fixed part of the message.
    fn body(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Appends an attribute, padded as netlink wants it.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend((4 + value.len() as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.pad();
    }

    /// Appends an attribute that is a C string.
    fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat());
    }

    /// Appends an attribute that holds what `fill` appends.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
