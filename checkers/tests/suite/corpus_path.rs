//! Where recorded histories lie.

use std::path::PathBuf;

/// `shared/corpus` beside the workspace, or what `STORMGLASS_CORPUS` names.
pub fn corpus() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    let path = std::env::var_os("STORMGLASS_CORPUS").map_or_else(beside, PathBuf::from);
    path.join("INDEX.tsv").exists().then_some(path)
}
