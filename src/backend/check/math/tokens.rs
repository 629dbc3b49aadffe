//! Splits a value, in LaTeX or as plain text, into tokens.
//!
//! Commands that only change the layout are left out, and signs with several spellings become one mark:
//! `\cdot`, `\times` and `×` are `*`; `\le` and `<=` are `≤`. Brackets of sets (`\{`) become `⦃` and `⦄`, so
//! that they differ from braces of groups. A line break of a matrix is `⏎`.

use super::{lexer::Lexer, token::Token};

/// The most characters of a value that is read.
const MOST: usize = 2_000;

/// The tokens of a value; `None` if it is too long, nested too deeply, or contains something unknown.
///
/// `is_math` is whether the text is known to be mathematics, so that `ab` is a product and not a word.
pub(super) fn tokens(text: &str, is_math: bool) -> Option<Vec<Token>> {
    if text.len() > MOST {
        return None;
    }
    let mut lexer = Lexer::new(text, is_math, dollars(text) == 1, 0);
    lexer.run()?;
    (lexer.depth == 0).then(|| with_degrees(&lexer.tokens))
}

/// The tokens with `^\circ` and its kin as one word: `°`, `°C`.
fn with_degrees(tokens: &[Token]) -> Vec<Token> {
    let (degree, power) = (Token::Mark('°'), Token::Mark('^'));
    let (open, close) = (Token::Mark('{'), Token::Mark('}'));
    let mut joined: Vec<Token> = Vec::new();
    let mut rest = tokens;
    while let [first, after @ ..] = rest {
        let is_scale = matches!(joined.last(), Some(Token::Word(word))
            if matches!(word.to_lowercase().as_str(), "°" | "degree" | "degrees"));
        let scale = match first {
            Token::Letter(name) | Token::Word(name) if is_scale => match name.as_str() {
                "C" | "Celsius" | "celsius" => Some("°C"),
                "F" | "Fahrenheit" | "fahrenheit" => Some("°F"),
                _ => None,
            },
            _ => None,
        };
        rest = after;
        if let Some(scale) = scale {
            joined.pop();
            joined.push(Token::Word(scale.into()));
        } else if *first == degree {
            joined.push(Token::Word("°".into()));
        } else if *first == power && after.first() == Some(&degree) {
            joined.push(Token::Word("°".into()));
            rest = &after[1..];
        } else if *first == power
            && after.starts_with(&[open.clone(), degree.clone(), close.clone()])
        {
            joined.push(Token::Word("°".into()));
            rest = &after[3..];
        } else {
            joined.push(first.clone());
        }
    }
    joined
}

/// The number of dollar signs that are not escaped. A single one is a currency, two enclose mathematics.
fn dollars(text: &str) -> usize {
    text.matches('$').count() - text.matches("\\$").count()
}
