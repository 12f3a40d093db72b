//! From the names of values to small numbers.

use std::collections::HashMap;

use crate::hash::FastHash;

/// No number.
const NONE: u32 = u32::MAX;

/// A number for each of some names. Names that are close together, as those of counted values are,
/// need no hashing, and are found in memory where they were a moment ago.
pub(super) enum Names {
    /// The smallest name, and numbers by distance from it.
    Near(u64, Vec<u32>),
    Far(HashMap<u64, u32, FastHash>),
}

impl Names {
    /// Room for these names.
    pub(super) fn of(names: impl Iterator<Item = u64>) -> Self {
        let (mut least, mut most, mut count) = (u64::MAX, 0, 0);
        for name in names {
            least = least.min(name);
            most = most.max(name);
            count += 1;
        }
        let range = most.saturating_sub(least);
        if count == 0 {
            Names::Near(0, Vec::new())
        } else if range <= count * 4 + 64 {
            Names::Near(least, vec![NONE; range as usize + 1])
        } else {
            Names::Far(HashMap::with_capacity_and_hasher(count as usize, FastHash::default()))
        }
    }

    /// Gives a number to one of the names that there is room for; false if it had one.
    pub(super) fn add(&mut self, name: u64, number: u32) -> bool {
        match self {
            Names::Near(least, table) => {
                let entry = &mut table[(name - *least) as usize];
                let new = *entry == NONE;
                *entry = number;
                new
            }
            Names::Far(map) => map.insert(name, number).is_none(),
        }
    }

    /// The number of a name, if it has one.
    pub(super) fn get(&self, name: u64) -> Option<u32> {
        match self {
            Names::Near(least, table) => {
                let at = usize::try_from(name.checked_sub(*least)?).ok()?;
                table.get(at).copied().filter(|&number| number != NONE)
            }
            Names::Far(map) => map.get(&name).copied(),
        }
    }
}

/// What stands at some positions, in the order of the positions. No two are the same.
pub(super) fn in_order(mut marks: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let least = marks.iter().map(|mark| mark.0).min().unwrap_or(0);
    let most = marks.iter().map(|mark| mark.0).max().unwrap_or(0);
    let range = (most - least) as usize + 1;
    if range > marks.len() * 4 {
        marks.sort_unstable();
        return marks;
    }
    let mut line = vec![NONE; range];
    for (position, what) in &marks {
        line[(position - least) as usize] = *what;
    }
    marks.clear();
    let stands = line.into_iter().zip(least..=most).filter(|(what, _)| *what != NONE);
    marks.extend(stands.map(|(what, position)| (position, what)));
    marks
}
