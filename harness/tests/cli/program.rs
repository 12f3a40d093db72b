//! Starts the program, watches it, and looks for what it left behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

/// Longer takes nothing here, unless it hangs.
pub const LIMIT: Duration = Duration::from_secs(60);
/// How long anything may outlive a run.
pub const AFTERLIFE: Duration = Duration::from_secs(2);

/// The program, with these arguments.
pub fn stormglass<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    command.args(args).stdin(Stdio::null());
    command
}

/// How the program ended.
pub struct Ended {
    /// Its exit status; no code if a signal killed it.
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The same, if the exit code is this one.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "{}\nstdout:\n{}\nstderr:\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as the one JSON document that it must be.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{}", self.stdout))
    }
}

/// A program that runs; killed when dropped.
pub struct Running {
    child: Child,
    stdout: Captured,
    stderr: Captured,
}

struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Captured { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        // Whatever survives the program holds the pipe open; that must be found, not waited for.
        let at_end = |reader: &JoinHandle<()>| wait_until(AFTERLIFE, || reader.is_finished().then_some(()));
        if let Some(reader) = self.reader.take()
            && at_end(&reader).is_some()
        {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout = Captured::of(child.stdout.take().unwrap());
        let stderr = Captured::of(child.stderr.take().unwrap());
        Running { child, stdout, stderr }
    }

    /// The process that was started: the sandbox's stub.
    pub fn stub(&self) -> u32 {
        self.child.id()
    }

    /// The process that runs the run: the first child of the stub's first child.
    pub fn controller(&self) -> u32 {
        let found = wait_until(LIMIT, || first_child(first_child(self.stub())?));
        found.expect("a controller in a sandbox")
    }

    /// Sends the stub a signal.
    pub fn signal(&self, signal: Signal) {
        send(self.stub(), signal);
    }

    /// Waits until this is on standard error.
    #[track_caller]
    pub fn await_stderr(&mut self, text: &str) {
        self.await_that(text, |_| ().into(), text);
    }

    /// Waits until `look` finds something; `what` is for the complaint if it does not.
    #[track_caller]
    pub fn await_some<T>(&mut self, what: &str, look: impl FnMut(&Running) -> Option<T>) -> T {
        self.await_that(what, look, "")
    }

    #[track_caller]
    fn await_that<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Running) -> Option<T>,
        on_stderr: &str,
    ) -> T {
        let began = Instant::now();
        loop {
            let said = self.stderr.so_far().contains(on_stderr);
            if let Some(found) = said.then(|| look(self)).flatten() {
                return found;
            }
            let ended = self.child.try_wait().expect("a child of ours");
            assert!(
                ended.is_none() && began.elapsed() < LIMIT,
                "waited for {what}, status {ended:?}:\n{}",
                self.stderr.so_far()
            );
            pause();
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> Ended {
        let ended = wait_until(limit, || self.child.try_wait().expect("a child of ours"));
        let Some(status) = ended else {
            panic!("still running after {limit:?}:\n{}", self.stderr.so_far());
        };
        Ended { status, stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The sandbox goes with its stub.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn finish(command: Command) -> Ended {
    Running::start(command).end_within(LIMIT)
}

/// A place for runs, whose name marks every process of theirs.
pub struct Home {
    dir: tempfile::TempDir,
    before: Traces,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("stormglass-cli-").tempdir().expect("a temporary folder");
        Home { dir, before: Traces::now() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// For `--out`.
    pub fn out(&self) -> PathBuf {
        self.path().join("runs")
    }

    /// The youngest run, by its link.
    pub fn latest(&self) -> PathBuf {
        self.out().join("latest")
    }

    /// `stormglass run raft-kv` with a load that does not strain the machine.
    pub fn raft(&self, args: &[&str]) -> Command {
        let mut command = stormglass(["run", "raft-kv", "--rate", "300"]);
        command.args(args).arg("--out").arg(self.out());
        command
    }

    /// A file of this content.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// The youngest run's history as far as it is written.
    pub fn history(&self) -> Vec<Json> {
        let text = fs::read_to_string(self.latest().join("history.jsonl")).unwrap_or_default();
        let whole_lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines();
        whole_lines.map(|line| serde_json::from_str(line).expect("whole lines are JSON")).collect()
    }

    /// A JSON file of the youngest run.
    #[track_caller]
    pub fn json(&self, name: &str) -> Json {
        let path = self.latest().join(name);
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The server process of a node.
    pub fn server(&self, node: &str) -> Option<u32> {
        let id = format!("--id={node}");
        self.processes().into_iter().find(|pid| command_line(*pid).contains(&id))
    }

    fn processes(&self) -> Vec<u32> {
        let mark = self.path().to_str().expect("a path in UTF-8");
        let is_ours = |pid: &u32| command_line(*pid).iter().any(|word| word.contains(mark));
        let all = fs::read_dir("/proc").expect("/proc").flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    /// No process, no network interface, no mount that was not there before.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        let gone = wait_until(AFTERLIFE, || {
            (self.processes().is_empty() && Traces::now().beyond(&self.before).is_empty()).then_some(())
        });
        let left: Vec<_> = self.processes().into_iter().map(command_line).collect();
        let traces = Traces::now().beyond(&self.before);
        assert!(gone.is_some(), "left behind: {left:?} {traces:?}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Only of a test that has failed; all that is left is below this folder of ours.
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
}

/// What a run could leave on the machine besides processes.
#[derive(Debug)]
struct Traces(BTreeSet<String>);

impl Traces {
    fn now() -> Self {
        let interfaces = fs::read_dir("/sys/class/net").expect("interfaces").flatten();
        let interfaces = interfaces.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        Traces(interfaces.chain(mounts.lines().map(str::to_owned)).collect())
    }

    fn beyond(&self, before: &Traces) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

/// Whether a client's operation succeeded.
pub fn is_ok(event: &Json) -> bool {
    event["type"] == "ok" && event["process"].is_number()
}

/// Whether a fault of this class was seen to take effect.
pub fn is_installed(event: &Json, class: &str) -> bool {
    event["f"] == class && event["value"]["action"] == "install" && event["outcome"] == "installed"
}

/// A schedule of these steps, as a file may have it.
pub fn schedule(steps: &[Json]) -> String {
    serde_json::json!({"format": 1, "steps": steps}).to_string()
}

/// Sends a signal to one process.
pub fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a process number")), signal).expect("a process of ours");
}

/// Asks `condition` until it has an answer, or the limit has passed.
pub fn wait_until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if began.elapsed() > limit {
            return None;
        }
        pause();
    }
}

/// Between two looks.
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn first_child(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
