//! The local sandbox: a world of our own that vanishes with us.
//!
//! [`enter`] is the first thing `main` does. It moves the rest of the program
//! into fresh process, mount, IPC, host name and network namespaces (and into a
//! user namespace where we lack the privilege for those), arranged as three
//! processes:
//!
//! ```text
//! stub ──► init ──► controller ──► nodes, their children, daemons of theirs
//!          pid 1    the caller's main goes on here
//! ```
//!
//! * The **stub** is the process that the user started. It relays signals
//!   inwards and leaves with the controller's exit code.
//! * **Init** is process 1 of the namespace. It reaps orphans and ends when the
//!   controller ends; the kernel then kills whatever else is in the namespace,
//!   before the stub hears of it.
//! * The **controller** is the caller, after `enter` has returned.
//!
//! Killing any of the three with SIGKILL ends all the others: the kernel ties
//! init to the stub (`PR_SET_PDEATHSIG`), the namespace to init, and init
//! watches the controller. Namespaces, mounts and interfaces are held by
//! nothing but these processes and go with them. There is no clean-up code to
//! miss its turn.
//!
//! # Signals
//!
//! Init, controller and nodes are in a process group of their own, which is not
//! the terminal's foreground group. A Ctrl-C or a `kill` of the job therefore
//! reaches the stub alone, and the stub's relay is the only way in: the
//! controller sees every signal once, and nodes see none. The price is that the
//! controller cannot read from the terminal (it gets `EIO`); it may write.
//! Ctrl-Z stops the stub and the controller, `fg` continues both; the nodes
//! keep running meanwhile.

mod namespaces;
mod processes;
pub(crate) mod trial;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::SigmaskHow;
use nix::unistd::ForkResult;
use serde::Serialize;
use thiserror::Error;

use crate::net::NetlinkError;

/// What the caller wants of its sandbox.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths that must stay what they are, such as the folder for results.
    ///
    /// The sandbox lays an empty file system over `/run`, unless one of these,
    /// the working directory, the program itself or `$TMPDIR` lies there.
    pub keep_visible: Vec<PathBuf>,
}

/// By what right the sandbox was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// The process had the capabilities that namespaces need.
    Own,
    /// An ordinary user, who is root in a user namespace only.
    UserNamespace,
}

/// The sandbox that this process is now in.
///
/// There is nothing to close: it ends when the process ends.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Sandbox {
    /// By what right it was made.
    pub privilege: Privilege,
    /// Whether `/run` is an empty file system of our own.
    pub fresh_run: bool,
    /// How long making it took.
    #[serde(skip)]
    pub set_up: Duration,
}

/// Why there is no sandbox.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// `enter` was called too late.
    #[error(
        "the sandbox must be entered before any thread is started, but {threads} threads are \
         running; call it first in main"
    )]
    Threads {
        /// How many threads the process has.
        threads: usize,
    },
    /// The kernel refused namespaces, with privilege and without.
    #[error(
        "the kernel refused namespaces{}: {source}; run as root, or allow user namespaces \
         (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns)",
        if *.with_user_namespace { " even with a user namespace" } else { "" }
    )]
    Unshare {
        /// Whether a user namespace was tried as well.
        with_user_namespace: bool,
        /// The kernel's answer.
        source: nix::Error,
    },
    /// A user namespace was made but could not be given its root user.
    #[error("could not write {content:?} to {path}: {source}; run as root instead")]
    UserMap {
        /// The file below `/proc/self`.
        path: &'static str,
        /// What was to be written.
        content: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A mount inside the sandbox was refused.
    #[error(
        "could not mount {what} in the sandbox: {source}; inside a container, start it with \
         --privileged or with an unmasked /proc"
    )]
    Mount {
        /// What was to be mounted.
        what: &'static str,
        /// The kernel's answer.
        source: nix::Error,
    },
    /// The loopback interface would not come up.
    #[error("could not bring up the loopback interface of the sandbox: {0}")]
    Loopback(#[from] NetlinkError),
    /// A plain system call failed that practically never does.
    #[error(
        "could not {action} for the sandbox: {source}; try again when the machine has memory and processes to spare"
    )]
    System {
        /// What was being done.
        action: &'static str,
        /// The kernel's answer.
        source: nix::Error,
    },
}

impl SandboxError {
    fn system(action: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |source| Self::System { action, source }
    }
}

/// Moves the rest of the program into a sandbox.
///
/// Returns in the controller only; the stub and init stay behind in this
/// function until they exit. Arguments, environment, working directory and
/// standard streams are kept.
///
/// # Errors
///
/// On an error the caller should print it and leave with its exit code for a
/// harness failure. It must not carry on without a sandbox: the error may be
/// reported by init, whose exit code then becomes the stub's.
pub fn enter(options: &Options) -> Result<Sandbox, SandboxError> {
    let started = Instant::now();
    refuse_threads()?;
    let fresh_run = namespaces::may_replace_run(&options.keep_visible);
    let privilege = namespaces::unshare()?;

    // What is buffered now would be written once per process.
    let _ = io::stdout().flush();
    let inherited_mask = processes::block_relayed_signals()?;
    let (watch, lifeline) =
        nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(SandboxError::system("make a pipe"))?;

    // SAFETY: the process has one thread, so the child may do whatever the parent may.
    match unsafe { nix::unistd::fork() }.map_err(SandboxError::system("fork init"))? {
        ForkResult::Parent { child } => {
            drop(watch);
            processes::be_stub(child, lifeline)
        }
        ForkResult::Child => drop(lifeline),
    }

    processes::become_init(watch)?;
    namespaces::furnish(fresh_run)?;

    // SAFETY: as above, init has one thread.
    match unsafe { nix::unistd::fork() }.map_err(SandboxError::system("fork the controller"))? {
        ForkResult::Parent { child } => processes::be_init(child),
        ForkResult::Child => {}
    }

    processes::become_controller()?;
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&inherited_mask), None)
        .map_err(SandboxError::system("restore the signal mask"))?;
    Ok(Sandbox { privilege, fresh_run, set_up: started.elapsed() })
}

/// A thread of the caller would stay behind in the old namespaces, and the
/// kernel refuses a user namespace to a process with several.
fn refuse_threads() -> Result<(), SandboxError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(SandboxError::Threads { threads });
    }
    Ok(())
}
