//! Network namespaces, held by descriptors.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use nix::sched::{CloneFlags, setns, unshare};

/// Moves the calling thread into the network namespace behind `namespace`.
///
/// Safe between fork and exec (`Command::pre_exec`): one system call, no
/// allocation. The descriptor may be close-on-exec.
///
/// # Errors
///
/// The kernel's answer, `EPERM` without the capability for it.
pub fn enter(namespace: RawFd) -> io::Result<()> {
    // SAFETY: setns takes any number; a bad descriptor is answered by EBADF.
    let answer = unsafe { libc::setns(namespace, libc::CLONE_NEWNET) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A network namespace. It lives as long as this, or a process in it, does.
#[derive(Debug)]
pub struct NetNamespace {
    namespace: OwnedFd,
}

impl NetNamespace {
    /// Makes a namespace and runs `furnish` in it, on a thread of its own.
    ///
    /// Sockets and devices opened by `furnish` belong to the new namespace for
    /// ever, whichever thread uses them later.
    ///
    /// # Errors
    ///
    /// The kernel's answer if the namespace, or the thread, is refused.
    pub fn create<T: Send>(furnish: impl FnOnce() -> T + Send) -> io::Result<(Self, T)> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let namespace = OwnedFd::from(File::open("/proc/thread-self/ns/net")?);
            Ok((Self { namespace }, furnish()))
        })
    }

    /// Runs `work` inside the namespace, on a thread of its own.
    ///
    /// # Errors
    ///
    /// The kernel's answer if the thread may not enter.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&self.namespace, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })
    }
}

impl AsFd for NetNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

/// A thread that has changed its namespace must not be used for anything else,
/// so it ends with its task.
fn on_a_thread<T: Send>(task: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, task)?;
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
