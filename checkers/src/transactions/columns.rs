//! Columns of small numbers, grouped without a hash map.

/// Numbers of the rows of each group, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouped {
    heads: Vec<u32>,
    rows: Vec<u32>,
}

impl Grouped {
    /// The rows of a group.
    pub(super) fn of(&self, group: u32) -> &[u32] {
        &self.rows[self.heads[group as usize] as usize..self.heads[group as usize + 1] as usize]
    }
}

/// Row i belongs to the i-th of `groups`, each below `count`; counting sort.
pub(super) fn group(count: usize, groups: impl Iterator<Item = u32> + Clone) -> Grouped {
    let mut heads = vec![0u32; count + 1];
    for group in groups.clone() {
        heads[group as usize + 1] += 1;
    }
    for at in 0..count {
        heads[at + 1] += heads[at];
    }
    let mut place = heads.clone();
    let mut rows = vec![0u32; heads[count] as usize];
    for (row, group) in (0u32..).zip(groups) {
        rows[place[group as usize] as usize] = row;
        place[group as usize] += 1;
    }
    Grouped { heads, rows }
}
