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
