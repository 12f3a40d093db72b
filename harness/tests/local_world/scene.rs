//! Scenes: what happens inside the sandbox, and how a test starts them.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use harness::sandbox::{self, Options};

use crate::{doctor, network, sandbox as sandbox_tests};

/// First argument of a program that is to play a scene.
pub const FLAG: &str = "--scene";

/// Exit code of a scene that this machine cannot play.
const CANNOT: u8 = 77;
/// No scene takes longer, unless it hangs.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Some user who is not root; needs no entry in /etc/passwd.
const ORDINARY_USER: u32 = 64_321;

/// Why a test was not run.
pub struct Skip(pub String);

/// Enters the sandbox and plays. Called in the started program.
pub fn play(name: &str, arguments: &[String]) -> ExitCode {
    match name {
        "late-entry" => return sandbox_tests::play_late_entry(),
        "doctor" => return doctor::play(),
        _ => {}
    }
    let sandbox = match sandbox::enter(&Options::default()) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            println!("no sandbox on this machine: {error}");
            return ExitCode::from(CANNOT);
        }
    };
    match name {
        "leave" => ExitCode::from(arguments[0].parse::<u8>().expect("an exit code")),
        "crowd" => sandbox_tests::play_crowd(),
        "signals" => sandbox_tests::play_signals(),
        "faults" => match network::play_faults(&sandbox, &arguments[0]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Skip(reason)) => {
                println!("{reason}");
                ExitCode::from(CANNOT)
            }
        },
        _ => panic!("no scene {name:?}"),
    }
}

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// The user who runs the tests.
    Us,
    /// Somebody without privileges.
    OrdinaryUser,
}

/// A command that plays a scene, with its output in pipes.
pub struct Scene {
    pub command: Command,
    /// Holds a copy of the program where everybody may read it.
    _copy: Option<tempfile::TempDir>,
}

/// A scene that is being played.
pub struct Playing {
    pub child: Child,
    _copy: Option<tempfile::TempDir>,
}

impl Scene {
    pub fn new(player: Player, name: &str, arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("our own program");
        let we_are_root = nix::unistd::geteuid().is_root();
        let (program, copy) = if player == Player::OrdinaryUser && we_are_root {
            let (program, copy) = readable_copy(&program);
            (program, Some(copy))
        } else {
            (program, None)
        };
        let mut command = Command::new(program);
        command
            .arg(FLAG)
            .arg(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if copy.is_some() {
            command.uid(ORDINARY_USER).gid(ORDINARY_USER).current_dir("/");
        }
        Self { command, _copy: copy }
    }

    pub fn start(mut self) -> Playing {
        let child = self.command.spawn().expect("the scene starts");
        Playing { child, _copy: self._copy }
    }

    /// Plays to the end and returns the exit status and what was written.
    pub fn finish(self) -> Result<(ExitStatus, String), Skip> {
        self.start().finish()
    }
}

impl Playing {
    /// Waits for the end; a scene that hangs is killed, and the test fails.
    pub fn finish(mut self) -> Result<(ExitStatus, String), Skip> {
        let mut readers = Vec::new();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            self.child.stdout.take().map(|pipe| Box::new(pipe) as _),
            self.child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for mut pipe in pipes.into_iter().flatten() {
            readers.push(std::thread::spawn(move || {
                let mut text = String::new();
                let _ = pipe.read_to_string(&mut text);
                text
            }));
        }
        let child = &mut self.child;
        let ended = wait_until(TIME_LIMIT, || child.try_wait().expect("a child of ours"));
        if ended.is_none() {
            let _ = self.child.kill();
        }
        let text: String = readers.into_iter().map(|reader| reader.join().expect("a reader")).collect();
        let status = ended.unwrap_or_else(|| panic!("the scene hangs; it wrote:\n{text}"));
        if status.code() == Some(CANNOT.into()) {
            return Err(Skip(text.trim().to_owned()));
        }
        Ok((status, text))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // Of a test that has failed; the sandbox goes with its stub.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks `condition` until it has an answer, or the limit has passed.
pub fn wait_until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if started.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn readable_copy(program: &Path) -> (PathBuf, tempfile::TempDir) {
    let folder =
        tempfile::Builder::new().prefix("stormglass-test-").tempdir_in("/tmp").expect("a temporary folder");
    let open_to_all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open_to_all.clone()).expect("our own folder");
    let copy = folder.path().join("program");
    std::fs::copy(program, &copy).expect("a copy of the program");
    std::fs::set_permissions(&copy, open_to_all).expect("our own file");
    (copy, folder)
}
