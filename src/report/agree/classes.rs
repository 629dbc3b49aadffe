//! Agreement of verdicts that are one of a few classes.

use super::{
    matched::{Matched, Outcome},
    measured::Clusters,
};
use crate::metrics::{ConfusionMatrix, Figure, Weights, cohen_kappa, gwet_ac1};

/// A statistic of pairs of (label, verdict), as places among this many classes.
type OfPairs = fn(&[(usize, usize)], usize) -> Option<f64>;

/// Labels beside verdicts, class by class.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClassFigures {
    /// The names of the classes.
    pub names: Vec<String>,
    /// Labels in rows, verdicts in columns.
    pub matrix: ConfusionMatrix,
    /// For each class the share of its labels that were judged so, and the share of its verdicts that are right.
    pub recall: Vec<Figure>,
    /// The second of them.
    pub precision: Vec<Figure>,
}

/// The classes of these records, and the figures of their agreement; `None` if their verdicts are numbers.
pub(super) fn figures(
    all: &[Matched<'_>],
    names: &[String],
    clusters: &Clusters,
) -> Option<(ClassFigures, Vec<Figure>)> {
    let (mut pairs, mut hits) = (Vec::new(), Vec::new());
    for one in all {
        let Outcome::Classes { truth, judged, agrees } = one.outcome else { return None };
        pairs.push((truth, judged));
        hits.push(agrees);
    }
    if pairs.is_empty() {
        return None;
    }
    let matrix = ConfusionMatrix::of(names.len(), pairs.iter().copied());
    let of = |statistic: OfPairs| {
        let (pairs, classes) = (pairs.clone(), names.len());
        move |places: &[usize]| {
            let drawn: Vec<(usize, usize)> = places.iter().map(|place| pairs[*place]).collect();
            statistic(&drawn, classes)
        }
    };
    let count = pairs.len();
    let base = Figure::new("base_rate", "most frequent label", matrix.base_rate(), None, count);
    let mut figures = vec![
        clusters.share("agreement", "agreement", &hits),
        base,
        clusters.any("kappa", "Cohen's kappa", count, of(kappa)),
        clusters.any("ac1", "Gwet's AC1", count, of(ac1)),
        clusters.any("balanced_accuracy", "balanced accuracy", count, of(balanced)),
        clusters.any("macro_f1", "macro-F1", count, of(macro_f1)),
    ];
    let one_sided = |class: usize, is_recall: bool| {
        let places: Vec<usize> = (0..count)
            .filter(|place| class == if is_recall { pairs[*place].0 } else { pairs[*place].1 })
            .collect();
        let hits: Vec<bool> =
            places.iter().map(|place| pairs[*place].0 == pairs[*place].1).collect();
        let (key, word) =
            if is_recall { ("recall", "recall of") } else { ("precision", "precision of") };
        let name = &names[class];
        clusters.only(&places).share(&format!("{key}.{name}"), &format!("{word} {name}"), &hits)
    };
    let recall: Vec<Figure> = (0..names.len()).map(|class| one_sided(class, true)).collect();
    let precision: Vec<Figure> = (0..names.len()).map(|class| one_sided(class, false)).collect();
    figures.extend(recall.iter().chain(&precision).cloned());
    Some((ClassFigures { names: names.to_vec(), matrix, recall, precision }, figures))
}

fn kappa(pairs: &[(usize, usize)], _: usize) -> Option<f64> {
    cohen_kappa(pairs, Weights::Equal)
}

fn ac1(pairs: &[(usize, usize)], classes: usize) -> Option<f64> {
    let counts = |(one, other): &(usize, usize)| {
        let mut counts = vec![0; classes];
        counts[*one] += 1;
        counts[*other] += 1;
        counts
    };
    gwet_ac1(&pairs.iter().map(counts).collect::<Vec<_>>())
}

fn balanced(pairs: &[(usize, usize)], _: usize) -> Option<f64> {
    ConfusionMatrix::of(0, pairs.iter().copied()).balanced_accuracy()
}

fn macro_f1(pairs: &[(usize, usize)], _: usize) -> Option<f64> {
    ConfusionMatrix::of(0, pairs.iter().copied()).macro_f1()
}
