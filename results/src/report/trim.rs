//! Data of a run, cut down to what a page can hold and a person can read.

use serde_json::{Map, Value};

use crate::text::{shorten, visible, visible_lines};

/// How much is kept.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Characters of a text.
    pub(super) characters: usize,
    /// Elements of a list or fields of an object.
    pub(super) elements: usize,
}

/// A copy with long texts shortened, control characters made visible and long lists cut.
pub(super) fn trimmed(value: &Value, limits: Limits) -> Value {
    match value {
        Value::String(text) => Value::String(trimmed_text(text, limits.characters)),
        Value::Array(items) => {
            let mut kept: Vec<Value> =
                items.iter().take(limits.elements).map(|item| trimmed(item, limits)).collect();
            if items.len() > limits.elements {
                kept.push(format!("… {} more", items.len() - limits.elements).into());
            }
            Value::Array(kept)
        }
        Value::Object(fields) => {
            let mut kept: Map<String, Value> = fields
                .iter()
                .take(limits.elements)
                .map(|(name, field)| (trimmed_text(name, limits.characters), trimmed(field, limits)))
                .collect();
            if fields.len() > limits.elements {
                kept.insert("…".to_owned(), format!("{} more", fields.len() - limits.elements).into());
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

/// The text on one line, shortened.
pub(super) fn trimmed_text(text: &str, characters: usize) -> String {
    // Shortened first: a text of many megabytes is not to be walked through twice.
    visible(&shorten(text, characters)).into_owned()
}

/// The last lines of a text, at most this many bytes of it.
pub(super) fn last_lines(text: &str, bytes: usize) -> String {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    visible_lines(&text[from..])
}

/// JSON that can stand in a `<script>`: nothing in it can end the element, begin a comment or be
/// taken for the end of a line. Outside of strings JSON has none of these characters.
pub(super) fn script_json(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + text.len() / 64);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_ends_the_script() {
        let value = json!({"</script>": "<!-- & \u{2028}"});
        let text = script_json(&value);
        assert_eq!(text, "{\"\\u003c/script\\u003e\":\"\\u003c!-- \\u0026 \\u2028\"}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn long_things_say_how_much_is_missing() {
        let value = json!({"a": "x".repeat(1 << 20), "b": [1, 2, 3, 4], "c": "\u{1b}[31m\0", "d": 1});
        let trimmed = trimmed(&value, Limits { characters: 3, elements: 3 });
        assert_eq!(
            trimmed,
            json!({"a": "xxx… (1048576 characters)", "b": [1, 2, 3, "… 1 more"], "c": "\\x1b[3… (6 characters)", "…": "1 more"})
        );
    }
}
