//! What all benches share: which rows are wanted, how a row is timed, and what is printed of it.
//!
//! CPU time is that of the whole process, all threads, as the kernel counts it (`CLOCK_PROCESS_CPUTIME_ID`): other work on
//! the machine disturbs it least. Memory is counted by the allocator, not read from the resident set,
//! because a heap that was once larger keeps its pages.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// No row is repeated more often.
const MOST_RUNS: usize = 25;
/// A row is repeated until it took so long, but at least three times…
const ENOUGH: Duration = Duration::from_secs(1);
/// …unless one time takes so long.
const LONG: Duration = Duration::from_secs(5);
/// What is shorter is done so often that it takes as long.
const SHORT: Duration = Duration::from_millis(5);

/// Which clock a row is read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// CPU time of all threads.
    Cpu,
    /// Time on the wall: what several threads are for.
    Wall,
}

/// The rows of one bench.
pub struct Bench {
    words: Vec<String>,
}

impl Bench {
    /// From the command line, whose words a row's name must all contain; prints the heading.
    pub fn from_args() -> Self {
        let words = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
        println!("{:>11} {:>9} {:>9} {:>9}  {:<66} result", "CPU ms", "kop/s", "held MB", "peak MB", "row");
        Bench { words }
    }

    /// Whether a row is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.words.iter().all(|word| name.contains(word.as_str()))
    }

    /// Prepares and measures a row, if it is wanted: the median of several times, what was held before, the history's
    /// memory above all, and the most that was held.
    ///
    /// `count` operations are done each time; `work` says what came of it.
    pub fn row<W: FnMut() -> String>(&self, name: &str, count: usize, prepare: impl FnOnce() -> W) {
        self.row_by(Clock::Cpu, name, count, prepare);
    }

    /// The same by either clock.
    pub fn row_by<W: FnMut() -> String>(
        &self,
        clock: Clock,
        name: &str,
        count: usize,
        prepare: impl FnOnce() -> W,
    ) {
        if !self.wants(name) {
            return;
        }
        let mut work = prepare();
        let held = LIVE.load(Ordering::Relaxed);
        PEAK.store(held, Ordering::Relaxed);
        let mut times: Vec<Duration> = Vec::new();
        let mut result = String::new();
        let begin = Instant::now();
        loop {
            let before = now(clock);
            let mut done = 0;
            while done == 0 || now(clock) - before < SHORT {
                result = work();
                done += 1;
            }
            times.push((now(clock) - before) / done);
            let passed = begin.elapsed();
            let enough = times.len() >= 3 && passed >= ENOUGH || times.len() >= MOST_RUNS;
            if enough || passed >= LONG {
                break;
            }
        }
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64() * 1e3;
        let name = if clock == Clock::Wall { format!("{name} (wall time)") } else { name.to_owned() };
        println!(
            "{median:>11.3} {:>9.0} {:>9.1} {:>9.1}  {name:<66} {result}",
            count as f64 / median.max(1e-6),
            held as f64 / 1e6,
            PEAK.load(Ordering::Relaxed) as f64 / 1e6,
        );
    }
}

fn now(clock: Clock) -> Duration {
    let id = match clock {
        Clock::Cpu => ClockId::CLOCK_PROCESS_CPUTIME_ID,
        Clock::Wall => ClockId::CLOCK_MONOTONIC,
    };
    clock_gettime(id).map(Duration::from).expect("a clock that every Linux has")
}

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn grew(bytes: usize) {
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if live > PEAK.load(Ordering::Relaxed) {
            PEAK.fetch_max(live, Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::grew(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::grew(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::grew(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
