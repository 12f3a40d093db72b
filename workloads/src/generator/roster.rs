//! The threads of a run: who is idle, and which process each one runs.

use checkers::Process;
use rand_chacha::ChaCha8Rng;

use super::by_thread::ByThread;
use super::{Context, Generator, Next, Thread};

/// Keeps what a [`Context`] shows of threads, for whoever runs a generator.
///
/// A client thread `t` of `concurrency` runs the processes `t`, `t + concurrency`, and so on: the
/// next one after each crash.
#[derive(Clone, Debug)]
pub struct Roster {
    threads: Vec<Thread>,
    processes: ByThread<u64>,
    concurrency: u32,
    /// Idle threads from `first` on, the longest idle first. What stands before has been taken.
    free: Vec<Thread>,
    first: usize,
}

impl Roster {
    /// All threads idle, the nemesis (if there is one) after the clients.
    pub fn new(concurrency: u32, nemesis: bool) -> Self {
        let threads: Vec<_> =
            (0..concurrency).map(Thread::Client).chain(nemesis.then_some(Thread::Nemesis)).collect();
        let mut processes = ByThread::default();
        for thread in 0..concurrency {
            *processes.entry(Thread::Client(thread)) = u64::from(thread);
        }
        Roster { free: threads.clone(), threads, processes, concurrency, first: 0 }
    }

    /// All threads.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// Idle threads, the longest idle first.
    pub fn free(&self) -> &[Thread] {
        &self.free[self.first..]
    }

    /// Whether no thread is busy.
    pub fn all_idle(&self) -> bool {
        self.free().len() == self.threads.len()
    }

    /// The process that a thread runs now.
    ///
    /// # Panics
    /// After four thousand million crashes, when numbers of processes end.
    pub fn process_of(&self, thread: Thread) -> Process {
        match thread {
            Thread::Nemesis => Process::NEMESIS,
            Thread::Client(_) => {
                let number = self.processes.get(thread).copied().unwrap_or_default();
                Process::client(number).expect("a run has fewer than 2^32 client processes")
            }
        }
    }

    /// Asks a generator what comes next. An operation that it returns is yet to be taken note of
    /// with [`Roster::begin`].
    pub fn ask(&self, generator: &mut (impl Generator + ?Sized), time: u64, rng: &mut ChaCha8Rng) -> Next {
        generator.next(&mut Context {
            time,
            free: self.free(),
            threads: &self.threads,
            process_of: &|thread| self.process_of(thread),
            rng,
        })
    }

    /// The thread is busy from now on. `false` if it was not idle: whoever chose it is wrong.
    #[must_use]
    pub fn begin(&mut self, thread: Thread) -> bool {
        let Some(position) = self.free().iter().position(|free| *free == thread) else { return false };
        // Nearly always the first is taken; moving the others up would cost more than all else.
        if position == 0 {
            self.first += 1;
        } else {
            self.free.remove(self.first + position);
        }
        if self.first > self.threads.len() {
            self.free.drain(..self.first);
            self.first = 0;
        }
        true
    }

    /// The thread is idle again, as the same process: `ok` or `fail`.
    pub fn end(&mut self, thread: Thread) {
        debug_assert!(!self.free().contains(&thread), "{thread:?} ended an operation that it had not begun");
        self.free.push(thread);
    }

    /// The thread is idle again, as a new process: `info`. The nemesis stays what it is.
    pub fn end_crashed(&mut self, thread: Thread) {
        if let Thread::Client(_) = thread {
            *self.processes.entry(thread) += u64::from(self.concurrency);
        }
        self.end(thread);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::{nothing, repeat};
    use super::*;
    use crate::client::Op;

    #[test]
    fn a_thread_is_taken_once_and_goes_to_the_end_of_the_line() {
        let (a, b, c, n) = (Thread::Client(0), Thread::Client(1), Thread::Client(2), Thread::Nemesis);
        let mut roster = Roster::new(3, true);
        assert_eq!(roster.free(), [a, b, c, n]);
        assert!(roster.begin(b) && roster.begin(a));
        assert!(!roster.begin(a), "it is busy");
        assert_eq!(roster.free(), [c, n]);
        roster.end(a);
        roster.end_crashed(b);
        assert_eq!(roster.free(), [c, n, a, b]);
        assert!(roster.all_idle());
        assert_eq!(roster.process_of(a), Process::client(0).unwrap());
        assert_eq!(roster.process_of(b), Process::client(4).unwrap());
    }

    #[test]
    fn the_nemesis_stays_what_it_is() {
        let mut roster = Roster::new(1, true);
        assert!(roster.begin(Thread::Nemesis));
        roster.end_crashed(Thread::Nemesis);
        assert_eq!(roster.process_of(Thread::Nemesis), Process::NEMESIS);
    }

    #[test]
    fn the_list_of_idle_threads_stays_short_for_ever() {
        let mut roster = Roster::new(5, false);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for time in 0..10_000 {
            let Next::Invoke(thread, _) = roster.ask(&mut repeat(Op::new("a", 1)), time, &mut rng) else {
                panic!("all threads are free")
            };
            assert_eq!(thread, Thread::Client((time % 5) as u32));
            assert!(roster.begin(thread));
            roster.end(thread);
            assert!(roster.free.len() <= 12);
        }
        assert_eq!(roster.ask(&mut nothing(), 0, &mut rng), Next::Done);
    }
}
