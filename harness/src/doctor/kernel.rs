//! What the kernel lets us do. Every function here runs in a child of its own
//! and may change that child's world as it likes.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pause};

use crate::net::trial as net;
use crate::sandbox::{Privilege, trial};

/// A world to try things in: all namespaces but that of processes, which
/// begins with the next child.
fn enter_room() -> Result<Privilege, String> {
    trial::enter_room().map_err(|error| format!("no namespaces to try it in: {error}"))
}

pub(super) fn sandbox() -> Result<String, String> {
    let started = Instant::now();
    let privilege = trial::enter_room().map_err(|error| error.to_string())?;
    // The next child is process 1 of the new namespace, and may mount its /proc.
    super::trial::in_child(|| match trial::furnish() {
        Ok(()) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    })?;
    let by = match privilege {
        Privilege::Own => "by our own privilege",
        Privilege::UserNamespace => "in a user namespace",
    };
    Ok(format!(
        "process, mount, IPC, host name and network namespaces {by}, ready after {} us",
        started.elapsed().as_micros()
    ))
}

pub(super) fn user_namespace() -> Result<String, String> {
    trial::enter_user_namespace().map_err(|error| error.to_string())?;
    Ok("made, with ourselves as its root".to_owned())
}

pub(super) fn tap() -> Result<String, String> {
    enter_room()?;
    net::tap().map_err(|error| error.cause())?;
    Ok("device made".to_owned())
}

pub(super) fn packet() -> Result<String, String> {
    enter_room()?;
    net::packet_port().map_err(|error| error.to_string())?;
    Ok("port opened on a veth pair".to_owned())
}

pub(super) fn nftables() -> Result<String, String> {
    enter_room()?;
    net::nftables().map_err(|error| match error.errno() {
        Errno::EPROTONOSUPPORT | Errno::EINVAL | Errno::EOPNOTSUPP => {
            format!("the kernel does not have it ({})", error.errno())
        }
        _ => error.to_string(),
    })?;
    Ok("the kernel answered".to_owned())
}

pub(super) fn netem() -> Result<String, String> {
    enter_room()?;
    net::netem().map_err(|error| match error.errno() {
        Errno::ENOENT => "the kernel does not have it".to_owned(),
        _ => error.to_string(),
    })?;
    Ok("10 ms of delay put on a loopback interface".to_owned())
}

pub(super) fn fuse() -> Result<String, String> {
    enter_room()?;
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .map_err(|error| format!("could not open /dev/fuse: {error}"))?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    // Nobody serves the mount, so nothing below it may be touched; it goes with
    // this process.
    mount(
        Some("stormglass"),
        "/tmp",
        Some("fuse"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some(options.as_str()),
    )
    .map_err(|error| format!("could not mount: {error}"))?;
    Ok("mounted and gone again".to_owned())
}

pub(super) fn ptrace() -> Result<String, String> {
    let failed = |what: &'static str| move |error: Errno| format!("could not {what}: {error}");
    // SAFETY: this child has one thread.
    let child = match unsafe { fork() }.map_err(failed("fork"))? {
        ForkResult::Child => {
            let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
            loop {
                pause();
            }
        }
        ForkResult::Parent { child } => child,
    };
    nix::sys::ptrace::attach(child).map_err(failed("attach to a child"))?;
    match waitpid(child, None).map_err(failed("wait for a child"))? {
        WaitStatus::Stopped(..) => {}
        other => return Err(format!("the child was to stop, but: {other:?}")),
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(format!("/proc/{child}/mem"))
        .map_err(|error| format!("could not open a child's memory: {error}"))?;
    let _ = nix::sys::ptrace::kill(child);
    if cfg!(target_arch = "x86_64") {
        Ok("attached to a child".to_owned())
    } else {
        Err("attached to a child, but clocks are known on x86_64 only".to_owned())
    }
}
