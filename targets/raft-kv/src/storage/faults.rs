//! Crashes for tests: each step on the disk can be the one before which the process dies.
//!
//! After a kill everything done so far is there. A power cut may also take back what was not
//! fsynced, so this keeps what it takes for that.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

#[derive(Default)]
struct Disk {
    /// Steps until the crash; `None` if there will be none.
    steps_left: Option<usize>,
    /// Names given since the directory was fsynced, in order, with what they stood for before.
    names: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// Files with content that is not fsynced, and how long they were when they were.
    dirty: Vec<(PathBuf, u64)>,
}

/// A disk on which nothing has happened.
pub(super) fn reset() {
    DISK.take();
}

/// The process dies before the step after the next `steps`; without a number, not at all.
pub(super) fn crash_after(steps: Option<usize>) {
    DISK.with_borrow_mut(|disk| disk.steps_left = steps);
}

/// How many names a power cut can take back.
pub(super) fn unsynced_names() -> usize {
    DISK.with_borrow(|disk| disk.names.len())
}

/// Takes back all that is not fsynced, except the names whose bit is set in `kept`: a directory's
/// changes may reach the disk in any order.
pub(super) fn cut_power(kept: usize) {
    let Disk { names, dirty, .. } = DISK.take();
    for (path, length) in dirty {
        if let Ok(file) = OpenOptions::new().write(true).open(&path) {
            file.set_len(length).expect("shorten");
        }
    }
    for (number, (path, before)) in names.into_iter().enumerate().rev() {
        match before {
            _ if kept & (1 << number) != 0 => {}
            Some(bytes) => fs::write(&path, bytes).expect("undo a rename"),
            None => fs::remove_file(&path).expect("undo a creation"),
        }
    }
}

/// Told of each step before it is done.
pub(super) fn before(path: &Path, action: &'static str) -> io::Result<()> {
    DISK.with_borrow_mut(|disk| disk.step(path, action))
}

impl Disk {
    fn step(&mut self, path: &Path, action: &str) -> io::Result<()> {
        match &mut self.steps_left {
            Some(0) => return Err(io::Error::other("the process is dead")),
            Some(steps) => *steps -= 1,
            None => {}
        }
        match action {
            "rename to" => {
                let content = path.with_extension("tmp");
                let durable = self.dirty.iter().all(|(dirty, _)| *dirty != content);
                assert!(durable, "{} is renamed before it is durable", content.display());
                self.names.push((path.to_owned(), fs::read(path).ok()));
            }
            "open" if !path.exists() => self.names.push((path.to_owned(), None)),
            "create" | "write" | "append to" => self.soil(path),
            "fsync" if path.is_dir() => self.names.retain(|(named, _)| named.parent() != Some(path)),
            "fsync" | "fdatasync" => self.dirty.retain(|(dirty, _)| dirty != path),
            // Cutting off a torn tail that a power cut brings back is harmless: it is torn again.
            _ => {}
        }
        Ok(())
    }

    fn soil(&mut self, path: &Path) {
        if path.is_dir() || self.dirty.iter().any(|(dirty, _)| dirty == path) {
            return;
        }
        let length = fs::metadata(path).map_or(0, |m| m.len());
        self.dirty.push((path.to_owned(), length));
    }
}
