//! Values as compact JSON text.

use std::fmt::{self, Write};

use super::Value;

/// Writes `value` without spaces; what JSON has no word for (infinity, not a number) is `null`.
pub(super) fn write(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Nil => out.write_str("null"),
        Value::Bool(b) => write!(out, "{b}"),
        Value::Int(n) => write!(out, "{n}"),
        Value::Float(x) if x.0.is_finite() => write!(out, "{:?}", x.0),
        Value::Float(_) => out.write_str("null"),
        Value::Str(text) => write_text(out, text),
        Value::List(items) => {
            out.write_char('[')?;
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.write_char(',')?;
                }
                write(out, item)?;
            }
            out.write_char(']')
        }
        Value::Map(entries) => {
            out.write_char('{')?;
            for (nth, (key, value)) in entries.iter().enumerate() {
                if nth > 0 {
                    out.write_char(',')?;
                }
                match key {
                    Value::Str(text) => write_text(out, text)?,
                    // JSON has no other keys; EDN does, and a key must not be lost.
                    other => write_text(out, &other.to_string())?,
                }
                out.write_char(':')?;
                write(out, value)?;
            }
            out.write_char('}')
        }
    }
}

fn write_text(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escaped = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            c if c < ' ' => {
                out.write_str(&text[plain..at])?;
                write!(out, "\\u{:04x}", u32::from(c))?;
                plain = at + 1;
                continue;
            }
            _ => continue,
        };
        out.write_str(&text[plain..at])?;
        out.write_str(escaped)?;
        plain = at + 1;
    }
    out.write_str(&text[plain..])?;
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::super::{Float, Value};

    #[test]
    fn text_is_written_as_json_demands() {
        let text = "a \"b\" \\ \n\r\t\u{8}\u{c}\u{1}\u{1f} ü 𝄞";
        let value =
            Value::list([Value::from(text), Value::Float(Float(1e300)), Value::Float(Float(f64::NAN))]);
        assert_eq!(value.to_string(), serde_json::to_string(&value).unwrap().replace("1e+300", "1e300"));
        let float = |x: f64| Value::Float(Float(x)).to_string();
        assert_eq!([float(0.5), float(-1.25e-9)], ["0.5", "-1.25e-9"]);
    }
}
