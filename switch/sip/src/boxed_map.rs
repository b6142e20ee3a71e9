//! An ordered map of large values, each in a box of its own.
//!
//! A node of a `BTreeMap` has room for eleven entries, and in a map whose keys only grow about half of that stays empty.
//! For values of hundreds of bytes that room is most of the memory; eight bytes for each are not.

use std::collections::BTreeMap;

/// The map.
pub(crate) struct BoxedMap<K, V>(BTreeMap<K, Box<V>>);

impl<K, V> Default for BoxedMap<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> BoxedMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key).map(Box::as_mut)
    }

    /// Puts a value in, in place of the one that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, Box::new(value));
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key).map(|value| *value)
    }

    /// By key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value.as_ref()))
    }

    /// By key.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.values_mut().map(Box::as_mut)
    }
}
