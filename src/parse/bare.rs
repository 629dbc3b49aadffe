//! Values without what is wrapped around them.

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

/// A value without what may be wrapped around it: emphasis of Markdown or HTML, quotation marks, brackets, LaTeX
/// (`\boxed{…}`, `\(…\)`, `\text{…}`), punctuation at its end, a closing tag.
///
/// Layers are removed one by one until nothing changes: `**[[8]]**.` is `8`. A pair of brackets is removed only
/// where it encloses the whole value, and `{"a": 1}` stays, since it is a value.
pub(super) fn bare(text: &str) -> &str {
    const HTML: [&str; 8] =
        ["<b>", "</b>", "<i>", "</i>", "<em>", "</em>", "<strong>", "</strong>"];
    const PAIRS: [(&str, &str); 11] = [
        ("\\(", "\\)"),
        ("[[", "]]"),
        ("\\boxed{", "}"),
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
                inner.filter(|inner| !inner.contains(close) && !inner.contains(':'))
            {
                text = inner;
            }
        }
        if text == before {
            return text;
        }
    }
}
