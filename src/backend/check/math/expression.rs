//! Reads an expression: sums, products, fractions, powers and roots.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::{
    fuel::Fuel,
    numbers::{factorial, one, whole, zero},
    poly::Atom,
    quotient::Quotient,
    token::Token,
};

/// The deepest nesting of roots, powers and brackets in one expression.
const DEEPEST: usize = 60;

/// Reads an expression from the start of a list of tokens.
pub(super) struct Reading<'t> {
    tokens: &'t [Token],
    /// The position of the next token.
    pub(super) at: usize,
    depth: usize,
    fuel: &'t Fuel,
}

impl<'t> Reading<'t> {
    pub(super) fn new(tokens: &'t [Token], fuel: &'t Fuel) -> Self {
        Self { tokens, at: 0, depth: 0, fuel }
    }

    /// The tokens that are left.
    pub(super) fn rest(&self) -> &'t [Token] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    fn mark(&self) -> Option<char> {
        match self.rest().first() {
            Some(Token::Mark(mark)) => Some(*mark),
            _ => None,
        }
    }

    /// Skips a mark if it is the next token.
    fn skip(&mut self, mark: char) -> bool {
        let found = self.mark() == Some(mark);
        self.at += usize::from(found);
        found
    }

    /// Terms with `+` and `-` between them.
    pub(super) fn sum(&mut self) -> Option<Quotient> {
        let mut sum = self.term()?;
        loop {
            if self.skip('+') {
                sum = sum.plus(&self.term()?, self.fuel)?;
            } else if self.skip('-') {
                sum = sum.minus(&self.term()?, self.fuel)?;
            } else {
                return Some(sum);
            }
        }
    }

    /// Factors with `*`, `/` or nothing between them.
    ///
    /// `1/2x` is not read, because it may be a half of x or one over 2x.
    fn term(&mut self) -> Option<Quotient> {
        let mut term = self.signed()?;
        let mut divides = false;
        loop {
            if self.skip('*') {
                term = term.times(&self.signed()?, self.fuel)?;
            } else if self.divides() {
                self.at += 1;
                term = term.over(&self.signed()?, self.fuel)?;
                divides = true;
            } else if self.begins_factor() {
                if divides {
                    return None;
                }
                term = term.times(&self.power()?, self.fuel)?;
            } else {
                return Some(term);
            }
        }
    }

    /// Whether the next token divides by an expression, and not by a unit.
    fn divides(&self) -> bool {
        self.mark() == Some('/') && !matches!(self.rest().get(1), Some(Token::Word(_)))
    }

    /// Whether the next token may be a factor without a sign of multiplication.
    fn begins_factor(&self) -> bool {
        match self.rest().first() {
            Some(Token::Letter(_) | Token::Command(_)) => true,
            Some(Token::Mark(mark)) => matches!(mark, '(' | '{'),
            _ => false,
        }
    }

    /// A factor with its signs.
    fn signed(&mut self) -> Option<Quotient> {
        let mut is_negative = false;
        while matches!(self.mark(), Some('+' | '-')) {
            is_negative ^= self.mark() == Some('-');
            self.at += 1;
        }
        let factor = self.power()?;
        Some(if is_negative { factor.negated() } else { factor })
    }

    /// A factor with its exponent.
    fn power(&mut self) -> Option<Quotient> {
        let base = self.postfix()?;
        if !self.skip('^') {
            return Some(base);
        }
        let exponent = self.exponent()?;
        if self.mark() == Some('^') {
            return None;
        }
        let raised = match exponent.rational() {
            Some(exponent) => base.power(&exponent, self.fuel)?,
            None => Atom::Opaque(format!("({base})^({exponent})")).into(),
        };
        self.after(raised)
    }

    /// An exponent: in braces, or one number, letter or bracket with its signs.
    fn exponent(&mut self) -> Option<Quotient> {
        let mut is_negative = false;
        while matches!(self.mark(), Some('+' | '-')) {
            is_negative ^= self.mark() == Some('-');
            self.at += 1;
        }
        let exponent = self.primary()?;
        Some(if is_negative { exponent.negated() } else { exponent })
    }

    /// A primary expression with `!` or `%` after it.
    fn postfix(&mut self) -> Option<Quotient> {
        let value = self.primary()?;
        self.after(value)
    }

    /// The value with the `!` or `%` that follow it.
    fn after(&mut self, mut value: Quotient) -> Option<Quotient> {
        loop {
            if self.skip('!') {
                value = match value.rational() {
                    Some(number) => factorial(&number)?.into(),
                    None => Atom::Opaque(format!("({value})!")).into(),
                };
            } else if self.skip('%') {
                value = value.scaled(&whole(100).recip());
            } else {
                return Some(value);
            }
        }
    }

    fn primary(&mut self) -> Option<Quotient> {
        self.depth += 1;
        self.fuel.spend(1)?;
        if self.depth > DEEPEST {
            return None;
        }
        let token = self.rest().first()?;
        self.at += 1;
        let value = match token {
            Token::Number { value, is_whole } => self.number(value, *is_whole),
            Token::Letter(name) => self.letter(name),
            Token::Command(name) => self.command(name),
            Token::Mark('(') => self.until(')'),
            Token::Mark('{') => self.until('}'),
            Token::Mark('[') => self.until(']'),
            Token::Mark('|') => self.absolute(),
            Token::Mark(_) | Token::Word(_) => None,
        };
        self.depth -= 1;
        value
    }

    /// An expression up to its closing bracket.
    fn until(&mut self, bracket: char) -> Option<Quotient> {
        let value = self.sum()?;
        self.skip(bracket).then_some(value)
    }

    /// An absolute value.
    fn absolute(&mut self) -> Option<Quotient> {
        let inner = self.until('|')?;
        Some(match inner.rational() {
            Some(number) if number < zero() => inner.negated(),
            Some(_) => inner,
            None => Atom::Opaque(format!("abs({inner})")).into(),
        })
    }

    /// A number, a mixed number, or the digits of another base.
    fn number(&mut self, value: &BigRational, is_whole: bool) -> Option<Quotient> {
        if self.skip('_') {
            let base = self.primary()?.rational()?;
            return Some(Atom::Opaque(format!("{value}_{base}")).into());
        }
        match self.part_of_mixed().filter(|_| is_whole) {
            Some((above, below, length)) => {
                // `2\frac{5}{3}` may be a sum or a product.
                if above >= below {
                    return None;
                }
                self.at += length;
                Some((value + above / below).into())
            }
            None => Some(value.clone().into()),
        }
    }

    /// The fraction after a whole number, and the number of its tokens: `\frac{1}{2}` or `1/2`.
    fn part_of_mixed(&self) -> Option<(BigRational, BigRational, usize)> {
        let number = |token: &Token| match token {
            Token::Number { value, is_whole: true } => Some(value.clone()),
            _ => None,
        };
        let brace = |token: &Token, mark| *token == Token::Mark(mark);
        match self.rest() {
            [Token::Command(name), a, above, b, c, below, d, ..]
                if name == "frac"
                    && brace(a, '{')
                    && brace(b, '}')
                    && brace(c, '{')
                    && brace(d, '}') =>
            {
                Some((number(above)?, number(below)?, 7))
            }
            [above, slash, below, ..] if *slash == Token::Mark('/') => {
                Some((number(above)?, number(below)?, 3))
            }
            _ => None,
        }
    }

    /// A variable, with its index if it has one.
    fn letter(&mut self, name: &str) -> Option<Quotient> {
        if name == "ℝ" {
            return None;
        }
        if self.skip('_') {
            let index = match self.rest().first()? {
                Token::Word(word) => {
                    self.at += 1;
                    word.clone()
                }
                _ => self.primary()?.to_string(),
            };
            return Some(Atom::Symbol(format!("{name}_{index}")).into());
        }
        Some(match name {
            "i" => Atom::Imaginary.into(),
            name => Atom::Symbol(name.to_owned()).into(),
        })
    }

    /// A fraction, a root, a binomial coefficient or a function.
    fn command(&mut self, name: &str) -> Option<Quotient> {
        match name {
            "frac" => {
                let above = self.primary()?;
                above.over(&self.primary()?, self.fuel)
            }
            "sqrt" => {
                let argument = self.primary()?;
                argument.power(&whole(2).recip(), self.fuel)
            }
            "root" => {
                let degree = self.primary()?.rational().filter(|degree| *degree >= one())?;
                self.primary()?.power(&degree.recip(), self.fuel)
            }
            "binom" => {
                let above = self.primary()?.rational()?;
                binomial(&above, &self.primary()?.rational()?).map(Quotient::from)
            }
            name => self.function(name),
        }
    }

    /// A function with its argument; its value is not computed.
    fn function(&mut self, name: &str) -> Option<Quotient> {
        let mut name = name.to_owned();
        if self.skip('_') {
            name += &format!("_{}", self.primary()?);
        }
        let exponent = if self.skip('^') { Some(self.exponent()?.rational()?) } else { None };
        let mut argument = self.power()?;
        while matches!(self.rest().first(), Some(Token::Letter(_))) {
            argument = argument.times(&self.power()?, self.fuel)?;
        }
        let value = Quotient::from(Atom::Opaque(format!("{name}({argument})")));
        exponent.map_or(Some(value.clone()), |exponent| value.power(&exponent, self.fuel))
    }
}

/// A binomial coefficient of whole numbers up to 1,000.
fn binomial(above: &BigRational, below: &BigRational) -> Option<BigRational> {
    let small = |number: &BigRational| {
        let number = number.is_integer().then(|| number.to_integer())?;
        u32::try_from(number).ok().filter(|number| *number <= 1000)
    };
    let (above, below) = (small(above)?, small(below)?);
    if below > above {
        return Some(zero());
    }
    let step = |sum: BigInt, k: u32| sum * (above - k) / (k + 1);
    Some(BigRational::from_integer((0..below).fold(BigInt::from(1), step)))
}
