//! What a verdict should not depend on: the order and the length of answers, who wrote them, and chance.

use super::{matched::Matched, reader::Outcome, row::Row};
use crate::{
    metrics::{Correlation, Figure, mean, spearman},
    report::{clusters::Clusters, labels::correctness, orders::Orders},
    verdict::Preference,
};

/// Hits, each of the row at a place.
#[derive(Default)]
struct Hits {
    places: Vec<usize>,
    hits: Vec<bool>,
}

impl Hits {
    /// Adds so many hits, and so many others.
    fn add(&mut self, place: usize, hits: usize, others: usize) {
        self.hits.extend(std::iter::repeat_n(true, hits).chain(std::iter::repeat_n(false, others)));
        self.places.extend(std::iter::repeat_n(place, hits + others));
    }

    /// Their share, if there are any.
    fn figure(&self, clusters: &Clusters, name: &str, title: &str) -> Option<Figure> {
        let clusters = clusters.only(&self.places);
        (!self.hits.is_empty()).then(|| clusters.share(name, title, &self.hits))
    }
}

/// The figures of all rows, with a label or without one: consistency and lean in two orders, and repetition.
pub(super) fn of_rows(rows: &[Row], clusters: &Clusters) -> Vec<Figure> {
    let [mut consistent, mut first, mut repeated] = [(); 3].map(|()| Hits::default());
    // Where every pair is shown in one order only, the first answer may well be the better one.
    let has_both = rows.iter().any(|row| row.orders.both > 0);
    for (place, row) in rows.iter().enumerate() {
        let Orders { both, consistent: same, first: won, second: lost, .. } = row.orders;
        consistent.add(place, same, both - same);
        if has_both {
            first.add(place, won, lost);
        }
        let (same, all) = row.repeated;
        repeated.add(place, same, all - same);
    }
    let figures = [
        consistent.figure(clusters, "consistency", "same verdict in both orders"),
        first.figure(clusters, "first_wins", "wins of the answer shown first"),
        repeated.figure(clusters, "stability", "same verdict in two draws"),
    ];
    figures.into_iter().flatten().collect()
}

/// A verdict and its label as numbers between answers of different lengths and authors.
struct Scored<'r> {
    row: &'r Row,
    place: usize,
    label: f64,
    verdict: f64,
}

/// The figures of matched records: of pairs how often the longer answer and that of the own family win, of single answers
/// how their values follow the length and the author.
pub(super) fn of_matches(
    all: &[Matched<'_>],
    classes: &[String],
    clusters: &Clusters,
) -> Vec<Figure> {
    let sides: Vec<(usize, Sides)> =
        all.iter().enumerate().filter_map(|(n, one)| Some((n, sides(one, classes)?))).collect();
    let mut figures = of_pairs(&sides, clusters);
    let scored: Vec<Scored> =
        all.iter().enumerate().filter_map(|(place, one)| scored(one, place, classes)).collect();
    figures.extend(of_lengths(&scored, clusters));
    figures.extend(of_family(&scored, clusters));
    figures
}

/// The sides that the label and the verdict of a comparison prefer.
struct Sides<'r> {
    row: &'r Row,
    label: Preference,
    verdict: Preference,
}

fn sides<'r>(one: &Matched<'r>, classes: &[String]) -> Option<Sides<'r>> {
    let Outcome::Classes { truth, judged, .. } = one.outcome else { return None };
    let side = |class: usize| {
        let all = [Preference::First, Preference::Second, Preference::Tie];
        all.into_iter().find(|side| classes.get(class).is_some_and(|name| name == side.name()))
    };
    let found = Sides { row: one.row, label: side(truth)?, verdict: side(judged)? };
    (found.row.lengths.len() == 2).then_some(found)
}

/// The answer that a judge may favour.
type Favoured = fn(&Row) -> Option<Preference>;

/// The longer answer.
fn longer(row: &Row) -> Option<Preference> {
    match row.lengths.as_slice() {
        [one, other] if one > other => Some(Preference::First),
        [one, other] if one < other => Some(Preference::Second),
        _ => None,
    }
}

/// The answer of the judge's own family, if the other one is of another family.
fn own(row: &Row) -> Option<Preference> {
    match row.is_own.as_slice() {
        [true, false] => Some(Preference::First),
        [false, true] => Some(Preference::Second),
        _ => None,
    }
}

/// How often the longer answer, and the answer of the judge's own family, wins by verdicts and by labels.
fn of_pairs(sides: &[(usize, Sides<'_>)], clusters: &Clusters) -> Vec<Figure> {
    let decided = || {
        let is_decided = |one: &&(usize, Sides<'_>)| {
            one.1.label != Preference::Tie && one.1.verdict != Preference::Tie
        };
        sides.iter().filter(is_decided)
    };
    let kinds: [(&str, &str, Favoured); 2] = [
        ("longer_wins", "wins of the longer answer", longer),
        ("own_family_wins", "wins of the judge's own family", own),
    ];
    let mut figures = Vec::new();
    for (name, title, favoured) in kinds {
        let [mut by_verdict, mut by_label] = [(); 2].map(|()| Hits::default());
        for (place, Sides { row, label, verdict }) in decided() {
            let Some(side) = favoured(row) else { continue };
            for (hits, given) in [(&mut by_verdict, verdict), (&mut by_label, label)] {
                let is_hit = usize::from(*given == side);
                hits.add(*place, is_hit, 1 - is_hit);
            }
        }
        let of_label = format!("{name}_by_label");
        figures.extend(by_verdict.figure(clusters, name, &format!("{title}, by verdict")));
        figures.extend(by_label.figure(clusters, &of_label, &format!("{title}, by label")));
    }
    figures
}

/// A verdict about one answer as a number: the score, or 1 for a label that means correct.
fn scored<'r>(one: &Matched<'r>, place: usize, classes: &[String]) -> Option<Scored<'r>> {
    let (label, verdict) = match &one.outcome {
        Outcome::Numbers(pairs) => match pairs.as_slice() {
            [(name, pair)] if name.is_empty() => *pair,
            _ => return None,
        },
        Outcome::Classes { truth, judged, .. } => {
            let number = |class: &usize| {
                correctness(classes.get(*class)?).map(|is_right| f64::from(u8::from(is_right)))
            };
            (number(truth)?, number(judged)?)
        }
    };
    (one.row.lengths.len() == 1).then_some(Scored { row: one.row, place, label, verdict })
}

/// Whether longer answers get more, from the judge and from the labels.
fn of_lengths(scored: &[Scored<'_>], clusters: &Clusters) -> Vec<Figure> {
    #[expect(clippy::cast_precision_loss, reason = "no text has 2^52 characters")]
    let pairs = |of: &dyn Fn(&Scored) -> f64| -> Vec<(f64, f64)> {
        scored.iter().map(|one| (one.row.lengths[0] as f64, of(one))).collect()
    };
    if scored.len() < 3 {
        return Vec::new();
    }
    let clusters = clusters.only(&scored.iter().map(|one| one.place).collect::<Vec<_>>());
    let spearman = (Correlation::Spearman, spearman as fn(&[(f64, f64)]) -> Option<f64>);
    let by = |name: &str, title: &str, pairs: &[(f64, f64)]| {
        clusters.correlation(name, title, spearman, pairs)
    };
    vec![
        by("length_correlation", "Spearman of length and verdict", &pairs(&|one| one.verdict)),
        by("length_correlation_by_label", "Spearman of length and label", &pairs(&|one| one.label)),
    ]
}

/// By how much more the judge gives than the labels, for answers of its own family beyond the others.
fn of_family(scored: &[Scored<'_>], clusters: &Clusters) -> Option<Figure> {
    let (places, known): (Vec<usize>, Vec<(bool, f64)>) = scored
        .iter()
        .filter_map(|one| Some((one.place, (*one.row.is_own.first()?, one.verdict - one.label))))
        .unzip();
    let bonus = |places: &[usize]| {
        let of = |is_own: bool| {
            let drawn = places.iter().map(|place| known[*place]);
            mean(&drawn.filter(|one| one.0 == is_own).map(|one| one.1).collect::<Vec<_>>())
        };
        Some(of(true)? - of(false)?)
    };
    let title = "extra for the judge's own family, beyond labels";
    let clusters = clusters.only(&places);
    let figure = clusters.any("own_family_bonus", title, known.len(), bonus, |_| None);
    figure.value.is_some().then_some(figure)
}
