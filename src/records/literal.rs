//! Lists as Python prints them, which tables contain if they were written from data frames with lists.
//!
//! The grammar is that of literals, without expressions:
//!
//! ```text
//! value   = list | tuple | dict | string | number | "True" | "False" | "None"
//! list    = "[" [ value { "," value } [ "," ] ] "]"
//! tuple   = "(" [ value { "," value } [ "," ] ] ")"
//! dict    = "{" [ key ":" value { "," key ":" value } [ "," ] ] "}"      key = string | number
//! string  = quoted by ' or ", with the escapes of Python; no prefix, no joining of neighbours
//! ```
//!
//! Any other cell is left as text: nothing is guessed and nothing is evaluated.

use serde_json::{Map, Value};

/// The value of a Python literal of lists, tuples, dictionaries, strings, numbers, `True`, `False` and
/// `None`.
///
/// `None` if the text is anything else.
pub(super) fn value(text: &str) -> Option<Value> {
    let mut reader = LiteralReader { rest: text, depth: 0 };
    let value = reader.value()?;
    reader.blanks();
    reader.rest.is_empty().then_some(value)
}

/// The rest of a text, and the depth of nesting.
///
/// Every method consumes what it reads, and returns `None` if the text is something else.
struct LiteralReader<'t> {
    rest: &'t str,
    depth: usize,
}

impl LiteralReader<'_> {
    /// Skips blanks.
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Skips blanks, and consumes this word if it is next. Returns whether it was.
    fn accepts(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Consumes one character.
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Any value.
    fn value(&mut self) -> Option<Value> {
        self.blanks();
        match self.rest.chars().next()? {
            '[' => self.list('[', ']').map(Value::Array),
            '(' => self.list('(', ')').map(Value::Array),
            '{' => self.map().map(Value::Object),
            '\'' | '"' => self.text().map(Value::String),
            c if c.is_ascii_digit() || c == '-' => self.number(),
            _ => self.word(),
        }
    }

    /// `True`, `False` or `None`.
    fn word(&mut self) -> Option<Value> {
        let words = [("True", true.into()), ("False", false.into()), ("None", Value::Null)];
        words.into_iter().find_map(|(word, value)| self.accepts(word).then_some(value))
    }

    /// Enters a list or a dictionary; `None` if it would be nested deeper than a record may be.
    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < super::exact::DEEPEST).then_some(())
    }

    /// A list or a tuple; a comma may follow its last value.
    fn list(&mut self, open: char, close: char) -> Option<Vec<Value>> {
        self.enter()?;
        self.next().filter(|&c| c == open)?;
        let mut list = Vec::new();
        loop {
            self.blanks();
            if self.rest.starts_with(close) {
                self.next()?;
                self.depth -= 1;
                return Some(list);
            }
            list.push(self.value()?);
            self.blanks();
            // Python joins two strings without a comma between them, which is hardly ever intended.
            if !self.accepts(",") && !self.rest.starts_with(close) {
                return None;
            }
        }
    }

    /// A dictionary. If a key occurs twice, the text is not a value.
    fn map(&mut self) -> Option<Map<String, Value>> {
        self.enter()?;
        self.next()?;
        let mut map = Map::new();
        loop {
            if self.accepts("}") {
                self.depth -= 1;
                return Some(map);
            }
            self.blanks();
            let key = match self.value()? {
                Value::String(key) => key,
                Value::Number(key) => key.to_string(),
                _ => return None,
            };
            if !self.accepts(":") || map.insert(key, self.value()?).is_some() {
                return None;
            }
            if !self.accepts(",") && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
    }

    /// A number with all its digits. A number that 64 bits cannot represent becomes a text, as in JSON.
    fn number(&mut self) -> Option<Value> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        // Numbers that JSON writes differently, such as `1.`, are not accepted.
        let value = super::exact::value(number).ok()?;
        matches!(value, Value::Number(_) | Value::String(_)).then_some(value)
    }

    /// A string between single or double quotes, on one line.
    fn text(&mut self) -> Option<String> {
        let quote = self.next()?;
        let mut text = String::new();
        loop {
            match self.next()? {
                c if c == quote => return Some(text),
                '\\' => self.escape(&mut text)?,
                '\n' => return None,
                c => text.push(c),
            }
        }
    }

    /// The character after a backslash. An unknown escape keeps its backslash, as in Python.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = match self.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            c @ ('\\' | '\'' | '"') => c,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(c);
        Some(())
    }

    /// A character by its code point, in this many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let code = self.rest.get(..digits)?;
        self.rest = &self.rest[digits..];
        char::from_u32(u32::from_str_radix(code, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_read_as_python_prints_them() {
        for (text, expected) in [
            ("['one', 'two']", json!(["one", "two"])),
            (
                "[\"it's\", 'a \"b\"', 'it\\'s \\\\ \\x41\\u00e9\\n']",
                json!(["it's", "a \"b\"", "it's \\ Aé\n"]),
            ),
            ("[('a', 1), ('b', -2.5)]", json!([["a", 1], ["b", -2.5]])),
            (
                "[{'role': 'user', 'content': None, 'ok': True}, ]",
                json!([{"role": "user", "content": null, "ok": true}]),
            ),
            ("[]", json!([])),
            ("[12345678901234567890123]", json!(["12345678901234567890123"])),
            ("['\\d+']", json!(["\\d+"])),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_literal_is_nothing() {
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        for text in [
            "['a' 'b']",
            "['a",
            "[a, b]",
            "array(['a'])",
            "['a'] and more",
            "[1, 2",
            "{'a': 1, 'a': 2}",
            "[nan]",
            "['\\ud800']",
            "",
            &deep,
        ] {
            assert_eq!(value(text), None, "{text:.40}");
        }
    }
}
