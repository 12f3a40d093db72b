//! The directed links between nodes: the one place that decides what becomes of
//! a frame, and what it counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use serde::Serialize;

use super::grudge::{Endpoint, Grudge};
use super::probe;

/// What a link does to the frames on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Frames pass.
    #[default]
    Open,
    /// Frames vanish.
    Cut,
}

/// What is to become of one frame on one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Pass,
    Drop,
}

/// What a link has carried since the network was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LinkCounts {
    /// Frames handed to the receiver.
    pub passed_frames: u64,
    /// Bytes of those, with their ethernet headers.
    pub passed_bytes: u64,
    /// Frames that vanished because the link was cut.
    pub dropped_frames: u64,
    /// Frames that the receiver's kernel would not take: its interface was
    /// down, or its queue was full.
    pub refused_frames: u64,
}

/// All directed links between `nodes` nodes.
#[derive(Debug)]
pub(super) struct Links {
    nodes: usize,
    states: RwLock<Vec<LinkState>>,
    counters: Vec<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    passed_frames: AtomicU64,
    passed_bytes: AtomicU64,
    dropped_frames: AtomicU64,
    refused_frames: AtomicU64,
    last_dropped_probe: AtomicU64,
}

/// The states of all links, unchanging for as long as this is held.
pub(super) struct Decisions<'a> {
    links: &'a Links,
    states: RwLockReadGuard<'a, Vec<LinkState>>,
}

impl Links {
    /// Links that are all open.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes,
            states: RwLock::new(vec![LinkState::Open; nodes * nodes]),
            counters: std::iter::repeat_with(Counters::default).take(nodes * nodes).collect(),
        }
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Cuts exactly the links between nodes that `grudge` cuts, all at once.
    ///
    /// The switch holds [`Decisions`] while it handles a batch of frames, so
    /// once this has returned no frame is judged by the former states.
    pub(super) fn set(&self, grudge: &Grudge) {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        states.fill(LinkState::Open);
        for link in grudge.links() {
            if let (Endpoint::Node(source), Endpoint::Node(destination)) = link {
                states[self.at(source, destination)] = LinkState::Cut;
            }
        }
    }

    pub(super) fn decisions(&self) -> Decisions<'_> {
        Decisions { links: self, states: self.states.read().unwrap_or_else(PoisonError::into_inner) }
    }

    pub(super) fn counts(&self, source: usize, destination: usize) -> LinkCounts {
        let counters = &self.counters[self.at(source, destination)];
        LinkCounts {
            passed_frames: counters.passed_frames.load(Relaxed),
            passed_bytes: counters.passed_bytes.load(Relaxed),
            dropped_frames: counters.dropped_frames.load(Relaxed),
            refused_frames: counters.refused_frames.load(Relaxed),
        }
    }

    /// The nonce of the last probe that the link dropped, 0 before any.
    pub(super) fn last_dropped_probe(&self, source: usize, destination: usize) -> u64 {
        self.counters[self.at(source, destination)].last_dropped_probe.load(Relaxed)
    }

    fn at(&self, source: usize, destination: usize) -> usize {
        assert!(
            source < self.nodes && destination < self.nodes,
            "link {source} to {destination} of {} nodes",
            self.nodes
        );
        source * self.nodes + destination
    }
}

impl Decisions<'_> {
    /// Decides about one frame, and counts it if it is to vanish.
    pub(super) fn decide(&self, source: usize, destination: usize, frame: &[u8]) -> Decision {
        let at = self.links.at(source, destination);
        match self.states[at] {
            LinkState::Open => Decision::Pass,
            LinkState::Cut => {
                let counters = &self.links.counters[at];
                counters.dropped_frames.fetch_add(1, Relaxed);
                if let Some(nonce) = probe::nonce_in_frame(frame) {
                    counters.last_dropped_probe.store(nonce, Relaxed);
                }
                Decision::Drop
            }
        }
    }

    /// Counts a frame that the receiver has, or would not take.
    pub(super) fn count(&self, source: usize, destination: usize, bytes: usize, taken: bool) {
        let counters = &self.links.counters[self.links.at(source, destination)];
        if taken {
            counters.passed_frames.fetch_add(1, Relaxed);
            counters.passed_bytes.fetch_add(bytes as u64, Relaxed);
        } else {
            counters.refused_frames.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_grudge_replaces_the_one_before() {
        let links = Links::new(3);
        let cut = |source, destination| -> Grudge {
            [(Endpoint::Node(source), Endpoint::Node(destination))].into_iter().collect()
        };
        let decide = |source, destination| links.decisions().decide(source, destination, &[0; 60]);
        links.set(&cut(0, 1));
        links.set(&cut(1, 2));
        assert_eq!(decide(0, 1), Decision::Pass);
        assert_eq!(decide(1, 2), Decision::Drop);
        assert_eq!(decide(2, 1), Decision::Pass);
    }

    #[test]
    fn only_what_a_cut_link_is_given_counts_as_dropped() {
        let links = Links::new(2);
        assert_eq!(links.decisions().decide(0, 1, &[0; 60]), Decision::Pass);
        links.set(&[(Endpoint::Node(0), Endpoint::Node(1))].into_iter().collect());
        assert_eq!(links.decisions().decide(0, 1, &[0; 60]), Decision::Drop);
        assert_eq!(links.decisions().decide(1, 0, &[0; 60]), Decision::Pass);
        assert_eq!(links.counts(0, 1).dropped_frames, 1);
        assert_eq!(links.counts(1, 0).dropped_frames, 0);
    }
}
