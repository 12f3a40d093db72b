//! How many operations a second generators give, with all that a runner does around them but the
//! I/O: choosing the thread, and telling of invocation and completion.
//!
//! `cargo bench -p workloads`

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use checkers::{Event, EventType};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use workloads::generator::{GeneratorExt, Roster, any, reserve, sleep};
use workloads::{Generator, Next, Op, Thread, WorkloadOptions, by_name};

const OPERATIONS: u32 = 2_000_000;
const ROUNDS: u32 = 5;

fn main() {
    println!("best of {ROUNDS} rounds of {OPERATIONS} operations, half of the threads busy");
    for threads in [10, 100, 200] {
        measure("register", threads, || register(threads).on_clients());
        measure("register, beside a nemesis", threads, || {
            any(vec![register(threads).on_clients().boxed(), sleep(Duration::MAX).on_nemesis().boxed()])
        });
        measure("register, staggered, time limit", threads, || {
            register(threads).stagger(Duration::from_nanos(1)).time_limit(Duration::MAX).on_clients()
        });
        measure("register, half of the threads reserved", threads, || {
            reserve(vec![(threads / 2, register(threads))], register(threads)).on_clients()
        });
        measure("set", threads, || workload("set", threads).on_clients());
    }
}

fn register(threads: u32) -> Box<dyn Generator> {
    workload("register", threads)
}

fn workload(name: &str, threads: u32) -> Box<dyn Generator> {
    let entry = by_name(name).expect("a workload of this name");
    (entry.build)().generator(&WorkloadOptions { concurrency: threads, nodes: 5 })
}

fn measure<G: Generator>(name: &str, threads: u32, make: impl Fn() -> G) {
    // The best, since whatever else runs on the machine can only slow a round down.
    let best = (0..ROUNDS).map(|_| rate(make(), threads)).fold(0.0, f64::max);
    println!("{threads:>4} threads  {:>6.2} M ops/s  {name}", best / 1e6);
}

fn rate(mut generator: impl Generator, threads: u32) -> f64 {
    // The nemesis stands idle all the time, and so before all others in the line.
    let mut roster = Roster::new(threads, true);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut busy: VecDeque<(Thread, Op)> = VecDeque::new();
    let mut time = 0;
    let mut done = 0;
    let begin = Instant::now();
    while done < OPERATIONS {
        time += 100;
        if busy.len() > threads as usize / 2
            && let Some((thread, op)) = busy.pop_front()
        {
            let event = Event::new(time, roster.process_of(thread), EventType::Ok, op.f, op.value);
            roster.end(thread);
            generator.update(thread, &event);
        }
        match roster.ask(&mut generator, time, &mut rng) {
            Next::Invoke(thread, op) => {
                assert!(roster.begin(thread), "{thread:?} is not free");
                let process = roster.process_of(thread);
                let event = Event::new(time, process, EventType::Invoke, op.f.clone(), op.value.clone());
                generator.update(thread, black_box(&event));
                busy.push_back((thread, op));
                done += 1;
            }
            Next::Pending(_) => {}
            Next::Done => panic!("the generator ended after {done} operations"),
        }
    }
    f64::from(OPERATIONS) / begin.elapsed().as_secs_f64()
}
