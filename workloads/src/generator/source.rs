//! Where operations begin.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Context, Generator, Next, nanoseconds};
use crate::client::Op;

/// Ends at once.
pub fn nothing() -> Nothing {
    Nothing
}

/// See [`nothing`].
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Generator for Nothing {
    fn next(&mut self, _ctx: &mut Context<'_>) -> Next {
        Next::Done
    }
}

/// The same operation, for ever; bounded by [`limit`](super::GeneratorExt::limit).
pub fn repeat(op: Op) -> Repeat {
    Repeat(op)
}

/// See [`repeat`].
#[derive(Clone, Debug)]
pub struct Repeat(Op);

impl Generator for Repeat {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        ctx.invoke_with(|_| self.0.clone())
    }
}

/// These operations, each once, in this order, on whichever threads are free.
pub fn ops(operations: impl IntoIterator<Item = Op>) -> Ops {
    Ops(operations.into_iter().collect())
}

/// See [`ops`].
#[derive(Clone, Debug)]
pub struct Ops(VecDeque<Op>);

impl Generator for Ops {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        // Done is said before a thread is free, so that whoever waits for it need not.
        match (self.0.is_empty(), ctx.free.first()) {
            (true, _) => Next::Done,
            (false, None) => Next::Pending(None),
            (false, Some(&thread)) => self.0.pop_front().map_or(Next::Done, |op| Next::Invoke(thread, op)),
        }
    }
}

/// An operation made by `make` whenever one is wanted, for ever. It goes to the thread that has
/// been idle longest, `ctx.free[0]`.
pub fn from_fn<F>(make: F) -> FromFn<F>
where
    F: FnMut(&mut Context<'_>) -> Op + Send,
{
    FromFn(make)
}

/// See [`from_fn`].
pub struct FromFn<F>(F);

impl<F> Generator for FromFn<F>
where
    F: FnMut(&mut Context<'_>) -> Op + Send,
{
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        ctx.invoke_with(&mut self.0)
    }
}

/// As [`from_fn`], until `make` has no more.
pub fn from_fn_while<F>(make: F) -> FromFnWhile<F>
where
    F: FnMut(&mut Context<'_>) -> Option<Op> + Send,
{
    FromFnWhile { make, done: false }
}

/// See [`from_fn_while`].
pub struct FromFnWhile<F> {
    make: F,
    done: bool,
}

impl<F> Generator for FromFnWhile<F>
where
    F: FnMut(&mut Context<'_>) -> Option<Op> + Send,
{
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.done {
            return Next::Done;
        }
        let Some(&thread) = ctx.free.first() else { return Next::Pending(None) };
        match (self.make)(ctx) {
            Some(op) => Next::Invoke(thread, op),
            None => {
                self.done = true;
                Next::Done
            }
        }
    }
}

/// Nothing for this long, counted from the first ask, and then the end.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { duration: nanoseconds(duration), until: None }
}

/// See [`sleep`].
#[derive(Clone, Copy, Debug)]
pub struct Sleep {
    duration: u64,
    until: Option<u64>,
}

impl Generator for Sleep {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let until = *self.until.get_or_insert(ctx.time.saturating_add(self.duration));
        if ctx.time < until { Next::Pending(Some(until)) } else { Next::Done }
    }
}

/// Says `message` with the time (ns since the run began) when its turn has come, emits nothing,
/// and ends. `say` is the caller's, since a generator writes nowhere itself.
pub fn log<F>(message: impl Into<String>, say: F) -> Log<F>
where
    F: FnOnce(u64, &str) + Send,
{
    Log { message: message.into(), say: Some(say) }
}

/// See [`log`].
pub struct Log<F> {
    message: String,
    say: Option<F>,
}

impl<F> Generator for Log<F>
where
    F: FnOnce(u64, &str) + Send,
{
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if let Some(say) = self.say.take() {
            say(ctx.time, &self.message);
        }
        Next::Done
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{End, Response, Simulation};
    use super::super::testing::{calls, run};
    use super::super::{GeneratorExt, concat};
    use super::*;

    fn op(n: i64) -> Op {
        Op::new("w", n)
    }

    #[test]
    fn nothing_ends_at_once() {
        let trace = run(2, nothing());
        assert_eq!((trace.events.len(), trace.end, trace.asks), (0, End::Done, 1));
    }

    #[test]
    fn repeat_keeps_all_threads_busy_in_the_order_in_which_they_become_idle() {
        assert_eq!(calls(2, repeat(op(1)).limit(4)), ["0ms 0 w 1", "0ms 1 w 1", "10ms 0 w 1", "10ms 1 w 1"]);
    }

    #[test]
    fn the_longest_idle_thread_goes_first() {
        let mut generator = repeat(op(1)).delay(Duration::from_millis(4)).limit(5);
        let trace = Simulation::with_clients(3).run(&mut generator, |_, _| Response::ok_after_ms(1));
        assert_eq!(trace.calls(), ["0ms 0 w 1", "4ms 1 w 1", "8ms 2 w 1", "12ms 0 w 1", "16ms 1 w 1"]);
    }

    #[test]
    fn ops_are_given_once_each_in_order() {
        assert_eq!(calls(2, ops([op(1), op(2), op(3)])), ["0ms 0 w 1", "0ms 1 w 2", "10ms 0 w 3"]);
    }

    #[test]
    fn a_function_sees_the_moment() {
        let generator = from_fn(|ctx| Op::new("at", i64::try_from(ctx.time).unwrap())).limit(2);
        assert_eq!(calls(1, generator), ["0ms 0 at 0", "10ms 0 at 10000000"]);
    }

    #[test]
    fn a_function_may_end() {
        let mut left = vec![2, 1];
        assert_eq!(calls(1, from_fn_while(move |_| left.pop().map(op))), ["0ms 0 w 1", "10ms 0 w 2"]);
    }

    #[test]
    fn sleep_waits_without_operations() {
        let generator = concat(vec![sleep(Duration::from_millis(25)).boxed(), ops([op(1)]).boxed()]);
        assert_eq!(calls(1, generator), ["25ms 0 w 1"]);
    }

    #[test]
    fn log_speaks_once_when_its_turn_has_come() {
        let (say, said) = std::sync::mpsc::channel();
        let message = log("healed", move |time, text| say.send(format!("{time} {text}")).unwrap());
        let generator =
            concat(vec![sleep(Duration::from_nanos(7)).boxed(), message.boxed(), ops([op(1)]).boxed()]);
        assert_eq!(calls(1, generator), ["0.000007ms 0 w 1"]);
        assert_eq!(said.iter().collect::<Vec<_>>(), ["7 healed"]);
    }
}
