//! Points in time as tables have them: whole numbers, or decimals, which are never rounded.

use crate::formats::source::shortened;

/// Digits behind the point that are kept, far more than any clock has.
const DIGITS: u32 = 18;
const ONE: i128 = 10_i128.pow(DIGITS);
/// Nanoseconds in a second.
const NS: i128 = 1_000_000_000;

/// A point in time, in 10⁻¹⁸ of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(i128);

/// In which unit the stamps of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Nanoseconds,
    Seconds,
}

impl Stamp {
    /// The time that `text` is, and whether it has a fraction or an exponent.
    pub(super) fn parse(text: &str) -> Result<(Stamp, bool), String> {
        let expected = || format!("expected a time, a number, not `{}`", shortened(text));
        if let Ok(whole) = text.parse::<i64>() {
            return Ok((Stamp(i128::from(whole) * ONE), false));
        }
        match decimal(text) {
            Some(units) => Ok((Stamp(units), true)),
            None => match text.parse::<f64>() {
                // Beyond this no i128 has it, and no clock says it.
                Ok(x) if x.abs() < 1e19 => Ok((Stamp((x * ONE as f64) as i128), true)),
                _ => Err(expected()),
            },
        }
    }

    /// What an event's time is; nothing was before the run.
    pub(super) fn nanoseconds(self, unit: Unit) -> u64 {
        let one = match unit {
            Unit::Nanoseconds => ONE,
            Unit::Seconds => ONE / NS,
        };
        u64::try_from(self.0.div_euclid(one).max(0)).unwrap_or(u64::MAX)
    }
}

/// A sign, digits, a point, digits, exactly.
fn decimal(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    if whole.len() > DIGITS as usize || fraction.len() > DIGITS as usize {
        return None;
    }
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let below = number(fraction)? * 10_i128.pow(DIGITS - fraction.len() as u32);
    let units = number(whole)? * ONE + below;
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost() {
        let ns = |text: &str, unit| Stamp::parse(text).map(|(stamp, _)| stamp.nanoseconds(unit));
        assert_eq!(ns("1700000000.123456791", Unit::Seconds), Ok(1_700_000_000_123_456_791));
        assert!(
            Stamp::parse("1700000000.1234567911").unwrap() > Stamp::parse("1700000000.123456791").unwrap()
        );
        for (text, seconds) in
            [("0.5", 500_000_000), (".25", 250_000_000), ("3.", 3 * 1_000_000_000), ("-1.5", 0)]
        {
            assert_eq!(ns(text, Unit::Seconds), Ok(seconds), "{text}");
        }
        assert_eq!(ns("1.5e0", Unit::Seconds), Ok(1_500_000_000));
        assert_eq!(ns("9223372036854775807", Unit::Nanoseconds), Ok(i64::MAX as u64));
        assert_eq!(Stamp::parse("2.0").unwrap().0, Stamp::parse("2").unwrap().0);
        for text in ["x", "", ".", "1.2.3", "1e400", "NaN", "inf", "--1"] {
            assert!(Stamp::parse(text).is_err(), "{text}");
        }
    }
}
