//! Readers against texts whose meaning is known: it is spelt here, by the format's own definition.

use std::io::Read;

use checkers::formats::{self, Format};
use checkers::{History, Value};

use crate::simulate::Random;

mod edn;
mod json;
mod lines;
mod sessions;

/// How much a reader holds of a file at first.
const WINDOW: usize = 512 << 10;

fn one<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize].clone()
}

/// An integer, often at an edge.
fn integer(random: &mut Random) -> i64 {
    match random.below(8) {
        0 => one(random, &[i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 0, -1]),
        1 => 1_i64.wrapping_shl(random.below(64) as u32).wrapping_sub(random.below(3) as i64),
        2 => random.next() as i64,
        3 => random.next() as i64 >> random.below(63),
        4 => 10_i64.pow(random.below(19) as u32) - random.below(2) as i64,
        _ => random.below(20) as i64 - 3,
    }
}

/// A number with a fraction, or without and large; never an integer that a float names exactly.
fn fraction(random: &mut Random) -> f64 {
    loop {
        let x = match random.below(4) {
            0 => f64::from_bits(random.next()),
            1 => random.next() as f64 * 1e3,
            _ => (random.below(2_000) as f64 - 1_000.0) / 8.0,
        };
        if x.is_finite() {
            return x;
        }
    }
}

/// What readers make of a number: an integer, if it is one that a float names exactly.
fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0 {
        Value::Int(x as i64)
    } else {
        Value::Float(checkers::value::Float(x))
    }
}

/// Text of all kinds of characters.
fn text(random: &mut Random) -> String {
    let length = if random.percent(3) { 250 + random.below(20) } else { random.below(6) };
    let character = |random: &mut Random| match random.below(12) {
        0 => one(random, &['"', '\\', '/', '\'', ';', '#', ',', ':', '{', ']']),
        1 => one(random, &['\n', '\t', '\r', '\u{8}', '\u{c}', '\u{0}', '\u{1f}', '\u{7f}']),
        2 => one(random, &['ä', 'ß', '€', '\u{fffd}', '\u{d7ff}', '\u{e000}', '\u{2028}', '\u{feff}']),
        3 => one(random, &['😀', '\u{10000}', '\u{10ffff}']),
        _ => char::from(b'a' + random.below(26) as u8),
    };
    (0..length).map(|_| character(random)).collect()
}

/// A file that is given out in small pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.length.min(into.len()).min(self.rest.len());
        into[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// Reads the text, sometimes in small pieces.
fn read(random: &mut Random, format: Format, text: &[u8]) -> Result<History, formats::FormatError> {
    if random.percent(90) {
        return formats::read(format, text);
    }
    let capacity = 1 + random.below(50) as usize;
    let pieces = Pieces { rest: text, length: 1 + random.below(9) as usize };
    formats::read(format, std::io::BufReader::with_capacity(capacity, pieces))
}

/// Spaces before the text, so that a window ends somewhere in it.
fn over_the_window(random: &mut Random, text: &str) -> String {
    let within = random.below(text.len() as u64 + 2) as usize;
    format!("{}{text}", " ".repeat((WINDOW - within).max(1)))
}
