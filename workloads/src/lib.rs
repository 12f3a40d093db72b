//! Workloads: what clients do to a system under test, and who judges the history of it.
//!
//! Start at [`Workload`]; [`Generator`] is the algebra that workloads are written in, [`Client`]
//! what a target implements.

pub mod client;
pub mod generator;
pub mod workload;

pub use client::{Client, Op, Outcome};
pub use generator::{Context, Generator, GeneratorExt, Next, Thread};
pub use workload::{Workload, WorkloadOptions};
