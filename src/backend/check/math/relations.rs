//! Reads equations and inequalities.

use super::{
    interval::{End, Interval},
    parse::{Parsing, RELATIONS, Words, split, union},
    quotient::Quotient,
    token::Token,
    value::{Equation, Value},
};

impl Parsing<'_> {
    /// Several inequalities: all of them hold, or one of them.
    pub(super) fn conditions(self, parts: &[&[Token]], is_or: bool) -> Option<Value> {
        let mut all: Vec<(String, Interval)> = Vec::new();
        for part in parts {
            all.push(self.inequality(part)?);
        }
        let (name, first) = all.first()?.clone();
        if !all.iter().all(|(other, _)| *other == name) {
            return None;
        }
        let intervals = all.into_iter().map(|(_, interval)| interval);
        if is_or {
            return Some(union(intervals.collect()));
        }
        let both = intervals.skip(1).try_fold(first, |both, next| both.and(&next))?;
        Some(union(vec![both]))
    }

    /// An inequality of one variable: its name, and the interval.
    pub(super) fn inequality(self, tokens: &[Token]) -> Option<(String, Interval)> {
        let relation =
            |token: &Token| matches!(token, Token::Mark(mark) if RELATIONS.contains(mark));
        let sides = split(tokens, relation);
        let mut marks = Vec::new();
        let mut at = 0;
        for side in sides.iter().take(sides.len() - 1) {
            at += side.len();
            marks.push(tokens.get(at)?);
            at += 1;
        }
        let sides: Option<Vec<_>> = sides.into_iter().map(|side| self.expression(side)).collect();
        let (sides, infinite) = (sides?, End { at: None, is_closed: false });
        let end = |value: &Quotient, mark: &Token| {
            let is_closed = matches!(mark, Token::Mark('≤' | '≥'));
            value.is_number().then(|| End { at: Some(value.clone()), is_closed })
        };
        let is_less = |mark: &Token| matches!(mark, Token::Mark('<' | '≤'));
        let (name, low, high) = match (sides.as_slice(), marks.as_slice()) {
            ([one, two], [mark]) => {
                let (name, end, above) = match (variable(one), variable(two)) {
                    (Some(name), None) => (name, end(two, mark)?, !is_less(mark)),
                    (None, Some(name)) => (name, end(one, mark)?, is_less(mark)),
                    _ => return None,
                };
                if above { (name, end, infinite) } else { (name, infinite, end) }
            }
            ([one, middle, two], [first, second]) if is_less(first) == is_less(second) => {
                let (one, two) = (end(one, first)?, end(two, second)?);
                let name = variable(middle)?;
                if is_less(first) { (name, one, two) } else { (name, two, one) }
            }
            _ => return None,
        };
        let interval = Interval { low, high };
        interval.is_ordered().then(|| (name.to_owned(), interval))
    }

    /// An equation, the value that it gives to a name, or the result of a calculation.
    pub(super) fn equation(self, tokens: &[Token]) -> Option<Value> {
        let sides = split(tokens, |token| *token == Token::Mark('='));
        let (first, last) = (sides.first()?, sides.last()?);
        let result = self.part(last)?;
        let Some(left) = self.expression(first) else {
            // `(x, y) = (1, 2)`
            let is_symbol =
                |value: &Value| matches!(value, Value::Scalar(value) if variable(value).is_some());
            if let Some(Value::Tuple(names)) = self.group(first) {
                return names.iter().all(is_symbol).then_some(result);
            }
            // Words or a function before the sign: the name of the result.
            let name = named(first)?;
            let is_name = sides.len() == 2 || is_number(&result);
            return is_name.then(|| Value::Named(name, Box::new(result)));
        };
        if sides.len() > 2 {
            let middle = sides.iter().skip(1).all(|side| self.part(side).is_some());
            let result = middle.then_some(result).filter(is_number)?;
            return Some(match variable(&left) {
                Some(name) => Value::Named(name.to_owned(), Box::new(result)),
                None => result,
            });
        }
        let Value::Scalar(right) = result else {
            return match variable(&left) {
                Some(name) => Some(Value::Named(name.to_owned(), Box::new(result))),
                None => left.is_number().then_some(result),
            };
        };
        self.two_sides(&left, &right, named(first))
    }

    /// An equation of two expressions.
    fn two_sides(self, left: &Quotient, right: &Quotient, name: Option<String>) -> Option<Value> {
        if left.is_number() && right.is_number() {
            return Some(Value::Scalar(right.clone()));
        }
        for (symbol, value) in [(left, right), (right, left)] {
            if let Some(symbol) = variable(symbol).filter(|_| value.is_number()) {
                return Some(Value::Named(
                    symbol.to_owned(),
                    Box::new(Value::Scalar(value.clone())),
                ));
            }
        }
        if self.words == Words::Prose && right.is_number() {
            // The result of a calculation with symbols: `a+b = 3`.
            return Some(Value::Scalar(right.clone()));
        }
        if let Some(function) = name {
            return Some(Value::Named(function, Box::new(Value::Scalar(right.clone()))));
        }
        let difference = left.minus(right, self.fuel)?;
        if difference.is_zero() {
            return Some(Value::Scalar(right.clone()));
        }
        let solved = [(left, right), (right, left)].into_iter().find_map(|(symbol, value)| {
            let name = variable(symbol).filter(|name| !value.contains(name))?;
            Some((name.to_owned(), value.clone()))
        });
        Some(Value::Equation(Equation { zero: difference.above().monic(), solved }))
    }
}

/// The name of a variable; constants are none.
fn variable(value: &Quotient) -> Option<&str> {
    value.symbol().filter(|name| *name != "pi")
}

/// Whether a value is a number, a quantity or a point, and not an expression.
fn is_number(value: &Value) -> bool {
    match value {
        Value::Scalar(value) | Value::Quantity(value, _) => value.is_number(),
        Value::Tuple(values) => values.iter().all(is_number),
        _ => false,
    }
}

/// The name before a sign of equality: words, or a function such as `f(x)`.
fn named(tokens: &[Token]) -> Option<String> {
    if let [Token::Letter(name), Token::Mark('('), Token::Letter(of), Token::Mark(')')] = tokens {
        return Some(format!("{name}({of})"));
    }
    let word = |token: &Token| match token {
        Token::Word(word) | Token::Letter(word) => Some(word.clone()),
        _ => None,
    };
    let words: Vec<String> = tokens.iter().map(word).collect::<Option<_>>()?;
    let has_word = tokens.iter().any(|token| matches!(token, Token::Word(_)));
    has_word.then(|| words.join(" ").to_lowercase())
}
