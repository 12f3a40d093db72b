//! A bounded child process to try something in.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, pipe2, setpgid};

/// Trials take milliseconds; this is for those that hang.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// A message of that length is written to a pipe in one piece.
const MESSAGE_ROOM: usize = 4096;

const WORKS: u8 = b'+';
const FAILS: u8 = b'-';

/// Makes the attempt in a child process, which is killed afterwards with all
/// its children.
pub(super) fn in_child(attempt: fn() -> Result<String, String>) -> Result<String, String> {
    let (answer, report) =
        pipe2(OFlag::O_CLOEXEC).map_err(|error| format!("no pipe for the trial: {error}"))?;
    // SAFETY: the child allocates, which fork allows while no other thread
    // holds the allocator; `examine` asks for a process of one thread.
    match unsafe { fork() }.map_err(|error| format!("no process for the trial: {error}"))? {
        ForkResult::Child => {
            drop(answer);
            be_the_child(attempt, File::from(report))
        }
        ForkResult::Parent { child } => {
            drop(report);
            // Both sides set the group, so that it is set whoever comes first.
            let _ = setpgid(child, child);
            let message = await_message(File::from(answer));
            let _ = kill(Pid::from_raw(-child.as_raw()), Signal::SIGKILL);
            let _ = waitpid(child, None);
            message
        }
    }
}

fn be_the_child(attempt: fn() -> Result<String, String>, mut report: File) -> ! {
    let _ = setpgid(getpid(), getpid());
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    let outcome = catch_unwind(AssertUnwindSafe(attempt))
        .unwrap_or_else(|_| Err("the trial itself failed; please report this".to_owned()));
    let (verdict, text) = match outcome {
        Ok(detail) => (WORKS, detail),
        Err(reason) => (FAILS, reason),
    };
    let mut message = vec![verdict];
    message.extend(text.into_bytes());
    message.truncate(MESSAGE_ROOM);
    let _ = report.write_all(&message);
    // SAFETY: _exit takes any number; exit handlers are the parent's.
    unsafe { libc::_exit(0) }
}

/// One read, not to the end: a grandchild that hangs would keep the pipe open.
fn await_message(mut answer: File) -> Result<String, String> {
    let limit = PollTimeout::try_from(TIME_LIMIT).unwrap_or(PollTimeout::MAX);
    let ready = {
        let mut ends = [PollFd::new(answer.as_fd(), PollFlags::POLLIN)];
        poll(&mut ends, limit).unwrap_or(0)
    };
    if ready == 0 {
        return Err(format!("no answer within {} s", TIME_LIMIT.as_secs()));
    }
    let mut message = [0; MESSAGE_ROOM];
    let length = answer.read(&mut message).unwrap_or(0);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match message[..length].split_first() {
        Some((&WORKS, detail)) => Ok(text(detail)),
        Some((_, reason)) => Err(text(reason)),
        None => Err("the trial was killed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_that_hangs_is_given_up() {
        let answer = in_child(|| {
            loop {
                nix::unistd::pause();
            }
        });
        assert_eq!(answer, Err("no answer within 3 s".to_owned()));
    }

    #[test]
    fn a_trial_reports_either_way() {
        assert_eq!(in_child(|| Ok("fine".to_owned())), Ok("fine".to_owned()));
        assert_eq!(in_child(|| Err("not so".to_owned())), Err("not so".to_owned()));
    }
}
