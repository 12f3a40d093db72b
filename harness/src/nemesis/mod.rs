//! The nemesis: faults as values, schedules of them, and the storm that carries them out.
//!
//! | module | what lives there |
//! |---|---|
//! | [`fault`] | the closed list of faults, and what `--faults` understands |
//! | [`grudge`] | partitions: who refuses whose messages |
//! | [`schedule`] | which fault, when, for how long; pure, seeded, stored |
//! | [`storm`] | carries a schedule out, with evidence |

pub mod fault;
pub mod grudge;
pub mod schedule;
pub mod storm;

pub use fault::{Aim, Fault, FaultClass, FaultSpec};
pub use grudge::{Grudge, PartitionKind};
pub use schedule::{Schedule, ScheduleOptions};
pub use storm::{LinkCheck, Links, Storm};
