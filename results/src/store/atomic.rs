//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{At, StoreError};

/// A name beside `path` that nobody else uses.
fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()))
}

/// Writes `contents` to `folder/name`: temporary name, fsync, rename, fsync of the folder.
pub(super) fn write_whole(folder: &Path, name: &str, contents: &[u8]) -> Result<(), StoreError> {
    let path = folder.join(name);
    let draft = temporary(&path);
    let written = File::create(&draft)
        .and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        // The disk may be full; what is of no use must not fill it further.
        let _ = fs::remove_file(&draft);
    }
    written.at("write", &path)?;
    sync_dir(folder)
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).at("sync the folder", folder)
}

/// Points the symbolic link `link` at `to`, replacing the one there is. A file or folder of that
/// name is somebody's, and stays.
pub(super) fn replace_link(link: &Path, to: &Path) -> Result<(), StoreError> {
    let draft = temporary(link);
    std::os::unix::fs::symlink(to, &draft).at("create the link", &draft)?;
    let occupied = fs::symlink_metadata(link).is_ok_and(|found| !found.file_type().is_symlink());
    if occupied {
        let _ = fs::remove_file(&draft);
        return Ok(());
    }
    fs::rename(&draft, link).inspect_err(|_| drop(fs::remove_file(&draft))).at("create the link", link)
}
