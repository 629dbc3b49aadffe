//! Hostile inputs, and properties of generated ones.

use proptest::prelude::*;

use super::{canonical, check, verdict};

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
