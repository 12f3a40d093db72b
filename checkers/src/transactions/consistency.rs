//! Consistency models, anomalies, and what follows from finding one.
//!
//! The models form a lattice: *serializable* implies *snapshot isolation* implies *read committed*. Each
//! proscribes anomalies, and anomalies are cases of one another: a `G-single-item` is also a
//! `G-single` and a `G2`. A history that shows an anomaly rules out every model that proscribes it or a
//! more general one, and every model that implies such a model. [`boundary`] says which: the weakest
//! models ruled out (`not`), and those that fall with them (`also-not`).
//!
//! The tables are in `lattice.rs`. Three of the anomalies are not Elle's:
//!
//! - `garbage-read`: somebody read what nobody ever wrote. No execution at any level explains it, as
//!   every version that Adya's histories read is one that the history wrote; so it rules out
//!   `read-uncommitted` and all that is stronger, as `duplicate-elements` does.
//! - `lost-append`: the longest read of a list lacks an append that was acknowledged before that read
//!   began. A reader that may see the past is allowed that, so it is a case of
//!   `G-single-item-realtime` and rules out `strong-snapshot-isolation`.
//! - `duplicate-appends`, `duplicate-writes`: clients wrote one value twice. That is a mistake of the
//!   workload and no fault of the database; it rules out nothing, but what cannot be told apart is
//!   not judged, so alone it makes a verdict `unknown`.

use std::fmt;
use std::sync::OnceLock;

use super::lattice::{ALIASES, ANOMALIES, FRIENDLY, MODELS};

/// A consistency model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Model(u8);

/// A kind of anomaly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Anomaly(u8);

/// A set of models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelSet(u64);

/// A set of kinds of anomalies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnomalySet(u128);

impl Model {
    /// The model of this name, canonical (`PL-SI`) or not (`snapshot-isolation`).
    pub fn by_name(name: &str) -> Option<Self> {
        let canonical = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, to)| to);
        MODELS.iter().position(|row| row.name == canonical).map(|at| Model(at as u8))
    }

    /// Every model, by canonical name.
    pub fn all() -> impl Iterator<Item = Model> {
        (0..MODELS.len()).map(|at| Model(at as u8))
    }

    /// Every name that [`by_name`](Self::by_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MODELS.iter().map(|row| row.name).chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// The name of theory: `PL-SI`.
    pub fn canonical_name(self) -> &'static str {
        MODELS[usize::from(self.0)].name
    }

    /// The name that people use: `snapshot-isolation`.
    pub fn name(self) -> &'static str {
        let canonical = self.canonical_name();
        FRIENDLY.iter().find(|(from, _)| *from == canonical).map_or(canonical, |(_, friendly)| friendly)
    }

    /// All models that hold wherever this one does, but for itself.
    pub fn implies(self) -> ModelSet {
        ModelSet(lattice().model_implies[usize::from(self.0)] & !(1 << self.0))
    }

    /// All anomalies that cannot occur where this model holds.
    pub fn proscribes(self) -> AnomalySet {
        AnomalySet(lattice().proscribes[usize::from(self.0)])
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Anomaly {
    /// The anomaly of this name: `G-single-item-process`.
    pub fn by_name(name: &str) -> Option<Self> {
        ANOMALIES.iter().position(|(known, _)| *known == name).map(|at| Anomaly(at as u8))
    }

    /// Every anomaly that has a name; not all can be detected.
    pub fn all() -> impl Iterator<Item = Anomaly> {
        (0..ANOMALIES.len()).map(|at| Anomaly(at as u8))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        ANOMALIES[usize::from(self.0)].0
    }

    /// All anomalies that occur wherever this one does, but for itself.
    pub fn implies(self) -> AnomalySet {
        AnomalySet(lattice().anomaly_implies[usize::from(self.0)] & !(1 << self.0))
    }

    /// Whether it says that too little could be established, and nothing of the database.
    pub fn is_doubt(self) -> bool {
        ["empty-transaction-graph", "cycle-search-incomplete", "duplicate-appends", "duplicate-writes"]
            .contains(&self.name())
    }

    /// The anomaly of this name, which must exist; for constants.
    pub(super) const fn known(name: &str) -> Self {
        let mut at = 0;
        while at < ANOMALIES.len() {
            if same(ANOMALIES[at].0.as_bytes(), name.as_bytes()) {
                return Anomaly(at as u8);
            }
            at += 1;
        }
        panic!("no anomaly of this name")
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl fmt::Debug for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ModelSet {
    /// Whether the model is one of them.
    pub fn contains(self, model: Model) -> bool {
        self.0 >> model.0 & 1 == 1
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Every model that is in one of the two.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        ModelSet(self.0 | other.0)
    }
    /// The models.
    pub fn iter(self) -> impl Iterator<Item = Model> {
        Model::all().filter(move |model| self.contains(*model))
    }
    /// Their names as people use them, sorted.
    pub fn names(self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.iter().map(Model::name).collect();
        names.sort_unstable();
        names
    }
}

impl FromIterator<Model> for ModelSet {
    fn from_iter<I: IntoIterator<Item = Model>>(models: I) -> Self {
        ModelSet(models.into_iter().fold(0, |set, model| set | 1 << model.0))
    }
}

impl AnomalySet {
    /// Whether the anomaly is one of them.
    pub fn contains(self, anomaly: Anomaly) -> bool {
        self.0 >> anomaly.0 & 1 == 1
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Adds one.
    pub fn insert(&mut self, anomaly: Anomaly) {
        self.0 |= 1 << anomaly.0;
    }
    /// Every anomaly that is in one of the two.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        AnomalySet(self.0 | other.0)
    }
    /// Every anomaly that is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        AnomalySet(self.0 & other.0)
    }
    /// The anomalies.
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::all().filter(move |anomaly| self.contains(*anomaly))
    }
    /// With all that they imply.
    #[must_use]
    pub fn closed(self) -> Self {
        self.iter().fold(self, |set, anomaly| set.union(anomaly.implies()))
    }
}

impl FromIterator<Anomaly> for AnomalySet {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> Self {
        AnomalySet(anomalies.into_iter().fold(0, |set, anomaly| set | 1 << anomaly.0))
    }
}

/// What anomalies rule out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// The weakest models that do not hold.
    pub not: ModelSet,
    /// The stronger ones, which therefore do not hold either.
    pub also_not: ModelSet,
}

/// All models that these anomalies rule out.
pub fn ruled_out(anomalies: AnomalySet) -> ModelSet {
    let present = anomalies.closed();
    Model::all().filter(|model| !model.proscribes().intersection(present).is_empty()).collect()
}

/// The models that these anomalies rule out, weakest and stronger apart.
pub fn boundary(anomalies: AnomalySet) -> Boundary {
    let out = ruled_out(anomalies);
    let (also_not, not): (Vec<Model>, Vec<Model>) =
        out.iter().partition(|model| model.implies().iter().any(|weaker| out.contains(weaker)));
    Boundary { not: not.into_iter().collect(), also_not: also_not.into_iter().collect() }
}

/// All anomalies that are a case of one of these, or one of these.
pub fn all_that_imply(anomalies: AnomalySet) -> AnomalySet {
    Anomaly::all()
        .filter(|anomaly| {
            anomalies.contains(*anomaly) || !anomaly.implies().intersection(anomalies).is_empty()
        })
        .collect()
}

/// Equality of texts where the compiler computes.
const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// What follows from the tables, once.
struct Lattice {
    /// For each model the bits of all that it implies, itself among them.
    model_implies: Vec<u64>,
    anomaly_implies: Vec<u128>,
    proscribes: Vec<u128>,
}

fn lattice() -> &'static Lattice {
    static LATTICE: OnceLock<Lattice> = OnceLock::new();
    LATTICE.get_or_init(|| {
        let model_bit =
            |name: &&str| MODELS.iter().position(|row| row.name == *name).map_or(0, |at| 1u64 << at);
        let anomaly_bit =
            |name: &&str| ANOMALIES.iter().position(|(n, _)| n == name).map_or(0, |at| 1u128 << at);
        let mut model_implies: Vec<u64> = MODELS
            .iter()
            .map(|row| row.implies.iter().map(model_bit).fold(model_bit(&row.name), |set, bit| set | bit))
            .collect();
        // As often as the longest chain could need.
        for _ in 0..MODELS.len() {
            for at in 0..MODELS.len() {
                model_implies[at] = (0..MODELS.len())
                    .filter(|other| model_implies[at] >> other & 1 == 1)
                    .fold(model_implies[at], |set, other| set | model_implies[other]);
            }
        }
        let mut anomaly_implies: Vec<u128> = ANOMALIES
            .iter()
            .map(|(name, implies)| implies.iter().map(anomaly_bit).fold(anomaly_bit(name), |s, b| s | b))
            .collect();
        for _ in 0..ANOMALIES.len() {
            for at in 0..ANOMALIES.len() {
                anomaly_implies[at] = (0..ANOMALIES.len())
                    .filter(|other| anomaly_implies[at] >> other & 1 == 1)
                    .fold(anomaly_implies[at], |set, other| set | anomaly_implies[other]);
            }
        }
        let direct: Vec<u128> = MODELS
            .iter()
            .map(|row| row.proscribes.iter().map(anomaly_bit).fold(0, |set, bit| set | bit))
            .collect();
        let proscribes = model_implies
            .iter()
            .map(|implied| {
                let general = (0..MODELS.len())
                    .filter(|other| implied >> other & 1 == 1)
                    .fold(0, |set, other| set | direct[other]);
                (0..ANOMALIES.len())
                    .filter(|at| anomaly_implies[*at] & general != 0)
                    .fold(0u128, |set, at| set | 1 << at)
            })
            .collect();
        Lattice { model_implies, anomaly_implies, proscribes }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_tables_is_in_the_tables() {
        for row in MODELS {
            assert!(row.implies.iter().all(|name| Model::by_name(name).is_some()), "{}", row.name);
            assert!(row.proscribes.iter().all(|name| Anomaly::by_name(name).is_some()), "{}", row.name);
        }
        for (name, implies) in ANOMALIES {
            assert!(implies.iter().all(|other| Anomaly::by_name(other).is_some()), "{name}");
        }
        assert!(MODELS.len() <= 64 && ANOMALIES.len() <= 128);
        assert_eq!(Model::by_name("strict-serializable"), Model::by_name("PL-SS"));
    }

    #[test]
    fn the_boundary_of_a_write_skew() {
        let skew = Anomaly::by_name("G2-item").into_iter().collect();
        let Boundary { not, also_not } = boundary(skew);
        assert_eq!(not.names(), ["repeatable-read"]);
        assert_eq!(also_not.names(), ["serializable", "strong-serializable", "strong-session-serializable"]);
    }

    #[test]
    fn a_mistake_of_the_workload_rules_out_nothing() {
        for name in ["duplicate-appends", "duplicate-writes", "empty-transaction-graph"] {
            let anomaly = Anomaly::by_name(name).unwrap();
            assert!(anomaly.is_doubt() && ruled_out([anomaly].into_iter().collect()).is_empty(), "{name}");
        }
    }
}
