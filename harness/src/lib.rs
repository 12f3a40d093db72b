//! The Stormglass controller: deploys a system, breaks its world, records what its clients saw,
//! and has it judged.
//!
//! Start at [`commands::run`]: it makes a [`plan::Plan`], enters the [`sandbox`], lets
//! [`run::execute()`] go through the phases, and hands the history to [`judge`].
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`] | what was typed |
//! | [`plan`] | the same, validated; `plan.json` |
//! | [`commands`] | one command per file |
//! | [`run`] | the phases of a run: load, recovery, final reads |
//! | [`recorder`] | `history.jsonl`, as it happens |
//! | [`judge`] | from a history to a verdict |
//! | [`nemesis`] | faults, schedules, and what carries them out |
//! | [`nodes`] | server processes |
//! | [`net`] | namespaces, the switch, probes |
//! | [`sandbox`] | namespaces around the controller: nothing outlives it |
//! | [`doctor`] | what this machine allows |
//! | [`surroundings`] | facts of the machine for the record |
//! | [`exit`] | exit codes |
//! | [`say`] | words for people |

pub mod cli;
pub mod commands;
pub mod doctor;
pub mod exit;
pub mod judge;
pub mod nemesis;
pub mod net;
pub mod nodes;
pub mod plan;
pub mod recorder;
pub mod run;
pub mod sandbox;
pub mod say;
pub mod surroundings;
