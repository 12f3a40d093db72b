//! Whole clusters in virtual time over the core: a seed decides everything, so a failure is
//! replayed by its seed. `world` is the cluster, `disk` its disks, `faults` what happens to it,
//! `check` what must hold.

mod check;
mod disk;
mod faults;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use check::{Broken, Violation};
use faults::{Pattern, ms, rage};
use raft_kv::bugs::{Bug, Bugs};
use world::{Rules, World};

/// Seeds per test; `RAFT_KV_SIM_SEEDS` in the environment asks for more or fewer.
const SEEDS: u64 = 1000;

fn seeds() -> u64 {
    let asked = std::env::var("RAFT_KV_SIM_SEEDS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

/// One life of a world: faults, then healing.
fn live(rules: Rules, pattern: Pattern, time: Duration, seed: u64) -> Result<u64, Violation> {
    let mut world = World::new(rules, seed);
    rage(&mut world, pattern, time)?;
    world.settle()?;
    Ok(world.finished)
}

fn always_right(rules: Rules, pattern: Pattern, time: Duration, seeds: u64) {
    let mut finished = 0;
    for seed in 0..seeds {
        match live(rules, pattern, time, seed) {
            Ok(count) => finished += count,
            Err(Violation { broken, what }) => {
                panic!("seed {seed} of {pattern:?}: {broken:?}: {what}")
            }
        }
    }
    // A world in which nothing gets done proves nothing.
    assert!(finished > 20 * seeds, "only {finished} operations in {seeds} worlds");
}

#[test]
fn three_servers_keep_their_promises_in_chaos() {
    always_right(Rules::new(3), Pattern::Chaos, ms(4000), seeds());
}

#[test]
fn five_servers_keep_their_promises_in_chaos() {
    always_right(Rules::new(5), Pattern::Chaos, ms(4000), seeds());
}

/// Which pattern lets clients notice which bug, how often and how soon: a table for people.
#[test]
#[ignore = "explores; run with --ignored --nocapture"]
fn explore() {
    let patterns = [
        Pattern::IsolateLeaders { hold: ms(1000), pause: ms(500) },
        Pattern::IsolateLeaders { hold: ms(1000), pause: ms(100) },
        Pattern::IsolateLeaders { hold: ms(2500), pause: ms(1000) },
        Pattern::IsolatePairs { hold: ms(1000), pause: ms(500) },
        Pattern::RollLeaders { keep: 1, hold: ms(0) },
        Pattern::RollLeaders { keep: 1, hold: ms(100) },
        Pattern::RollLeaders { keep: 2, hold: ms(0) },
        Pattern::RollLeaders { keep: 2, hold: ms(50) },
        Pattern::IsolateAndKillRest { down: ms(100), hold: ms(1000), pause: ms(500) },
        Pattern::IsolateAndKillRest { down: ms(100), hold: ms(3000), pause: ms(1500) },
        Pattern::KillAll { down: ms(100), pause: ms(1500) },
        Pattern::Halves { hold: ms(1500), pause: ms(800) },
        Pattern::Chaos,
    ];
    let only = std::env::var("RAFT_KV_SIM_BUG").unwrap_or_default();
    let bugs = raft_kv::bugs::CATALOGUE.iter();
    for info in bugs.filter(|info| info.name.contains(&only)) {
        for pattern in patterns {
            let mut rules = Rules::new(5);
            rules.bugs = Bugs::from_iter([info.bug]);
            rules.outside_only = true;
            rules.clients = 10;
            rules.snapshot_threshold = 10_000;
            rules.loss = 0.0;
            rules.duplication = 0.0;
            rules.delay = ms(1);
            rules.think = ms(20);
            rules.retry = info.bug == Bug::RetryExecutesTwice;
            println!("{:34} {}", info.name, visible(rules, pattern, 10));
        }
    }
}

fn visible(rules: Rules, pattern: Pattern, runs: u64) -> String {
    let mut caught: BTreeMap<Broken, u64> = BTreeMap::new();
    let mut times = Vec::new();
    let start = Instant::now();
    for seed in 0..runs {
        let mut world = World::new(rules, seed);
        let raged = rage(&mut world, pattern, Duration::from_secs(60));
        let verdict = raged.and_then(|()| world.settle());
        if let Err(v) = verdict {
            *caught.entry(v.broken).or_default() += 1;
            times.push(world.now.as_secs());
        }
    }
    times.sort_unstable();
    let count = times.len();
    let took = start.elapsed().as_millis();
    format!("{pattern:?}: {count}/{runs} at {times:?} s, {caught:?} ({took} ms)")
}
