//! Why the store could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use checkers::jsonl::ReadError;
use thiserror::Error;

/// Why a run could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried: `write`, `create the folder`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Not the folder of a run.
    #[error(
        "{} is not the folder of a run: it has none of plan.json, history.jsonl, results.json",
        path.display()
    )]
    NotARun {
        /// Which folder.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "{} has format {found}, and this version reads formats up to {supported}; \
         read it with the version of stormglass that wrote it, or a later one",
        path.display()
    )]
    NewerFormat {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest that is read.
        supported: u32,
    },
    /// Not what such a file contains.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The history cannot be read or breaks the rules of histories.
    #[error("{}: {source}", path.display())]
    History {
        /// Which file.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: ReadError,
    },
}

/// What to do about the errors that people meet.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there, or choose another place with --out"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a place that you may write to with --out"
        }
        _ => "",
    }
}

pub(super) fn at(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

/// Adds to an error of the operating system what was tried with which file.
pub(super) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| at(action, path, source))
    }
}
