//! Reads a value from tokens: a scalar, a set, a point, an interval, an equation, a matrix.

use super::{
    expression::Reading,
    fuel::Fuel,
    interval::{End, Interval, Intervals},
    quotient::Quotient,
    token::Token,
    units::Unit,
    value::Value,
    words::{denies, unit_of, words},
};

/// How words around a value are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// Words before a number are a part of the value: `June 20`.
    Belong,
    /// Words before a number are prose (`it is 20`), and the number after `=` is the result.
    Prose,
}

/// The value of these tokens; `None` if they are not one that can be read.
pub(super) fn value(tokens: &[Token], words: Words) -> Option<Value> {
    Parsing { words, fuel: &Fuel::default() }.value(tokens)
}

/// Reads values with one limit on their work.
#[derive(Clone, Copy)]
pub(super) struct Parsing<'f> {
    pub(super) words: Words,
    pub(super) fuel: &'f Fuel,
}

/// The tokens between separators at depth 0.
pub(super) fn split(tokens: &[Token], is_separator: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{' | '⦃' | '⟦') => depth += 1,
            Token::Mark(')' | ']' | '}' | '⦄' | '⟧') => depth = depth.saturating_sub(1),
            token if depth == 0 && is_separator(token) => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => (),
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// Whether a mark stands at depth 0.
fn has(tokens: &[Token], marks: &[char]) -> bool {
    split(tokens, |token| matches!(token, Token::Mark(mark) if marks.contains(mark))).len() > 1
}

/// Whether a word joins values, and which word it is.
fn joins(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted))
}

/// The marks of inequalities.
pub(super) const RELATIONS: [char; 4] = ['<', '>', '≤', '≥'];

impl Parsing<'_> {
    /// One value, or several with commas or words between them.
    fn value(self, tokens: &[Token]) -> Option<Value> {
        self.fuel.spend(tokens.len())?;
        let tokens = without_braces(tokens);
        let comma = |token: &Token| matches!(token, Token::Mark(',' | ';'));
        let is_or = tokens.iter().any(|token| joins(token, "or"));
        let separates = |token: &Token| comma(token) || joins(token, "and") || joins(token, "or");
        let parts: Vec<_> = split(tokens, separates);
        if parts.len() == 1 {
            return self.part(tokens);
        }
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if parts.len() < 2 || comma(tokens.first()?) || comma(tokens.last()?) {
            return None;
        }
        if parts.iter().all(|part| has(part, &RELATIONS)) {
            return self.conditions(&parts, is_or);
        }
        Some(Value::List(with_one_name(self.values(parts)?)))
    }

    /// A value without separators around it.
    pub(super) fn part(self, tokens: &[Token]) -> Option<Value> {
        let tokens = without_braces(self.without_prose(tokens)?);
        if tokens.contains(&Token::Mark('±')) {
            return self.plus_minus(tokens);
        }
        if let [before, after] = split(tokens, |token| *token == Token::Mark('∈')).as_slice() {
            return matches!(before, [Token::Letter(_)]).then(|| self.part(after))?;
        }
        if has(tokens, &['∪']) {
            let parts = split(tokens, |token| *token == Token::Mark('∪'));
            let parts: Option<Vec<_>> =
                parts.into_iter().map(|part| intervals(self.part(part)?)).collect();
            return Some(union(parts?.concat()));
        }
        if has(tokens, &RELATIONS) {
            return Some(union(vec![self.inequality(tokens)?.1]));
        }
        if has(tokens, &['=']) {
            return self.equation(tokens);
        }
        self.group(tokens).or_else(|| self.scalar(tokens))
    }

    /// The tokens without the prose before the value, if words are prose; `None` if it denies the value.
    ///
    /// Words alone, and words before `=`, are no prose.
    fn without_prose(self, tokens: &[Token]) -> Option<&[Token]> {
        let is_word = |token: &&Token| matches!(token, Token::Word(_)) && !is_currency(token);
        let (before, after) = tokens.split_at(tokens.iter().take_while(is_word).count());
        if self.words == Words::Belong || matches!(after.first(), None | Some(Token::Mark('='))) {
            return Some(tokens);
        }
        (!before.iter().any(denies)).then_some(after)
    }

    /// Both values of `±`; `None` if the sign occurs more than once, so that there may be four.
    fn plus_minus(self, tokens: &[Token]) -> Option<Value> {
        if tokens.iter().filter(|token| **token == Token::Mark('±')).count() > 1 {
            return None;
        }
        let with = |plus: char, minus: char| {
            let sign = |token: &Token| match token {
                Token::Mark('±') => Token::Mark(plus),
                Token::Mark('∓') => Token::Mark(minus),
                token => token.clone(),
            };
            self.part(&tokens.iter().map(sign).collect::<Vec<_>>())
        };
        Some(Value::List(with_one_name(vec![with('+', '-')?, with('-', '+')?])))
    }

    /// A value in brackets of its own: a point, an interval, a set, a matrix.
    pub(super) fn group(self, tokens: &[Token]) -> Option<Value> {
        let [Token::Mark(open), inner @ .., Token::Mark(close)] = tokens else {
            return match tokens {
                [Token::Letter(name)] if name == "ℝ" => {
                    let end = End { at: None, is_closed: false };
                    Some(union(vec![Interval { low: end.clone(), high: end }]))
                }
                [Token::Mark('∅')] => Some(Value::Set(Vec::new())),
                _ => None,
            };
        };
        if closes_early(tokens) {
            return None;
        }
        match (open, close) {
            ('⦃', '⦄') => self.set(inner),
            ('⟦', '⟧') => self.matrix(inner),
            ('(' | '[', ')' | ']') => match inner {
                // A matrix in brackets of its own.
                [Token::Mark('⟦'), cells @ .., Token::Mark('⟧')] => self.matrix(cells),
                _ => self.bracket(*open, inner, *close),
            },
            _ => None,
        }
    }

    /// Values in braces, or a condition: `{x : x > 3}`.
    fn set(self, inner: &[Token]) -> Option<Value> {
        if inner.is_empty() {
            return Some(Value::Set(Vec::new()));
        }
        let parts = split(inner, |token| matches!(token, Token::Mark(':' | '|')));
        if let [variable, condition] = parts.as_slice() {
            let is_variable = matches!(variable, [Token::Letter(_)])
                || matches!(variable, [Token::Letter(_), Token::Mark('∈'), Token::Letter(set)] if set == "ℝ");
            return is_variable.then(|| self.value(condition))?;
        }
        self.items(inner).map(Value::Set)
    }

    /// The values between the commas.
    fn items(self, inner: &[Token]) -> Option<Vec<Value>> {
        self.values(split(inner, |token| matches!(token, Token::Mark(',' | ';'))))
    }

    /// The values of several parts, those of lists among them; `None` if one is only text.
    fn values(self, parts: Vec<&[Token]>) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        for part in parts {
            match self.part(part)? {
                Value::List(more) => values.extend(more),
                value if value.is_text() => return None,
                value => values.push(value),
            }
        }
        Some(values)
    }

    /// A point, an interval or a list; `None` for brackets around one expression.
    fn bracket(self, open: char, inner: &[Token], close: char) -> Option<Value> {
        if !has(inner, &[',', ';']) {
            return None;
        }
        let parts = split(inner, |token| matches!(token, Token::Mark(',' | ';')));
        if let [low, high] = parts.as_slice() {
            let (low, high) = (self.end(low, open == '['), self.end(high, close == ']'));
            if let (Some(low), Some(high)) = (low, high) {
                let is_infinite = low.at.is_none() || high.at.is_none();
                let interval = Interval { low, high };
                let is_point = (open, close) == ('(', ')') && !is_infinite;
                if !is_point && interval.is_ordered() {
                    return Some(union(vec![interval]));
                }
            }
        }
        let values = self.items(inner)?;
        match (open, close) {
            ('(', ')') => Some(Value::Tuple(values)),
            ('[', ']') => Some(Value::Bracket(values)),
            _ => None,
        }
    }

    /// The end of an interval.
    fn end(self, tokens: &[Token], is_closed: bool) -> Option<End> {
        match tokens {
            [Token::Mark('∞')] | [Token::Mark('+' | '-'), Token::Mark('∞')] => {
                Some(End { at: None, is_closed: false })
            }
            _ => Some(End { at: Some(self.expression(tokens)?), is_closed }),
        }
    }

    fn matrix(self, inner: &[Token]) -> Option<Value> {
        let rows = split(inner, |token| *token == Token::Mark('⏎'));
        let rows = rows.into_iter().filter(|row| !row.is_empty());
        let cells = |row: &[Token]| {
            let cells = split(row, |token| *token == Token::Mark('&'));
            cells.into_iter().map(|cell| self.expression(cell)).collect::<Option<Vec<_>>>()
        };
        rows.map(cells).collect::<Option<Vec<_>>>().map(Value::Matrix)
    }

    /// An expression and nothing else.
    pub(super) fn expression(self, tokens: &[Token]) -> Option<Quotient> {
        let mut reading = Reading::new(tokens, self.fuel);
        let value = reading.sum()?;
        reading.rest().is_empty().then_some(value)
    }

    /// An expression with a unit, or with words after it.
    fn scalar(self, tokens: &[Token]) -> Option<Value> {
        let (unit, tokens) = match tokens {
            [first, rest @ ..] if is_currency(first) => (Some(first), rest.to_vec()),
            // `-$5`
            [Token::Mark('-'), first, rest @ ..] if is_currency(first) => {
                (Some(first), [&[Token::Mark('-')][..], rest].concat())
            }
            _ => (None, tokens.to_vec()),
        };
        let mut reading = Reading::new(&tokens, self.fuel);
        let value = reading.sum()?;
        let after = words(reading.rest())?;
        if after.iter().any(|word| denies(&Token::Word(word.clone()))) {
            return None;
        }
        let unit = match unit {
            Some(Token::Word(name)) => Unit::named(name),
            _ => unit_of(&after),
        };
        Some(match unit {
            Some(unit) => Value::Quantity(value, unit),
            None => Value::Scalar(value),
        })
    }
}

/// Whether a word is the sign of a currency.
fn is_currency(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(word.as_str(), "$" | "€" | "£"))
}

/// Whether the first bracket is closed before the end.
fn closes_early(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{' | '⦃' | '⟦') => depth += 1,
            Token::Mark(')' | ']' | '}' | '⦄' | '⟧') => depth = depth.saturating_sub(1),
            _ => (),
        }
        if depth == 0 {
            return at + 1 < tokens.len();
        }
    }
    false
}

/// The tokens inside of braces that enclose all of them.
fn without_braces(mut tokens: &[Token]) -> &[Token] {
    while let [Token::Mark('{'), inner @ .., Token::Mark('}')] = tokens
        && !closes_early(tokens)
    {
        tokens = inner;
    }
    tokens
}

/// Values without their names, if all have the same name.
fn with_one_name(values: Vec<Value>) -> Vec<Value> {
    let names: Vec<Option<String>> = values
        .iter()
        .map(|value| match value {
            Value::Named(name, _) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let first = names.iter().flatten().next();
    if !names.iter().flatten().all(|name| Some(name) == first) {
        return values;
    }
    let unnamed = |value| match value {
        Value::Named(_, value) => *value,
        value => value,
    };
    values.into_iter().map(unnamed).collect()
}

/// The intervals that a value is; an open interval is read as a point first.
fn intervals(value: Value) -> Option<Vec<Interval>> {
    match value {
        Value::Intervals(intervals) => Some(intervals.0),
        Value::Tuple(values) => match values.as_slice() {
            [Value::Scalar(low), Value::Scalar(high)] => {
                let end = |at: &Quotient| End { at: Some(at.clone()), is_closed: false };
                let interval = Interval { low: end(low), high: end(high) };
                interval.is_ordered().then(|| vec![interval])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The union of intervals. One open interval with two numbers is written like a point, and equals it.
pub(super) fn union(all: Vec<Interval>) -> Value {
    let union = Intervals::union(all);
    if let [
        Interval {
            low: End { at: Some(low), is_closed: false },
            high: End { at: Some(high), is_closed: false },
        },
    ] = union.0.as_slice()
    {
        return Value::Tuple(vec![Value::Scalar(low.clone()), Value::Scalar(high.clone())]);
    }
    Value::Intervals(union)
}
