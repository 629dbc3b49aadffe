//! The splitting of a value into tokens, character by character.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::{
    commands::{FUNCTIONS, GREEK, LAYOUT, MARKS, TEXTS},
    numbers::{one, power, whole},
    token::Token,
    units::Unit,
};

/// The deepest nesting of brackets.
const DEEPEST: usize = 40;

/// The state of the splitting.
pub(super) struct Lexer {
    chars: Vec<char>,
    /// The position of the next character.
    at: usize,
    /// The number of open brackets.
    pub(super) depth: usize,
    is_math: bool,
    /// Whether a dollar sign is a currency.
    has_currency: bool,
    pub(super) tokens: Vec<Token>,
}

impl Lexer {
    pub(super) fn new(text: &str, is_math: bool, has_currency: bool, depth: usize) -> Self {
        let chars = text.chars().collect();
        Self { chars, at: 0, depth, is_math, has_currency, tokens: Vec::new() }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn mark(&mut self, mark: char) {
        self.tokens.push(Token::Mark(mark));
    }

    /// The characters from here that satisfy the condition.
    fn take(&mut self, is_of: impl Fn(char) -> bool) -> String {
        let run: String = self.chars[self.at..].iter().copied().take_while(|c| is_of(*c)).collect();
        self.at += run.chars().count();
        run
    }

    pub(super) fn run(&mut self) -> Option<()> {
        while let Some(c) = self.peek(0) {
            match c {
                '\\' => self.command()?,
                '0'..='9' => self.number()?,
                '.' if self.peek(1).is_some_and(|c| c.is_ascii_digit()) => self.number()?,
                c if c.is_alphabetic() && c != 'π' => self.letters(),
                c => {
                    self.at += 1;
                    self.sign(c)?;
                }
            }
        }
        Some(())
    }

    /// A character that is neither a digit nor a letter.
    fn sign(&mut self, c: char) -> Option<()> {
        match c {
            '(' | '[' | '{' => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return None;
                }
                self.mark(c);
            }
            ')' | ']' | '}' => {
                self.depth = self.depth.checked_sub(1)?;
                self.mark(c);
            }
            '<' | '>' if self.peek(0) == Some('=') => {
                self.at += 1;
                self.mark(if c == '<' { '≤' } else { '≥' });
            }
            '*' if self.peek(0) == Some('*') => {
                self.at += 1;
                self.mark('^');
            }
            '+' if self.peek(0) == Some('/') && self.peek(1) == Some('-') => {
                self.at += 2;
                self.mark('±');
            }
            '+' | '-' | '*' | '/' | '^' | '_' | '!' | ',' | ';' | '=' | '<' | '>' | '|' | '&'
            | ':' | '≤' | '≥' | '≠' | '±' | '∓' | '∈' | '∪' | '∩' | '∞' | '°' | '≈' | '∅' | '…'
            | '→' | '∖' | '\'' => self.mark(c),
            '−' | '–' => self.mark('-'),
            '×' | '·' | '∙' | '⋅' => self.mark('*'),
            '÷' | '⁄' => self.mark('/'),
            '%' => self.mark('%'),
            'π' => self.tokens.push(Token::Letter("pi".into())),
            '√' => self.tokens.push(Token::Command("sqrt".into())),
            '²' => self.exponent(2),
            '³' => self.exponent(3),
            '½' => self.vulgar(1, 2),
            '¼' => self.vulgar(1, 4),
            '¾' => self.vulgar(3, 4),
            '⅓' => self.vulgar(1, 3),
            '⅔' => self.vulgar(2, 3),
            '$' if self.has_currency => self.tokens.push(Token::Word("$".into())),
            '€' | '£' | '¢' => self.tokens.push(Token::Word(c.into())),
            '$' | '~' => (),
            c if c.is_whitespace() => (),
            _ => return None,
        }
        Some(())
    }

    fn exponent(&mut self, exponent: i64) {
        self.mark('^');
        self.tokens.push(Token::Number { value: whole(exponent), is_whole: true });
    }

    /// A fraction in one character; after a whole number it is the rest of a mixed number.
    fn vulgar(&mut self, above: i64, below: i64) {
        self.tokens.push(Token::Command("frac".into()));
        for part in [above, below] {
            self.mark('{');
            self.tokens.push(Token::Number { value: whole(part), is_whole: true });
            self.mark('}');
        }
    }

    /// A command of LaTeX.
    fn command(&mut self) -> Option<()> {
        self.at += 1;
        let Some(c) = self.peek(0) else { return Some(()) };
        if !c.is_ascii_alphabetic() {
            self.at += 1;
            match c {
                '{' => self.set_bracket('⦃')?,
                '}' => self.set_bracket('⦄')?,
                '\\' => self.mark('⏎'),
                '%' => self.mark('%'),
                '$' => self.tokens.push(Token::Word("$".into())),
                '|' => self.mark('|'),
                ',' | ';' | ':' | '!' | ' ' | '(' | ')' | '[' | ']' | '\n' => (),
                _ => return None,
            }
            return Some(());
        }
        let name = self.take(|c| c.is_ascii_alphabetic());
        self.named(&name)
    }

    fn set_bracket(&mut self, bracket: char) -> Option<()> {
        if bracket == '⦃' {
            self.depth += 1;
        } else {
            self.depth = self.depth.checked_sub(1)?;
        }
        self.mark(bracket);
        (self.depth <= DEEPEST).then_some(())
    }

    /// A command with a name.
    fn named(&mut self, name: &str) -> Option<()> {
        if let Some((_, mark)) = MARKS.iter().find(|(known, _)| *known == name) {
            match mark {
                '⦃' | '⦄' => return self.set_bracket(*mark),
                mark => self.mark(*mark),
            }
        } else if LAYOUT.contains(&name) {
            // `\left.` is an invisible bracket.
            if name == "left" || name == "right" {
                self.take(char::is_whitespace);
                self.at += usize::from(self.peek(0) == Some('.'));
            }
        } else if TEXTS.contains(&name) {
            self.prose()?;
        } else if GREEK.contains(&name) {
            self.tokens.push(Token::Letter(name.into()));
        } else if FUNCTIONS.contains(&name) {
            self.tokens.push(Token::Command(name.into()));
        } else {
            match name {
                "frac" | "dfrac" | "tfrac" | "cfrac" => self.with_arguments("frac", 2)?,
                "binom" | "dbinom" | "tbinom" => self.with_arguments("binom", 2)?,
                "sqrt" => self.root()?,
                "mathbb" | "mathbf" | "boldsymbol" | "mathit" | "mathcal" | "vec" | "bm" => {
                    let inner = self.argument()?;
                    let letter = if name == "mathbb" && inner == "R" { "ℝ" } else { &inner };
                    self.tokens.push(Token::Letter(letter.into()));
                }
                "boxed" | "fbox" => {}
                "begin" | "end" => {
                    let environment = self.argument()?;
                    self.environment(name == "begin", &environment)?;
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// A root, with its degree in square brackets if it is not a square root.
    fn root(&mut self) -> Option<()> {
        self.take(char::is_whitespace);
        if self.peek(0) != Some('[') {
            return self.with_arguments("sqrt", 1);
        }
        let degree = self.take(|c| c != ']');
        self.at += 1;
        self.tokens.push(Token::Command("root".into()));
        self.group(degree.trim_start_matches('['))?;
        let argument = self.raw_argument()?;
        self.group(&argument)
    }

    /// A command with arguments: each of them in braces, or one character (`\frac12`), or one command.
    fn with_arguments(&mut self, name: &str, count: usize) -> Option<()> {
        self.tokens.push(Token::Command(name.into()));
        for _ in 0..count {
            let argument = self.raw_argument()?;
            self.group(&argument)?;
        }
        Some(())
    }

    /// The tokens of an argument, in braces.
    fn group(&mut self, inner: &str) -> Option<()> {
        let mut lexer = Self::new(inner, true, false, self.depth + 1);
        if lexer.depth > DEEPEST {
            return None;
        }
        lexer.run()?;
        self.mark('{');
        self.tokens.append(&mut lexer.tokens);
        self.mark('}');
        (lexer.depth == self.depth + 1).then_some(())
    }

    /// An argument of a command that may be another command with arguments.
    fn raw_argument(&mut self) -> Option<String> {
        self.take(char::is_whitespace);
        if self.peek(0)? != '\\' {
            return self.argument();
        }
        self.at += 1;
        let mut whole = format!("\\{}", self.take(|c| c.is_ascii_alphabetic()));
        while self.peek(0) == Some('{') {
            whole += &format!("{{{}}}", self.argument()?);
        }
        Some(whole)
    }

    /// The start or the end of a matrix.
    fn environment(&mut self, is_begin: bool, name: &str) -> Option<()> {
        if !["pmatrix", "bmatrix", "matrix", "smallmatrix", "array"].contains(&name) {
            return None;
        }
        if is_begin && name == "array" {
            self.argument()?;
        }
        self.depth = if is_begin { self.depth + 1 } else { self.depth.checked_sub(1)? };
        self.mark(if is_begin { '⟦' } else { '⟧' });
        Some(())
    }

    /// The argument of a command: in braces, or one character.
    fn argument(&mut self) -> Option<String> {
        self.take(char::is_whitespace);
        if self.peek(0)? != '{' {
            self.at += 1;
            return self.chars.get(self.at - 1).map(char::to_string);
        }
        self.at += 1;
        let mut depth = 1;
        let start = self.at;
        loop {
            match self.peek(0)? {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => (),
            }
            self.at += 1;
            if depth == 0 {
                let inner: String = self.chars[start..self.at - 1].iter().collect();
                return Some(inner.trim().to_owned());
            }
        }
    }

    /// The argument of a command for prose: its words, and the numbers between them.
    fn prose(&mut self) -> Option<()> {
        let inner = self.argument()?;
        let letter = inner.trim_matches(['(', ')']);
        if self.tokens.is_empty() && letter.chars().count() == 1 {
            // The letter of an option.
            self.tokens.push(Token::Letter(letter.into()));
            return Some(());
        }
        let mut within = Self::new(&inner, false, false, self.depth + 1);
        if inner.contains(char::is_numeric) && within.depth <= DEEPEST && within.run().is_some() {
            self.tokens.append(&mut within.tokens);
            return (within.depth == self.depth + 1).then_some(());
        }
        let words = inner.split(|c: char| c.is_whitespace() || c == ',');
        let words = words.map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty());
        for word in words {
            let parts = word.split_inclusive('/');
            for part in parts {
                let name = part.trim_end_matches('/');
                if !name.is_empty() {
                    self.tokens.push(Token::Word(name.into()));
                }
                if part.ends_with('/') {
                    self.mark('/');
                }
            }
        }
        Some(())
    }

    /// A number: digits with separators of thousands, decimals, and an exponent.
    fn number(&mut self) -> Option<()> {
        let mut digits = self.take(|c| c.is_ascii_digit());
        let mut is_whole = true;
        if (1..=3).contains(&digits.len()) {
            while let Some(length) = self.separator() {
                // `(1,234)` may be a point or a number.
                if length == 1 && self.depth > 0 {
                    return None;
                }
                self.at += length;
                digits += &self.take(|c| c.is_ascii_digit());
            }
        }
        let mut decimals = 0;
        let mut repeated = String::new();
        let is_point = self.peek(0) == Some('.')
            && (self.peek(1).is_some_and(|c| c.is_ascii_digit()) || self.repeats(1));
        if is_point {
            self.at += 1;
            is_whole = false;
            let after = self.take(|c| c.is_ascii_digit());
            decimals = after.len();
            digits += &after;
            if self.repeats(0) {
                self.at += 1;
                self.take(|c| c.is_ascii_alphabetic());
                repeated = self.argument()?;
            }
        }
        let integer = |digits: &str| digits.parse::<BigInt>().ok().map(BigRational::from_integer);
        let scale = |places: usize| power(&whole(10), i64::try_from(places).ok()?);
        let mut value = integer(&digits)? / scale(decimals)?;
        if !repeated.is_empty() {
            let nines = scale(repeated.len())? - one();
            value += integer(&repeated)? / nines / scale(decimals)?;
        }
        let exponent = self.scientific();
        if !exponent.is_empty() {
            value *= power(&whole(10), exponent.parse().ok()?)?;
            is_whole = false;
        }
        self.tokens.push(Token::Number { value, is_whole });
        Some(())
    }

    /// The length of a separator of thousands here, with exactly three digits after it.
    fn separator(&self) -> Option<usize> {
        let rest: String = self.chars[self.at..].iter().take(8).collect();
        let marks = ["{,}", ",\\!", "\\,", "\\ ", ",", "'", "\u{2009}", "\u{a0}", "\u{202f}"];
        let mark = marks.into_iter().find(|mark| rest.starts_with(mark))?;
        let length = mark.chars().count();
        let digits = self.chars[self.at + length..].iter().take_while(|c| c.is_ascii_digit());
        (digits.count() == 3).then_some(length)
    }

    /// Whether digits that repeat follow: `\overline{3}`.
    fn repeats(&self, ahead: usize) -> bool {
        let rest: String = self.chars[(self.at + ahead).min(self.chars.len())..].iter().collect();
        let inner = ["\\overline{", "\\bar{"].iter().find_map(|start| rest.strip_prefix(start));
        inner.and_then(|inner| inner.split_once('}')).is_some_and(|(digits, _)| {
            !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
        })
    }

    /// The digits of the exponent of a number such as `1.5e3`, with their sign; empty if there is none.
    fn scientific(&mut self) -> String {
        let signed = usize::from(matches!(self.peek(1), Some('-' | '+')));
        let is_exponent = matches!(self.peek(0), Some('e' | 'E'))
            && self.peek(1 + signed).is_some_and(|c| c.is_ascii_digit());
        if !is_exponent {
            return String::new();
        }
        let sign = if self.peek(1) == Some('-') { "-" } else { "" };
        self.at += 1 + signed;
        sign.to_owned() + &self.take(|c| c.is_ascii_digit())
    }

    /// A run of letters: a function, a constant, variables, a unit or a word.
    fn letters(&mut self) {
        let follows_space = self.at > 0 && self.chars[self.at - 1].is_whitespace();
        let run = self.take(|c| c.is_alphabetic() && c != 'π');
        let run = run + &self.possessive();
        let lower = run.to_lowercase();
        let after_number = matches!(self.tokens.last(), Some(Token::Number { .. }));
        let next = self.chars[self.at..].iter().copied().find(|c| !c.is_whitespace());
        let joins = matches!(next, Some('+' | '-' | '*' | '=' | '('));
        if lower == "pi" {
            self.tokens.push(Token::Letter("pi".into()));
        } else if matches!(lower.as_str(), "inf" | "infinity" | "infty" | "oo") {
            self.mark('∞');
        } else if lower == "sqrt" || FUNCTIONS.contains(&run.as_str()) && next == Some('(') {
            self.tokens.push(Token::Command(lower));
        } else if run.chars().count() == 1 {
            let is_unit = after_number && follows_space && !joins && Unit::named(&run).is_some();
            let is_unit = is_unit && !self.is_math;
            self.tokens.push(if is_unit { Token::Word(run) } else { Token::Letter(run) });
        } else if self.is_product(&run, after_number) {
            self.tokens.extend(run.chars().map(|c| Token::Letter(c.into())));
        } else {
            self.tokens.push(Token::Word(run));
        }
    }

    /// The rest of a word with an apostrophe or a hyphen: `isn't`.
    fn possessive(&mut self) -> String {
        let is_word = matches!(self.peek(0), Some('\'' | '’'))
            && self.peek(1).is_some_and(char::is_alphabetic);
        if is_word {
            self.take(|c| c.is_alphabetic() || matches!(c, '\'' | '’'))
        } else {
            String::new()
        }
    }

    /// Whether a run of several letters is a product of variables: in mathematics, or directly beside a digit
    /// or an operator.
    fn is_product(&self, run: &str, after_number: bool) -> bool {
        const WORDS: [&str; 6] = ["or", "and", "in", "is", "no", "to"];
        let is_short = run.chars().count() <= 3 && run.chars().all(|c| c.is_ascii_alphabetic());
        let start = self.at - run.chars().count();
        let is_operator = |c: Option<&char>| {
            c.is_some_and(|c| c.is_ascii_digit() || matches!(c, '^' | '*' | '/' | '(' | ')' | '+'))
        };
        let is_joined = is_operator(start.checked_sub(1).and_then(|at| self.chars.get(at)))
            || is_operator(self.chars.get(self.at));
        let is_unit = after_number && Unit::named(run).is_some();
        is_short && !is_unit && !WORDS.contains(&run) && (self.is_math || is_joined)
    }
}
