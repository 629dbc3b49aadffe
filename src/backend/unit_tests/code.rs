//! The code in an answer.

/// The code of an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Code<'a> {
    /// The text of the code.
    pub(super) text: &'a str,
    /// Whether it stands between fences, so that it is meant as code.
    pub(super) is_marked: bool,
}

/// The last fenced block with code, or the whole answer if it has no fences; `None` where all blocks are empty, or there
/// is no text.
pub(super) fn of(answer: &str) -> Option<Code<'_>> {
    let blocks = blocks(answer);
    if blocks.is_empty() {
        let text = answer.trim_matches('\n').trim_end();
        return Some(Code { text, is_marked: false }).filter(|code| !code.text.is_empty());
    }
    let python = blocks.iter().rfind(|(language, text)| {
        matches!(*language, "python" | "py" | "python3") && !text.trim().is_empty()
    });
    let any = || blocks.iter().rfind(|(_, text)| !text.trim().is_empty());
    python.or_else(any).map(|(_, text)| Code { text, is_marked: true })
}

/// All fenced blocks, each with its language; one that is open reaches to the end.
fn blocks(answer: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, usize)> = None;
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        let fence = line.trim_start();
        let ticks = fence.len() - fence.trim_start_matches('`').len();
        let rest = fence[ticks..].trim();
        match open {
            None if ticks >= 3 && !rest.contains('`') => {
                open = Some((ticks, rest, at + line.len()));
            }
            Some((opened, language, start)) if ticks >= opened && rest.is_empty() => {
                blocks.push((language, &answer[start..at]));
                open = None;
            }
            _ => (),
        }
        at += line.len();
    }
    if let Some((_, language, start)) = open {
        blocks.push((language, answer.get(start..).unwrap_or_default()));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_of_python_is_the_code_and_without_fences_all_of_it() {
        let marked = |text| Some(Code { text, is_marked: true });
        for (answer, code) in [
            ("So:\n```python\nx = 1\n```\nDone.", marked("x = 1\n")),
            ("```py\nx = 1\n```\n```python\nx = 2\n```\n```\noutput\n```", marked("x = 2\n")),
            ("```\nx = 1\n```", marked("x = 1\n")),
            ("```python\nx = 1", marked("x = 1")),
            ("````python\ns = '''\n```\n'''\n````", marked("s = '''\n```\n'''\n")),
            ("x = 1\n", Some(Code { text: "x = 1", is_marked: false })),
            ("```python\n\n```", None),
            ("  \n", None),
        ] {
            assert_eq!(of(answer), code, "{answer}");
        }
    }
}
