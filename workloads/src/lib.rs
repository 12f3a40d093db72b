//! Workloads: what clients do to a system under test, and who judges the history of it.
//!
//! Start at [`Workload`]; [`Generator`] is the algebra that workloads are written in, [`Client`]
//! what a target implements.
//!
//! | module | what lives there |
//! |---|---|
//! | [`workload`], [`registry`] | the trait, and all workloads by name |
//! | [`register`], [`set`] | one workload each |
//! | [`generator`] | when which operation is invoked: combinators, and a run in virtual time |
//! | [`client`] | the trait that a target implements |
//! | [`memory_kv`], [`noop`] | clients without a target, for tests and measurements |
//!
//! A workload against a store in memory, ten virtual seconds of it:
//!
//! ```
//! use std::time::Duration;
//! use workloads::generator::simulate::{Response, Simulation};
//! use workloads::generator::{GeneratorExt, per_second};
//! use workloads::memory_kv::MemoryKv;
//! use workloads::{WorkloadOptions, by_name};
//!
//! let workload = (by_name("register").unwrap().build)();
//! let options = WorkloadOptions { concurrency: 10, nodes: 5 };
//! let mut load =
//!     workload.generator(&options).stagger(per_second(100.0)).time_limit(Duration::from_secs(10));
//! let store = MemoryKv::new();
//! let trace = Simulation::with_clients(options.concurrency)
//!     .run(&mut load, |call, _| Response::new(Duration::from_millis(3), store.perform(call.op)));
//! assert!(trace.history().unwrap().operations().count() > 900);
//! ```

pub mod client;
pub mod generator;
pub mod memory_kv;
pub mod noop;
pub mod register;
pub mod registry;
pub mod set;
pub mod workload;

pub use client::{Client, Op, Outcome};
pub use generator::{Context, Generator, GeneratorExt, Next, Thread};
pub use registry::{all, by_name};
pub use workload::{Workload, WorkloadOptions};
