//! What happens to a world: named patterns that a nemesis can repeat on real processes.

use std::time::Duration;

use raft_kv::types::NodeId;
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::check::Violation;
use super::world::World;

/// A pattern of faults.
#[derive(Debug, Clone, Copy)]
pub enum Pattern {
    /// Partitions, kills and power cuts at random.
    Chaos,
    /// As soon as there is a new leader, it is cut off (with its clients) for `hold`; then the
    /// network is healed for `pause`.
    IsolateLeaders { hold: Duration, pause: Duration },
    /// The leader is cut off with one follower.
    IsolatePairs { hold: Duration, pause: Duration },
    /// As soon as there is a new leader it is cut off, while former ones come back: the last
    /// `keep` leaders stay cut off.
    RollLeaders { keep: usize, hold: Duration },
    /// As `RollLeaders`, but the leader is cut off with one follower, and alone with it: when the
    /// others have elected, the cut moves there at once.
    RollPairs { hold: Duration },
    /// The leader is cut off; the others are killed and started again `down` later; healed after
    /// `hold`.
    IsolateAndKillRest { down: Duration, hold: Duration, pause: Duration },
    /// All are killed and started again.
    KillAll { down: Duration, pause: Duration },
    /// A random half is cut from the other.
    Halves { hold: Duration, pause: Duration },
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Lets `pattern` rage for `time`.
pub fn rage(world: &mut World, pattern: Pattern, time: Duration) -> Result<(), Violation> {
    let end = world.now + time;
    world.run(ms(700))?;
    let mut isolated: Vec<NodeId> = Vec::new();
    while world.now < end {
        match pattern {
            Pattern::Chaos => chaos(world)?,
            Pattern::IsolateLeaders { hold, pause } => {
                let leader = await_leader(world, end, &[])?;
                world.isolate(&leader);
                world.run(hold)?;
                world.cut.clear();
                world.run(pause)?;
            }
            Pattern::IsolatePairs { hold, pause } => {
                let mut side = await_leader(world, end, &[])?;
                let others: Vec<_> = world.ids().into_iter().filter(|id| !side.contains(id)).collect();
                side.extend(others.choose(&mut world.rng));
                world.isolate(&side);
                world.run(hold)?;
                world.cut.clear();
                world.run(pause)?;
            }
            Pattern::RollLeaders { keep, hold } => {
                let leader = await_leader(world, end, &isolated)?;
                isolated.extend(leader);
                if isolated.len() > keep {
                    isolated.remove(0);
                }
                world.cut.clear();
                for id in isolated.clone() {
                    world.isolate(&[id]);
                }
                world.run(hold.max(ms(1)))?;
            }
            Pattern::RollPairs { hold } => {
                let mut side = await_leader(world, end, &isolated)?;
                let others = world.ids().into_iter().filter(|id| !side.contains(id));
                let others: Vec<_> = others.collect();
                side.extend(others.choose(&mut world.rng));
                world.cut.clear();
                world.isolate(&side);
                isolated = side;
                world.run(hold.max(ms(1)))?;
            }
            Pattern::IsolateAndKillRest { down, hold, pause } => {
                let leader = await_leader(world, end, &[])?;
                world.isolate(&leader);
                let rest: Vec<_> = world.ids().into_iter().filter(|id| !leader.contains(id)).collect();
                rest.iter().for_each(|id| world.kill(*id, false));
                world.run(down)?;
                rest.iter().for_each(|id| world.start(*id));
                world.run(hold)?;
                world.cut.clear();
                world.run(pause)?;
            }
            Pattern::KillAll { down, pause } => {
                let ids = world.ids();
                ids.iter().for_each(|id| world.kill(*id, false));
                world.run(down)?;
                ids.iter().for_each(|id| world.start(*id));
                world.run(pause)?;
            }
            Pattern::Halves { hold, pause } => {
                let mut ids = world.ids();
                ids.shuffle(&mut world.rng);
                ids.truncate(ids.len() / 2);
                world.isolate(&ids);
                world.run(hold)?;
                world.cut.clear();
                world.run(pause)?;
            }
        }
    }
    Ok(())
}

/// Waits until somebody leads who is not among `except`.
fn await_leader(world: &mut World, end: Duration, except: &[NodeId]) -> Result<Vec<NodeId>, Violation> {
    while world.now < end {
        let leader = world.leaders().into_iter().find(|(_, id)| !except.contains(id));
        if let Some((_, id)) = leader {
            return Ok(vec![id]);
        }
        world.run(ms(10))?;
    }
    Ok(Vec::new())
}

fn chaos(world: &mut World) -> Result<(), Violation> {
    let ids = world.ids();
    let id = *ids.choose(&mut world.rng).expect("a server");
    if world.rules.changing_members && world.rng.random_bool(0.5) {
        world.change_members()?;
    }
    match world.rng.random_range(0..10) {
        0 | 1 => {
            let side = ids.choose_multiple(&mut world.rng, ids.len() / 2).copied();
            let side: Vec<_> = side.collect();
            world.isolate(&side);
        }
        2 | 3 => {
            let leader = world.leaders().first().map_or(id, |(_, id)| *id);
            world.isolate(&[leader]);
        }
        4 => {
            let other = *ids.choose(&mut world.rng).expect("a server");
            world.cut.insert((id, other));
        }
        5 | 6 => world.cut.clear(),
        7 | 8 => {
            let power_cut = world.rng.random_bool(0.5);
            if world.is_up(id) {
                world.kill(id, power_cut);
            }
        }
        _ => {
            for id in ids {
                if !world.is_up(id) {
                    world.start(id);
                }
            }
        }
    }
    let pause = world.rng.random_range(20..500);
    world.run(ms(pause))
}
