//! A key-value store with revisions, as etcd's: every change of the store has a number, and keys
//! remember theirs.

mod decode;
mod revision;

use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape;
use crate::models::sharing::Shared;
use crate::value::Value;
use revision::Base;

/// A store whose keys have a value, a revision of creation, one of modification, and a version; all
/// absent at first. Not local: the revision belongs to the whole store.
///
/// | function | value | answer |
/// |---|---|---|
/// | `get` | `k` or `[k, null]` | `[k, v]`, `[k, null]` or `[k, {value, mod-revision, create-revision, version}]`, as much as is known; or a map as of `txn` |
/// | `put` | `[k, v]` | null, the value, or `{revision}` |
/// | `delete` | `k` or `[k, null]` | null, the value, or `{revision, deleted}` |
/// | `cas` | `[k, [from, to]]` | null, the value, or `{revision, succeeded}`; from null: if it is absent |
/// | `txn` | `{compare: [[target, k, op, x], …], then: [["get" or "put" or "delete", k, v], …], else: […]}` | null or `{succeeded, revision, results: […]}` |
///
/// A target is `value`, `version`, `mod-revision` or `create-revision`; an op `=`, `!=`, `<` or `>`.
/// Of a key that is absent the three numbers are 0, and no comparison of its value holds. A
/// transaction that changes something makes one revision, however much it changes. (etcd API
/// reference, `KV` and `Compare`.)
///
/// Which revision the store had at first is not assumed: what is seen determines it. Leases and the
/// changes that they make are not modelled.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionedKv;

/// What a key is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Its value.
    Value,
    /// How often it was put since it was created.
    Version,
    /// When it was put last.
    Modified,
    /// When it was created.
    Created,
}

/// How it must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Equal.
    Is,
    /// Not equal.
    IsNot,
    /// Less.
    Below,
    /// Greater.
    Above,
}

impl Relation {
    fn holds<T: Ord>(self, one: &T, other: &T) -> bool {
        match self {
            Relation::Is => one == other,
            Relation::IsNot => one != other,
            Relation::Below => one < other,
            Relation::Above => one > other,
        }
    }
}

/// A condition of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Compare {
    key: Value,
    target: Target,
    relation: Relation,
    with: Value,
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// What does this key hold?
    Get(Value),
    /// Hold this.
    Put(Value, Value),
    /// Hold nothing.
    Delete(Value),
}

/// What a client asks: if all comparisons hold, do one thing, and else another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transaction {
    compare: Vec<Compare>,
    then: Vec<Act>,
    otherwise: Vec<Act>,
}

/// What is answered; what nobody saw is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Answered {
    /// Whether the comparisons held.
    succeeded: Option<bool>,
    /// The store's revision after it.
    revision: Option<i64>,
    /// What each act answered.
    results: Vec<Told>,
}

/// What an act answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// Nothing that anybody saw.
    Nothing,
    /// To a get: the key is absent.
    Absent,
    /// To a get: it holds this, as far as it was told.
    Holds(Box<Seen>),
    /// To a delete: so many keys were there.
    Deleted(i64),
}

/// What was seen of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    value: Option<Value>,
    created: Option<i64>,
    modified: Option<i64>,
    version: Option<i64>,
}

/// What a key holds. Revisions count the changes since the history began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    value: Value,
    created: i64,
    modified: i64,
    version: i64,
}

/// What the store holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreState {
    /// Which revision the store can have had when the history began.
    base: Base,
    /// How many changes there have been since.
    changes: i64,
    keys: Shared<Value, Entry>,
}

impl StoreState {
    /// The ways in which a transaction's conditions can hold, or not hold, with what each says of
    /// the base.
    fn branches(&self, compare: &[Compare]) -> Vec<(bool, Base)> {
        let mut branches = Vec::new();
        let mut base = self.base.clone();
        for condition in compare {
            let (yes, no) = self.compare(&base, condition);
            branches.extend(no.map(|base| (false, base)));
            match yes {
                Some(narrower) => base = narrower,
                None => return branches,
            }
        }
        branches.push((true, base));
        branches
    }

    /// The base if the condition holds, and if it does not.
    fn compare(&self, base: &Base, condition: &Compare) -> (Option<Base>, Option<Base>) {
        let entry = self.keys.get(&condition.key);
        let known = |holds: bool| if holds { (Some(base.clone()), None) } else { (None, Some(base.clone())) };
        let relation = condition.relation;
        let Some(number) = condition.with.as_int().filter(|_| condition.target != Target::Value) else {
            return known(entry.is_some_and(|entry| relation.holds(&entry.value, &condition.with)));
        };
        let revision = match (entry, condition.target) {
            (None, _) => return known(relation.holds(&0, &number)),
            (Some(entry), Target::Created) => entry.created,
            (Some(entry), Target::Modified) => entry.modified,
            (Some(entry), _) => return known(relation.holds(&entry.version, &number)),
        };
        let number = number.saturating_sub(revision);
        match relation {
            Relation::Is => (base.is(number), base.is_not(number)),
            Relation::IsNot => (base.is_not(number), base.is(number)),
            Relation::Below => (base.below(number), base.above(number.saturating_sub(1))),
            Relation::Above => (base.above(number), base.below(number.saturating_add(1))),
        }
    }

    /// The state after `acts` that were told `results`.
    fn after(&self, base: Base, acts: &[Act], results: &[Told]) -> Option<StoreState> {
        let mut state = StoreState { base, changes: self.changes, keys: self.keys.clone() };
        let now = self.changes + 1;
        for (at, act) in acts.iter().enumerate() {
            let told = results.get(at).unwrap_or(&Told::Nothing);
            match act {
                Act::Get(key) => state.base = seen(&state.base, state.keys.get(key), told)?,
                Act::Put(key, value) => {
                    let (created, version) = match state.keys.get(key) {
                        Some(entry) => (entry.created, entry.version + 1),
                        None => (now, 1),
                    };
                    let entry = Entry { value: value.clone(), created, modified: now, version };
                    state.keys = state.keys.with(key.clone(), entry);
                    state.changes = now;
                }
                Act::Delete(key) => {
                    let there = state.keys.get(key).is_some();
                    if matches!(told, Told::Deleted(n) if *n != i64::from(there)) {
                        return None;
                    }
                    if there {
                        state.keys = state.keys.without(key);
                        state.changes = now;
                    }
                }
            }
        }
        Some(state)
    }
}

/// What having seen this of a key says of the base, if it is possible.
fn seen(base: &Base, entry: Option<&Entry>, told: &Told) -> Option<Base> {
    let mut base = base.clone();
    match (told, entry) {
        (Told::Holds(seen), Some(entry)) => {
            let value = seen.value.as_ref().is_none_or(|value| *value == entry.value);
            if !value || seen.version.is_some_and(|version| version != entry.version) {
                return None;
            }
            for (told, counted) in [(seen.created, entry.created), (seen.modified, entry.modified)] {
                if let Some(told) = told {
                    base = base.is(told.saturating_sub(counted))?;
                }
            }
        }
        (Told::Holds(_), None) | (Told::Absent, Some(_)) => return None,
        _ => {}
    }
    Some(base)
}

impl Model for VersionedKv {
    type State = StoreState;
    type Input = Transaction;
    type Output = Answered;
    type Next = Vec<StoreState>;

    fn name(&self) -> &str {
        "versioned-kv"
    }

    fn initial(&self) -> StoreState {
        StoreState { base: Base::any(), changes: 0, keys: Shared::default() }
    }

    fn step(&self, state: &StoreState, input: &Transaction, output: Option<&Answered>) -> Vec<StoreState> {
        let nothing = Answered::default();
        let output = output.unwrap_or(&nothing);
        let mut after: Vec<StoreState> = Vec::new();
        for (succeeded, base) in state.branches(&input.compare) {
            if output.succeeded.is_some_and(|told| told != succeeded) {
                continue;
            }
            let acts = if succeeded { &input.then } else { &input.otherwise };
            let Some(mut next) = state.after(base, acts, &output.results) else { continue };
            if let Some(revision) = output.revision {
                match next.base.is(revision.saturating_sub(next.changes)) {
                    Some(base) => next.base = base,
                    None => continue,
                }
            }
            if !after.contains(&next) {
                after.push(next);
            }
        }
        after
    }

    /// What narrows the base is a change, too.
    fn is_read_only(&self, input: &Transaction, output: Option<&Answered>) -> bool {
        let reads = |acts: &[Act]| acts.iter().all(|act| matches!(act, Act::Get(_)));
        let branches = match output.and_then(|output| output.succeeded) {
            Some(true) => reads(&input.then),
            Some(false) => reads(&input.otherwise),
            None => reads(&input.then) && reads(&input.otherwise),
        };
        let by_revision = |compare: &Compare| matches!(compare.target, Target::Modified | Target::Created);
        let told = output.is_some_and(|output| {
            output.revision.is_some()
                || output.results.iter().any(|told| {
                    matches!(told, Told::Holds(seen) if seen.created.is_some() || seen.modified.is_some())
                })
        });
        branches && !told && !input.compare.iter().any(by_revision)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        decode::decode(operation)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.keys.heap_bytes() + size_of_val(state)
    }

    fn describe(&self, input: &Transaction, output: Option<&Answered>) -> String {
        let acts = |acts: &[Act], results: &[Told]| {
            let words = acts.iter().enumerate().map(|(at, act)| match (act, results.get(at)) {
                (Act::Get(key), Some(Told::Absent)) => format!("get {key}: absent"),
                (Act::Get(key), Some(Told::Holds(seen))) => format!("get {key}: {}", words_of(seen)),
                (Act::Get(key), _) => format!("get {key}"),
                (Act::Put(key, value), _) => format!("put {key} = {value}"),
                (Act::Delete(key), Some(Told::Deleted(n))) => format!("delete {key}: {n} deleted"),
                (Act::Delete(key), _) => format!("delete {key}"),
            });
            words.collect::<Vec<_>>().join(", ")
        };
        let results = output.map_or(&[][..], |output| &output.results);
        let at = output.and_then(|output| output.revision).map(|r| format!(" at revision {r}"));
        let at = at.unwrap_or_default();
        if input.compare.is_empty() {
            return format!("{}{at}", acts(&input.then, results));
        }
        let conditions: Vec<String> = input.compare.iter().map(Compare::words).collect();
        let conditions = conditions.join(" and ");
        match output.and_then(|output| output.succeeded) {
            Some(true) => format!("as {conditions}: {}{at}", acts(&input.then, results)),
            Some(false) => format!("as not {conditions}: {}{at}", acts(&input.otherwise, results)),
            None => {
                let (then, otherwise) = (acts(&input.then, results), acts(&input.otherwise, results));
                format!("if {conditions}: {then}; else: {otherwise}{at}")
            }
        }
    }

    fn describe_state(&self, state: &StoreState) -> String {
        let keys = state.keys.iter().map(|(key, entry)| {
            let modified = state.base.describe(entry.modified);
            format!("{key}={} (version {}, modified at {modified})", entry.value, entry.version)
        });
        format!("{} at revision {}", shape::braces(keys), state.base.describe(state.changes))
    }

    fn object(&self) -> &str {
        "the store"
    }

    fn requirement(&self, input: &Transaction, output: Option<&Answered>) -> Option<String> {
        let output = output?;
        let says = output.revision.is_some()
            || output.results.iter().any(|told| *told != Told::Nothing)
            || output.succeeded.is_some() && !input.compare.is_empty();
        says.then(|| format!("`{}` needs a store in which that is so", self.describe(input, Some(output))))
    }
}

impl Compare {
    fn words(&self) -> String {
        let target = match self.target {
            Target::Value => "value",
            Target::Version => "version",
            Target::Modified => "mod-revision",
            Target::Created => "create-revision",
        };
        let relation = match self.relation {
            Relation::Is => "=",
            Relation::IsNot => "!=",
            Relation::Below => "<",
            Relation::Above => ">",
        };
        format!("{target} of {} {relation} {}", self.key, self.with)
    }
}

fn words_of(seen: &Seen) -> String {
    let mut words: Vec<String> = seen.value.iter().map(Value::to_string).collect();
    let numbers = [("version", seen.version), ("created at", seen.created), ("modified at", seen.modified)];
    words.extend(numbers.iter().filter_map(|(name, n)| n.map(|n| format!("{name} {n}"))));
    words.join(", ")
}
