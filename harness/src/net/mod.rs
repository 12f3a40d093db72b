//! The network of the local sandbox.
//!
//! Start with [`Network`]: it makes a network namespace per node, joins them by
//! a switch of our own, and changes and verifies who reaches whom.
//!
//! * [`address`]: who has which address; the only place that knows
//! * `network`: nodes, grudges put into force, and their verification
//! * `wiring`: how a node is furnished and joined to the others
//! * `grudge`: which links are cut, as data
//! * `links`: the one decision per frame and directed link, and its counters
//! * `switch`: the thread that carries frames
//! * `port`: where the switch meets a node: TAP, or AF_PACKET on a veth pair
//! * `probe`, `evidence`: what does arrive, looked at from inside the nodes
//! * [`mod@bench`]: what the switch costs
//! * `namespace`, `netlink`, `tuning`: the kernel's side
//!
//! ```text
//!  n1 ┌ eth0 10.77.0.1 ──────┐
//!     └ ctl0 10.78.1.2 ──┐   ├── switch ── decides per frame and directed link
//!  n2 ┌ eth0 10.77.0.2 ──│───┘
//!     └ ctl0 10.78.2.2 ──│─┐
//!  controller: c1 10.78.1.1 c2 10.78.2.1: clients and control, not switched
//! ```
//!
//! A cut is always silent: frames vanish, nobody is told. That is what a broken
//! switch does, and what a rejected route or a closed port does not.

pub mod address;
pub mod bench;
mod evidence;
mod grudge;
mod links;
mod namespace;
mod netlink;
mod network;
mod port;
mod probe;
mod switch;
pub(crate) mod trial;
mod tuning;
mod wiring;

pub use evidence::{Evidence, EvidenceSummary, Finding, LinkEvidence};
pub use grudge::{Endpoint, EndpointError, Grudge};
pub use links::{LinkCounts, LinkState};
pub use namespace::{NetNamespace, enter};
pub(crate) use netlink::Netlink;
pub use netlink::NetlinkError;
pub use network::{Network, NetworkError, Node};
pub use port::{PortBackend, PortError};
