//! Entering, signals, exit codes, and that nothing survives.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use harness::net::{Network, PortBackend};
use harness::sandbox::{self, Options, SandboxError};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::scene::{Player, Scene, Skip, wait_until};

/// Marks every process of one scene, by its environment.
const MARK: &str = "STORMGLASS_SCENE_MARK";
/// How long anything may outlive the sandbox.
const AFTERLIFE: Duration = Duration::from_secs(1);

pub fn exit_code() -> Result<(), Skip> {
    for code in ["0", "1", "42", "255"] {
        let (status, text) = Scene::new(Player::Us, "leave", &[code]).finish()?;
        assert_eq!(status.code().map(|code| code.to_string()).as_deref(), Some(code), "{text}");
    }
    Ok(())
}

pub fn late_entry() -> Result<(), Skip> {
    let (status, text) = Scene::new(Player::Us, "late-entry", &[]).finish()?;
    assert!(status.success(), "{text}");
    Ok(())
}

pub fn play_late_entry() -> ExitCode {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let answer = sandbox::enter(&Options::default());
    assert!(matches!(answer, Err(SandboxError::Threads { threads: 2 })), "{answer:?}");
    drop(stop);
    let _ = thread.join();
    ExitCode::SUCCESS
}

/// Writes down each signal it gets, and leaves at SIGTERM.
pub fn play_signals() -> ExitCode {
    let mut awaited = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGTERM] {
        awaited.add(signal);
    }
    awaited.thread_block().expect("a signal mask");
    println!("ready");
    loop {
        let signal = awaited.wait().expect("a signal");
        println!("{signal}");
        if signal == Signal::SIGTERM {
            return ExitCode::from(7);
        }
    }
}

pub fn signals() -> Result<(), Skip> {
    let mut scene = Scene::new(Player::Us, "signals", &[]);
    // A job of its own, as a shell would start it.
    scene.command.process_group(0);
    let mut playing = scene.start();
    let mut lines = BufReader::new(playing.child.stdout.take().expect("a pipe")).lines();
    let mut next_line = || lines.next().map(|line| line.expect("text"));
    match next_line().as_deref() {
        Some("ready") => {}
        Some(reason) => return Err(Skip(reason.to_owned())),
        None => panic!("the scene ended early"),
    }
    let stub = Pid::from_raw(playing.child.id() as i32);
    let job = Pid::from_raw(-stub.as_raw());
    for (whom, signal) in [
        (stub, Signal::SIGINT),
        (job, Signal::SIGINT),
        (stub, Signal::SIGHUP),
        (job, Signal::SIGUSR1),
        (stub, Signal::SIGTERM),
    ] {
        kill(whom, signal).expect("a process of ours");
        assert_eq!(next_line().as_deref(), Some(signal.as_str()));
    }
    assert_eq!(next_line(), None, "some signal came twice");
    let (status, text) = playing.finish()?;
    assert_eq!(status.code(), Some(7), "{text}");
    Ok(())
}

pub fn stop_and_continue() -> Result<(), Skip> {
    let mut playing = Scene::new(Player::Us, "signals", &[]).start();
    let mut lines = BufReader::new(playing.child.stdout.take().expect("a pipe")).lines();
    let mut next_line = || lines.next().map(|line| line.expect("text"));
    if let Some(reason) = next_line().filter(|line| line != "ready") {
        return Err(Skip(reason));
    }
    let stub = playing.child.id();
    let controller = first_child_of(first_child_of(stub));
    let signal = |signal| kill(Pid::from_raw(stub as i32), signal).expect("a process of ours");
    let both_stopped = |wanted: bool| {
        let as_wanted = || [stub, controller].iter().all(|&pid| is_stopped(pid) == wanted);
        wait_until(AFTERLIFE, || as_wanted().then_some(())).expect("both follow");
    };
    signal(Signal::SIGTSTP);
    both_stopped(true);
    signal(Signal::SIGCONT);
    both_stopped(false);
    signal(Signal::SIGTERM);
    assert_eq!(next_line().as_deref(), Some("SIGTERM"));
    let (status, text) = playing.finish()?;
    assert_eq!(status.code(), Some(7), "{text}");
    Ok(())
}

fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("State:\tT")))
}

pub fn terminal_interrupt() -> Result<(), Skip> {
    let terminal = nix::pty::openpty(None, None).expect("a terminal");
    let mut scene = Scene::new(Player::Us, "signals", &[]);
    let side = |fd: &OwnedFd| Stdio::from(fd.try_clone().expect("a descriptor"));
    scene.command.stdin(side(&terminal.slave)).stdout(side(&terminal.slave));
    // SAFETY: both are system calls that allocate nothing.
    unsafe {
        scene.command.pre_exec(|| {
            nix::unistd::setsid()?;
            nix::errno::Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            Ok(())
        })
    };
    let playing = scene.start();
    drop(terminal.slave);
    let mut keyboard = fs::File::from(terminal.master.try_clone().expect("a descriptor"));
    let screen = BufReader::new(fs::File::from(terminal.master));
    // What was typed is echoed on the screen in front of the answer.
    let mut lines = screen.lines().map_while(Result::ok).map(|line| line.replace("^C", ""));
    match lines.next().as_deref() {
        Some("ready") => {}
        other => return Err(Skip(format!("{other:?}"))),
    }
    for _ in 0..2 {
        keyboard.write_all(b"\x03").expect("a terminal");
        assert_eq!(lines.next().as_deref(), Some("SIGINT"));
    }
    kill(Pid::from_raw(playing.child.id() as i32), Signal::SIGTERM).expect("a process of ours");
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest, ["SIGTERM"]);
    let (status, text) = playing.finish()?;
    assert_eq!(status.code(), Some(7), "{text}");
    Ok(())
}

/// Makes a network and processes that would rather stay, and waits.
pub fn play_crowd() -> ExitCode {
    let network = Network::create(3, PortBackend::Auto).expect("a network");
    for node in network.nodes() {
        let namespace = node.netns_fd().as_raw_fd();
        let mut daemon = Command::new("setsid");
        daemon
            .args(["sh", "-c", "trap '' TERM HUP INT; sleep 600 & exec sleep 600"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: net::enter is one system call.
        unsafe { daemon.pre_exec(move || harness::net::enter(namespace)) };
        drop(daemon.spawn().expect("setsid"));
    }
    println!("ready");
    loop {
        nix::unistd::pause();
    }
}

#[derive(Clone, Copy, Debug)]
enum Victim {
    Stub,
    Init,
    Controller,
}

pub fn death_of_the_stub() -> Result<(), Skip> {
    nothing_survives(Player::Us, Victim::Stub)
}

pub fn death_of_init() -> Result<(), Skip> {
    nothing_survives(Player::Us, Victim::Init)
}

pub fn death_of_the_controller() -> Result<(), Skip> {
    nothing_survives(Player::Us, Victim::Controller)
}

pub fn death_as_a_user() -> Result<(), Skip> {
    for victim in [Victim::Stub, Victim::Init, Victim::Controller] {
        nothing_survives(Player::OrdinaryUser, victim)?;
    }
    Ok(())
}

fn nothing_survives(player: Player, victim: Victim) -> Result<(), Skip> {
    let (mounts, interfaces) = (mounts(), interfaces());
    let mark = format!("{}-{player:?}-{victim:?}", std::process::id());
    let mut scene = Scene::new(player, "crowd", &[]);
    scene.command.env(MARK, &mark);
    let mut playing = scene.start();
    let mut first_line = String::new();
    BufReader::new(playing.child.stdout.take().expect("a pipe")).read_line(&mut first_line).expect("text");
    if first_line.starts_with("no sandbox") {
        return Err(Skip(first_line));
    }
    assert_eq!(first_line, "ready\n");

    let stub = playing.child.id();
    let init = first_child_of(stub);
    let controller = first_child_of(init);
    // Each node's shell and its child, besides the three.
    let crowd = wait_until(AFTERLIFE, || {
        let crowd = marked(&mark);
        (crowd.len() >= 3 + 2 * 3).then_some(crowd)
    })
    .expect("all processes of the scene");
    let namespaces: BTreeSet<_> = crowd.iter().filter_map(|&pid| net_namespace(pid)).collect();
    assert!(namespaces.len() >= 4, "ours and three nodes': {namespaces:?}");

    let killed = match victim {
        Victim::Stub => stub,
        Victim::Init => init,
        Victim::Controller => controller,
    };
    let started = Instant::now();
    kill(Pid::from_raw(killed as i32), Signal::SIGKILL).expect("a process of ours");
    let empty = wait_until(AFTERLIFE, || marked(&mark).is_empty().then_some(()));
    let survivors = marked(&mark);
    assert!(empty.is_some(), "{survivors:?} survive the {victim:?} by {:?}", started.elapsed());
    let ended = wait_until(AFTERLIFE, || playing.child.try_wait().expect("a child of ours"));
    let status = ended.expect("the stub ends");
    let mut complaint = String::new();
    let mut stderr = playing.child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut complaint).expect("text");
    match victim {
        Victim::Stub => assert_eq!(status.signal(), Some(9)),
        Victim::Init | Victim::Controller => {
            assert_eq!(status.code(), Some(255), "{complaint}");
            let who = match victim {
                Victim::Init => "the sandbox's init",
                _ => "the controller",
            };
            assert!(complaint.contains(&format!("{who} was killed by signal 9")), "{complaint}");
        }
    }

    let inhabited: BTreeSet<_> = processes().filter_map(net_namespace).collect();
    assert!(inhabited.is_disjoint(&namespaces), "a namespace is still inhabited");
    assert_eq!(self::mounts(), mounts, "a mount was left behind");
    assert_eq!(self::interfaces(), interfaces, "an interface was left behind");
    Ok(())
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The processes that carry the mark. A zombie has no environment any more.
fn marked(mark: &str) -> Vec<u32> {
    let line = format!("{MARK}={mark}");
    processes()
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|all| all.split(|&byte| byte == 0).any(|one| one == line.as_bytes()))
        })
        .collect()
}

fn first_child_of(parent: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let children = children.expect("the list of children");
    let mut children = children.split_whitespace();
    // Init has orphans too; the controller was its first child.
    let first = children.next().expect("a child");
    first.parse().expect("a process number")
}

fn net_namespace(pid: u32) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

pub fn mounts() -> String {
    fs::read_to_string("/proc/self/mounts").expect("the list of mounts")
}

pub fn interfaces() -> BTreeSet<String> {
    let links = nix::ifaddrs::getifaddrs().expect("the list of interfaces");
    links.map(|link| link.interface_name).collect()
}
