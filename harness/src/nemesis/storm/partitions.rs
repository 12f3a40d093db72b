//! Partitions in force: what is imposed is all of them together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::{Healing, Injection, LinkCheck, Links};
use crate::nemesis::grudge::Grudge;

/// What probes that contradict the grudge are called.
const CONTRADICTED: &str = "probes found links other than the grudge says";

/// The grudges of all steps that cut something now.
pub(super) struct Partitions {
    links: Arc<dyn Links>,
    grudges: Mutex<BTreeMap<u64, Grudge>>,
}

impl Partitions {
    pub(super) fn new(links: Arc<dyn Links>) -> Self {
        Partitions { links, grudges: Mutex::default() }
    }

    /// A step's partition begins. One that would cut nothing that is not cut already is skipped:
    /// nobody could tell whether it happened.
    pub(super) fn begin(&self, id: u64, grudge: Grudge) -> Injection {
        let mut grudges = self.lock();
        let cut: BTreeSet<(String, String)> = links_of(grudges.values());
        let new = links_of([&grudge]).difference(&cut).count();
        if new == 0 {
            return Injection::Skipped("every link that it would cut is cut already".to_owned());
        }
        grudges.insert(id, grudge);
        match self.impose(&grudges) {
            Ok(check) if check.holds => Injection::Installed(with(check.evidence, "links_newly_cut", new)),
            Ok(check) => Injection::Indeterminate(CONTRADICTED.to_owned(), check.evidence),
            Err(reason) => Injection::Indeterminate(reason, Json::Null),
        }
    }

    /// A step's partition moves elsewhere, at once.
    pub(super) fn shift(&self, id: u64, grudge: Grudge) -> Result<LinkCheck, String> {
        let mut grudges = self.lock();
        grudges.insert(id, grudge);
        self.impose(&grudges)
    }

    /// A step's partition ends; links that others cut stay cut, and the evidence says how many.
    pub(super) fn end(&self, id: u64) -> Healing {
        let mut grudges = self.lock();
        let Some(ended) = grudges.remove(&id) else { return Healing::done(json!({"nothing_to_heal": true})) };
        let others = links_of(grudges.values());
        let still_cut = links_of([&ended]).intersection(&others).count();
        match self.impose(&grudges) {
            Ok(check) if check.holds => Healing::done(match still_cut {
                0 => check.evidence,
                n => with(check.evidence, "links_still_cut_by_other_partitions", n),
            }),
            Ok(check) => Healing::doubtful(CONTRADICTED, check.evidence),
            Err(reason) => Healing::doubtful(&reason, Json::Null),
        }
    }

    /// Opens every link.
    pub(super) fn end_all(&self) -> Result<LinkCheck, String> {
        let mut grudges = self.lock();
        grudges.clear();
        self.impose(&grudges)
    }

    /// The caller holds the lock: two partitions that begin together must not undo one another.
    fn impose(&self, grudges: &BTreeMap<u64, Grudge>) -> Result<LinkCheck, String> {
        let mut all = Grudge::default();
        for grudge in grudges.values() {
            all.merge(grudge);
        }
        self.links.impose(&all)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Grudge>> {
        self.grudges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn links_of<'a>(grudges: impl IntoIterator<Item = &'a Grudge>) -> BTreeSet<(String, String)> {
    let links = grudges.into_iter().flat_map(Grudge::blocked);
    links.map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
}

fn with(mut evidence: Json, name: &str, value: usize) -> Json {
    if !evidence.is_object() {
        evidence = json!({"found": evidence});
    }
    evidence[name] = json!(value);
    evidence
}
