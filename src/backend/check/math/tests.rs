//! What `check:math` decides, as tables; and that spelling never matters, for generated values.

use proptest::prelude::*;

use super::{canonical, check, check_numbers};

/// Whether the answer is correct; `None` if that cannot be decided.
fn verdict(answer: &str, reference: &str) -> Option<bool> {
    check(answer, reference).unwrap().holds
}

/// Asserts the verdict on each pair, in both directions.
fn all(pairs: &[(&str, &str)], wanted: Option<bool>) {
    for (one, two) in pairs {
        for (answer, reference) in [(one, two), (two, one)] {
            let boxed = format!("\\boxed{{{answer}}}");
            assert_eq!(verdict(&boxed, reference), wanted, "{answer} for {reference}");
        }
    }
}

#[test]
fn numbers_are_equal_in_every_spelling() {
    all(
        &[
            ("\\frac{1}{2}", "0.5"),
            ("\\dfrac12", "1/2"),
            ("\\tfrac{1}{2}", "2/4"),
            ("\\frac 59", "5/9"),
            ("\\frac1{10}", "0.1"),
            ("-\\frac{3}{4}", "\\frac{-3}{4}"),
            ("\\frac{3}{-4}", "-0.75"),
            ("1\\frac{1}{2}", "1.5"),
            ("1\\frac12", "3/2"),
            ("2 1/2", "5/2"),
            (".35625", "0.35625"),
            ("1{,}234", "1234"),
            ("1\\,234\\,567", "1,234,567"),
            ("1,\\!234", "1234"),
            ("\\$1,234.50", "1234.5"),
            ("50\\%", "\\frac{1}{2}"),
            ("12.5%", "1/8"),
            ("1.5e3", "1500"),
            ("1.5 \\times 10^{3}", "1500"),
            ("1.5\\cdot10^3", "1500"),
            ("2^{10}", "1024"),
            ("2^{-2}", "0.25"),
            ("5!", "120"),
            ("\\binom{5}{2}", "10"),
            ("0.\\overline{3}", "1/3"),
            ("0.1\\overline{6}", "\\frac16"),
            ("|{-3}|", "3"),
            ("\\left(\\frac{2}{3}\\right)^2", "4/9"),
            ("$7$", "7"),
            ("\\text{7}", "7"),
            ("-5", "−5"),
            ("3 \\div 4", "0.75"),
            ("\\displaystyle \\frac{7}{2}", "3.5"),
            ("9007199254740993", "9007199254740993.0"),
        ],
        Some(true),
    );
    all(
        &[
            ("\\frac{1}{2}", "\\frac{1}{3}"),
            ("3.14", "\\pi"),
            ("3.14", "3.1415"),
            ("9007199254740993", "9007199254740992"),
            ("0.33", "\\frac13"),
            ("1.5e3", "1.5e4"),
            ("-5", "5"),
            ("1/2", "2"),
        ],
        Some(false),
    );
}

#[test]
fn roots_and_constants_are_exact() {
    all(
        &[
            ("\\sqrt{12}", "2\\sqrt{3}"),
            ("2\\sqrt3", "\\sqrt{12}"),
            ("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt2}{2}"),
            ("\\frac{1}{1+\\sqrt2}", "\\sqrt2-1"),
            ("\\frac{1}{\\sqrt2+\\sqrt3}", "\\sqrt3-\\sqrt2"),
            ("\\sqrt{2}\\cdot\\sqrt{3}", "\\sqrt{6}"),
            ("\\sqrt{\\frac{4}{9}}", "2/3"),
            ("\\sqrt[3]{8}", "2"),
            ("\\sqrt[3]{-8}", "-2"),
            ("\\sqrt[3]{54}", "3\\sqrt[3]{2}"),
            ("2^{1/2}", "\\sqrt{2}"),
            ("8^{2/3}", "4"),
            ("\\sqrt{-4}", "2i"),
            ("i^2", "-1"),
            ("\\frac{1}{i}", "-i"),
            ("(1+2i)(6-3i)", "12+9i"),
            ("\\frac{\\pi}{2}", "0.5\\pi"),
            ("\\frac{3\\pi}{4}", "\\frac34 \\pi"),
            ("√2", "sqrt(2)"),
            ("2π", "2\\pi"),
            ("\\sqrt{x}", "x^{1/2}"),
            ("e^{2x}", "e^{x+x}"),
        ],
        Some(true),
    );
    all(
        &[
            ("\\sqrt2", "1.41421356"),
            ("\\sqrt{12}", "3\\sqrt2"),
            ("\\pi", "22/7"),
            ("3+4i", "3-4i"),
            ("2\\pi", "2\\sqrt{3}"),
        ],
        Some(false),
    );
    // Their values are not computed, so they may be equal.
    all(&[("\\sin x", "\\cos x"), ("\\cot x", "\\csc x"), ("\\ln 2", "0.7")], None);
    all(&[("\\sin x", "\\sin(x)"), ("\\sin^2 x", "(\\sin x)^2")], Some(true));
}

#[test]
fn expressions_are_equal_after_they_are_multiplied_out() {
    all(
        &[
            ("(x+1)^2", "x^2+2x+1"),
            ("x^2-1", "(x-1)(x+1)"),
            ("2ab", "b\\cdot 2a"),
            ("\\frac{x^2-1}{x-1}", "x+1"),
            ("\\frac{x+1}{x-1}", "\\frac{2x+2}{2x-2}"),
            ("\\frac{x^2-y^2}{(x-y)^2}", "\\frac{x+y}{x-y}"),
            ("\\frac{1}{x}+\\frac{1}{y}", "\\frac{x+y}{xy}"),
            ("x^{-2}", "\\frac{1}{x^2}"),
            ("\\frac{x}{2}", "0.5x"),
            ("x_1 + x_2", "x_{2}+x_{1}"),
            ("\\frac{x-\\sqrt2}{x^2-2}", "\\frac{1}{x+\\sqrt2}"),
            ("3 x (x + 2)", "3x^2+6x"),
        ],
        Some(true),
    );
    all(
        &[("(x+1)^2", "x^2+1"), ("2x", "3x"), ("x+y", "x-y"), ("\\frac{x}{y}", "\\frac{y}{x}")],
        Some(false),
    );
    // A half of x, or one over 2x.
    all(&[("1/2x", "\\frac{x}{2}"), ("1/2x", "\\frac{1}{2x}")], None);
}

#[test]
fn sets_points_and_lists_have_their_own_order() {
    all(
        &[
            ("\\{1,2\\}", "\\{2, 1\\}"),
            ("\\{1, 2, 2\\}", "\\{1, 2\\}"),
            ("\\left\\{ \\frac12, 3 \\right\\}", "\\{3, 0.5\\}"),
            ("2 \\text{ and } 3", "3, 2"),
            ("2, 3", "\\{2, 3\\}"),
            ("2 \\text{ or } 3", "2 and 3"),
            ("1, 2, and 3", "3,2,1"),
            ("\\pm 3", "3, -3"),
            ("1 \\pm \\sqrt{2}", "1 - \\sqrt{2}, 1 + \\sqrt{2}"),
            ("x = \\pm 2", "-2, 2"),
            ("x = 1, x = 2", "1, 2"),
            ("x = 1 \\text{ or } x = 2", "\\{1,2\\}"),
            ("(1, 2)", "\\left( 1, \\frac{4}{2} \\right)"),
            ("\\left(3, \\frac{\\pi}{2}\\right)", "(3,\\pi/2)"),
            ("(x, y) = (1, 2)", "(1,2)"),
            ("\\{5\\}", "5"),
            ("\\emptyset", "\\{\\}"),
            ("[1, 2, 3]", "[1,2,3]"),
            ("\\{(1,2),(3,4)\\}", "\\{(3,4), (1,2)\\}"),
        ],
        Some(true),
    );
    all(
        &[
            ("(1, 2)", "(2, 1)"),
            ("\\{1,2\\}", "\\{1,3\\}"),
            ("\\{1,2\\}", "\\{1,2,3\\}"),
            ("\\{1, 2\\}", "1"),
            ("(1,2)", "(1,2,3)"),
            ("2, 3", "2, 4"),
        ],
        Some(false),
    );
    // One of several values is not one value, and brackets may be a matter of style.
    all(&[("2, 3", "3"), ("\\{1,2\\}", "(1,2)"), ("x = 2, y = 3", "2, 3")], None);
}

#[test]
fn intervals_are_equal_to_inequalities() {
    all(
        &[
            ("(5,\\infty)", "x > 5"),
            ("x \\in (5, \\infty)", "(5,+\\infty)"),
            ("5 < x", "x>5"),
            ("[1, 2)", "1 \\le x < 2"),
            ("[1,2]", "1 \\leq x \\leq 2"),
            ("(1,2)", "1<x<2"),
            ("2 > x > 1", "(1,2)"),
            ("(-\\infty, 0) \\cup (0, \\infty)", "(0,\\infty)\\cup(-\\infty,0)"),
            ("[0,1]\\cup[1,2]", "[0,2]"),
            ("x < 1 \\text{ or } x > 3", "(-\\infty,1)\\cup(3,\\infty)"),
            ("x > 1 \\text{ and } x \\le 3", "(1,3]"),
            ("\\mathbb{R}", "(-\\infty,\\infty)"),
            ("\\{x : x \\ge 2\\}", "[2,\\infty)"),
            ("[\\sqrt2, \\infty)", "x \\geq \\sqrt{2}"),
        ],
        Some(true),
    );
    all(
        &[
            ("(5,\\infty)", "[5,\\infty)"),
            ("x > 5", "x < 5"),
            ("[1,2]", "[1,3]"),
            ("(1,2]", "[1,2)"),
            ("x > 5", "5"),
            ("[1,2]\\cup[3,4]", "[1,4]"),
        ],
        Some(false),
    );
}

#[test]
fn a_name_may_be_left_out_and_a_unit_too() {
    all(
        &[
            ("x = 5", "5"),
            ("5 = x", "x=5"),
            ("f(x) = 2x+1", "2x+1"),
            ("y = 2x + 3", "2x+3"),
            ("\\text{Area} = 25", "25"),
            ("a = b = 4", "4"),
            ("2 + 2 = 4", "4"),
            ("12 \\text{ apples}", "12"),
            ("5\\text{ cm}", "5"),
            ("5\\text{ cm}", "5 \\mathrm{~cm}"),
            ("5\\ \\text{centimeters}", "5 \\text{ cm}"),
            ("25\\text{ cm}^2", "25 \\text{ square centimeters}"),
            ("25\\text{ cm}^2", "25"),
            ("60 \\text{ mph}", "60 \\text{ miles per hour}"),
            ("90^\\circ", "90"),
            ("90^{\\circ}", "90 \\text{ degrees}"),
            ("\\$18", "18"),
            ("\\$18", "18 \\text{ dollars}"),
            ("1 \\text{ hour}", "60 \\text{ minutes}"),
            ("1.5 \\text{ km}", "1500 \\text{ m}"),
            ("\\$1.50", "150 \\text{ cents}"),
            ("5 \\text{ m}", "5 m"),
        ],
        Some(true),
    );
    all(
        &[
            ("x = 5", "x = 6"),
            ("5 \\text{ m}", "5 \\text{ km}"),
            ("12 \\text{ apples}", "13"),
            ("5 \\text{ cm}", "6"),
            ("y = 2x+3", "y = 2x+4"),
            ("\\$5", "5 \\text{ cents}"),
        ],
        Some(false),
    );
    all(
        &[
            ("5 \\text{ hours}", "5 \\text{ dollars}"),
            ("x = 5", "y = 5"),
            ("5m", "5"),
            ("50\\%", "50"),
            ("90^\\circ", "\\frac{\\pi}{2}"),
            ("25^\\circ C", "25^\\circ F"),
        ],
        None,
    );
}

#[test]
fn equations_and_matrices_are_equal_in_other_forms() {
    all(
        &[
            ("y = 2x + 3", "2x - y + 3 = 0"),
            ("2y = 4x + 6", "y = 2x+3"),
            ("x^2 + y^2 = 4", "4 = y^2 + x^2"),
            (
                "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
                "\\begin{bmatrix}1&2\\\\3&\\frac{8}{2}\\end{bmatrix}",
            ),
        ],
        Some(true),
    );
    all(
        &[
            (
                "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
                "\\begin{pmatrix} 1 \\\\ 3 \\end{pmatrix}",
            ),
            ("\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
            ("x + y = 1", "x + y = 2"),
        ],
        Some(false),
    );
    all(
        &[
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "(1,2)"),
            ("x^2 = 4", "x^2 + x = 2"),
            ("x + 5 = 12", "12"),
        ],
        None,
    );
}

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

#[test]
fn nothing_costs_more_than_its_share_of_work() {
    let nested = format!("{}7{}", "(".repeat(5_000), ")".repeat(5_000));
    let sums = "(a+b+c+d+e+f+g+h)".repeat(40);
    let roots = "√".repeat(1_900);
    let texts = format!("{}7{}", "\\text{".repeat(300), "}".repeat(300));
    let minus = "-".repeat(1_900) + "7";
    let powers = "2^{".repeat(30) + "2" + &"}".repeat(30);
    let fractions = "\\frac{1}{1+".repeat(39) + "x" + &"}".repeat(39);
    let dense =
        (1..40).map(|n| format!("x^{{{n}}}y^{{{}}}z", 40 - n)).collect::<Vec<_>>().join("+");
    let quotient = format!("\\frac{{({dense}+1)({dense}+x)}}{{({dense}+y)({dense}+z)}}");
    let radicals: Vec<String> =
        [2, 3, 5, 7, 11, 13, 17, 19].iter().map(|p| format!("\\sqrt{{{p}}}")).collect();
    let radicals = format!("\\frac{{1}}{{1+{}}}", radicals.join("+"));
    for hostile in [
        "2^{10^9}",
        "2^{2^{2^{2^{2^2}}}}",
        "10^{4000}^{4000}",
        "1e999999999",
        "0.5^{99999999}",
        "1000000!",
        "\\binom{100000}{50000}",
        "(x+y)^{1000}",
        "(x+y+z)^{200}",
        "\\sqrt{10^{3000}+1}",
        "\\sqrt[1000000]{2}",
        "x^{999999999}",
        "1/0",
        "0^{-1}",
        "0^0",
        &nested,
        &sums,
        &roots,
        &texts,
        &minus,
        &powers,
        &fractions,
        &quotient,
        &radicals,
        "\\frac{}{}",
        "\\frac",
        "\\sqrt",
        "{",
        "}",
        "\\left(",
        "\\begin{pmatrix}",
        "\\boxed{",
        "$",
        "\\",
        "^",
        "_",
        "x_",
        "1_",
        "⟦",
        "|",
        "||",
        "±",
    ] {
        let boxed = format!("\\boxed{{{hostile}}}");
        assert_ne!(verdict(&boxed, "1"), Some(true), "{hostile}");
        assert_eq!(canonical(&boxed), canonical(&boxed), "{hostile}");
        let _ = canonical(hostile);
    }
}

/// Spellings of the fraction `above/below` in lowest terms, all of them equal.
fn spellings(above: i64, below: i64) -> Vec<String> {
    let sign = if above < 0 { "-" } else { "" };
    let size = above.abs();
    let mut all = vec![
        format!("\\frac{{{above}}}{{{below}}}"),
        format!("{sign}\\dfrac{{{size}}}{{{below}}}"),
        format!("{above}/{below}"),
        format!("${sign}\\tfrac{{{}}}{{{}}}$", 3 * size, 3 * below),
        format!("\\boxed{{\\frac{{{above}}}{{{below}}}}}"),
        format!("x = \\frac{{{}}}{{{}}}", 2 * above, 2 * below),
        format!("{above} \\cdot {below}^{{-1}}"),
        format!("\\left( {above} \\div {below} \\right)"),
        format!("The answer is ${above}/{below}$."),
        format!("{sign}\\sqrt{{\\frac{{{}}}{{{}}}}}", size * size, below * below),
    ];
    if below == 1 {
        all.push(above.to_string());
        all.push(format!("{above}.00"));
        all.push(format!("{}\\%", above * 100));
        all.push(format!("\\text{{{above}}}"));
    } else if size > below {
        all.push(format!("{sign}{}\\frac{{{}}}{{{below}}}", size / below, size % below));
    }
    if 1000 % below == 0 {
        let thousandths = size * (1000 / below);
        all.push(format!("{sign}{}.{:03}", thousandths / 1000, thousandths % 1000));
        all.push(format!("{sign}{thousandths} \\times 10^{{-3}}"));
        all.push(format!("{sign}{thousandths}e-3"));
    }
    all
}

/// Two numbers without a common divisor.
fn fraction() -> impl Strategy<Value = (i64, i64)> {
    (-2000_i64..2000, 1_i64..60).prop_map(|(above, below)| {
        let mut pair = (above.abs(), below);
        while pair.1 != 0 {
            pair = (pair.1, pair.0 % pair.1);
        }
        (above / pair.0, below / pair.0)
    })
}

proptest! {
    #[test]
    fn every_spelling_of_a_fraction_is_the_same_value((above, below) in fraction()) {
        let all = spellings(above, below);
        let forms: Vec<_> = all.iter().map(|text| canonical(text)).collect();
        for (text, form) in all.iter().zip(&forms) {
            prop_assert_eq!(form.as_deref(), forms[0].as_deref(), "{}", text);
            prop_assert_eq!(verdict(text, &all[0]), Some(true), "{} for {}", text, &all[0]);
            prop_assert_eq!(verdict(&all[0], text), Some(true), "{} for {}", &all[0], text);
        }
    }

    #[test]
    fn different_fractions_are_never_equal(one in fraction(), two in fraction()) {
        prop_assume!(one != two);
        for (answer, reference) in spellings(one.0, one.1).iter().zip(spellings(two.0, two.1)) {
            prop_assert_ne!(verdict(answer, &reference), Some(true), "{} for {}", answer, reference);
            prop_assert_ne!(canonical(answer), canonical(&reference));
        }
    }

    #[test]
    fn a_product_equals_its_sum(a in -9_i64..9, b in -9_i64..9, c in 1_i64..9, d in -9_i64..9) {
        let product = format!("({a}x+{b}y)({c}x-{d})");
        let sum = format!("{}x^2 + {}xy - {}x - {}y", a * c, b * c, a * d, b * d);
        let sum = sum.replace("+ -", "- ").replace("- -", "+ ");
        prop_assert_eq!(canonical(&format!("\\boxed{{{product}}}")), canonical(&format!("\\boxed{{{sum}}}")));
        // Dividing by a factor gives the other one.
        prop_assume!((a, b) != (0, 0));
        let quotient = format!("\\boxed{{\\frac{{{product}}}{{{a}x+{b}y}}}}");
        let factor = format!("\\boxed{{{c}x - {d}}}");
        prop_assert_eq!(canonical(&quotient), canonical(&factor));
    }

    #[test]
    fn a_root_squared_is_its_radicand(n in 1_i64..3000, m in 1_i64..50) {
        let rational = format!("\\boxed{{(\\frac{{\\sqrt{{{n}}}}}{{{m}}})^2}}");
        let (value, squared) = (format!("{n}/{}", m * m), canonical(&rational));
        prop_assert_eq!(squared, canonical(&value));
    }

    #[test]
    fn any_text_is_compared_with_itself_and_in_both_directions(one in "\\PC{0,30}", two in "[-0-9a-c+*/^(){}\\\\,.%$ √π≤]{0,20}") {
        for (a, b) in [(&one, &two), (&two, &one), (&two, &two)] {
            let (answer, reference) = (format!("\\boxed{{{a}}}"), format!("\\boxed{{{b}}}"));
            let there = check(&answer, &reference).ok().and_then(|found| found.holds);
            let back = check(&reference, &answer).ok().and_then(|found| found.holds);
            prop_assert_eq!(there, back, "{} and {}", a, b);
        }
        let answer = format!("\\boxed{{{two}}}");
        if let Ok(found) = check(&answer, &answer) {
            prop_assert_ne!(found.holds, Some(false), "{}", two);
        }
    }
}
