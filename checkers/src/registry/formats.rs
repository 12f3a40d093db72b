//! The formats of histories by name.

use super::Listed;

/// All formats; [`Format`](crate::formats::Format) has them by their names.
pub const FORMATS: &[Listed] = &[
    Listed { name: "jsonl", summary: "our own history.jsonl, an event a line" },
    Listed { name: "edn", summary: "Jepsen's, Knossos' and Elle's" },
    Listed { name: "json", summary: "the same as JSON, as elle-cli takes it" },
    Listed { name: "jepsen-log", summary: "the lines of Jepsen's loggers; Porcupine's etcd logs" },
    Listed { name: "porcupine-kv", summary: "Porcupine's tests of a key-value store" },
    Listed { name: "histgen", summary: "registers, as our generator writes them" },
    Listed { name: "awdit", summary: "AWDIT's test format" },
    Listed { name: "plume", summary: "Plume's, PolySI's and AWDIT's text" },
    Listed { name: "dbcop-json", summary: "dbcop's JSON" },
    Listed { name: "dbcop-text", summary: "dbcop's text" },
    Listed { name: "csv", summary: "comma-separated values with a heading" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Format;

    #[test]
    fn every_format_is_listed() {
        let listed: Vec<&str> = FORMATS.iter().map(|listed| listed.name).collect();
        assert_eq!(listed, Format::ALL.map(Format::name));
    }
}
