//! Values without what is wrapped around them.

use crate::text::closing_bracket;

/// A text without a tag at its end that closes what was opened before the announcement: `8</answer>`,
/// `8<|end_of_solution|>`.
fn without_closing_tag(text: &str) -> &str {
    const LONGEST: usize = 40;
    let tag = |open: &str, close: &str| {
        let (before, name) = text.strip_suffix(close)?.rsplit_once(open)?;
        let is_name = !name.is_empty()
            && name.len() <= LONGEST
            && name.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
        is_name.then_some(before)
    };
    tag("</", ">").or_else(|| tag("<|", "|>")).unwrap_or(text)
}

/// Whether the brackets around a text are those that enclose it, so that `\boxed{\text{2}}` is `\text{2}`, and
/// `(1) or (2)` stays.
fn is_enclosed(inner: &str, close: &str) -> bool {
    let closing = |close: char| {
        let whole = format!("{inner}{close}");
        closing_bracket(&whole, close) == Some(inner.len())
    };
    match close {
        "}" => closing('}'),
        ")" => closing(')'),
        _ => !inner.contains(close),
    }
}

/// A value whose brackets close before a comment, without them: `\boxed{0} (the first step)` is `0 (the first step)`.
/// What follows is left to be read with the value: it may be a second one.
pub(super) fn opened(text: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 2] = [("\\boxed{", "}"), ("[[", "]]")];
    PAIRS.into_iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        let end = if close == "}" { closing_bracket(inside, '}') } else { inside.find(close) }?;
        let rest = &inside[end + close.len()..];
        (!rest.is_empty()).then(|| format!("{}{rest}", bare(&inside[..end])))
    })
}

/// A value without what may be wrapped around it: emphasis of Markdown or HTML, quotation marks, brackets, LaTeX
/// (`\boxed{…}`, `\(…\)`, `\text{…}`), punctuation at its end, a closing tag.
///
/// Layers are removed one by one until nothing changes: `**[[8]]**.` is `8`. A pair of brackets is removed only
/// where it encloses the whole value, and `{"a": 1}` stays, since it is a value.
pub(super) fn bare(text: &str) -> &str {
    const HTML: [&str; 8] =
        ["<b>", "</b>", "<i>", "</i>", "<em>", "</em>", "<strong>", "</strong>"];
    const PAIRS: [(&str, &str); 14] = [
        ("\\(", "\\)"),
        ("[[", "]]"),
        ("\\boxed{", "}"),
        ("\\\\boxed{", "}"),
        ("boxed{", "}"),
        ("\\fbox{", "}"),
        ("\\text{", "}"),
        ("\\textbf{", "}"),
        ("[", "]"),
        ("(", ")"),
        ("{", "}"),
        ("\"", "\""),
        ("“", "”"),
        ("'", "'"),
    ];
    let mut text = text;
    loop {
        let before = text;
        text = text.trim_matches(|c: char| c.is_whitespace() || "*_`$#".contains(c));
        text = text.trim_end_matches(['.', '!', ',', ';']);
        for tag in HTML {
            text = text.strip_prefix(tag).or_else(|| text.strip_suffix(tag)).unwrap_or(text);
        }
        text = without_closing_tag(text);
        for (open, close) in PAIRS {
            let inner = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
            // `{"a": 1}` is a value, and `[2, 1]` may be one whose brackets do not matter.
            if let Some(inner) =
                inner.filter(|inner| is_enclosed(inner, close) && !inner.contains(':'))
            {
                text = inner;
            }
        }
        if text == before {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_removed_where_they_enclose_the_whole_value() {
        for (text, value) in [
            ("**[[8]]**.", "8"),
            ("\\boxed{\\text{Step 1}}", "Step 1"),
            ("$\\boxed{-1}$", "-1"),
            ("((2))", "2"),
            ("(1) or (2)", "(1) or (2)"),
            ("{\"a\": 1}", "{\"a\": 1}"),
        ] {
            assert_eq!(bare(text), value, "{text}");
        }
    }

    #[test]
    fn a_comment_may_follow_the_brackets() {
        assert_eq!(opened("\\boxed{0} (the first)").as_deref(), Some("0 (the first)"));
        assert_eq!(opened("[[A]] or [[B]]").as_deref(), Some("A or [[B]]"));
        assert_eq!((opened("[[A]]"), opened("0 (the first)")), (None, None));
    }
}
