//! Where a run happened: kernel, machine, state of the sources. Facts for `plan.json`.

use std::path::Path;

use serde_json::{Value as Json, json};

/// Kernel and machine, as far as they can be read.
pub fn kernel() -> Json {
    let read = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    json!({
        "release": read("/proc/sys/kernel/osrelease"),
        "machine": std::env::consts::ARCH,
        "processors": std::thread::available_parallelism().map(usize::from).ok(),
        "congestion_control": read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "clocksource": read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    })
}

/// The commit that is checked out in the working directory, if it is in a git checkout. Read from
/// the files, so that no git need be installed.
pub fn git() -> Json {
    let Ok(here) = std::env::current_dir() else { return Json::Null };
    let Some(dir) = here.ancestors().map(|dir| dir.join(".git")).find(|dir| dir.is_dir()) else {
        return Json::Null;
    };
    let Some(head) = first_line(&dir.join("HEAD")) else { return Json::Null };
    match head.strip_prefix("ref: ") {
        None => json!({"commit": head}),
        Some(reference) => {
            let commit = first_line(&dir.join(reference)).or_else(|| packed(&dir, reference));
            let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
            json!({"commit": commit, "branch": branch})
        }
    }
}

fn first_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn packed(dir: &Path, reference: &str) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("packed-refs")).ok()?;
    let line = text.lines().find(|line| line.ends_with(reference))?;
    line.split_whitespace().next().map(str::to_owned)
}
