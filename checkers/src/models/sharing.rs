//! A sorted map whose copies share what they have in common: what a model's state needs that is
//! cloned, changed a little, hashed and compared at every step of a search.
//!
//! A treap whose priorities are hashes of the keys (Seidel and Aragon 1996, §7: "randomized" by the
//! keys themselves). Its shape depends only on what is in it, so two maps with the same entries are
//! the same tree, and comparison skips every part that they share. A change costs O(log n); the
//! hash is kept up to date.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use crate::hash::FastHash;

/// See the module.
#[derive(Clone)]
pub struct Shared<K, V>(Link<K, V>);

type Link<K, V> = Option<Arc<Node<K, V>>>;

struct Node<K, V> {
    key: K,
    value: V,
    priority: u64,
    /// Of the entry alone.
    own: u64,
    /// Sum over the entries of this subtree.
    hash: u64,
    len: usize,
    left: Link<K, V>,
    right: Link<K, V>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Shared(None)
    }
}

fn hash_of<T: Hash>(value: &T) -> u64 {
    FastHash::default().hash_one(value)
}

fn len<K, V>(link: &Link<K, V>) -> usize {
    link.as_ref().map_or(0, |node| node.len)
}

fn hash<K, V>(link: &Link<K, V>) -> u64 {
    link.as_ref().map_or(0, |node| node.hash)
}

fn node<K, V>(key: K, value: V, priority: u64, own: u64, left: Link<K, V>, right: Link<K, V>) -> Link<K, V> {
    let hash = own.wrapping_add(hash(&left)).wrapping_add(hash(&right));
    let len = 1 + len(&left) + len(&right);
    Some(Arc::new(Node { key, value, priority, own, hash, len, left, right }))
}

impl<K: Clone + Ord + Hash, V: Clone + Eq + Hash> Shared<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        len(&self.0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// About how many bytes the last change took.
    pub fn heap_bytes(&self) -> usize {
        let depth = self.len().checked_ilog2().map_or(0, |log| log as usize * 3 / 2 + 1);
        depth * (size_of::<Node<K, V>>() + 2 * size_of::<usize>())
    }

    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let mut link = &self.0;
        while let Some(node) = link {
            link = match key.cmp(&node.key) {
                Ordering::Equal => return Some(&node.value),
                Ordering::Less => &node.left,
                Ordering::Greater => &node.right,
            };
        }
        None
    }

    /// The same with `value` for `key`.
    #[must_use]
    pub fn with(&self, key: K, value: V) -> Self {
        // Mixed once more: the priority must not follow the order of small numbers.
        let priority =
            (hash_of(&key) ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(32);
        let own = hash_of(&(priority, hash_of(&value)));
        Shared(insert(&self.0, key, value, priority, own))
    }

    /// The same without `key`.
    #[must_use]
    pub fn without(&self, key: &K) -> Self {
        if self.get(key).is_none() {
            return self.clone();
        }
        Shared(remove(&self.0, key))
    }

    /// The entry with the smallest key.
    pub fn first(&self) -> Option<(&K, &V)> {
        let mut node = self.0.as_ref()?;
        while let Some(left) = &node.left {
            node = left;
        }
        Some((&node.key, &node.value))
    }

    /// The entry with the largest key.
    pub fn last(&self) -> Option<(&K, &V)> {
        let mut node = self.0.as_ref()?;
        while let Some(right) = &node.right {
            node = right;
        }
        Some((&node.key, &node.value))
    }

    /// The entries, sorted by key.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter { path: Vec::new() };
        iter.descend(&self.0);
        iter
    }
}

fn insert<K: Clone + Ord, V: Clone>(
    link: &Link<K, V>,
    key: K,
    value: V,
    priority: u64,
    own: u64,
) -> Link<K, V> {
    let Some(top) = link else { return node(key, value, priority, own, None, None) };
    if (priority, &top.key) > (top.priority, &key) {
        // The key is not below: it would have had its own priority there.
        let (left, right) = split(link, &key);
        return node(key, value, priority, own, left, right);
    }
    let (left, right) = (&top.left, &top.right);
    match key.cmp(&top.key) {
        Ordering::Equal => node(key, value, priority, own, left.clone(), right.clone()),
        Ordering::Less => rebuilt(top, insert(left, key, value, priority, own), right.clone()),
        Ordering::Greater => rebuilt(top, left.clone(), insert(right, key, value, priority, own)),
    }
}

fn rebuilt<K: Clone, V: Clone>(top: &Node<K, V>, left: Link<K, V>, right: Link<K, V>) -> Link<K, V> {
    node(top.key.clone(), top.value.clone(), top.priority, top.own, left, right)
}

fn split<K: Clone + Ord, V: Clone>(link: &Link<K, V>, key: &K) -> (Link<K, V>, Link<K, V>) {
    let Some(top) = link else { return (None, None) };
    if top.key < *key {
        let (left, right) = split(&top.right, key);
        (rebuilt(top, top.left.clone(), left), right)
    } else {
        let (left, right) = split(&top.left, key);
        (left, rebuilt(top, right, top.right.clone()))
    }
}

fn remove<K: Clone + Ord, V: Clone>(link: &Link<K, V>, key: &K) -> Link<K, V> {
    let top = link.as_ref()?;
    match key.cmp(&top.key) {
        Ordering::Equal => merge(&top.left, &top.right),
        Ordering::Less => rebuilt(top, remove(&top.left, key), top.right.clone()),
        Ordering::Greater => rebuilt(top, top.left.clone(), remove(&top.right, key)),
    }
}

fn merge<K: Clone + Ord, V: Clone>(left: &Link<K, V>, right: &Link<K, V>) -> Link<K, V> {
    match (left, right) {
        (None, other) | (other, None) => other.clone(),
        (Some(one), Some(other)) if (one.priority, &other.key) > (other.priority, &one.key) => {
            rebuilt(one, one.left.clone(), merge(&one.right, right))
        }
        (Some(_), Some(other)) => rebuilt(other, merge(left, &other.left), other.right.clone()),
    }
}

fn same<K: Eq, V: Eq>(one: &Link<K, V>, other: &Link<K, V>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            Arc::ptr_eq(one, other)
                || one.hash == other.hash
                    && one.len == other.len
                    && one.key == other.key
                    && one.value == other.value
                    && same(&one.left, &other.left)
                    && same(&one.right, &other.right)
        }
        _ => false,
    }
}

impl<K: Eq, V: Eq> PartialEq for Shared<K, V> {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}
impl<K: Eq, V: Eq> Eq for Shared<K, V> {}

impl<K, V> Hash for Shared<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash(&self.0));
    }
}

impl<K, V> fmt::Debug for Shared<K, V>
where
    K: Clone + Ord + Hash + fmt::Debug,
    V: Clone + Eq + Hash + fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The entries of a [`Shared`], sorted by key.
pub struct Iter<'s, K, V> {
    /// Nodes still to come, each with its right subtree.
    path: Vec<&'s Node<K, V>>,
}

impl<'s, K, V> Iter<'s, K, V> {
    fn descend(&mut self, mut link: &'s Link<K, V>) {
        while let Some(node) = link {
            self.path.push(node);
            link = &node.left;
        }
    }
}

impl<'s, K, V> Iterator for Iter<'s, K, V> {
    type Item = (&'s K, &'s V);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.path.pop()?;
        self.descend(&node.right);
        Some((&node.key, &node.value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_is_a_map_and_equal_whatever_the_way_to_it() {
        let mut random = 7_u64;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % n
        };
        let mut truth = BTreeMap::new();
        let mut map: Shared<u64, u64> = Shared::default();
        for round in 0..4_000 {
            let key = below(200);
            if below(5) < 3 {
                let value = below(3);
                truth.insert(key, value);
                map = map.with(key, value);
            } else {
                truth.remove(&key);
                map = map.without(&key);
            }
            assert_eq!(map.len(), truth.len());
            assert_eq!(map.get(&key), truth.get(&key));
            assert_eq!(map.first(), truth.first_key_value());
            assert_eq!(map.last(), truth.last_key_value());
            if round % 50 == 0 {
                assert!(map.iter().eq(truth.iter()));
                let rebuilt = truth.iter().rev().fold(Shared::default(), |map, (k, v)| map.with(*k, *v));
                assert_eq!(map, rebuilt);
                assert_eq!(hash_of(&map), hash_of(&rebuilt));
                let other = rebuilt.with(1_000, 1);
                assert_ne!(map, other);
                assert_eq!(map, other.without(&1_000));
            }
        }
    }
}
