//! Rules that are kept, broken, misspelt, and impossible.

use super::{Figure, Gate};
use crate::{
    error::{Error, Result},
    metrics::Interval,
};

fn gate(text: &str) -> Result<Gate> {
    text.parse()
}

fn figures() -> [Figure; 2] {
    let interval = Some(Interval { low: 0.7, high: 0.9 });
    [
        Figure::new("agreement", "agreement", Some(0.8), interval, 50),
        Figure::new("kappa", "Cohen's kappa", None, None, 50),
    ]
}

fn failure(text: &str) -> Option<String> {
    gate(text).unwrap().failure(&figures()).unwrap()
}

#[test]
fn a_rule_is_kept_by_the_value_or_by_an_end_of_the_interval() {
    for kept in [
        "agreement>=0.8",
        "agreement > 0.79",
        "agreement<=0.8",
        "agreement<0.85",
        "agreement<1@upper",
    ] {
        assert_eq!(failure(kept), None, "{kept}");
    }
    assert_eq!(
        failure("agreement>=0.8@lower").as_deref(),
        Some("the lower end of agreement is 0.700; the rule is agreement>=0.8@lower")
    );
    assert_eq!(
        failure("agreement<0.8").as_deref(),
        Some("agreement is 0.800; the rule is agreement<0.8")
    );
}

#[test]
fn what_is_not_defined_keeps_no_rule_and_what_is_not_known_is_an_error() {
    assert_eq!(
        failure("kappa>-1").as_deref(),
        Some("kappa is not defined for these records; the rule is kappa>-1")
    );
    let error = gate("kapa>0.5").unwrap().failure(&figures()).unwrap_err();
    assert!(error.to_string().contains("kapa"), "{error}");
}

#[test]
fn the_end_of_an_interval_that_cannot_be_is_refused() {
    let cost = Figure::new("cost", "cost", Some(1.5), None, 10)
        .without_interval("it is a sum, and no estimate");
    let rule = |text: &str| gate(text).unwrap().failure(std::slice::from_ref(&cost));
    assert_eq!(rule("cost<=2").unwrap(), None);
    let error = rule("cost<=2@upper").unwrap_err();
    assert_eq!(error.to_string(), "`cost` has no interval: it is a sum, and no estimate");
    assert_eq!(error.hints()[0].to_string(), "compare its value: 'cost<=2'");
    // An interval that is missing for want of records fails the rule.
    let few = [Figure::new("ece", "ECE", Some(0.0), None, 1)];
    let why = gate("ece<=0.1@upper").unwrap().failure(&few).unwrap().unwrap();
    assert!(why.starts_with("ece has no interval: there are too few records"), "{why}");
}

#[test]
fn a_number_alone_is_a_share_of_what_the_command_is_about() {
    assert_eq!(gate("0.9").unwrap(), gate(" 90% ").unwrap());
    assert_eq!(gate("0.9").unwrap().figure(), "pass_rate");
    assert_eq!(gate("0.9").unwrap().about("agreement").to_string(), "agreement>=0.9");
    assert_eq!(gate("kappa>0.5").unwrap().about("agreement").to_string(), "kappa>0.5");
}

fn hints(error: &Error) -> String {
    error.hints().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_people_misspell_is_refused_with_what_they_probably_meant() {
    for (text, hint) in [
        ("90", "if 90 percent is meant, write 0.9 or 90%"),
        ("0,9", "write 0.9"),
        ("0.9@lower", "name the figure: 'pass_rate>=0.9@lower'"),
        ("agreement=>0.9", "write 'agreement>=0.9'"),
        ("agreement=<0.9", "write 'agreement<=0.9'"),
        ("agreement>==0.9@lower", "write 'agreement>=0.9@lower'"),
        ("agreement=0.9", "a rule compares by >=, <=, > or <"),
        ("agreement: 0.9", "a rule compares by >=, <=, > or <"),
        ("agreement", "a shell takes > as a redirection: put the rule in quotes"),
        ("0.9<=agreement", "the name comes first: 'agreement>=0.9'"),
        ("90% > cost", "the name comes first: 'cost<90%'"),
        ("agreement@lower>=0.9", "the end of the interval comes last: 'agreement>=0.9@lower'"),
        ("agreement>=0,85@upper", "write 'agreement>=0.85@upper'"),
        ("agreement>=0.8,kappa>=0.6", "write one comparison in each rule"),
        ("agreement>=0.8 and kappa", "write one comparison in each rule"),
        ("0.8<=agreement<=0.9", "write one comparison in each rule"),
    ] {
        let error = gate(text).unwrap_err();
        assert!(hints(&error).contains(hint), "{text}: {error}: {}", hints(&error));
    }
    for (text, same) in [
        ("agreement≥0.9", "agreement>=0.9"),
        ("agreement ≤ 90 %", "agreement<=90%"),
        ("kappa>55%@upper", "kappa>55%@upper"),
        ("agreement >= .9 @Lower", "agreement>=0.9@lower"),
    ] {
        assert_eq!(gate(text).unwrap().to_string(), same);
    }
}

#[test]
fn a_number_that_a_figure_cannot_have_is_refused() {
    let figures = [
        Figure::new("agreement", "", Some(0.8), None, 50).between(0.0, 1.0),
        Figure::new("kappa", "", Some(0.6), None, 50).between(-1.0, 1.0),
        Figure::new("cost", "", Some(2.0), None, 50).between(0.0, f64::INFINITY),
        Figure::new("mean", "", Some(7.0), None, 50),
    ];
    let failure = |text: &str| gate(text).unwrap().failure(&figures);
    for (text, says, hint) in [
        (
            "agreement>=90",
            "`agreement` lies between 0 and 1, and the rule says 90",
            "if 90 percent is meant, write 'agreement>=0.9'",
        ),
        (
            "kappa>=60@lower",
            "`kappa` lies between -1 and 1, and the rule says 60",
            "if 60 percent is meant, write 'kappa>=0.6@lower'",
        ),
        ("agreement<=5", "the rule says 5", "if 5 percent is meant, write 'agreement<=0.05'"),
        ("agreement>=-0.1", "the rule says -0.1", ""),
        ("agreement>=900%", "the rule says 9", "write 'agreement>=0.09'"),
        ("agreement>1", "no result can keep the rule agreement>1", "'agreement>=1'"),
        ("cost<0", "`cost` is never below 0, so that no result", "'cost<=0'"),
        ("cost<=-1", "`cost` is never below 0, and the rule says -1", ""),
        ("cost<=50%", "`cost` is not a share, and has no percentage", "without %"),
        ("mean>=80%", "`mean` is not a share", "without %"),
    ] {
        let error = failure(text).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(hints(&error).contains(hint), "{text}: {}", hints(&error));
    }
    for kept in ["agreement>=80%", "kappa>=60%", "cost<=50", "mean>=7", "agreement>=0", "cost>0"] {
        assert_eq!(failure(kept).unwrap(), None, "{kept}");
    }
}

#[test]
fn a_name_of_another_library_leads_to_the_name_here() {
    let figures: Vec<Figure> = ["agreement", "kappa", "pass_rate", "recall.LABEL", "people_kappa"]
        .map(|name| Figure::new(name, "", None, None, 0))
        .into();
    for (typed, meant) in [
        ("Agreement", "agreement"),
        ("pass-rate", "pass_rate"),
        ("pass rate", "pass_rate"),
        ("passrate", "pass_rate"),
        ("accuracy", "agreement"),
        ("Cohen's kappa", "kappa"),
        ("cohen_kappa", "kappa"),
        ("agrement", "agreement"),
        ("recall", "recall.LABEL"),
    ] {
        let error = gate(&format!("{typed}>=0.5")).unwrap().find(&figures).unwrap_err();
        assert_eq!(hints(&error), format!("did you mean `{meant}`?"), "{typed}");
    }
    let error = gate("zzz>=0.5").unwrap().find(&figures).unwrap_err();
    assert!(hints(&error).starts_with("there are `agreement`, `kappa`"), "{}", hints(&error));
}

#[test]
fn a_label_that_no_record_has_fails_with_the_nearest_one() {
    let of = |name: &str, value| Figure::new(name, "", value, None, 9);
    let figures =
        [of("recall.correct", Some(0.9)), of("recall.wrong", Some(0.8)), of("recall.corect", None)];
    let why = gate("recall.corect>=0.5").unwrap().failure(&figures).unwrap().unwrap();
    assert!(why.ends_with("; did you mean `recall.correct`?"), "{why}");
}

#[test]
fn what_is_no_rule_is_refused() {
    for wrong in [
        "",
        "most",
        "7",
        "900%",
        ">=0.5",
        "agreement>=",
        "agreement>=x",
        "a>=0.5@middle",
        "a>=0.5@lower@upper",
        "a@b>=0.5@lower",
        "a>=NaN",
    ] {
        assert!(gate(wrong).is_err(), "{wrong}");
    }
}
