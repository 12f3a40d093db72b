//! Parts of a long history whose operations contradict each other by themselves.
//!
//! What is forced among all operations takes as many numbers as there are operations times processes.
//! A contradiction mostly takes a few operations that lie together: so those around places that are
//! suspect are asked first, then, if all are too many, those of one stretch after the other, and what is
//! forced in each stretch is forced in the whole. With the
//! operations of a stretch go those whose values they found, so that a contradiction among them is one
//! (see [`saturate`](super::saturate)).

use super::meter::{Meter, Spent};
use super::rows::Rows;
use super::saturate::{Cycle, Forced, Saturated, fits, saturate};

/// How many operations around each suspect are looked at, one size after the other.
const SIZES: [u32; 4] = [48, 384, 3_072, 24_576];
/// How many operations a stretch of the whole has; the next one begins at its half.
const STRETCH: u32 = 2_048;

/// A contradiction among the operations around these, if there is one.
pub(super) fn around(rows: &Rows, suspects: &[u32], meter: &mut Meter<'_>) -> Result<Option<Cycle>, Spent> {
    let all = rows.all.len() as u32;
    for size in SIZES {
        let near = |suspect: &u32| (suspect.saturating_sub(size / 2), (suspect + size / 2).min(all));
        let mut ranges: Vec<(u32, u32)> = suspects.iter().map(near).collect();
        ranges.sort_unstable();
        let found = among(rows, &ranges, meter)?;
        if found.is_some() || ranges.iter().any(|&(from, to)| (from, to) == (0, all)) {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A contradiction within a stretch of operations, wherever it is; else all pairs whose order is forced
/// within one.
pub(super) fn anywhere(rows: &Rows, meter: &mut Meter<'_>) -> Result<Saturated, Spent> {
    let all = rows.all.len() as u32;
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut from = 0;
    while from < all {
        let to = (from + STRETCH).min(all);
        match saturated(rows, &[(from, to)], meter)? {
            Some(Saturated::Contradiction(cycle)) => return Ok(Saturated::Contradiction(cycle)),
            Some(Saturated::Open(forced)) => pairs.extend(forced.pairs),
            None => {}
        }
        from += STRETCH / 2;
    }
    pairs.sort_unstable();
    pairs.dedup();
    Ok(Saturated::Open(Forced { pairs, after: Vec::new(), rank: Vec::new() }))
}

fn among(rows: &Rows, ranges: &[(u32, u32)], meter: &mut Meter<'_>) -> Result<Option<Cycle>, Spent> {
    Ok(match saturated(rows, ranges, meter)? {
        Some(Saturated::Contradiction(cycle)) => Some(cycle),
        _ => None,
    })
}

/// What is forced among the operations in these ranges and those whose values they found; `None` if they are
/// too many.
fn saturated(rows: &Rows, ranges: &[(u32, u32)], meter: &mut Meter<'_>) -> Result<Option<Saturated>, Spent> {
    let mut members: Vec<u32> = Vec::new();
    for row in ranges.iter().flat_map(|&(from, to)| from..to) {
        if rows.all[row as usize].certain {
            members.push(row);
            members.extend(rows.source(row));
        }
    }
    members.sort_unstable();
    members.dedup();
    match fits(members.len(), chains(rows, &members), meter.bytes) {
        true => saturate(rows, &members, meter).map(Some),
        false => Ok(None),
    }
}

/// How many chains these operations make.
pub(super) fn chains(rows: &Rows, members: &[u32]) -> usize {
    let answered = members.iter().map(|&row| &rows.all[row as usize]).filter(|row| row.answered);
    let mut processes: Vec<u32> = answered.map(|row| row.process).collect();
    let alone = members.len() - processes.len();
    processes.sort_unstable();
    processes.dedup();
    processes.len() + alone
}
