//! What this machine can do, found out by doing it.
//!
//! Every capability that a fault depends on is tried once, in a child process
//! with namespaces of its own and a time limit, so that nothing is left behind:
//! not a module's version number is read, but a device opened, a mount made, a
//! process attached to.
//!
//! * `trial`: a bounded child process
//! * `kernel`: what the kernel lets us do
//! * `services`: Docker and SSH
//! * `table`: findings as text

mod kernel;
mod services;
mod table;
mod trial;

use serde::Serialize;

pub use table::render;

/// What was found out about one capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The capability, in one or two words.
    pub name: &'static str,
    /// Whether it worked when tried.
    pub works: bool,
    /// What happened when it was tried.
    pub detail: String,
    /// What to do about it, if it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<&'static str>,
    /// What cannot be done without it.
    pub faults: &'static [&'static str],
}

/// A capability and how to try it.
struct Capability {
    name: &'static str,
    /// Says what worked, or what did not.
    attempt: fn() -> Result<String, String>,
    fix: &'static str,
    faults: &'static [&'static str],
}

const CAPABILITIES: &[Capability] = &[
    Capability {
        name: "sandbox",
        attempt: kernel::sandbox,
        fix: "run as root, or allow user namespaces; inside a container, start it with --privileged",
        faults: &["every fault on local nodes"],
    },
    Capability {
        name: "user namespaces",
        attempt: kernel::user_namespace,
        fix: "set sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 and \
              kernel.apparmor_restrict_unprivileged_userns=0, where they exist",
        faults: &["every fault on local nodes, unless run as root"],
    },
    Capability {
        name: "TAP",
        attempt: kernel::tap,
        fix: "`chmod 666 /dev/net/tun` as root; until then AF_PACKET ports serve instead",
        // Without it local networks are slower, and can do the same.
        faults: &[],
    },
    Capability {
        name: "AF_PACKET",
        attempt: kernel::packet,
        fix: "run as root or allow user namespaces, on a kernel with CONFIG_VETH and CONFIG_PACKET",
        faults: &["partition, delay, loss on local nodes without TAP", "client cuts on local nodes"],
    },
    Capability {
        name: "nftables",
        attempt: kernel::nftables,
        fix: "load the module nf_tables, or use a kernel with CONFIG_NF_TABLES",
        faults: &["partition on docker and ssh nodes"],
    },
    Capability {
        name: "netem",
        attempt: kernel::netem,
        fix: "load the module sch_netem, or use a kernel with CONFIG_NET_SCH_NETEM",
        faults: &["delay, loss, duplicate, reorder, corrupt on docker and ssh nodes"],
    },
    Capability {
        name: "FUSE",
        attempt: kernel::fuse,
        fix: "load the module fuse and `chmod 666 /dev/fuse` as root, or run as root",
        faults: &["every disk fault"],
    },
    Capability {
        name: "ptrace",
        attempt: kernel::ptrace,
        fix: "set sysctl kernel.yama.ptrace_scope to 0 or 1; inside a container, add SYS_PTRACE",
        faults: &["every clock fault"],
    },
    Capability {
        name: "Docker",
        attempt: services::docker,
        fix: "install it (Debian: apt install docker.io), start it, and join the group docker",
        faults: &["docker nodes"],
    },
    Capability {
        name: "SSH client",
        attempt: services::ssh_client,
        fix: "install it (Debian: apt install openssh-client)",
        faults: &["setting up keys and host keys for ssh nodes"],
    },
];

/// Tries every capability. Takes well under a second, and a few seconds at most
/// when something hangs.
///
/// Its trials are forked, so call it while the process has one thread.
pub fn examine() -> Vec<Finding> {
    CAPABILITIES.iter().map(Capability::examine).collect()
}

impl Capability {
    fn examine(&self) -> Finding {
        let outcome = trial::in_child(self.attempt);
        let works = outcome.is_ok();
        Finding {
            name: self.name,
            works,
            detail: outcome.unwrap_or_else(|reason| reason),
            fix: (!works).then_some(self.fix),
            faults: self.faults,
        }
    }
}
