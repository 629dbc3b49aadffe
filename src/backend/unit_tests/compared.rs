//! Whether a program prints, or a function returns, what it should.

use serde_json::Value;

/// Whether two outputs are the same, apart from blanks at the ends of lines and of the whole, and from the spelling of
/// numbers.
pub(super) fn prints_the_same(printed: &str, expected: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end().lines().map(|line| line.trim().to_owned()).collect()
    };
    let (printed, expected) = (lines(printed), lines(expected));
    let same = |(one, other): (&String, &String)| one == other || have_same_words(one, other);
    printed.len() == expected.len() && printed.iter().zip(&expected).all(same)
}

/// Whether two lines have the same words and numbers.
fn have_same_words(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) =
        (one.split_whitespace().collect(), other.split_whitespace().collect());
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a == b || are_one_number(a, b))
}

fn are_one_number(one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    number(one).zip(number(other)).is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}

/// Whether two values are equal as Python compares them: `1` and `1.0` are.
pub(super) fn are_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| are_the_same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|there| are_the_same(value, there))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || one.as_f64().zip(other.as_f64()).is_some_and(|(a, b)| {
                    (one.is_f64() || other.is_f64()) && a.total_cmp(&b).is_eq()
                })
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outputs_differ_by_more_than_blanks_and_spellings() {
        for (printed, expected) in
            [("1 2\n3\n", "1 2 \n3"), ("0.50", "0.5"), ("YES\n\n", "YES"), ("", "\n")]
        {
            assert!(prints_the_same(printed, expected), "{printed:?} {expected:?}");
        }
        for (printed, expected) in [
            ("1\n2", "1 2"),
            ("yes", "YES"),
            ("12", "1 2"),
            ("9007199254740993", "1"),
            ("nan", "NaN"),
            ("1\n\n2", "1\n2"),
        ] {
            assert!(!prints_the_same(printed, expected), "{printed:?} {expected:?}");
        }
    }

    #[test]
    fn values_are_equal_as_in_python() {
        assert!(are_the_same(&json!([1, {"a": 2.0}]), &json!([1.0, {"a": 2}])));
        for (one, other) in [
            (json!(1), json!("1")),
            (json!([1]), json!([1, 1])),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            (json!({"a": 1}), json!({"b": 1})),
            (json!(null), json!(false)),
        ] {
            assert!(!are_the_same(&one, &other), "{one} {other}");
        }
    }
}
