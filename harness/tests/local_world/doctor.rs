//! The doctor's trials, on this machine.

use std::process::ExitCode;

use harness::doctor;

use crate::sandbox::{interfaces, mounts};
use crate::scene::{Player, Scene, Skip};

pub fn leaves_nothing_behind() -> Result<(), Skip> {
    let before = (mounts(), interfaces());
    examined(Player::Us)?;
    assert_eq!((mounts(), interfaces()), before);
    Ok(())
}

pub fn as_a_user() -> Result<(), Skip> {
    examined(Player::OrdinaryUser)
}

fn examined(player: Player) -> Result<(), Skip> {
    let (status, text) = Scene::new(player, "doctor", &[]).finish()?;
    assert!(status.success(), "{text}");
    print!("{text}");
    Ok(())
}

/// Examines, and checks that what can be said on every machine was said.
pub fn play() -> ExitCode {
    let findings = doctor::examine();
    let table = doctor::render(&findings);
    print!("{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100), "a line is too long");
    for finding in &findings {
        assert_eq!(finding.fix.is_none(), finding.works, "{finding:?}");
        assert!(!finding.detail.is_empty(), "{finding:?}");
    }
    let waits = nix::sys::wait::waitpid(None, None);
    assert_eq!(waits, Err(nix::errno::Errno::ECHILD), "a trial was left behind");
    let json = serde_json::to_string(&findings).expect("plain data");
    assert!(json.starts_with(r#"[{"name":"sandbox","works":"#), "{json}");
    ExitCode::SUCCESS
}
