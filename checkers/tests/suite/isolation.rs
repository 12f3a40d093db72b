//! Levels of isolation: against brute force, on the known anomalies, on AWDIT's histories.

use checkers::formats;
use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Judgement, Verdict};

use crate::corpus_path::corpus;
use crate::isolation_oracle;
use crate::isolation_text::{Op, Shape, Txn, by_hand, history, random};
use crate::simulate::Random;
use crate::text::lines;

fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

fn judge(txns: &[Txn], holds: Holds, level: Level) -> Judgement {
    Isolation::new(level, holds).check(&history(txns, holds), &Budget::default())
}

fn against_brute_force(holds: Holds, levels: &[Level], shapes: &[Shape]) {
    let mut seen = vec![[0u64; 2]; levels.len()];
    for seed in 0..cases() {
        let shape = shapes[seed as usize % shapes.len()];
        let txns = random(&mut Random(seed), shape);
        // Nothing was observed: every level is `unknown`.
        let reads = |txn: &Txn| txn.ops.iter().any(|op| matches!(op, Op::R(..)));
        if !txns.iter().any(|txn| txn.fate == checkers::Fate::Ok && reads(txn)) {
            let unknown = |level: &Level| judge(&txns, holds, *level).verdict != Verdict::Valid;
            assert!(levels.iter().all(unknown), "seed {seed}");
            continue;
        }
        for (at, level) in levels.iter().enumerate() {
            let expected = isolation_oracle::holds(&txns, holds, *level);
            let judgement = judge(&txns, holds, *level);
            let found = match judgement.verdict {
                Verdict::Valid => true,
                Verdict::Invalid => false,
                Verdict::Unknown => panic!("seed {seed}, {level:?}: {}", judgement.reason),
            };
            assert_eq!(
                found,
                expected,
                "seed {seed}, {level:?}: {} {}\n{}",
                judgement.verdict,
                judgement.reason,
                lines(&history(&txns, holds))
            );
            seen[at][usize::from(found)] += 1;
        }
    }
    for (level, [broken, kept]) in levels.iter().zip(&seen) {
        let few = cases() / 100;
        assert!(*broken > few && *kept > few, "{level:?}: {broken} broken, {kept} kept");
    }
}

fn shapes(holds: Holds) -> Vec<Shape> {
    [(2, 5, 2, 2), (3, 5, 3, 2), (3, 6, 2, 3), (2, 4, 4, 2), (3, 6, 1, 2)]
        .map(|(sessions, txns, ops, keys)| Shape { sessions, txns, ops, keys, holds })
        .to_vec()
}

const SATURATED: &[Level] = &[Level::ReadCommitted, Level::ReadAtomic, Level::Causal];

#[test]
fn saturation_agrees_with_brute_force_on_registers() {
    against_brute_force(Holds::Registers, SATURATED, &shapes(Holds::Registers));
}

#[test]
fn saturation_agrees_with_brute_force_on_lists() {
    against_brute_force(Holds::Lists, SATURATED, &shapes(Holds::Lists));
}

const SEARCHED: &[Level] = &[
    Level::SnapshotIsolation,
    Level::StrongSessionSnapshotIsolation,
    Level::StrongSnapshotIsolation,
    Level::Serializable,
    Level::StrongSessionSerializable,
    Level::StrictSerializable,
];

#[test]
fn search_agrees_with_brute_force_on_registers() {
    against_brute_force(Holds::Registers, SEARCHED, &shapes(Holds::Registers));
}

#[test]
fn search_agrees_with_brute_force_on_lists() {
    against_brute_force(Holds::Lists, SEARCHED, &shapes(Holds::Lists));
}

const SESSIONS: &[Level] = &[
    Level::ReadYourWrites,
    Level::MonotonicReads,
    Level::MonotonicWrites,
    Level::WritesFollowReads,
    Level::Pram,
    Level::WeakCausal,
    Level::CausalMemory,
];

#[test]
fn session_guarantees_agree_with_brute_force_on_registers() {
    against_brute_force(Holds::Registers, SESSIONS, &shapes(Holds::Registers));
}

#[test]
fn session_guarantees_agree_with_brute_force_on_lists() {
    against_brute_force(Holds::Lists, SESSIONS, &shapes(Holds::Lists));
}

#[test]
fn a_level_that_holds_implies_the_weaker_ones() {
    for holds in [Holds::Registers, Holds::Lists] {
        for seed in 0..cases() / 5 {
            let shape = Shape { sessions: 3, txns: 8, ops: 3, keys: 3, holds };
            let txns = random(&mut Random(1_000_000 + seed), shape);
            if txns.iter().all(|txn| txn.fate != checkers::Fate::Ok) {
                continue;
            }
            for level in Level::all() {
                // Where nothing was read all of them are unknown.
                if judge(&txns, holds, level).verdict != Verdict::Valid {
                    continue;
                }
                for weaker in level.implies() {
                    let verdict = judge(&txns, holds, *weaker).verdict;
                    assert_eq!(verdict, Verdict::Valid, "seed {seed}: {level:?} without {weaker:?}");
                }
            }
        }
    }
}

#[test]
fn awdit_histories_have_their_verdicts() {
    let Some(corpus) = corpus() else { return eprintln!("no corpus here") };
    for (folder, levels) in [("read-committed", 1), ("read-atomic", 2), ("causal", 3)] {
        let folder = corpus.join("transactions/awdit").join(folder);
        for place in [folder.clone(), folder.join("generated")] {
            for entry in std::fs::read_dir(&place).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "txt") {
                    continue;
                }
                let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
                let history = formats::awdit::read(file).unwrap();
                for (at, level) in SATURATED.iter().enumerate() {
                    let checker = Isolation::new(*level, Holds::Registers);
                    let judgement = checker.check(&history, &Budget::default());
                    let expected = if at < levels { Verdict::Valid } else { Verdict::Invalid };
                    assert_eq!(judgement.verdict, expected, "{}: {level:?} {judgement:#?}", path.display());
                }
            }
        }
    }
}

#[test]
fn by_hand_is_read() {
    assert_eq!(by_hand("w x 1 | r x 1\nr y -").len(), 3);
}
