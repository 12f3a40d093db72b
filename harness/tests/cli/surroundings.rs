//! A full disk, an ordinary user, a reader that goes away.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::program::{AFTERLIFE, Home, finish, wait_until};

/// Some user who is not root; needs no entry in /etc/passwd.
const ORDINARY_USER: u32 = 64_322;

fn we_are_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A disk of this size at `--out`, which only the command sees.
fn with_small_disk(mut command: Command, home: &Home, size: &str) -> Command {
    fs::create_dir(home.out()).unwrap();
    let (out, size) = (home.out(), format!("size={size}"));
    // SAFETY: the strings were made before the fork; what remains are bare system calls.
    unsafe {
        command.pre_exec(move || {
            let none = None::<&str>;
            unshare(CloneFlags::CLONE_NEWNS)?;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some("tmpfs"), &out, Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))?;
            Ok(())
        })
    };
    command
}

#[test]
fn a_full_disk_is_a_failure_of_the_harness_with_the_path() {
    if !we_are_root() {
        println!("skipped: only root can make a small disk");
        return;
    }
    // Full at the plan, and full in mid-run.
    for size in ["4k", "300k"] {
        let home = Home::new();
        let command = home.raft(&["--nodes", "3", "--faults", "none", "--time-limit", "20s"]);
        let ended = finish(with_small_disk(command, &home, size)).with_code(255);
        home.assert_nothing_is_left();
        let (stderr, out) = (&ended.stderr, home.out());
        let sentence = stderr.lines().find(|line| line.starts_with("error: ")).expect(stderr);
        assert!(sentence.contains(out.to_str().unwrap()), "{size}: {stderr}");
        assert!(sentence.contains("No space left") && sentence.contains("--out"), "{size}: {stderr}");
        assert!(stderr.contains("The harness failed: "), "{size}: {stderr}");
    }
}

#[test]
fn a_place_that_cannot_be_is_a_failure_of_the_harness_with_the_path() {
    let home = Home::new();
    fs::write(home.out(), "a file").unwrap();
    let ended = finish(home.raft(&["--nodes", "1", "--faults", "none"])).with_code(255);
    assert!(ended.stderr.contains(home.out().to_str().unwrap()), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn an_ordinary_user_can_run() {
    let home = Home::new();
    // The program may lie where only we can go.
    let program = home.path().join("stormglass");
    fs::copy(env!("CARGO_BIN_EXE_stormglass"), &program).unwrap();
    for path in [home.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let as_user = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).stdin(Stdio::null()).current_dir("/");
        if we_are_root() {
            command.uid(ORDINARY_USER).gid(ORDINARY_USER);
        }
        command
    };
    let findings = finish(as_user(&["doctor", "--json"])).with_code(0).json();
    let sandbox = findings.as_array().unwrap().iter().find(|one| one["name"] == "sandbox").unwrap();
    if sandbox["works"] != true {
        println!("skipped: an ordinary user has no sandbox here: {}", sandbox["detail"]);
        return;
    }
    let mut command = as_user(&["run", "raft-kv", "--nodes", "3", "--rate", "300", "--time-limit", "3s"]);
    command.args(["--fault-interval", "600ms", "--seed", "30"]).arg("--out").arg(home.out());
    let _ = finish(command).with_code(0);
    home.assert_nothing_is_left();
    let plan = home.json("plan.json");
    assert_eq!(plan["sandbox"]["privilege"], "user-namespace", "{plan}");
    let tap_is_open = fs::metadata("/dev/net/tun").is_ok_and(|tun| tun.permissions().mode() & 0o006 == 0o006);
    let network = plan["network"].as_str().unwrap();
    assert!(tap_is_open || network.contains("AF_PACKET"), "{network}");
}

#[test]
fn a_reader_that_goes_away_ends_no_run() {
    let home = Home::new();
    let mut command = home.raft(&["--nodes", "1", "--faults", "none", "--time-limit", "1s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // As `2>&1 | head -1` does.
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("stormglass: raft-kv"), "{first}");
    let ended = wait_until(crate::program::LIMIT, || child.try_wait().unwrap());
    let _ = (child.kill(), child.wait());
    assert_eq!(ended.expect("an end").code(), Some(0));
    assert_eq!(home.json("results.json")["exit_code"], 0);
    assert!(wait_until(AFTERLIFE, || home.server("n1").is_none().then_some(())).is_some());
}
