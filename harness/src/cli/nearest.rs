//! "Did you mean": the name nearest to what was typed.

/// What is typed of a long name may be this short, in bytes, to be a help in finding it.
const SHORTEST_PART: usize = 3;
/// Names that differ by more than this share of their length are no help.
const FARTHEST: f64 = 0.5;

/// `, did you mean `x`?`, or nothing if no name is near.
pub fn did_you_mean(given: &str, known: &[&str]) -> String {
    // A part of a long name is far from it in letters, and still says which one was meant.
    let whole = known.iter().filter(|name| given.len() >= SHORTEST_PART && name.contains(given));
    if let Some(name) = whole.min_by_key(|name| name.len()) {
        return format!(" (did you mean `{name}`?)");
    }
    let nearest = known.iter().map(|name| (distance(given, name), name)).min();
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
        assert_eq!(did_you_mean("xyzzy", &["kill", "pause"]), "");
        assert_eq!(did_you_mean("", &["kill"]), "");
        let bugs = ["raft.vote-not-persisted", "raft.retry-executes-twice"];
        assert_eq!(did_you_mean("raft.vote", &bugs), " (did you mean `raft.vote-not-persisted`?)");
    }
}
