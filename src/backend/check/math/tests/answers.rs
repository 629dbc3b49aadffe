//! Which value of an answer counts, words, lists of references, and the check of numbers.

use super::{all, canonical, check, check_numbers};

#[test]
fn words_are_the_same_or_cannot_be_compared() {
    all(
        &[
            ("\\text{even}", "even"),
            ("\\text{Evelyn}", "Evelyn"),
            ("\\text{(B)}", "B"),
            ("(B)", "\\textbf{B}"),
            ("Yes", "\\text{yes}"),
            ("\\text{June } 20", "June 20"),
            ("x \\neq 3", "x\\neq3"),
            ("1011_2", "1011_{2}"),
            ("3:4", "3 : 4"),
        ],
        Some(true),
    );
    all(&[("\\text{even}", "odd"), ("Yes", "no"), ("A", "B")], Some(false));
    all(
        &[
            ("\\text{Evelyn}", "Angela"),
            ("\\text{June } 20", "\\text{July } 20"),
            ("\\text{none}", "5"),
            ("1011_2", "11"),
            ("\\int_0^1 x dx", "0.5"),
            ("\\text{5 feet 3 inches}", "63 \\text{ inches}"),
        ],
        None,
    );
}

#[test]
fn the_value_is_boxed_announced_or_last() {
    for (answer, value) in [
        ("So \\boxed{3}. No: \\boxed{\\frac{1}{2}}", "1/2"),
        ("The answer is $\\frac{3}{4}$ of a cup.", "3/4"),
        ("Answer: $\\frac{1}{2}$", "1/2"),
        ("**Answer:** $x = 5$", "5"),
        ("**Answer:** 2 + 2 = 4", "4"),
        ("The answer is 42 since 40 + 2 is that.", "42"),
        ("Answer: it is (5)", "5"),
        ("Answer: 2(x+1)", "2*x + 2"),
        ("Answer: the point (3, 4)", "(3, 4)"),
        ("Answer: 12 apples (a dozen of them)", "12"),
        ("#### 1,234", "1234"),
        ("A: 26", "26"),
        ("It costs $5 and $6, so in all\n#### $11", "11"),
        ("Therefore the sum of $a$ and $b$ is $a+b = 3$.", "3"),
        ("The value of $x$ is $\\sqrt{8}$.", "2*sqrt(2)"),
        ("Therefore, the value is $4$ and not more. We get $8 - 4 = 4$.", "4"),
        ("x^2 + 1", "x^2 + 1"),
        ("The final answer is:\n\\[ \\frac{1}{3} \\]", "1/3"),
        ("Answer: $2$ and $3$", "{2, 3}"),
        ("12 or 13", "{12, 13}"),
        ("First 4, then 5.", "5"),
        ("So $x = \\frac{\\sqrt{12}}{4}$.", "1/2*sqrt(3)"),
        ("So x = 5", "5"),
        ("2ab", "2*a*b"),
        ("Pam pays $10 more than Susan.", "10"),
        ("The radius of the sphere is $3$ units.", "3"),
    ] {
        assert_eq!(canonical(answer).as_deref(), Some(value), "{answer}");
    }
    for answer in [
        "There are $12$ ways to pick $k$ of them.",
        "So the number is 2\\sqrt{3}, I think",
        "It is not $5$.",
        "",
        "I do not know",
    ] {
        assert_eq!(canonical(answer), None, "{answer}");
    }
}

/// Where both are plain numbers, `check:math` and `check:number` agree, apart from the exceptions that the
/// documentation of the module names.
#[test]
fn it_agrees_with_the_check_of_numbers() {
    use crate::backend::check::CheckKind;
    let answers = [
        "1,234",
        "1/2",
        "50%",
        "-3",
        "$3.50",
        "1e3",
        ".5",
        "1 000 000",
        "1.234,50",
        "42.",
        "#### 7",
        "It is 12 and not 13.\nAnswer: 12 apples",
        "no number",
        "",
        "9007199254740993",
        "1/0",
        "1,5",
        "Answer: 12 or 13",
        "\\boxed{3, 4}",
        "0.30000000000000004",
        "0.333333333",
        "1 1/2",
        "1½",
        "3 million",
        "2.5 × 10^3",
        "12.5%",
        "10 - 5 = 5",
        "First 4, then 5.",
        "negative 5",
        "１２",
        "Answer: x = 3 or x = 4",
        "12 or 13, so \\boxed{13}.",
        "I think it is 7 or so",
    ];
    let references = [
        "1234.0",
        "0.5",
        "1/2",
        "−3",
        "3.5",
        "1000",
        "1000000",
        "1234.5",
        "42",
        "7",
        "12",
        "13",
        "0",
        "1.5",
        "3",
        "0.3",
        "1/3",
        "3000000",
        "2500",
        "0.125",
        "5",
        "-5",
        "4",
        "9007199254740992",
    ];
    for answer in answers {
        for reference in references {
            let number = CheckKind::Number.check_any(answer, reference).unwrap().holds;
            let math = CheckKind::Math.check_any(answer, reference).unwrap().holds;
            assert_eq!(math, number, "`{answer}` for `{reference}`");
        }
    }
    // A percent sign may have been left out, and a unit is not prose.
    for (answer, reference, number, math) in
        [("50", "50%", Some(false), None), ("5 m", "5 km", Some(true), Some(false))]
    {
        assert_eq!(CheckKind::Number.check_any(answer, reference).unwrap().holds, number);
        assert_eq!(CheckKind::Math.check_any(answer, reference).unwrap().holds, math);
    }
}

#[test]
fn a_list_of_texts_has_accepted_references_and_a_list_of_numbers_may_be_an_interval() {
    use crate::backend::check::CheckKind;
    let holds = |answer, reference| CheckKind::Math.check_any(answer, reference).unwrap().holds;
    assert_eq!(holds("0.5", r#"["\\frac{1}{3}", "\\frac{1}{2}"]"#), Some(true));
    assert_eq!(holds("0.7", r#"["\\frac{1}{3}", "\\frac{1}{2}"]"#), Some(false));
    assert_eq!(holds("$1 \\le x \\le 2$", "[1, 2]"), Some(true));
    assert_eq!(holds("1", "[1, 2]"), None);
    assert_eq!(holds("7", "[1, 2]"), Some(false));
    assert!(check_numbers("7", "[1, 2]", &["1".into(), "2".into()]).is_ok());
    assert!(check("5", "").is_err() && check("5", "First 4.\nOr 12 or 13").is_err());
}
