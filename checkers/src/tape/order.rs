//! The order of values on a tape.

use std::cmp::Ordering;

use super::{FALSE, FLOAT, Items, LIST, LIST_LONG, MAP, MAP_LONG, NIL, STR, STR_LONG, TRUE, ValueRef};

/// The order of values, that of [`Value`](crate::Value), without making any.
pub(super) fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    match (rank(one.0[0]), rank(other.0[0])) {
        (2, 2) => one.as_int().cmp(&other.as_int()),
        (4, 4) => text(one.0).cmp(text(other.0)),
        (5, 5) | (6, 6) => {
            let (mut one, mut other) = (items(one), items(other));
            loop {
                match (one.next(), other.next()) {
                    (Some(one), Some(other)) => match compare(one, other) {
                        Ordering::Equal => {}
                        order => return order,
                    },
                    (one, other) => return one.is_some().cmp(&other.is_some()),
                }
            }
        }
        (3, 3) => one.to_value().cmp(&other.to_value()),
        (1, 1) => one.as_bool().cmp(&other.as_bool()),
        (one, other) => one.cmp(&other),
    }
}

/// Where the kind of value with this first byte stands among the kinds.
fn rank(tag: u8) -> u8 {
    match tag {
        NIL => 0,
        FALSE | TRUE => 1,
        FLOAT => 3,
        STR | STR_LONG => 4,
        LIST | LIST_LONG => 5,
        MAP | MAP_LONG => 6,
        _ => 2,
    }
}

/// The bytes of a text.
fn text(bytes: &[u8]) -> &[u8] {
    if bytes[0] == STR { &bytes[2..] } else { &bytes[5..] }
}

/// What a list holds, or a map, keys and values in turns.
fn items(value: ValueRef<'_>) -> Items<'_> {
    match value.as_list() {
        Some(items) => items,
        None => value.as_map().map_or(Items { rest: &[], left: 0 }, |entries| entries.0),
    }
}
