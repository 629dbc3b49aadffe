//! The changes between two texts, word by word, for people who follow a revision.

use similar::{ChangeTag, TextDiff};

use super::terminal::escaped_lines;

/// The number of unchanged words that are shown before and after a change.
const CONTEXT: usize = 6;

/// The text `new` with its differences from `old`, word by word.
///
/// Removed words are red and added words are green if `colour` is true; otherwise they are between `[-`
/// `-]` and `{+` `+}`. Long unchanged passages are cut. Both texts are escaped, so the result is safe to
/// print.
pub fn changes(old: &str, new: &str, colour: bool) -> String {
    let diff = TextDiff::from_words(old, new);
    let mut runs: Vec<(ChangeTag, Vec<&str>)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, words)) if *tag == change.tag() => words.push(change.value()),
            _ => runs.push((change.tag(), vec![change.value()])),
        }
    }
    let count = runs.len();
    let shown = runs.into_iter().enumerate().map(|(n, (tag, words))| match tag {
        ChangeTag::Equal => context(&words, n == 0, n + 1 == count),
        ChangeTag::Delete => marked(&words, colour, ("31", "[-", "-]")),
        ChangeTag::Insert => marked(&words, colour, ("32", "{+", "+}")),
    });
    shown.collect()
}

/// Unchanged words, cut in the middle: `first` and `last` are true if no change comes before or after
/// them.
fn context(words: &[&str], first: bool, last: bool) -> String {
    // Words and the blanks between them are separate tokens.
    let most = 2 * CONTEXT;
    let whole = |words: &[&str]| escaped_lines(&words.concat());
    let (before, after) = (if first { 0 } else { most }, if last { 0 } else { most });
    if words.len() <= before + after + 2 {
        return whole(words);
    }
    let (head, tail) = (&words[..before], &words[words.len() - after..]);
    format!("{}…{}", whole(head), whole(tail))
}

/// Removed or added words, in a colour or between marks. Every line is escaped.
fn marked(words: &[&str], colour: bool, (code, open, close): (&str, &str, &str)) -> String {
    let text = escaped_lines(&words.concat());
    if colour {
        // Each line has its own colour codes, because pagers reset colours at the end of a line.
        let lines = text.split('\n').map(|line| match line {
            "" => String::new(),
            line => format!("\u{1b}[{code}m{line}\u{1b}[0m"),
        });
        return lines.collect::<Vec<_>>().join("\n");
    }
    let (before, rest) = text.split_at(text.len() - text.trim_start().len());
    let kept = rest.trim_end();
    format!("{before}{open}{kept}{close}{}", &rest[kept.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_words_are_marked_and_long_passages_cut() {
        assert_eq!(changes("12 + 30 = 41", "12 + 30 = 42", false), "12 + 30 = [-41-]{+42+}");
        let long: String = (0..50).map(|n| format!("w{n} ")).collect();
        let shown = changes(&format!("{long}old"), &format!("{long}new"), false);
        assert!(shown.starts_with('…') && shown.ends_with("w49 [-old-]{+new+}"), "{shown}");
        assert!(!shown.contains("w20"), "{shown}");
        assert_eq!(changes("same", "same", true), "same");
    }

    #[test]
    fn colours_are_ours_alone() {
        let shown = changes("a", "\u{1b}[2J b", true);
        assert_eq!(shown.matches('\u{1b}').count() % 2, 0);
        assert!(shown.contains("\\u{1b}[2J"), "{shown}");
    }
}
