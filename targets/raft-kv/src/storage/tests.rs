//! Recovery: what a crash can leave behind, and what only damage can.

mod crashes;

use std::fs;
use std::path::Path;

use super::*;
use crate::types::Payload;

fn entry(index: Index, term: Term) -> Entry {
    let payload = Payload::Noop;
    Entry { index, term, payload }
}

fn hard(term: Term) -> Persist {
    Persist::HardState(HardState { term, vote: "n1".parse().ok() })
}

fn entries(range: std::ops::RangeInclusive<u64>, term: Term) -> Persist {
    Persist::Entries(range.map(|index| entry(index, term)).collect())
}

fn snapshot(index: Index, term: Term) -> Persist {
    let mut snapshot = Snapshot::default();
    snapshot.meta.index = index;
    snapshot.meta.term = term;
    Persist::Snapshot { snapshot, base: (index, term), tail: vec![entry(index + 1, term)] }
}

fn terms(durable: &Durable) -> Vec<(Index, Term)> {
    durable.log.iter().map(|e| (e.index, e.term)).collect()
}

fn written(dir: &Path, batches: Vec<Vec<Persist>>) {
    let (mut storage, _) = Storage::open(dir).expect("open");
    for batch in batches {
        storage.persist(batch).expect("persist");
    }
}

#[test]
fn what_was_persisted_is_found_again() {
    let dir = tempfile::tempdir().expect("temp dir");
    let first = vec![hard(1), entries(1..=3, 1)];
    let second = vec![hard(2), entries(2..=2, 2)];
    written(dir.path(), vec![first, second]);
    let (_, found) = Storage::open(dir.path()).expect("open again");
    assert_eq!(found.hard.term, 2);
    assert_eq!(terms(&found), [(1, 1), (2, 2)]);
}

#[test]
fn a_torn_tail_is_cut_off_at_every_byte() {
    let dir = tempfile::tempdir().expect("temp dir");
    written(dir.path(), vec![vec![hard(1), entries(1..=2, 1)]]);
    let path = dir.path().join("log");
    let kept = fs::read(&path).expect("log");
    written(dir.path(), vec![vec![entries(3..=5, 1)]]);
    let whole = fs::read(&path).expect("log");
    for length in kept.len()..whole.len() {
        fs::write(&path, &whole[..length]).expect("tear");
        let (_, found) = Storage::open(dir.path()).expect("recover");
        assert_eq!(terms(&found), [(1, 1), (2, 1)]);
        let now = fs::metadata(&path).expect("log").len();
        assert_eq!(now, kept.len() as u64);
    }
    // A tail of the right length whose pages never arrived is torn too.
    let mut zeros = kept.clone();
    zeros.resize(whole.len(), 0);
    fs::write(&path, &zeros).expect("tear");
    let (_, found) = Storage::open(dir.path()).expect("recover");
    assert_eq!(terms(&found), [(1, 1), (2, 1)]);
}

#[test]
fn damage_before_a_valid_record_is_an_error_with_its_place() {
    let dir = tempfile::tempdir().expect("temp dir");
    let batches = vec![vec![hard(1)], vec![entries(1..=9, 1)], vec![hard(2)]];
    written(dir.path(), batches);
    let path = dir.path().join("log");
    let whole = fs::read(&path).expect("log");
    let second = record::unseal(&whole).expect("first record").len() + 8;
    let third = second + record::unseal(&whole[second..]).expect("second").len() + 8;
    for position in second..third {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fs::write(&path, &damaged).expect("damage");
        match Storage::open(dir.path()) {
            Err(StorageError::Corrupt { offset, .. }) => assert_eq!(offset, second as u64),
            other => panic!("byte {position}: {other:?}"),
        }
    }
}

#[test]
fn a_snapshot_replaces_the_log_it_covers() {
    let dir = tempfile::tempdir().expect("temp dir");
    let batch = vec![hard(3), entries(1..=5, 3), snapshot(4, 3), entries(6..=6, 3)];
    written(dir.path(), vec![batch]);
    let (_, found) = Storage::open(dir.path()).expect("open again");
    assert_eq!(found.hard.term, 3);
    assert_eq!(found.snapshot.as_ref().map(|s| s.meta.index), Some(4));
    assert_eq!(terms(&found), [(5, 3), (6, 3)]);
}

#[test]
fn a_crash_between_snapshot_and_log_keeps_the_snapshot() {
    for (snapshot_term, kept) in [(3, vec![(1, 3), (2, 3), (3, 3)]), (4, vec![])] {
        let dir = tempfile::tempdir().expect("temp dir");
        written(dir.path(), vec![vec![hard(4), entries(1..=3, 3)]]);
        let old_log = fs::read(dir.path().join("log")).expect("log");
        written(dir.path(), vec![vec![snapshot(2, snapshot_term)]]);
        fs::write(dir.path().join("log"), old_log).expect("undo the second rename");
        fs::write(dir.path().join("log.tmp"), b"half").expect("left over");
        let (_, found) = Storage::open(dir.path()).expect("open again");
        assert_eq!(terms(&found), kept);
        let last = found.log.last_index();
        assert_eq!(last, if kept.is_empty() { 2 } else { 3 });
        // What is appended now must not end up behind the old log.
        written(dir.path(), vec![vec![entries(last + 1..=last + 2, 4)]]);
        let (_, found) = Storage::open(dir.path()).expect("open once more");
        assert_eq!(terms(&found), [kept, vec![(last + 1, 4), (last + 2, 4)]].concat());
    }
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let dir = tempfile::tempdir().expect("temp dir");
    written(dir.path(), vec![vec![snapshot(4, 3)]]);
    let path = dir.path().join("snapshot");
    let mut bytes = fs::read(&path).expect("snapshot");
    bytes[9] ^= 1;
    fs::write(&path, bytes).expect("damage");
    let opened = Storage::open(dir.path());
    assert!(matches!(opened, Err(StorageError::Corrupt { .. })), "{opened:?}");
}
