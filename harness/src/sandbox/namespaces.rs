//! The namespaces of the sandbox and what is put into them.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};

use super::{Privilege, SandboxError};
use crate::net::Netlink;

const WORLD: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

/// Leaves the namespaces we were started in. The process namespace begins with
/// the next child.
pub(super) fn unshare() -> Result<Privilege, SandboxError> {
    // Root in a container is often root in name only, so the capability is
    // tried rather than the user id read.
    match nix::sched::unshare(WORLD) {
        Ok(()) => return Ok(Privilege::Own),
        Err(Errno::EPERM) => {}
        Err(source) => {
            return Err(SandboxError::Unshare { with_user_namespace: false, source });
        }
    }
    unshare_as_user()?;
    Ok(Privilege::UserNamespace)
}

/// The same with a user namespace, in which we are root.
pub(super) fn unshare_as_user() -> Result<(), SandboxError> {
    // Read before the namespace hides them behind the overflow ids.
    let (user, group) = (geteuid(), getegid());
    nix::sched::unshare(WORLD | CloneFlags::CLONE_NEWUSER)
        .map_err(|source| SandboxError::Unshare { with_user_namespace: true, source })?;
    // An unprivileged process may map its group only once it has given up setgroups.
    write_map("/proc/self/setgroups", "deny".to_owned())?;
    write_map("/proc/self/uid_map", format!("0 {user} 1"))?;
    write_map("/proc/self/gid_map", format!("0 {group} 1"))
}

fn write_map(path: &'static str, content: String) -> Result<(), SandboxError> {
    std::fs::write(path, &content).map_err(|source| SandboxError::UserMap { path, content, source })
}

/// Whether an empty `/run` would hide nothing that the run needs.
pub(super) fn may_replace_run(keep_visible: &[PathBuf]) -> bool {
    let run = Path::new("/run");
    let ours = [
        std::env::current_dir().ok(),
        std::env::current_exe().ok(),
        std::env::var_os("TMPDIR").map(PathBuf::from),
    ];
    run.is_dir()
        && !keep_visible.iter().chain(ours.iter().flatten()).any(|path| resolve(path).starts_with(run))
}

/// The path without symbolic links, as far as it exists already: `--out` may
/// name a folder yet to be made, and `/var/run` is a link to `/run`.
fn resolve(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors()
        .find_map(|ancestor| {
            let real = ancestor.canonicalize().ok()?;
            let rest = path.strip_prefix(ancestor).ok()?;
            Some(real.join(rest))
        })
        .unwrap_or(path)
}

/// Makes the namespaces fit to live in. Runs in init.
pub(super) fn furnish(fresh_run: bool) -> Result<(), SandboxError> {
    let none = None::<&str>;
    keep_mounts_private()?;
    let inert = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("proc"), "/proc", Some("proc"), inert | MsFlags::MS_NOEXEC, none)
        .map_err(mount_error("/proc"))?;
    if fresh_run {
        mount(Some("tmpfs"), "/run", Some("tmpfs"), inert, Some("mode=755"))
            .map_err(mount_error("an empty /run"))?;
    }
    Netlink::open()?.set_up("lo")?;
    Ok(())
}

/// Nothing that is mounted from here on propagates to the machine.
pub(super) fn keep_mounts_private() -> Result<(), SandboxError> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(mount_error("a private view of /"))
}

fn mount_error(what: &'static str) -> impl FnOnce(nix::Error) -> SandboxError {
    move |source| SandboxError::Mount { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_run_keeps_run_as_it_is() {
        if !Path::new("/run").is_dir() {
            return;
        }
        assert!(!may_replace_run(&[PathBuf::from("/run/results/not-yet-made")]));
        assert!(!may_replace_run(&[PathBuf::from("/run")]));
        assert!(may_replace_run(&[PathBuf::from("/running/late")]));
    }
}
