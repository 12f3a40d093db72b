//! A crash before each single step on the disk, another one while recovering from it, and then a
//! life in which nothing may turn out to be missing.

use super::*;
use crate::storage::faults;
use crate::types::{HardState, Snapshot};

/// What counts of what is stored: term and vote, the snapshot's last entry, what follows it.
#[derive(Debug, Clone, PartialEq)]
struct View {
    hard: HardState,
    snapshot: (Index, Term),
    entries: Vec<(Index, Term)>,
}

impl View {
    fn of(durable: &Durable) -> Self {
        let snapshot = durable.snapshot.as_ref().map_or((0, 0), |s| (s.meta.index, s.meta.term));
        assert!(durable.log.base().0 <= snapshot.0 && durable.log.term(snapshot.0) == Some(snapshot.1));
        let mut entries = terms(durable);
        entries.retain(|(index, _)| *index > snapshot.0);
        View { hard: durable.hard, snapshot, entries }
    }

    fn last_index(&self) -> Index {
        self.snapshot.0 + self.entries.len() as u64
    }
}

fn apply(durable: &mut Durable, op: &Persist) {
    match op.clone() {
        Persist::HardState(hard) => durable.hard = hard,
        Persist::Entries(entries) => {
            for entry in entries {
                durable.log.truncate_from(entry.index);
                durable.log.push(entry);
            }
        }
        Persist::Snapshot { snapshot, base, tail } => {
            durable.snapshot = Some(snapshot);
            durable.log = Log::new(base, tail);
        }
    }
}

fn snapshot(at: (Index, Term), base: (Index, Term), tail: &[(Index, Term)]) -> Persist {
    let mut snapshot = Snapshot::default();
    (snapshot.meta.index, snapshot.meta.term) = at;
    let tail = tail.iter().map(|(index, term)| entry(*index, *term)).collect();
    Persist::Snapshot { snapshot, base, tail }
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Killed,
    /// With the power cut, and these of the names not fsynced on the disk nevertheless, as bits.
    PowerCut(usize),
}

/// All that can differ, with at most two names not fsynced.
const ENDS: [End; 5] =
    [End::Killed, End::PowerCut(0b00), End::PowerCut(0b01), End::PowerCut(0b10), End::PowerCut(0b11)];

impl End {
    /// Lets the disk forget what it forgets at such an end; false if another end does the same.
    fn strike(self) -> bool {
        if let End::PowerCut(kept) = self {
            let names = faults::unsynced_names();
            assert!(names <= 2, "{names} names are not fsynced");
            if kept >= 1 << names {
                return false;
            }
            faults::cut_power(kept);
        }
        true
    }
}

/// Crashes once in `batches` and once in the recovery, in every possible way.
fn check(batches: &[Vec<Persist>]) {
    for first in 0.. {
        let lives = ENDS.map(|end| check_recoveries(batches, first, end));
        if lives.contains(&Life::Finished) {
            assert!(first > 10, "the crashes did not happen");
            return;
        }
    }
}

fn check_recoveries(batches: &[Vec<Persist>], first: usize, first_end: End) -> Life {
    let mut life = Life::Crashed;
    let mut recovered = false;
    let mut second = 0;
    while !recovered {
        for second_end in ENDS {
            faults::reset();
            let dir = on_fast_disk();
            let allowed;
            (life, allowed) = live(dir.path(), batches, first);
            if !first_end.strike() {
                return life;
            }
            faults::crash_after(Some(second));
            recovered = Storage::open(dir.path()).is_ok();
            faults::crash_after(None);
            if second_end.strike() {
                let place = format!("{first_end:?} after {first}, {second_end:?} after {second}");
                check_recovered(dir.path(), &allowed, &place);
            }
        }
        second += 1;
    }
    life
}

/// Thousands of directories that are fsynced again and again: in memory, if there is such a place.
fn on_fast_disk() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("temp dir")
}

#[derive(Debug, PartialEq)]
enum Life {
    Crashed,
    Finished,
}

/// Persists `batches` until the crash. What may be found then: all that was acknowledged, and
/// any number of the operations after it.
fn live(dir: &Path, batches: &[Vec<Persist>], steps: usize) -> (Life, Vec<View>) {
    let mut durable = Durable::default();
    let mut allowed = vec![View::of(&durable)];
    faults::crash_after(Some(steps));
    let Ok((mut storage, _)) = Storage::open(dir) else {
        return (Life::Crashed, allowed);
    };
    for batch in batches {
        for op in batch {
            apply(&mut durable, op);
            allowed.push(View::of(&durable));
        }
        if storage.persist(batch.clone()).is_err() {
            return (Life::Crashed, allowed);
        }
        allowed = vec![View::of(&durable)];
    }
    (Life::Finished, allowed)
}

fn check_recovered(dir: &Path, allowed: &[View], place: &str) {
    let reopen = || {
        let (storage, durable) = Storage::open(dir).unwrap_or_else(|e| panic!("{place}: {e}"));
        // Whatever an opened storage says is durable.
        faults::cut_power(0);
        (storage, durable)
    };
    let (mut storage, mut durable) = reopen();
    let found = View::of(&durable);
    assert!(allowed.contains(&found), "{place}: found {found:?}, not one of {allowed:?}");
    let (last, term) = (found.last_index(), durable.hard.term + 1);
    let more = [
        vec![hard(term), entries(last + 1..=last + 2, term)],
        vec![snapshot((last + 1, term), (last + 1, term), &[(last + 2, term)])],
        vec![entries(last + 3..=last + 3, term)],
    ];
    for batch in more {
        batch.iter().for_each(|op| apply(&mut durable, op));
        storage.persist(batch).unwrap_or_else(|e| panic!("{place}: {e}"));
        faults::cut_power(0);
        let (again, found) = reopen();
        assert_eq!(View::of(&found), View::of(&durable), "{place}");
        storage = again;
    }
}

#[test]
fn appending_survives_every_crash() {
    check(&[vec![hard(1), entries(1..=5, 1)], vec![hard(2), entries(3..=4, 2)], vec![entries(5..=5, 2)]]);
}

#[test]
fn a_snapshot_of_the_own_log_survives_every_crash() {
    check(&[
        vec![hard(1), entries(1..=5, 1)],
        vec![snapshot((4, 1), (3, 1), &[(4, 1), (5, 1)])],
        vec![entries(6..=6, 1)],
    ]);
}

#[test]
fn a_snapshot_of_entries_of_its_own_batch_survives_every_crash() {
    let tail = [(6, 2)];
    check(&[
        vec![hard(1), entries(1..=3, 1)],
        vec![hard(2), entries(4..=6, 2), snapshot((5, 2), (5, 2), &tail), hard(3), entries(7..=7, 3)],
    ]);
}

#[test]
fn an_installed_snapshot_beyond_the_log_survives_every_crash() {
    check(&[vec![hard(1), entries(1..=2, 1)], vec![hard(2), snapshot((5, 2), (5, 2), &[])]]);
}

#[test]
fn an_installed_snapshot_on_an_empty_disk_survives_every_crash() {
    check(&[vec![hard(2), snapshot((5, 2), (5, 2), &[]), entries(6..=6, 2)]]);
}

#[test]
fn an_installed_snapshot_that_contradicts_the_log_survives_every_crash() {
    check(&[
        vec![hard(1), entries(1..=7, 1)],
        vec![hard(3), snapshot((5, 2), (5, 2), &[]), entries(6..=6, 3)],
    ]);
}

#[test]
fn a_snapshot_after_a_snapshot_survives_every_crash() {
    check(&[
        vec![hard(1), entries(1..=5, 1), snapshot((4, 1), (4, 1), &[(5, 1)])],
        vec![snapshot((5, 1), (5, 1), &[]), hard(2), snapshot((9, 2), (9, 2), &[])],
    ]);
}
