//! Words beside a number: a unit, or prose.

use super::{token::Token, units::Unit};

/// The words of these tokens, with the signs that occur in units; `None` if there is anything else.
pub(super) fn words(tokens: &[Token]) -> Option<Vec<String>> {
    let is_first = |at: usize| at == 0;
    let word = |(at, token): (usize, &Token)| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Letter(letter) if !is_first(at) => Some(letter.clone()),
        Token::Mark(mark @ ('/' | '^' | '*')) => Some(mark.to_string()),
        Token::Mark('{' | '}') if !is_first(at) => Some(String::new()),
        Token::Mark('-') if !is_first(at) => Some("-".into()),
        Token::Number { value, is_whole: true } if !is_first(at) => Some(value.to_string()),
        _ => None,
    };
    let words: Vec<String> = tokens.iter().enumerate().map(word).collect::<Option<_>>()?;
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    // A number that is no exponent is a second number.
    let is_exponent = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        before.is_some_and(|before| before == "^" || before == "-")
    };
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    let all = words.iter().enumerate().all(|(at, word)| !is_number(word) || is_exponent(at));
    all.then_some(words)
}

/// The unit that words begin with; other words are prose.
pub(super) fn unit_of(words: &[String]) -> Option<Unit> {
    let joined: Vec<String> = words.iter().fold(Vec::new(), |mut joined: Vec<String>, word| {
        match joined.last_mut() {
            Some(last) if last == "-" => *last = format!("-{word}"),
            _ => joined.push(word.clone()),
        }
        joined
    });
    let is_in = |length: usize| length == 1 && joined.len() > 1 && joined[0] == "in";
    let lengths = (1..=joined.len().min(8)).rev().filter(|length| !is_in(*length));
    lengths.into_iter().find_map(|length| Unit::read(&joined[..length]))
}

/// Whether a word denies what follows or precedes it.
pub(super) fn denies(token: &Token) -> bool {
    const WORDS: [&str; 5] = ["not", "never", "neither", "except", "than"];
    match token {
        Token::Word(word) => {
            let word = word.to_lowercase();
            WORDS.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
        }
        _ => false,
    }
}
