//! One tag of a template: where the operands of `+`, literals and values of `set` begin and end.
//!
//! This is a tokenizer with a stack of brackets, not a parser: it needs to know only where an operand of `+` ends, which
//! is at any operator of the same or lower precedence. Where a tag is malformed, the engine's own parser reports it later.

use std::sync::LazyLock;

use regex::Regex;

use super::{BRACKETS, LONGEST, find, pattern};

/// One `{{ … }}` or `{% … %}` while it is read.
pub(super) struct Tag<'s, 'i> {
    /// The whole template.
    source: &'s str,
    /// Whether it is a block `{% … %}`.
    is_block: bool,
    /// The first word of a block: `set`, `for`, `if`.
    pub(super) word: &'s str,
    /// The brackets that are open, the tag itself first.
    levels: Vec<Level>,
    /// The token before the one that is read.
    before: &'s str,
    /// The byte where that token ended.
    end: usize,
    /// Whether a dot was seen.
    dotted: bool,
    /// The byte where the value of a `set` begins, and whether it goes into a namespace.
    value: Option<(usize, bool)>,
    /// The texts to be inserted into the template, by byte.
    insertions: &'i mut Vec<(usize, &'static str)>,
}

/// An open bracket, and what was read since.
#[derive(Default)]
struct Level {
    /// The byte of the bracket.
    at: usize,
    /// Whether it begins a list, a map or perhaps a tuple; an index or a call does not.
    makes: bool,
    /// Whether a comma was seen.
    comma: bool,
    /// The byte where the current operand begins.
    operand: Option<usize>,
    /// Whether a `+` stands before the current operand.
    added: bool,
    /// The number of tokens since the last comma.
    parts: usize,
}

/// The byte of the template at which something is refused, and why.
type Violation = (usize, String);

impl<'s, 'i> Tag<'s, 'i> {
    /// Prepares to read a tag of `source`.
    pub(super) fn new(
        source: &'s str,
        is_block: bool,
        insertions: &'i mut Vec<(usize, &'static str)>,
    ) -> Self {
        Self {
            source,
            is_block,
            word: "",
            levels: vec![Level::default()],
            before: "",
            end: 0,
            dotted: false,
            value: None,
            insertions,
        }
    }

    /// Reads from the byte `from` to the end of the tag, and returns the byte after it.
    ///
    /// # Errors
    /// The expression is too long or too deeply nested.
    pub(super) fn read(&mut self, from: usize) -> Result<usize, Violation> {
        let ends: &[&str] =
            if self.is_block { &["%}", "-%}", "+%}"] } else { &["}}", "-}}", "+}}"] };
        let mut at = from + usize::from(self.source[from..].starts_with(['-', '+']));
        self.end = at;
        loop {
            at += self.source[at..].len() - self.source[at..].trim_ascii_start().len();
            let rest = &self.source[at..];
            if rest.is_empty() {
                // The parser reports what is missing.
                return Ok(at);
            }
            if self.levels.len() == 1
                && let Some(end) = ends.iter().find(|end| rest.starts_with(**end))
            {
                self.finish();
                return Ok(at + end.len());
            }
            let length = token(rest, self.before);
            self.take(at, &rest[..length])?;
            self.before = &rest[..length];
            at += length;
            self.end = at;
        }
    }

    /// Ends the last operand, and wraps the value of a `set`.
    fn finish(&mut self) {
        self.operand_ends(false);
        if let Some((start, in_namespace)) = self.value {
            self.insertions.push((start, "("));
            self.insertions.push((self.end, if in_namespace { ")|__held" } else { ")|__kept" }));
        }
    }

    /// Reads one token.
    fn take(&mut self, at: usize, token: &'s str) -> Result<(), Violation> {
        if self.is_block && self.word.is_empty() {
            self.word = token;
            return Ok(());
        }
        match token {
            "(" | "[" | "{" => self.opens(at, token)?,
            ")" | "]" | "}" => self.closes(at, token)?,
            "," => {
                self.operand_ends(false);
                let level = self.level();
                (level.comma, level.parts) = (true, 0);
            }
            _ if self.is_boundary(token) => {
                self.operand_ends(token == "+");
                let in_set = self.word == "set" && self.levels.len() == 1;
                if token == "=" && in_set && self.value.is_none() {
                    self.value = Some((at + 1, self.dotted));
                }
            }
            _ => {
                self.dotted |= token == ".";
                self.level().operand.get_or_insert(at);
            }
        }
        self.level().parts += 1;
        let parts: usize = self.levels.iter().map(|level| level.parts).sum();
        if parts > LONGEST {
            return Err((at, format!("an expression has more than {LONGEST} parts")));
        }
        Ok(())
    }

    /// Reads an opening bracket.
    fn opens(&mut self, at: usize, token: &str) -> Result<(), Violation> {
        let continues = self.ends_operand();
        if self.levels.len() > BRACKETS {
            return Err((at, format!("more than {BRACKETS} brackets are inside one another")));
        }
        self.level().operand.get_or_insert(at);
        self.levels.push(Level { at, makes: !continues || token == "{", ..Level::default() });
        Ok(())
    }

    /// Reads a closing bracket, and wraps the list, map or tuple that it ends.
    fn closes(&mut self, at: usize, token: &str) -> Result<(), Violation> {
        self.operand_ends(false);
        match self.levels.pop() {
            Some(level) if !self.levels.is_empty() => {
                if level.makes && (token != ")" || level.comma) {
                    self.insertions.push((level.at, "("));
                    self.insertions.push((at + 1, "|__kept)"));
                }
                Ok(())
            }
            _ => Err((at, format!("`{token}` closes nothing"))),
        }
    }

    /// Ends the current operand, and wraps it if a `+` stands before or after it.
    fn operand_ends(&mut self, at_plus: bool) {
        let end = self.end;
        let level = self.level();
        let metered = (at_plus || level.added).then(|| level.operand.take()).flatten();
        (level.operand, level.added) = (None, at_plus);
        if let Some(start) = metered {
            self.insertions.push((start, "("));
            self.insertions.push((end, ")|__sum"));
        }
    }

    /// Whether an operand of `+` ends before this token.
    fn is_boundary(&self, token: &str) -> bool {
        let begun = self.levels.last().is_some_and(|level| level.operand.is_some());
        match token {
            "+" | "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | ":" => true,
            "-" => self.ends_operand(),
            // The stars of `f(*list)`.
            "*" | "**" => !begun,
            "not" | "in" | "and" | "or" | "if" | "else" => {
                !matches!(self.before, "is" | "." | "is not")
            }
            "recursive" => self.word == "for" && self.before != ".",
            _ => false,
        }
    }

    /// Whether the last token ends a value, so that a bracket after it is an index or a call.
    fn ends_operand(&self) -> bool {
        let begun = self.levels.last().is_some_and(|level| level.operand.is_some());
        let last = self.before.chars().next_back();
        begun && last.is_some_and(|last| last.is_alphanumeric() || "_)]}\"'".contains(last))
    }

    /// The innermost open bracket.
    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }
}

/// The length in bytes of the token at the beginning of `rest`: a word, number, string or operator. `before` is the
/// token before it.
fn token(rest: &str, before: &str) -> usize {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^(?:"(?:\\(?s:.)|[^"\\])*"?|'(?:\\(?s:.)|[^'\\])*'?|0[xXoObB][0-9a-fA-F_]*|[0-9][0-9_]*(?:\.[0-9_]+)?(?:\.?[eE][-+]?[0-9_]+)?|is\s+not\b|[\p{L}_][\p{L}\p{N}\p{M}_]*|//|\*\*|==|!=|<=|>=|(?s:.))"#,
        )
    });
    static INDEX: LazyLock<Regex> = LazyLock::new(|| pattern("^[0-9_]+"));
    // After a dot a number is an index and has no fraction.
    let index = (before == ".").then(|| find(rest, &INDEX)).flatten();
    index.or_else(|| find(rest, &TOKEN)).map_or(1, |(_, end)| end)
}
