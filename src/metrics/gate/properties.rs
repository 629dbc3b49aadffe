//! What holds of every rule and every figure.

use proptest::prelude::*;

use super::{Figure, Gate};
use crate::metrics::Interval;

/// The text of a rule on `name`.
fn rule(name: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0.0..=1.0).prop_map(|share: f64| share.to_string()),
        (0.0..=100.0).prop_map(|percent: f64| format!("{percent}%")),
        (0_u32..=100).prop_map(|percent| format!("{percent}%")),
        (0_u32..=1000).prop_map(|part| (f64::from(part) / 1000.0).to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|n| n.to_string()),
    ];
    let sign = prop::sample::select(vec![">=", "<=", ">", "<"]);
    let end = prop::sample::select(vec!["", "@lower", "@upper"]);
    (name, sign, number, end)
        .prop_map(|(name, sign, number, end)| format!("{name}{sign}{number}{end}"))
}

fn gate(text: &str) -> Gate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether a rule is kept; one that this figure could never keep is not.
fn is_kept(text: &str, figure: &Figure) -> bool {
    gate(text).failure(std::slice::from_ref(figure)).is_ok_and(|why| why.is_none())
}

fn bounds() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0, (0_u32..=20).prop_map(|part| f64::from(part) / 20.0)]
}

proptest! {
    #[test]
    fn a_rule_is_read_as_it_is_printed(text in rule("[a-z][a-z0-9_.' -]{0,12}[a-z0-9]".prop_map(|name| name))) {
        let read = gate(&text);
        prop_assert_eq!(gate(&read.to_string()), read.clone(), "{}", read);
        let stored = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(serde_json::from_str::<Gate>(&stored).unwrap(), read);
    }

    #[test]
    fn a_rule_on_the_worse_end_of_an_interval_is_stricter(
        mut ends in prop::collection::vec(bounds(), 3..=3),
        bound in bounds(),
    ) {
        ends.sort_by(f64::total_cmp);
        let interval = Interval { low: ends[0], high: ends[2] };
        let figure = Figure::new("f", "", Some(ends[1]), Some(interval), 9).between(0.0, 1.0);
        for (sign, worse, better) in
            [(">=", "@lower", "@upper"), (">", "@lower", "@upper"), ("<=", "@upper", "@lower"), ("<", "@upper", "@lower")]
        {
            let kept = [worse, "", better].map(|end| is_kept(&format!("f{sign}{bound}{end}"), &figure));
            prop_assert!(kept[0] <= kept[1] && kept[1] <= kept[2], "f{}{}: {:?}", sign, bound, kept);
        }
        // A rule that is harder to keep is not kept where an easier one is broken.
        let at = |sign: &str, bound: f64| is_kept(&format!("f{sign}{bound}"), &figure);
        let more = (bound + 0.1).min(1.0);
        prop_assert!(at(">=", more) <= at(">=", bound) && at("<=", bound) <= at("<=", more));
    }

    #[test]
    fn nothing_keeps_no_rule(text in rule(Just("f".to_owned())), value in any::<f64>(), end in any::<f64>()) {
        let number = Figure::new("f", "", Some(f64::NAN), Some(Interval { low: 0.0, high: 1.0 }), 9);
        let without = Figure::new("f", "", None, Some(Interval { low: 0.0, high: 1.0 }), 9);
        let empty = Figure::new("f", "", Some(value), Some(Interval { low: end, high: end }), 0);
        for figure in [number, without, empty] {
            prop_assert!(!is_kept(&text, &figure), "{}: {:?}", text, figure);
        }
    }

    #[test]
    fn a_figure_that_is_not_there_is_an_error_and_never_an_outcome(
        text in rule("[a-z]{1,8}".prop_map(|name| name)),
        value in any::<f64>(),
    ) {
        let figures = [Figure::new("Other figure", "", Some(value), None, 9)];
        prop_assert!(gate(&text).failure(&figures).is_err());
        prop_assert!(gate(&text).find(&figures).is_err());
    }
}
