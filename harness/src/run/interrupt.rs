//! Ctrl-C: the first asks the run to heal, tear down and judge; a second ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::exit::Exit;

/// Whether the user wants the run to end.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Inner>);

#[derive(Default)]
struct Inner {
    raised: AtomicBool,
    notify: Notify,
}

impl Interrupt {
    /// Asks the run to end early, as Ctrl-C does.
    pub fn raise(&self) {
        self.0.raised.store(true, SeqCst);
        self.0.notify.notify_waiters();
    }

    /// Whether it was asked to end.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(SeqCst)
    }

    /// Ends when the run is asked to end.
    pub async fn raised(&self) {
        let notified = self.0.notify.notified();
        tokio::pin!(notified);
        // Registered before the flag is read, so that a raise in between is not missed.
        notified.as_mut().enable();
        if !self.is_raised() {
            notified.await;
        }
    }

    /// Listens for SIGINT and SIGTERM on a thread of its own, so that a second one ends the
    /// program even while a checker has the processor. `at_first` is called at the first.
    ///
    /// # Errors
    /// When the thread or the handlers cannot be had.
    pub fn listen(&self, at_first: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let interrupt = self.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut at_first = Some(at_first);
                let (Ok(mut int), Ok(mut term)) =
                    (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
                else {
                    return;
                };
                loop {
                    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
                    if interrupt.is_raised() {
                        // The sandbox's init takes every process down with us.
                        std::process::exit(i32::from(Exit::Interrupted.code()));
                    }
                    interrupt.raise();
                    if let Some(at_first) = at_first.take() {
                        at_first();
                    }
                }
            });
        })?;
        Ok(())
    }
}
