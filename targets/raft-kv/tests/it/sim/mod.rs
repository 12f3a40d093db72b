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
    assert!(
        finished > 20 * seeds,
        "only {finished} operations in {seeds} worlds"
    );
}

#[test]
fn three_servers_keep_their_promises_in_chaos() {
    always_right(Rules::new(3), Pattern::Chaos, ms(4000), seeds());
}

#[test]
fn five_servers_keep_their_promises_in_chaos() {
    always_right(Rules::new(5), Pattern::Chaos, ms(4000), seeds());
}
