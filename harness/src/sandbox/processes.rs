//! The three processes of the sandbox: stub, init, controller.

use std::os::fd::OwnedFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, raise, signal, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};

use super::SandboxError;
use crate::say;

/// Exit code of a harness failure.
const HARNESS_FAILURE: i32 = 255;
/// Exit code of a run that was interrupted.
const INTERRUPTED: i32 = 130;

/// The signals that are passed from the stub to the controller.
const RELAYED: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// Makes the signals of the relay wait until stub or init ask for them, and
/// returns the mask that was in force before.
///
/// Blocked before the first fork, so that none can fall between the processes.
/// Process 1 would otherwise never get them: the kernel drops a signal to it
/// that has neither a handler nor is blocked.
pub(super) fn block_relayed_signals() -> Result<SigSet, SandboxError> {
    // A parent that ignores SIGCHLD hands that on, and children would then
    // vanish without their exit code.
    // SAFETY: the default action is no handler that could do harm.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.map_err(SandboxError::system("reset SIGCHLD"))?;
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&waited_for()), Some(&mut before))
        .map_err(SandboxError::system("block signals"))?;
    Ok(before)
}

fn waited_for() -> SigSet {
    RELAYED.into_iter().chain([Signal::SIGCHLD]).collect()
}

/// Lives as the process that the user started, and exits as the controller does.
///
/// `lifeline` closes when this process ends; init reads that as its end too.
pub(super) fn be_stub(init: Pid, lifeline: OwnedFd) -> ! {
    name_process(c"stormglass-stub");
    loop {
        match waited_for().wait() {
            Ok(Signal::SIGCHLD) => {
                let status = waitpid(init, Some(WaitPidFlag::WNOHANG));
                if let Some(code) = exit_code(status, "the sandbox's init") {
                    drop(lifeline);
                    leave(code);
                }
            }
            Ok(Signal::SIGTSTP) => {
                let _ = kill(init, Signal::SIGTSTP);
                let _ = raise(Signal::SIGSTOP);
            }
            Ok(relayed) => {
                // Init may have ended meanwhile; SIGCHLD tells.
                let _ = kill(init, relayed);
            }
            Err(_) => {}
        }
    }
}

/// Ties the calling process to the stub and takes it out of the terminal's
/// foreground group.
pub(super) fn become_init(watch: OwnedFd) -> Result<(), SandboxError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(SandboxError::system("tie init to the stub"))?;
    // A stub that died before that line sends no signal any more. Its parent's
    // number tells nothing here, being 0 in a new namespace, dead or alive.
    let mut ends = [PollFd::new(std::os::fd::AsFd::as_fd(&watch), PollFlags::POLLIN)];
    if poll(&mut ends, PollTimeout::ZERO).map_err(SandboxError::system("watch the stub"))? > 0 {
        leave(HARNESS_FAILURE);
    }
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(SandboxError::system("make a process group"))
}

/// Lives as process 1: passes signals on, reaps, and ends with the controller.
pub(super) fn be_init(controller: Pid) -> ! {
    name_process(c"stormglass-init");
    loop {
        match waited_for().wait() {
            Ok(Signal::SIGCHLD) => reap(controller),
            // SIGTSTP itself could be ignored, and then only the stub would stop.
            Ok(Signal::SIGTSTP) => {
                let _ = kill(controller, Signal::SIGSTOP);
            }
            Ok(relayed) => {
                let _ = kill(controller, relayed);
            }
            Err(_) => {}
        }
    }
}

/// Collects every child that has ended, orphans among them, and leaves with the
/// controller's code if it is one of them.
fn reap(controller: Pid) {
    loop {
        let status = waitpid(None, Some(WaitPidFlag::WNOHANG));
        match status.map(|status| status.pid()) {
            Ok(Some(pid)) if pid != controller => {}
            Ok(None) => return,
            _ => match exit_code(status, "the controller") {
                Some(code) => leave(code),
                None => return,
            },
        }
    }
}

/// Ties the calling process to init and lets it write to the terminal.
pub(super) fn become_controller() -> Result<(), SandboxError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(SandboxError::system("tie the controller to init"))?;
    for stop in [Signal::SIGTTIN, Signal::SIGTTOU] {
        // Of a background group these would stop the whole run for a line of
        // progress, or for ever on a read.
        // SAFETY: ignoring is no handler that could do harm.
        unsafe { signal(stop, SigHandler::SigIgn) }.map_err(SandboxError::system("ignore terminal stops"))?;
    }
    Ok(())
}

/// The code to leave with, if this status says that `who` has ended.
fn exit_code(status: nix::Result<WaitStatus>, who: &str) -> Option<i32> {
    match status {
        Ok(WaitStatus::Exited(_, code)) => Some(code),
        Ok(WaitStatus::Signaled(_, Signal::SIGINT, _)) => Some(INTERRUPTED),
        Ok(WaitStatus::Signaled(_, signal, _)) => {
            say::err(format_args!(
                "{who} was killed by signal {} ({signal}); everything it had started is gone, what \
                 it had recorded is kept",
                signal as i32
            ));
            Some(HARNESS_FAILURE)
        }
        Err(nix::Error::ECHILD) => {
            say::err(format_args!("{who} ended without an exit code; treat the run as failed"));
            Some(HARNESS_FAILURE)
        }
        _ => None,
    }
}

/// Shows up in `ps` under another name than the controller.
fn name_process(name: &std::ffi::CStr) {
    let _ = nix::sys::prctl::set_name(name);
}

/// Ends this process without the exit handlers and buffers that it shares with
/// the controller by descent.
fn leave(code: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(code) }
}
