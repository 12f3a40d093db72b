//! A server process of a local node: started, watched, killed, paused, and looked at.
//!
//! States are read back from `/proc`, never assumed: a signal that was sent is not yet a process
//! that stopped.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use targets::{ProcessSpec, Program};
use thiserror::Error;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a signal may take to show its effect.
const SIGNAL_LIMIT: Duration = Duration::from_secs(5);
/// How often `/proc` is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How much of a log is quoted.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;

/// Why a process could not be handled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// It cannot be started.
    #[error("cannot start `{program}`: {source}")]
    Spawn {
        /// What was to be run.
        program: String,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// Its log cannot be opened.
    #[error("cannot open the log {path}: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// A signal cannot be sent.
    #[error("cannot send {signal} to process {pid}: {source}")]
    Signal {
        /// Which.
        signal: Signal,
        /// To whom.
        pid: i32,
        /// The operating system's word.
        source: nix::Error,
    },
    /// A signal was sent and nothing came of it.
    #[error("process {pid} was sent {signal} and {seconds} s later was still {state}")]
    NoEffect {
        /// Which.
        signal: Signal,
        /// To whom.
        pid: i32,
        /// How long we looked, s.
        seconds: u64,
        /// What `/proc` says.
        state: String,
    },
}

/// A running (or ended) server process.
pub struct ServerProcess {
    pid: Pid,
    ended: watch::Receiver<Option<ExitStatus>>,
    expected: Arc<AtomicBool>,
}

/// How a process ended without our doing.
#[derive(Clone, Debug)]
pub struct UnexpectedEnd {
    /// Its pid.
    pub pid: i32,
    /// In words: `exit code 101`, `killed by SIGSEGV`.
    pub status: String,
}

impl ServerProcess {
    /// Starts `spec` in the network namespace `netns` (or in ours), its output appended to `log`. `on_crash` is
    /// called if it ends without having been killed by us.
    ///
    /// # Errors
    /// When the log or the program cannot be had.
    pub fn spawn(
        spec: &ProcessSpec,
        netns: Option<RawFd>,
        dir: &Path,
        log: &Path,
        on_crash: impl FnOnce(UnexpectedEnd) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        let open_log = || {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(log)
                .map_err(|source| ProcessError::Log { path: log.to_owned(), source })
        };
        let program: &Path = match &spec.program {
            // The very file that runs now, even if it has been replaced on disk since.
            Program::Own => Path::new("/proc/self/exe"),
            Program::Path(path) => path,
        };
        let mut command = Command::new(program);
        command
            .args(&spec.args)
            .envs(spec.env.iter().map(|(name, value)| (name, value)))
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(open_log()?)
            .stderr(open_log()?)
            // A group of its own: signals reach its children too, and Ctrl-C does not reach it.
            .process_group(0)
            .kill_on_drop(true);
        if spec.program == Program::Own {
            command.arg0("stormglass");
        }
        if let Some(netns) = netns {
            // SAFETY: between fork and exec only setns(2) is called, which is a bare system call.
            unsafe {
                command.pre_exec(move || crate::net::enter(netns));
            }
        }
        let mut child = command
            .spawn()
            .map_err(|source| ProcessError::Spawn { program: program.display().to_string(), source })?;
        let pid = Pid::from_raw(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0));
        let (ended_tx, ended) = watch::channel(None);
        let expected = Arc::new(AtomicBool::new(false));
        tokio::spawn({
            let expected = Arc::clone(&expected);
            async move {
                let status = child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(0));
                // A server that died by itself just before our SIGKILL still counts as a crash.
                let ours = expected.load(SeqCst) && status.signal() == Some(Signal::SIGKILL as i32);
                if !ours {
                    on_crash(UnexpectedEnd { pid: pid.as_raw(), status: describe(status) });
                }
                let _ = ended_tx.send(Some(status));
            }
        });
        Ok(ServerProcess { pid, ended, expected })
    }

    /// Its pid in the sandbox.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// How it ended, in words, if it did.
    pub fn end(&self) -> Option<String> {
        self.ended.borrow().map(describe)
    }

    /// SIGKILL, and waits until it is reaped. Returns how it ended.
    ///
    /// # Errors
    /// When it will not die.
    pub async fn kill(&mut self) -> Result<String, ProcessError> {
        self.expected.store(true, SeqCst);
        self.signal(Signal::SIGKILL)?;
        let reaped = tokio::time::timeout(SIGNAL_LIMIT, self.ended.wait_for(Option::is_some))
            .await
            .ok()
            .and_then(|ended| ended.ok().and_then(|status| *status));
        reaped.map(describe).ok_or_else(|| self.no_effect(Signal::SIGKILL))
    }

    /// SIGSTOP, and waits until every thread is stopped. Returns the number of threads.
    ///
    /// # Errors
    /// When a thread goes on, or the process is gone.
    pub async fn pause(&self) -> Result<usize, ProcessError> {
        self.signal(Signal::SIGSTOP)?;
        self.await_states(Signal::SIGSTOP, all_stopped).await
    }

    /// Whether every thread is stopped now.
    pub fn is_stopped(&self) -> bool {
        all_stopped(&self.thread_states())
    }

    /// SIGCONT, and waits until no thread is stopped. Returns the number of threads.
    ///
    /// # Errors
    /// When a thread stays stopped, or the process is gone.
    pub async fn resume(&self) -> Result<usize, ProcessError> {
        self.signal(Signal::SIGCONT)?;
        let going = |states: &[char]| !states.is_empty() && !states.iter().any(|s| matches!(s, 'T' | 't'));
        self.await_states(Signal::SIGCONT, going).await
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let pid = self.pid.as_raw();
        if !self.is_running() {
            // Its number may belong to somebody else by now.
            return Err(ProcessError::Signal { signal, pid, source: nix::Error::ESRCH });
        }
        killpg(self.pid, signal).map_err(|source| ProcessError::Signal { signal, pid, source })
    }

    async fn await_states(
        &self,
        signal: Signal,
        reached: impl Fn(&[char]) -> bool,
    ) -> Result<usize, ProcessError> {
        let deadline = Instant::now() + SIGNAL_LIMIT;
        loop {
            let states = self.thread_states();
            if reached(&states) {
                return Ok(states.len());
            }
            if Instant::now() >= deadline || !self.is_running() {
                return Err(self.no_effect(signal));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn no_effect(&self, signal: Signal) -> ProcessError {
        let states: String = self.thread_states().into_iter().collect();
        let state = match self.end() {
            Some(end) => format!("gone ({end})"),
            None => format!("in the thread states `{states}`"),
        };
        ProcessError::NoEffect { signal, pid: self.pid(), seconds: SIGNAL_LIMIT.as_secs(), state }
    }

    /// The state letter of each thread, as `/proc` has it.
    fn thread_states(&self) -> Vec<char> {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{}/task", self.pid)) else { return Vec::new() };
        tasks
            .flatten()
            .filter_map(|task| {
                let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
                // The name in parentheses may hold anything, a parenthesis too; the state follows it.
                stat.rsplit_once(") ")?.1.chars().next()
            })
            .collect()
    }
}

fn all_stopped(states: &[char]) -> bool {
    !states.is_empty() && states.iter().all(|state| matches!(state, 'T' | 't'))
}

/// How an end by a signal is told.
pub(super) fn describe_signal(signal: Signal) -> String {
    format!("killed by {signal}")
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => describe_signal(signal),
            Err(_) => format!("killed by signal {number}"),
        },
        (None, None) => status.to_string(),
    }
}

/// The last lines of a log, for a person to read; empty if there is none.
pub fn log_tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
