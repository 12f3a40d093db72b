//! Values get numbers, in the order in which they are met, group by group.
//!
//! Tests write 1, 2, 3 … to a key, so small integers of a group are looked up in an array of the
//! group, which is where the processor's cache has it; only what is rare among its own kind goes
//! into a hash table.

use std::collections::HashMap;

use crate::hash::FastHash;
use crate::tape::ValueRef;

use super::history::NONE;

/// An array has at most so many places for each value that its group has.
const SPARSE: usize = 8;
/// And so many besides.
const AT_LEAST: usize = 16;

/// The numbers of some groups of values.
#[derive(Debug, Default)]
pub(super) struct Numbering<'h> {
    groups: Vec<Group>,
    /// Integers below 2^32 that the array of their group has no place for, or had not when they came.
    integers: HashMap<(u32, u32), u32, FastHash>,
    /// All else, by its bytes: equal values have equal bytes.
    others: HashMap<(u32, &'h [u8]), u32, FastHash>,
    count: u32,
}

#[derive(Debug, Default)]
struct Group {
    /// The number of each small integer, or [`NONE`].
    direct: Vec<u32>,
    /// How many values the group has.
    count: u32,
    /// Whether some of its integers are in the hash table.
    hashed: bool,
}

impl<'h> Numbering<'h> {
    /// The number of a value in a group, and whether it is new. Numbers count from 0 through all groups;
    /// groups should be small numbers.
    #[inline]
    pub(super) fn of(&mut self, group: u32, value: ValueRef<'h>) -> (u32, bool) {
        if self.groups.len() <= group as usize {
            self.groups.resize_with(group as usize + 1, Group::default);
        }
        let Some(integer) = value.as_int().and_then(|integer| u32::try_from(integer).ok()) else {
            let number = *self.others.entry((group, value.as_bytes())).or_insert(self.count);
            return self.counted(group, number);
        };
        let table = &mut self.groups[group as usize];
        let known = table.direct.get(integer as usize).copied().unwrap_or(NONE);
        if known != NONE {
            return (known, false);
        }
        if integer as usize >= table.count as usize * SPARSE + AT_LEAST {
            table.hashed = true;
            let number = *self.integers.entry((group, integer)).or_insert(self.count);
            return self.counted(group, number);
        }
        if table.hashed
            && let Some(number) = self.integers.get(&(group, integer))
        {
            return (*number, false);
        }
        if table.direct.len() <= integer as usize {
            table.direct.resize(integer as usize + 1, NONE);
        }
        table.direct[integer as usize] = self.count;
        self.counted(group, self.count)
    }

    /// Counts the value if this number is new.
    #[inline]
    fn counted(&mut self, group: u32, number: u32) -> (u32, bool) {
        let new = number == self.count;
        if new {
            self.count += 1;
            self.groups[group as usize].count += 1;
        }
        (number, new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::ValueWriter;
    use crate::value::Value;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut tape = Vec::new();
        ValueWriter::new(&mut tape).value(value).unwrap();
        tape
    }

    #[test]
    fn equal_values_of_a_group_have_one_number_whenever_they_come() {
        let mut values: Vec<Value> = (0..400).map(|n| Value::from(n * 7919 % 400)).collect();
        values.extend((0..400).map(|n| Value::from(n * 104_729 % 50_021 - 1_000)));
        values.extend([Value::from("a"), Value::from(i64::MAX), Value::from(i64::MIN), Value::from(true)]);
        values.extend(values.clone());
        let tapes: Vec<Vec<u8>> = values.iter().map(encoded).collect();
        let mut numbering = Numbering::default();
        let mut expected: HashMap<(u32, &[u8]), u32> = HashMap::new();
        for (at, tape) in tapes.iter().enumerate() {
            for group in [0, 3, at as u32 % 5] {
                let next = expected.len() as u32;
                let number = *expected.entry((group, tape)).or_insert(next);
                let found = numbering.of(group, ValueRef::new(tape));
                assert_eq!(found, (number, number == next), "{} of {group}", values[at]);
            }
        }
    }
}
