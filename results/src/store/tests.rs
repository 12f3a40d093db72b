use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::*;

fn began() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_222_568)
}

fn create(root: &Path) -> RunDir {
    let name = RunName { target: "raft-kv", workload: "register", seed: 42, began: began() };
    RunDir::create(root, name).unwrap()
}

#[test]
fn runs_that_start_in_the_same_second_get_folders_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (create(root.path()), create(root.path()));
    assert_eq!(first.path(), root.path().join("raft-kv-register/20261121T005608Z-42"));
    assert_eq!(second.path(), root.path().join("raft-kv-register/20261121T005608Z-42-2"));
    for latest in ["latest", "raft-kv-register/latest"] {
        let link = root.path().join(latest);
        assert!(fs::read_link(&link).unwrap().is_relative());
        assert_eq!(fs::canonicalize(&link).unwrap(), fs::canonicalize(second.path()).unwrap());
    }
}

#[test]
fn names_cannot_climb_out_of_the_root() {
    let root = tempfile::tempdir().unwrap();
    let name = RunName { target: "../../etc", workload: "a/b\0c", seed: 1, began: began() };
    let run = RunDir::create(root.path(), name).unwrap();
    assert_eq!(run.path(), root.path().join("_.._.._etc-a_b_c/20261121T005608Z-1"));
    assert_eq!(run.node_dir("..").unwrap(), run.join("nodes/_.."));
}

#[test]
fn a_folder_called_latest_is_somebody_elses() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("latest")).unwrap();
    let run = create(root.path());
    assert!(root.path().join("latest").symlink_metadata().unwrap().is_dir());
    assert!(run.path().is_dir());
}

#[test]
fn an_incomplete_run_says_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let run = create(root.path());
    assert!(RunDir::open(run.path()).unwrap_err().to_string().contains("is not the folder of a run"));

    run.write_plan(&json!({"format": 1, "target": "raft-kv"})).unwrap();
    let mut history = run.create_history().unwrap();
    history
        .write_all(b"{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}\n{\"ind")
        .unwrap();
    let run = RunDir::open(&root.path().join("latest")).unwrap();
    let stored = run.load().unwrap();
    assert_eq!(stored.history.as_ref().unwrap().len(), 1);
    assert_eq!(
        stored.incomplete().unwrap(),
        "The run is incomplete: results.json is missing; \
         the last line of history.jsonl was never finished (5 bytes, left out)."
    );
    assert!(run.create_history().is_err(), "a recorded history must never be opened for another run");
}

#[test]
fn newer_formats_are_refused_and_damage_is_named() {
    let root = tempfile::tempdir().unwrap();
    let run = create(root.path());
    run.write_file(file::PLAN, b"{\"format\":2}").unwrap();
    let error = run.load().unwrap_err().to_string();
    assert!(error.contains("plan.json has format 2, and this version reads formats up to 1"), "{error}");
    run.write_file(file::PLAN, b"{\"target\":\"a plan before formats had numbers\"}").unwrap();
    assert!(run.load().is_ok());
    run.write_file(file::RESULTS, b"{\"format\":1,").unwrap();
    let error = run.load().unwrap_err().to_string();
    assert!(error.contains("results.json is damaged: EOF while parsing"), "{error}");
}

#[test]
fn files_are_replaced_whole_and_leave_no_drafts() {
    let root = tempfile::tempdir().unwrap();
    let run = create(root.path());
    run.write_file("a.txt", b"one").unwrap();
    run.write_file("a.txt", b"two").unwrap();
    assert_eq!(fs::read(run.join("a.txt")).unwrap(), b"two");
    let error = run.write_file("nodes", b"a folder is in the way").unwrap_err();
    assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error}");
    let mut names: Vec<_> =
        fs::read_dir(run.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a.txt", "nodes"]);
}

#[test]
fn a_full_disk_is_named_with_a_way_out() {
    // ENOSPC is 28 on every Linux.
    let error = error::at("write", Path::new("/runs/x/results.json"), io::Error::from_raw_os_error(28));
    assert_eq!(
        error.to_string(),
        "cannot write /runs/x/results.json: No space left on device (os error 28); \
         make room there, or choose another place with --out"
    );
}
