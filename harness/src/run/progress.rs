//! What a person sees while a run goes on: a live line on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::nemesis::Storm;
use crate::recorder::Recorder;
use crate::say;

/// How often the live line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// How often a plain line is printed where there is no terminal.
const PRINT_EVERY: Duration = Duration::from_secs(5);

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Nothing.
    Quiet,
    /// Phases and progress.
    Normal,
}

/// Says on standard error where the run is.
pub struct Progress {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    began: Instant,
    phase: Mutex<String>,
    watched: Mutex<Option<(Arc<Recorder>, Arc<Storm>)>>,
    stop: AtomicBool,
    bar: Option<ProgressBar>,
    voice: Voice,
}

impl Shared {
    fn say(&self, line: &str) {
        match (&self.bar, self.voice) {
            (_, Voice::Quiet) => {}
            (Some(bar), _) => bar.println(line),
            (None, _) => say::err(line),
        }
    }
}

impl Progress {
    /// Begins to speak.
    pub fn start(voice: Voice) -> Self {
        let live = voice != Voice::Quiet && std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        let shared = Arc::new(Shared {
            began: Instant::now(),
            phase: Mutex::default(),
            watched: Mutex::default(),
            stop: AtomicBool::new(false),
            bar,
            voice,
        });
        let ticker = (voice != Voice::Quiet)
            .then(|| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new().name("progress".to_owned()).spawn(move || tick(&shared)).ok()
            })
            .flatten();
        Progress { shared, ticker }
    }

    /// From now on the line tells of this load and these faults.
    pub fn watch(&self, recorder: Arc<Recorder>, storm: Arc<Storm>) {
        *self.shared.watched.lock().unwrap_or_else(PoisonError::into_inner) = Some((recorder, storm));
    }

    /// A new phase begins.
    pub fn phase(&self, name: &str) {
        *self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner) = name.to_owned();
        if self.shared.bar.is_none() {
            self.say(&format!("{:6.1}s  {name}", self.shared.began.elapsed().as_secs_f64()));
        }
    }

    /// Says a line, above the live one.
    pub fn say(&self, line: &str) {
        self.shared.say(line);
    }

    /// Will say this line when called, from any thread.
    pub fn saying(&self, line: &'static str) -> impl FnOnce() + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.say(line)
    }

    /// Falls silent, and clears the live line.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            let _ = ticker.join();
        }
        if let Some(bar) = &self.shared.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tick(shared: &Shared) {
    let every = if shared.bar.is_some() { DRAW_EVERY } else { PRINT_EVERY };
    let (mut last_count, mut last_time) = (0, Instant::now());
    let mut next = Instant::now() + every;
    while !shared.stop.load(SeqCst) {
        let now = Instant::now();
        if now < next {
            std::thread::park_timeout(next - now);
            continue;
        }
        next = now + every;
        let phase = shared.phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let watched = shared.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match &*watched {
            None => format!("{:6.1}s  {phase}", shared.began.elapsed().as_secs_f64()),
            Some((recorder, storm)) => {
                let counts = recorder.counts();
                let (ok, fail, info) =
                    (counts.ok.load(Relaxed), counts.fail.load(Relaxed), counts.info.load(Relaxed));
                let all = ok + fail + info;
                let rate = (all - last_count) as f64 / last_time.elapsed().as_secs_f64().max(0.001);
                (last_count, last_time) = (all, now);
                let faults = storm.in_force();
                let faults = if faults.is_empty() { "no faults".to_owned() } else { faults.join(", ") };
                format!(
                    "{:6.1}s  {phase:<12} {rate:>7.0} ops/s   ok {ok}  fail {fail}  info {info}   {faults}",
                    shared.began.elapsed().as_secs_f64()
                )
            }
        };
        drop(watched);
        match &shared.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => say::err(line),
        }
    }
}
