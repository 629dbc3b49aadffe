//! Agreement of verdicts that are one of a few classes.

use super::{matched::Matched, reader::Outcome};
use crate::{
    metrics::{
        ConfusionMatrix, Figure, Interval, RatedUnits, RatingLevel, Weights, cohen_kappa, gwet_ac1,
        mean, real, share, unseen_share,
    },
    report::clusters::Clusters,
};

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
    let most = (0..names.len()).max_by_key(|class| (matrix.true_count(*class), usize::MAX - class));
    let is_most: Vec<bool> = pairs.iter().map(|(truth, _)| Some(*truth) == most).collect();
    let units = pairs.iter().map(|(one, other)| vec![real(*one), real(*other)]).collect();
    let rated = RatedUnits::new(units, RatingLevel::Nominal);
    // Where all agree, a share of records that were not seen may differ.
    let is_perfect = matrix.agreeing() == count;
    let beyond = |chance: Option<f64>| {
        move |unseen: f64| {
            let spread = 1.0 - chance.filter(|chance| is_perfect && *chance < 1.0)?;
            Some(Interval { low: (1.0 - unseen / spread).max(-1.0), high: 1.0 })
        }
    };
    let by_class = |_: f64| {
        let classes: Vec<usize> = (0..names.len())
            .map(|class| matrix.true_count(class))
            .filter(|count| is_perfect && *count > 0)
            .collect();
        let lows: Vec<f64> = classes.iter().map(|count| 1.0 - unseen_share(*count, None)).collect();
        Some(Interval { low: mean(&lows)?, high: 1.0 })
    };
    let [by_kappa, by_ac1] = chances(&matrix);
    let alpha = |places: &[usize]| rated.alpha(places);
    let title = "Krippendorff's alpha";
    let mut figures = vec![
        clusters.share("agreement", "agreement", &hits),
        clusters.share("base_rate", "most frequent label", &is_most),
        clusters.any("kappa", "Cohen's kappa", count, of(kappa), beyond(by_kappa)),
        clusters.any("ac1", "Gwet's AC1", count, of(ac1), beyond(by_ac1)),
        clusters.any("krippendorff_alpha", title, count, alpha, beyond(by_kappa)),
        clusters.any("balanced_accuracy", "balanced accuracy", count, of(balanced), by_class),
        clusters.any("macro_f1", "macro-F1", count, of(macro_f1), by_class),
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

/// The agreement by chance of two raters who agree everywhere: as Cohen's kappa and as AC1 have it.
fn chances(matrix: &ConfusionMatrix) -> [Option<f64>; 2] {
    let shares: Option<Vec<f64>> = (0..matrix.classes())
        .map(|class| share(matrix.true_count(class), matrix.count()))
        .collect();
    let Some(shares) = shares else { return [None, None] };
    let kappa = shares.iter().map(|share| share * share).sum();
    let spread: f64 = shares.iter().map(|share| share * (1.0 - share)).sum();
    let others = real(shares.len().saturating_sub(1));
    [Some(kappa), (others > 0.0).then(|| spread / others)]
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
