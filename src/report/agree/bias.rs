//! What a verdict should not depend on: the order and the length of answers, who wrote them, and chance.

use super::{
    matched::{Matched, Outcome},
    measured::Clusters,
    row::Row,
};
use crate::{
    metrics::{Correlation, Figure, bootstrap, clustered_share, mean, ratio, spearman, wilson},
    report::{labels::correctness, orders::Orders},
    verdict::Preference,
};

/// The figures of all rows, with a label or without one.
pub(super) fn of_rows(rows: &[Row]) -> Vec<Figure> {
    let mut orders = Orders::default();
    rows.iter().for_each(|row| orders.add(row.orders));
    let mut figures = Vec::new();
    let mut share = |name: &str, title: &str, part: usize, whole: usize| {
        if whole > 0 {
            let interval = Some(wilson(part, whole));
            figures.push(Figure::new(name, title, Some(ratio(part, whole)), interval, whole));
        }
    };
    share("consistency", "same verdict in both orders", orders.consistent, orders.both);
    let decided = orders.first + orders.second;
    if orders.both > 0 {
        // Where every pair is shown in one order only, the first answer may well be the better one.
        share("first_wins", "wins of the answer shown first", orders.first, decided);
    }
    figures.extend(repetition(rows));
    figures
}

/// How often two draws of one record have the same verdict (test–retest).
fn repetition(rows: &[Row]) -> Option<Figure> {
    let (mut hits, mut records) = (Vec::new(), Vec::new());
    for (place, row) in rows.iter().enumerate() {
        let (same, all) = row.repeated;
        hits.extend((0..all).map(|pair| pair < same));
        records.extend(std::iter::repeat_n(place, all));
    }
    let same = hits.iter().filter(|hit| **hit).count();
    let interval = clustered_share(&hits, &records);
    let value = Some(ratio(same, hits.len()));
    let title = "same verdict in two draws";
    (!hits.is_empty()).then(|| Figure::new("stability", title, value, Some(interval), hits.len()))
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
    let sides: Vec<(&Row, Preference, Preference)> =
        all.iter().filter_map(|one| sides(one, classes)).collect();
    let mut figures = of_pairs(&sides);
    let scored: Vec<Scored> =
        all.iter().enumerate().filter_map(|(place, one)| scored(one, place, classes)).collect();
    figures.extend(of_lengths(&scored, clusters));
    figures.extend(of_family(&scored));
    figures
}

/// The sides that the label and the verdict of a comparison prefer.
fn sides<'r>(one: &Matched<'r>, classes: &[String]) -> Option<(&'r Row, Preference, Preference)> {
    let Outcome::Classes { truth, judged, .. } = one.outcome else { return None };
    let side = |class: usize| {
        let all = [Preference::First, Preference::Second, Preference::Tie];
        all.into_iter().find(|side| classes.get(class).is_some_and(|name| name == side.name()))
    };
    Some((one.row, side(truth)?, side(judged)?)).filter(|(row, ..)| row.lengths.len() == 2)
}

/// How often the longer answer, and the answer of the judge's own family, wins by verdicts and by labels.
fn of_pairs(sides: &[(&Row, Preference, Preference)]) -> Vec<Figure> {
    let longer = |row: &Row| match row.lengths.as_slice() {
        [one, other] if one > other => Some(Preference::First),
        [one, other] if one < other => Some(Preference::Second),
        _ => None,
    };
    let own = |row: &Row| match row.is_own.as_slice() {
        [true, false] => Some(Preference::First),
        [false, true] => Some(Preference::Second),
        _ => None,
    };
    let mut figures = Vec::new();
    let mut add = |name: &str, title: &str, favoured: &dyn Fn(&Row) -> Option<Preference>| {
        let decided = sides
            .iter()
            .filter(|(_, label, verdict)| *label != Preference::Tie && *verdict != Preference::Tie);
        let known: Vec<(bool, bool)> = decided
            .filter_map(|(row, label, verdict)| {
                let side = favoured(row)?;
                Some((*label == side, *verdict == side))
            })
            .collect();
        if known.is_empty() {
            return;
        }
        for (suffix, by, is_verdict) in [("", "by verdict", true), ("_by_label", "by label", false)]
        {
            let hits = known.iter().filter(|one| if is_verdict { one.1 } else { one.0 }).count();
            figures.push(Figure::new(
                format!("{name}{suffix}"),
                format!("{title}, {by}"),
                Some(ratio(hits, known.len())),
                Some(wilson(hits, known.len())),
                known.len(),
            ));
        }
    };
    add("longer_wins", "wins of the longer answer", &longer);
    add("own_family_wins", "wins of the judge's own family", &own);
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
fn of_family(scored: &[Scored<'_>]) -> Option<Figure> {
    let known: Vec<(bool, f64)> = scored
        .iter()
        .filter_map(|one| Some((*one.row.is_own.first()?, one.verdict - one.label)))
        .collect();
    let bonus = |places: &[usize]| {
        let of = |is_own: bool| {
            let drawn = places.iter().map(|place| known[*place]);
            mean(&drawn.filter(|one| one.0 == is_own).map(|one| one.1).collect::<Vec<_>>())
        };
        Some(of(true)? - of(false)?)
    };
    let all: Vec<usize> = (0..known.len()).collect();
    let value = bonus(&all)?;
    let interval = bootstrap(known.len(), 1_000, 0, bonus);
    let title = "extra for the judge's own family, beyond labels";
    Some(Figure::new("own_family_bonus", title, Some(value), interval, known.len()))
}
