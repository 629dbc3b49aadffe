//! The syntax of `.env`, read line by line: a malformed line is left out, and the rest is read.
//!
//! The syntax is the common part of what shells, docker and the usual libraries read. A line is either understood the
//! same way by all of them, or reported as malformed; nothing is guessed.

/// The content of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) variables: Vec<Variable>,
    /// Numbers of the malformed lines, counted from 1.
    pub(super) malformed: Vec<usize>,
}

/// A variable and the line that it begins on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) value: String,
}

/// Reads `NAME=value` and `export NAME=value`, with blank lines and comments between them.
///
/// A value with blanks or quotes is written in single quotes (read literally) or in double quotes (with the escapes
/// `\n`, `\"`, `\\` and `\$`), over one or more lines. Variables are not expanded: a file from elsewhere must not
/// read the environment.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut line = 1;
    while !rest.is_empty() {
        let (first, others) = rest.split_once('\n').unwrap_or((rest, ""));
        let first = first.trim();
        let mut after = others;
        if !first.is_empty() && !first.starts_with('#') {
            match variable(rest) {
                Some((name, value, end)) => {
                    parsed.variables.push(Variable { line, name, value });
                    after = end;
                }
                None => parsed.malformed.push(line),
            }
        }
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    parsed
}

/// The line by which [`parse`], and `dotenvy` too, reads exactly this variable.
pub(super) fn assignment(name: &str, value: &str) -> String {
    let mut line = format!("{name}=\"");
    for c in value.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\\' | '"' | '$' => line.extend(['\\', c]),
            c => line.push(c),
        }
    }
    line.push_str("\"\n");
    line
}

/// Name and value of the variable that a text begins with, and the lines after it.
fn variable(text: &str) -> Option<(String, String, &str)> {
    let text = text.trim_start();
    let text = match text.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
        _ => text,
    };
    let (name, value) = text.split_once('=')?;
    let name = name.trim_end_matches([' ', '\t']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(is_name)
    {
        return None;
    }
    let value = value.trim_start_matches([' ', '\t']);
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(&value[1..], quote)?,
        _ => bare(value)?,
    };
    let is_whole = !value.contains(['\0', '\u{fffd}']);
    is_whole.then(|| (name.to_owned(), value, rest))
}

/// One word, up to the end of the line or a blank and a comment.
fn bare(text: &str) -> Option<(String, &str)> {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = if line.starts_with('#') { "" } else { line };
    let word = line.split([' ', '\t']).next().unwrap_or_default().trim_end();
    let is_one = ends(line.get(word.len()..)?) && !word.contains(['"', '\'', '`']);
    is_one.then(|| (word.to_owned(), rest))
}

/// Everything up to the closing quote, and the lines after it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                let after = &text[at + 1..];
                let (line, rest) = after.split_once('\n').unwrap_or((after, ""));
                return ends(line).then_some((value, rest));
            }
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                c @ ('"' | '\\' | '$') => value.push(c),
                c => value.extend(['\\', c]),
            },
            '\r' if text[at..].starts_with("\r\n") => (),
            c => value.push(c),
        }
    }
    None
}

/// Whether only blanks and a comment follow.
fn ends(line: &str) -> bool {
    let rest = line.trim();
    rest.is_empty() || (line.starts_with([' ', '\t']) && rest.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(usize, String, String)> {
        let parsed = parse(text).variables;
        parsed.into_iter().map(|Variable { line, name, value }| (line, name, value)).collect()
    }

    fn one(text: &str) -> Option<String> {
        let parsed = parse(text);
        parsed.variables.into_iter().next().map(|variable| variable.value)
    }

    #[test]
    fn values_are_read_as_they_are_commonly_written() {
        for (text, value) in [
            ("X=a", "a"),
            ("\u{feff}X=a\r\n", "a"),
            ("export X=a # comment", "a"),
            ("export\tX = a", "a"),
            ("  X=a#b  ", "a#b"),
            ("X=", ""),
            ("X= # comment", ""),
            ("X=#", ""),
            ("X=''", ""),
            ("X='it is $HOME \\n'", "it is $HOME \\n"),
            ("X=\"it's \\\"fine\\\" \\$HOME\\n\\t\" # c", "it's \"fine\" $HOME\n\\t"),
            ("X=$HOME/${SECRET}", "$HOME/${SECRET}"),
            ("X=\"$SECRET\"", "$SECRET"),
            ("X=a=b==", "a=b=="),
            ("X=C:\\new", "C:\\new"),
            ("X='two\r\nlines'", "two\nlines"),
        ] {
            assert_eq!(one(text).as_deref(), Some(value), "{text}");
        }
    }

    #[test]
    fn a_malformed_line_costs_itself_alone() {
        for text in [
            "X=it's fine",
            "X=hello world",
            "X=\"never closed",
            "X='never closed",
            "X=\"a\" b",
            "X='a'b'",
            "X=\"a\"b",
            "X: yaml",
            "no line of variables",
            "1X=a",
            "X Y=a",
            "$env:X='a'",
            "=a",
            "X=a\u{fffd}",
            "X=a\0",
            "[section]",
            "{\"json\": 1}",
        ] {
            let parsed = parse(&format!("A=1\n\n{text}\nKEY=\"sk-secret\"\n"));
            assert_eq!(parsed.malformed, [3], "{text}");
            let names: Vec<_> = parsed.variables.iter().map(|it| (it.line, &*it.name)).collect();
            assert_eq!(names, [(1, "A"), (4, "KEY")], "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_values_of_several_lines() {
        let text = "# c\nPEM=\"-----BEGIN\nabc\n-----END\"\nX='a\n\nb'\nbroken line\nY=2";
        let expected = [
            (2, "PEM".into(), "-----BEGIN\nabc\n-----END".into()),
            (5, "X".into(), "a\n\nb".into()),
            (9, "Y".into(), "2".into()),
        ];
        assert_eq!(pairs(text), expected);
        assert_eq!(parse(text).malformed, [8]);
    }

    #[test]
    fn what_is_written_is_read_back_by_both_readers() {
        for value in ["", "a", "it's \"fine\"", "$HOME \\ \\n", "two\nlines", "# no comment", " a "]
        {
            let line = assignment("X", value);
            assert_eq!(one(&line).as_deref(), Some(value), "{line}");
            let read = dotenvy::from_read_iter(line.as_bytes()).next().unwrap().unwrap();
            assert_eq!(read, ("X".to_owned(), value.to_owned()));
        }
    }
}
