//! Something for each thread, found in one step, and whose operation a thread is busy with.

use checkers::{Event, EventType};

use super::Thread;

/// A value for each thread; the default until one is set.
#[derive(Clone, Debug, Default)]
pub(super) struct ByThread<T> {
    nemesis: T,
    clients: Vec<T>,
}

impl<T: Default> ByThread<T> {
    /// The value of a thread, if any was set.
    pub(super) fn get(&self, thread: Thread) -> Option<&T> {
        match thread {
            Thread::Nemesis => Some(&self.nemesis),
            Thread::Client(n) => self.clients.get(n as usize),
        }
    }

    /// The value of a thread if any was set, to be changed.
    pub(super) fn get_mut(&mut self, thread: Thread) -> Option<&mut T> {
        match thread {
            Thread::Nemesis => Some(&mut self.nemesis),
            Thread::Client(n) => self.clients.get_mut(n as usize),
        }
    }

    /// The value of a thread, made when it is not there.
    pub(super) fn entry(&mut self, thread: Thread) -> &mut T {
        match thread {
            Thread::Nemesis => &mut self.nemesis,
            Thread::Client(n) => {
                let n = n as usize;
                if n >= self.clients.len() {
                    self.clients.resize_with(n + 1, T::default);
                }
                &mut self.clients[n]
            }
        }
    }
}

/// How far the operation that a thread was given has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    None,
    Emitted,
    Invoked,
}

/// The operations that one generator emitted and that have not completed yet: a thread may also
/// be busy with somebody else's.
#[derive(Clone, Debug, Default)]
pub(super) struct Outstanding(ByThread<Progress>);

impl Outstanding {
    /// The generator gave `thread` an operation.
    pub(super) fn emitted(&mut self, thread: Thread) {
        *self.0.entry(thread) = Progress::Emitted;
    }

    /// Whether this event completes an operation of the generator's own.
    ///
    /// A nemesis may announce the beginning of a fault by an `info`, as Jepsen's does: the first
    /// event after an emission is the invocation, whatever its type.
    pub(super) fn completes(&mut self, thread: Thread, event: &Event) -> bool {
        let Some(progress) = self.0.get_mut(thread) else { return false };
        match (*progress, event.event_type) {
            (Progress::None, _) => false,
            (Progress::Emitted, _) | (Progress::Invoked, EventType::Invoke) => {
                *progress = Progress::Invoked;
                false
            }
            (Progress::Invoked, _) => {
                *progress = Progress::None;
                true
            }
        }
    }
}
