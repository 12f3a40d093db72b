//! The house rules that a compiler does not know, as tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Who may import whom: DESIGN §2. A crate that is not here has no place in the house yet.
const FLOORS: &[(&str, &[&str])] = &[
    ("checkers", &[]),
    ("raft-kv", &[]),
    ("workloads", &["checkers"]),
    ("results", &["checkers"]),
    ("targets", &["checkers", "workloads", "raft-kv"]),
    ("harness", &["checkers", "workloads", "results", "targets", "raft-kv"]),
    ("ci", &[]),
];

/// Licences that may be linked into the binary.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "MPL-2.0",
    "Unicode-3.0",
    "0BSD",
    "Unlicense",
    "BSL-1.0",
    "Apache-2.0 WITH LLVM-exception",
    "CC0-1.0",
];

/// A file longer than this has two reasons to change.
const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("ci/ is in the workspace").to_owned()
}

/// What cargo knows of the workspace and everything that it depends on.
fn metadata() -> Json {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn packages(metadata: &Json) -> impl Iterator<Item = &Json> {
    metadata["packages"].as_array().expect("packages").iter()
}

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a readable directory").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "runs" {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "js" || e == "css" || e == "sh") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("sources are text");
        (path.strip_prefix(root()).expect("below the root").to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

#[test]
fn a_lower_floor_never_imports_a_higher_one() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        FLOORS.iter().map(|(name, imports)| (*name, imports.iter().copied().collect())).collect();
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .expect("members")
        .iter()
        .filter_map(|id| {
            packages(&metadata).find(|package| package["id"] == *id).and_then(|p| p["name"].as_str())
        })
        .collect();
    assert_eq!(members, allowed.keys().copied().collect(), "FLOORS must list each crate of the workspace");
    for package in packages(&metadata).filter(|p| members.contains(p["name"].as_str().unwrap_or_default())) {
        let name = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let imported = dependency["name"].as_str().expect("a name");
            assert!(
                !members.contains(imported) || allowed[name].contains(imported),
                "{name} imports {imported}, which stands on a higher floor or beside it"
            );
        }
    }
}

#[test]
fn the_checkers_need_no_async_runtime_and_no_files() {
    let metadata = metadata();
    let checkers = packages(&metadata).find(|p| p["name"] == "checkers").expect("checkers");
    let normal: BTreeSet<&str> = checkers["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    assert_eq!(normal, BTreeSet::from(["serde", "serde_json"]));
    let optional =
        checkers["dependencies"].as_array().into_iter().flatten().filter(|d| d["optional"] == true);
    let optional: Vec<&str> = optional.filter_map(|dependency| dependency["name"].as_str()).collect();
    assert_eq!(optional, ["serde_json"], "without default features the library needs serde alone");
    let sources = sources();
    let library =
        sources.iter().filter(|(path, _)| path.starts_with("checkers/src") && !path.ends_with("tests.rs"));
    for (path, text) in library {
        for banned in ["std::fs", "std::time::Instant", "SystemTime", "std::net", "std::env"] {
            assert!(!text.contains(banned), "{} uses {banned}; the checkers are pure", path.display());
        }
    }
}

#[test]
fn every_dependency_has_a_licence_that_we_may_use() {
    let metadata = metadata();
    let allowed: BTreeSet<&str> = LICENCES.iter().copied().collect();
    // `A OR B` needs one of them, `A AND B` each; parentheses occur around either.
    let acceptable = |expression: &str| {
        let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
        plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| allowed.contains(licence.trim())))
    };
    for package in packages(&metadata) {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(acceptable(licence), "{} is under {licence}", package["name"]);
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for (name, _) in FLOORS {
        let folder = if *name == "raft-kv" { "targets/raft-kv" } else { name };
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
    }
}

#[test]
fn no_file_has_two_reasons_to_change() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines; split it where its reasons part", path.display());
    }
}

#[test]
fn nothing_is_unfinished_and_no_path_is_of_one_machine() {
    // Put together here, so that this file does not find itself.
    let unfinished = ["todo!", "unimplemented!", "FIX", "XX"].iter().zip(["(", "(", "ME", "X"]);
    let unfinished: Vec<String> = unfinished.map(|(a, b)| format!("{a}{b}")).collect();
    let home = std::env::var("HOME").unwrap_or_default();
    for (path, text) in sources() {
        for word in &unfinished {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
        if home.len() > 1 {
            assert!(!text.contains(&format!("{home}/")), "{} names this user's home", path.display());
        }
    }
}
