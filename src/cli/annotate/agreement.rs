//! How far several people agree on the records that all of them labelled.

use std::collections::{BTreeMap, BTreeSet};

use super::{labels::LabelLine, task::Task};
use tribunal::{
    item::text_of,
    metrics::{RatingLevel, Weights, cohen_kappa, krippendorff_alpha},
};

/// The agreement of all people, in a line; `None` if no record has the labels of two.
pub(super) fn told(lines: &[LabelLine], task: &Task) -> Option<String> {
    // The last label of a person counts.
    let mut records: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for line in lines {
        records.entry(&line.id).or_default().insert(&line.annotator, text_of(&line.label));
    }
    records.retain(|_, labels| labels.len() > 1);
    let people: BTreeSet<&str> =
        records.values().flat_map(|labels| labels.keys().copied()).collect();
    let agree =
        records.values().filter(|labels| labels.values().collect::<BTreeSet<_>>().len() == 1);
    let (agree, count) = (agree.count(), records.len());
    if count == 0 {
        return None;
    }
    let mut text = format!("{} people agree on {agree} of {count} records", people.len());
    let names: BTreeSet<&String> = records.values().flat_map(BTreeMap::values).collect();
    let places: BTreeMap<&String, usize> =
        names.iter().enumerate().map(|(n, name)| (*name, n)).collect();
    if people.len() == 2 && !matches!(task, Task::Number(_)) {
        let pairs = records.values().filter_map(|labels| {
            let mut places = labels.values().map(|label| places[label]);
            places.next().zip(places.next())
        });
        let pairs: Vec<(usize, usize)> = pairs.collect();
        if let Some(kappa) = cohen_kappa(&pairs, Weights::Equal) {
            text += &format!(", Cohen's kappa {kappa:.3}");
        }
    }
    let (level, value): (_, &dyn Fn(&String) -> f64) = match task {
        Task::Number(_) => (RatingLevel::Interval, &|label| label.parse().unwrap_or(f64::NAN)),
        #[expect(clippy::cast_precision_loss, reason = "places of a few names")]
        _ => (RatingLevel::Nominal, &|label| places[label] as f64),
    };
    let units: Vec<Vec<f64>> =
        records.values().map(|labels| labels.values().map(value).collect()).collect();
    if let Some(alpha) = krippendorff_alpha(&units, level) {
        text += &format!(", Krippendorff's alpha {alpha:.3} ({})", level.name());
    }
    Some(text)
}
