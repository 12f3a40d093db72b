//! "Did you mean": the name nearest to what was typed.

/// Names that differ by more than this share of their length are no help.
const FARTHEST: f64 = 0.5;

/// `, did you mean `x`?`, or nothing if no name is near.
pub fn did_you_mean(given: &str, known: &[&str]) -> String {
    // Half a name, as of somebody who remembers the rest only vaguely, beats a typing error.
    let part_of = known.iter().find(|name| given.len() >= 3 && name.contains(given));
    let nearest = part_of
        .map(|name| (0, name))
        .or_else(|| known.iter().map(|name| (distance(given, name), name)).min());
    match nearest {
        Some((distance, name)) if distance as f64 <= FARTHEST * name.chars().count().max(1) as f64 => {
            format!(" (did you mean `{name}`?)")
        }
        _ => String::new(),
    }
}

/// Levenshtein's distance, by the row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        assert_eq!(distance("partion", "partition"), 2);
        assert_eq!(did_you_mean("partion", &["kill", "partition"]), " (did you mean `partition`?)");
        let bugs = ["raft.minority-commits", "raft.leader-reads-locally"];
        assert_eq!(did_you_mean("leader", &bugs), " (did you mean `raft.leader-reads-locally`?)");
        assert_eq!(did_you_mean("xyzzy", &["kill", "pause"]), "");
        assert_eq!(did_you_mean("", &["kill"]), "");
    }
}
