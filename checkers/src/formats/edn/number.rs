//! Numbers of EDN: integers of any length, decimals, floats, ratios. None is ever rounded.

use crate::formats::source::{shortened, too_large};

/// A number that is not a short positive integer.
pub(super) enum Number {
    /// Within 64 bits.
    Int(i64),
    /// With a fraction or an exponent.
    Float(f64),
    /// In lowest terms, `2/3`.
    Ratio(String),
}

/// So many digits name a float of their own.
const EXACT_DIGITS: usize = 15;

impl Number {
    /// The number that `text` is, or why it is none.
    pub(super) fn parse(text: &str) -> Result<Number, String> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        let bad = || format!("`{}` is not a number", shortened(text));
        if let Some(digits) = unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(bad());
            }
            let n = i128::from_str_radix(digits, 16).unwrap_or(i128::MAX);
            return i64::try_from(if negative { -n } else { n })
                .map(Number::Int)
                .map_err(|_| too_large(text));
        }
        let integer = unsigned.strip_suffix('N').unwrap_or(unsigned);
        if is_digits(integer) {
            if integer.len() > 1 && integer.starts_with('0') {
                return Err(format!("the number `{}` begins with 0", shortened(text)));
            }
            return parse_int(negative, integer).map(Number::Int).ok_or_else(|| too_large(text));
        }
        if let Some((above, below)) = unsigned.split_once('/').filter(|(a, b)| is_digits(a) && is_digits(b)) {
            let (Some(above), Some(below)) = (parse_int(negative, above), parse_int(false, below)) else {
                return Err(too_large(text));
            };
            let divisor = greatest_divisor(above.unsigned_abs(), below.unsigned_abs()) as i64;
            return match (below, divisor) {
                (0, _) => Err(format!("`{}` divides by zero", shortened(text))),
                _ if below == divisor => Ok(Number::Int(above / below)),
                _ => Ok(Number::Ratio(format!("{}/{}", above / divisor, below / divisor))),
            };
        }
        let (float, exact) = match unsigned.strip_suffix('M') {
            Some(decimal) => (decimal, true),
            None => (unsigned, false),
        };
        if !is_float(float) {
            return Err(bad());
        }
        if exact {
            if is_digits(float) {
                return parse_int(negative, float).map(Number::Int).ok_or_else(|| too_large(text));
            }
            let mantissa = float.split(['e', 'E']).next().unwrap_or_default();
            let digits =
                mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
            if digits > EXACT_DIGITS {
                return Err(format!(
                    "the decimal `{}` would have to be rounded; write it as text",
                    shortened(text)
                ));
            }
        }
        match float.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Number::Float(if negative { -x } else { x })),
            _ => Err(format!("the number `{}` is too large for a float; write it as text", shortened(text))),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, maybe with a fraction, maybe with an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) && is_digits(exponent)
}

fn parse_int(negative: bool, digits: &str) -> Option<i64> {
    let n: i128 = digits.parse().ok()?;
    i64::try_from(if negative { -n } else { n }).ok()
}

fn greatest_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}
