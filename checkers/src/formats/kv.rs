//! The key-value histories among Porcupine's tests: Jepsen's EDN, a map per line, in which the key
//! stands beside the value.
//!
//! ```text
//! {:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}
//! {:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}
//! {:process 0, :type :invoke, :f :get, :key "7", :value nil}
//! {:process 0, :type :ok, :f :get, :key "7", :value ""}
//! ```
//! Key and value are read as the pair `["0", "x 0 0 y"]`. All else is as in [`edn`](super::edn).

use std::io::BufRead;

use super::FormatError;
use super::edn::Edn;
use super::operation::{Keyed, read_stream};
use crate::history::History;

/// Reads a history.
///
/// # Errors
/// As [`edn::read`](super::edn::read).
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    read_stream::<Edn>(input, Keyed::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_before_the_value() {
        let text = "{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}\n{:process 0 :value \"\" :key \"7\" :type :ok :f :get}";
        let history = read(text.as_bytes()).unwrap();
        let values: Vec<String> = history.events().map(|event| event.value.to_string()).collect();
        assert_eq!(values, [r#"["7",null]"#, r#"["7",""]"#]);
    }
}
