//! The file operations, each of which is durable when it returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(test)]
use super::faults;
use super::{StorageError, encode_snapshot, record};
use crate::types::{Snapshot, SnapshotMeta};
use crate::wire::codec::{Reader, Wire};

/// How much is written at once; in tests little, so that a crash can come in the middle.
const WRITE_SIZE: usize = if cfg!(test) { 48 } else { usize::MAX };

/// The log file, open at its end.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
}

impl LogFile {
    /// Opens or creates the log and cuts it to `length` bytes. Whatever the directory holds is
    /// durable then, also what a killed process had renamed and not fsynced.
    pub(super) fn open(dir: &Path, length: u64) -> Result<Self, StorageError> {
        let path = dir.join("log");
        let file = at(&path, "open", || append_to(&path))?;
        at(&path, "truncate", || file.set_len(length))?;
        at(&path, "fsync", || file.sync_all())?;
        sync_dir(dir)?;
        Ok(LogFile { file, path })
    }

    /// Appends a record and makes it durable.
    pub(super) fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        write(&mut self.file, &self.path, "append to", record)?;
        at(&self.path, "fdatasync", || self.file.sync_data())
    }

    /// Replaces the whole log by one record.
    pub(super) fn replace(&mut self, dir: &Path, record: &[u8]) -> Result<(), StorageError> {
        replace_file(dir, "log", record)?;
        self.file = at(&self.path, "open", || append_to(&self.path))?;
        Ok(())
    }
}

pub(super) fn create_dir(dir: &Path) -> Result<(), StorageError> {
    at(dir, "create", || fs::create_dir_all(dir))?;
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// A file's bytes, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => at(path, "read", || Err(e)),
    }
}

pub(super) fn write_snapshot(dir: &Path, snapshot: &Snapshot) -> Result<(), StorageError> {
    replace_file(dir, "snapshot", &encode_snapshot(snapshot))
}

pub(super) fn read_snapshot(dir: &Path) -> Result<Option<Snapshot>, StorageError> {
    let path = dir.join("snapshot");
    let Some(bytes) = read(&path)? else {
        return Ok(None);
    };
    let corrupt = |reason: String| StorageError::Corrupt { path: path.clone(), offset: 0, reason };
    // The file was renamed into place when it was whole: nothing about it can be torn.
    let body = record::unseal(&bytes).ok_or_else(|| corrupt("the checksum is wrong".to_owned()))?;
    let mut reader = Reader::new(body);
    let parts = SnapshotMeta::take(&mut reader).and_then(|meta| {
        let data = Wire::take(&mut reader)?;
        Ok(Snapshot { meta, data })
    });
    parts.map(Some).map_err(|e| corrupt(e.to_string()))
}

fn replace_file(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
    let path = dir.join(name);
    let temporary = dir.join(format!("{name}.tmp"));
    // Also empties what an earlier crash may have left there.
    let mut file = at(&temporary, "create", || File::create(&temporary))?;
    write(&mut file, &temporary, "write", bytes)?;
    at(&temporary, "fsync", || file.sync_all())?;
    at(&path, "rename to", || fs::rename(&temporary, &path))?;
    sync_dir(dir)
}

fn write(file: &mut File, path: &Path, action: &'static str, bytes: &[u8]) -> Result<(), StorageError> {
    bytes.chunks(WRITE_SIZE).try_for_each(|part| at(path, action, || file.write_all(part)))
}

fn sync_dir(dir: &Path) -> Result<(), StorageError> {
    at(dir, "fsync", || File::open(dir).and_then(|d| d.sync_all()))
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// One step on the disk. All go through here, so that tests can crash before any of them.
fn at<T>(path: &Path, action: &'static str, step: impl FnOnce() -> io::Result<T>) -> Result<T, StorageError> {
    #[cfg(test)]
    let step = || faults::before(path, action).and_then(|()| step());
    step().map_err(|source| StorageError::Io { action, path: path.to_owned(), source })
}
