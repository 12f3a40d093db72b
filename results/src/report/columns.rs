//! Columns of numbers, small: differences or plain values as LEB128, in base64.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A column that is being filled.
#[derive(Default)]
pub(super) struct Column {
    bytes: Vec<u8>,
    previous: u64,
}

impl Column {
    /// Adds a number as it is.
    pub(super) fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Adds a number that is at least the one before, as the difference.
    pub(super) fn push_rising(&mut self, number: u64) {
        self.push(number.saturating_sub(self.previous));
        self.previous = number;
    }

    /// Adds 0 for nothing, otherwise the number plus one.
    pub(super) fn push_option(&mut self, number: Option<u64>) {
        self.push(number.map_or(0, |number| number + 1));
    }

    /// The column as text.
    pub(super) fn base64(&self) -> String {
        let mut out = String::with_capacity(self.bytes.len().div_ceil(3) * 4);
        for chunk in self.bytes.chunks(3) {
            let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for n in 0..4 {
                let digit = ALPHABET[(bits >> (18 - 6 * n) & 63) as usize];
                out.push(if n <= chunk.len() { digit as char } else { '=' });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_leb128_in_base64() {
        let mut column = Column::default();
        column.push(300);
        column.push_option(None);
        column.push_option(Some(126));
        // printf '\xac\x02\x00\x7f' | base64
        assert_eq!(column.base64(), "rAIAfw==");
        let mut rising = Column::default();
        [5, 5, 9].into_iter().for_each(|n| rising.push_rising(n));
        assert_eq!(rising.bytes, [5, 0, 4]);
        assert_eq!(rising.base64(), "BQAE");
    }
}
