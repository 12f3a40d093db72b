//! What a server keeps on disk, so that a SIGKILL or a power cut at any point loses no promise.
//!
//! Two files in the data directory: `log`, a sequence of checksummed records (see `record`), and
//! `snapshot`, which replaces the log's beginning. Both are replaced as a whole by writing
//! `<name>.tmp`, fsyncing it, renaming it and fsyncing the directory; only `log` is appended to.
//!
//! A new snapshot replaces first `snapshot`, then `log`. After a crash between the two, a log that
//! does not reach the snapshot, or contradicts it, is worth nothing: opening replaces it by an
//! empty one before anything is appended, since nothing that follows the snapshot makes sense
//! behind it.
//!
//! A record holds everything that one group commit writes, under one checksum, and is fsynced
//! before the next is begun. So an invalid record with nothing valid after it is a write that a
//! crash interrupted, which nobody was promised: it is cut off. An invalid record with a valid one
//! after it is damage to promised data: the server refuses to start.

#[cfg(test)]
mod faults;
mod files;
mod record;

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::core::{Durable, Log, Persist};
use crate::types::{Entry, HardState, Index, Snapshot, Term};
use crate::wire::codec;
use files::LogFile;
use record::{Item, Scan};

/// Why the disk could not be read or written. After a failed write nothing may be promised any
/// more, and a failed fsync must not be retried, so a server stops at the first of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file's content is damaged where no crash of ours can have damaged it.
    #[error("{} is corrupt at offset {offset}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Bytes from its beginning.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
}

/// The files of one server.
#[derive(Debug)]
pub struct Storage {
    dir: PathBuf,
    log: LogFile,
    /// As last written, not as the core has it: a rewritten log must not know more than the old.
    hard: HardState,
}

impl Storage {
    /// Opens a data directory, creating it if need be, and reads what it holds.
    ///
    /// # Errors
    /// A file cannot be read or written, or is corrupt.
    pub fn open(dir: &Path) -> Result<(Self, Durable), StorageError> {
        files::create_dir(dir)?;
        let snapshot = files::read_snapshot(dir)?;
        let path = dir.join("log");
        let bytes = files::read(&path)?.unwrap_or_default();
        let Scan { items, valid } = record::scan(&bytes).map_err(|bad| StorageError::Corrupt {
            path: path.clone(),
            offset: bad.offset,
            reason: bad.reason,
        })?;
        if valid < bytes.len() as u64 {
            let cut = bytes.len() as u64 - valid;
            warn!(file = %path.display(), offset = valid, bytes = cut, "torn tail truncated");
        }
        let mut replayed = Replay::default();
        for (offset, item) in items {
            replayed.take(item).map_err(|reason| StorageError::Corrupt {
                path: path.clone(),
                offset,
                reason,
            })?;
        }
        let Recovered { durable, log_is_stale } = replayed.finish(snapshot, &path)?;
        // Fsyncs the directory: the new log must not be durable before the snapshot it begins after.
        let log = LogFile::open(dir, valid)?;
        let mut storage = Storage { dir: dir.to_owned(), log, hard: durable.hard };
        if log_is_stale {
            let base = durable.log.base();
            warn!(file = %path.display(), index = base.0, "log does not fit the snapshot: begins anew");
            storage.replace_log(base, Vec::new())?;
        }
        Ok((storage, durable))
    }

    /// Makes `ops` durable, in order; when this returns, they are.
    ///
    /// # Errors
    /// Something could not be written. The server must stop.
    pub fn persist(&mut self, ops: impl IntoIterator<Item = Persist>) -> Result<(), StorageError> {
        let mut items = Vec::new();
        for op in ops {
            match op {
                Persist::HardState(hard) => {
                    self.hard = hard;
                    items.push(Item::HardState(hard));
                }
                Persist::Entries(entries) => items.push(Item::Entries(entries)),
                Persist::Snapshot { snapshot, base, tail } => {
                    // Although `tail` has these entries too: a crash after the snapshot and
                    // before the log must not find a snapshot of a later term than the stored one.
                    self.append(&std::mem::take(&mut items))?;
                    // The snapshot first: a log that begins after entries that no snapshot has
                    // would be a loss, a log that begins before its snapshot is only too long.
                    files::write_snapshot(&self.dir, &snapshot)?;
                    self.replace_log(base, tail)?;
                }
            }
        }
        self.append(&items)
    }

    fn append(&mut self, items: &[Item]) -> Result<(), StorageError> {
        if items.is_empty() {
            return Ok(());
        }
        self.log.append(&record::encode(items))
    }

    fn replace_log(&mut self, base: (Index, Term), tail: Vec<Entry>) -> Result<(), StorageError> {
        let items = [Item::Base(base.0, base.1), Item::HardState(self.hard), Item::Entries(tail)];
        self.log.replace(&self.dir, &record::encode(&items))
    }
}

/// What the files say together.
struct Recovered {
    durable: Durable,
    /// Whether the log file holds another log, which must be replaced before it is appended to.
    log_is_stale: bool,
}

/// A log file's records, replayed.
#[derive(Default)]
struct Replay {
    hard: HardState,
    log: Log,
}

impl Replay {
    fn take(&mut self, item: Item) -> Result<(), String> {
        match item {
            Item::HardState(hard) => self.hard = hard,
            Item::Base(index, term) => self.log.reset(index, term),
            Item::Entries(entries) => {
                for entry in entries {
                    let next = self.log.last_index() + 1;
                    if entry.index > next || entry.index <= self.log.base().0 {
                        let index = entry.index;
                        return Err(format!("entry {index} where {next} was expected"));
                    }
                    self.log.truncate_from(entry.index);
                    self.log.push(entry);
                }
            }
        }
        Ok(())
    }

    fn finish(self, snapshot: Option<Snapshot>, path: &Path) -> Result<Recovered, StorageError> {
        let mut log = self.log;
        let meta = snapshot.as_ref().map(|s| (s.meta.index, s.meta.term));
        let (index, term) = meta.unwrap_or((0, 0));
        if log.base().0 > index {
            let base = log.base().0;
            return Err(StorageError::Corrupt {
                path: path.to_owned(),
                offset: 0,
                reason: format!("the log begins after entry {base}, but the snapshot ends at {index}"),
            });
        }
        // A crash between the two renames leaves an old log beside a new snapshot. Entries after
        // the snapshot are worth something only if the log is the one that the snapshot is about.
        let log_is_stale = log.term(index) != Some(term);
        if log_is_stale {
            log.reset(index, term);
        }
        let durable = Durable { hard: self.hard, snapshot, log };
        Ok(Recovered { durable, log_is_stale })
    }
}

/// The encoded snapshot file: its own record, so that it has a checksum too.
fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut body = codec::encode(&snapshot.meta);
    codec::Wire::put(&snapshot.data, &mut body);
    record::seal(&body)
}

#[cfg(test)]
mod tests;
