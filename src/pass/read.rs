//! Reading pass rules as people write them, by recursive descent; see the parent module for the grammar.

use std::str::FromStr;

use super::{
    CRITERION, Condition, OPERATORS, Operand, Operator, Pass, SUBJECTS, Subject, Test, quoted,
};
use crate::{
    error::{Error, ErrorKind, Result, near, unknown},
    scale::Assessment,
};

/// A lexeme of a written rule.
#[derive(Clone, Debug, PartialEq)]
enum Lexeme {
    /// A name, a number or an unquoted word.
    Word(String),
    /// A word in quotation marks, at least in part: never `and`, `or` or a number.
    Quoted(String),
    /// A comparison, such as `>=`.
    Operator(Operator),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `and`, in any case.
    And,
    /// `or`, in any case.
    Or,
}

impl FromStr for Pass {
    type Err = Error;

    /// Reads a rule.
    ///
    /// # Errors
    /// The rule is malformed ([`ErrorKind::Config`]); the message names the mistake.
    fn from_str(rule: &str) -> Result<Self> {
        let malformed = |error: Error| error.within(format!("the pass rule `{}`", rule.trim()));
        let lexemes = lexemes(rule).map_err(malformed)?;
        let mut reader = Lexemes { lexemes: &lexemes, depth: 0 };
        let read = reader.either().map_err(malformed)?;
        match reader.lexemes.first() {
            None => Ok(Self(read)),
            Some(Lexeme::Close) => {
                Err(malformed(wrong("it closes a parenthesis that it never opened")))
            }
            Some(_) => Err(malformed(unjoined())),
        }
    }
}

/// The error of a malformed rule, with examples of well-formed ones.
fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Config, format!("it is malformed: {message}"))
        .hint("write it like `score >= 7`, `label = correct and p >= 0.9` or `all criteria >= 3`")
}

/// The error of two tests without a word between them.
fn unjoined() -> Error {
    wrong("two tests stand side by side without `and` or `or`")
}

/// Cuts a rule into lexemes. Of operators that begin alike, the longest is read.
fn lexemes(rule: &str) -> Result<Vec<Lexeme>> {
    let mut lexemes = Vec::new();
    let mut rest = rule.trim_start();
    while let Some(first) = rest.chars().next() {
        let operator = OPERATORS
            .iter()
            .filter(|(text, _)| rest.starts_with(text))
            .max_by_key(|(t, _)| t.len());
        let (lexeme, length) = match (first, operator) {
            ('(', _) => (Lexeme::Open, 1),
            (')', _) => (Lexeme::Close, 1),
            (_, Some((text, operator))) => (Lexeme::Operator(*operator), text.len()),
            _ if rest.starts_with("&&") || rest.starts_with("||") => {
                return Err(wrong("`&&` and `||` are written `and` and `or`"));
            }
            _ => word(rest)?,
        };
        lexemes.push(lexeme);
        rest = rest[length..].trim_start();
    }
    Ok(lexemes)
}

/// Reads a word, part of which may stand in quotation marks (`criteria."tone of voice"`), and its length in bytes.
fn word(text: &str) -> Result<(Lexeme, usize)> {
    let mut word = String::new();
    let mut is_quoted = false;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let opens = matches!(c, '"' | '\'') && (at == 0 || word.ends_with('.'));
        if opens {
            let inner = &text[at + 1..];
            let end = inner.find(c).ok_or_else(|| wrong("a quotation mark is never closed"))?;
            word.push_str(&inner[..end]);
            (is_quoted, at) = (true, at + end + 2);
        } else if c.is_whitespace() || "()<>=!≥≤≠&|".contains(c) {
            break;
        } else {
            word.push(c);
            at += c.len_utf8();
        }
    }
    if at == 0 {
        return Err(wrong(&format!(
            "`{}` is not expected here",
            text.chars().next().unwrap_or(' ')
        )));
    }
    let joint = |joint: &str| !is_quoted && word.eq_ignore_ascii_case(joint);
    let lexeme = if joint("and") {
        Lexeme::And
    } else if joint("or") {
        Lexeme::Or
    } else if is_quoted {
        Lexeme::Quoted(word)
    } else {
        Lexeme::Word(word)
    };
    Ok((lexeme, at))
}

/// The lexemes of a rule that are not read yet.
struct Lexemes<'t> {
    /// The rest, in order.
    lexemes: &'t [Lexeme],
    /// How many parentheses are open.
    depth: usize,
}

/// How deeply parentheses may be nested, so that reading cannot overflow the stack.
const DEEPEST: usize = 32;

impl Lexemes<'_> {
    /// Reads this lexeme, if it is the next one.
    fn take(&mut self, lexeme: &Lexeme) -> bool {
        let found = self.lexemes.first() == Some(lexeme);
        if found {
            self.lexemes = &self.lexemes[1..];
        }
        found
    }

    /// Reads parts that `or` joins.
    fn either(&mut self) -> Result<Condition> {
        let mut any = vec![self.both()?];
        while self.take(&Lexeme::Or) {
            any.push(self.both()?);
        }
        Ok(single(any, Condition::Or))
    }

    /// Reads tests that `and` joins.
    fn both(&mut self) -> Result<Condition> {
        let mut all = vec![self.part()?];
        while self.take(&Lexeme::And) {
            all.push(self.part()?);
        }
        Ok(single(all, Condition::And))
    }

    /// Reads a test, or a rule in parentheses.
    fn part(&mut self) -> Result<Condition> {
        if !self.take(&Lexeme::Open) {
            return self.test().map(Condition::Test);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong("it nests too deep"));
        }
        let inner = self.either()?;
        self.depth -= 1;
        if self.take(&Lexeme::Close) {
            Ok(inner)
        } else if self.lexemes.is_empty() {
            Err(wrong("a parenthesis is never closed"))
        } else {
            Err(unjoined())
        }
    }

    /// Reads a subject, an operator and an operand.
    fn test(&mut self) -> Result<Test> {
        let (left, _) = self.words();
        let Some(Lexeme::Operator(operator)) = self.lexemes.first().cloned() else {
            return Err(wrong(match (left.is_empty(), self.lexemes.is_empty()) {
                (true, true) => "a test is missing",
                _ => "a test needs an operator, such as `>=` or `=`",
            }));
        };
        self.lexemes = &self.lexemes[1..];
        let subject = subject(&left)?;
        let (right, is_quoted) = self.words();
        let value = value(&subject, operator, &right, is_quoted)?;
        Ok(Test { subject, operator, value })
    }

    /// Reads the words up to the next operator, `and`, `or` or parenthesis; and whether one of them is quoted.
    fn words(&mut self) -> (String, bool) {
        let (mut words, mut is_quoted) = (Vec::new(), false);
        while let Some(Lexeme::Word(word) | Lexeme::Quoted(word)) = self.lexemes.first() {
            is_quoted |= matches!(self.lexemes.first(), Some(Lexeme::Quoted(_)));
            words.push(word.as_str());
            self.lexemes = &self.lexemes[1..];
        }
        (words.join(" "), is_quoted)
    }
}

/// The only condition itself, or several joined.
fn single(mut rules: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (rules.len(), rules.pop()) {
        (1, Some(one)) => one,
        (_, last) => many(rules.into_iter().chain(last).collect()),
    }
}

/// The subject of this name.
fn subject(name: &str) -> Result<Subject> {
    if let Some(criterion) = name.strip_prefix(CRITERION).filter(|name| !name.is_empty()) {
        return Ok(Subject::Criterion(criterion.to_owned()));
    }
    if name.is_empty() {
        return Err(wrong("a name is missing before its operator"));
    }
    let name = if name == "any criteria" { "any criterion" } else { name };
    let known = SUBJECTS.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, subject)| subject).ok_or_else(|| unknown_value(name))
}

/// The error of an unknown subject, with the near name, or how a criterion would be written.
fn unknown_value(name: &str) -> Error {
    let names = SUBJECTS.map(|(name, _)| name);
    let error = unknown(ErrorKind::Config, "value", name, names);
    if near(name, names).is_some() {
        error
    } else {
        error.hint(format!("a criterion is called `{CRITERION}{}`", quoted(name)))
    }
}

/// The operand of a test: a word for labels, sides and assessments of criteria, otherwise a number.
fn value(subject: &Subject, operator: Operator, text: &str, is_quoted: bool) -> Result<Operand> {
    if text.is_empty() {
        return Err(wrong("a value is missing after its operator"));
    }
    if subject.is_word() {
        return match operator {
            Operator::Is | Operator::IsNot => {
                Ok(Operand::Word { text: text.to_owned(), exact: false })
            }
            _ => Err(wrong(&format!("`{subject}` is a word, and is compared with `=` or `!=`"))),
        };
    }
    let number = text.replace('−', "-").parse::<f64>().ok().filter(|n| n.is_finite());
    let is_word = subject.is_criteria() && Assessment::of(&text.to_lowercase()).is_some();
    match number.filter(|_| !is_quoted) {
        Some(number) => Ok(Operand::Number(number)),
        None if is_word && !matches!(operator, Operator::Is | Operator::IsNot) => {
            Err(wrong(&format!("`{text}` is a word, and is compared with `=` or `!=`")))
        }
        None if is_word => Ok(Operand::Word { text: text.to_owned(), exact: false }),
        None if text.ends_with('%') => {
            Err(wrong(&format!("`{text}` is written as a number, such as 0.9")))
        }
        None => {
            Err(wrong(&format!("`{subject}` is compared with a number, and `{text}` is not one")))
        }
    }
}
