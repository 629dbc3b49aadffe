//! The division of labelled records into training, validation and held-out parts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    item::{Item, text_of},
    request::Hasher,
};

/// A labelled record.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// The record, without its label.
    pub item: Item,
    /// The label.
    pub label: Value,
}

/// The three parts of labelled records.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The writer reads its disagreements.
    pub training: Vec<Case>,
    /// It chooses among candidates.
    pub validation: Vec<Case>,
    /// It decides whether the chosen candidate is better than the original.
    pub held_out: Vec<Case>,
}

/// The fewest records of the held-out part: with fewer, no difference but a huge one could be seen.
const FEWEST: usize = 12;

/// Records of one question, with the random key by which they are put in order.
type Group = ([u8; 32], Vec<Case>);

/// Fields that several records about one question share.
const SHARED: [&str; 3] = ["question_id", "pair_id", "qid"];

impl Parts {
    /// Divides records: of ten, three are for training, three for validation, and four are held out.
    ///
    /// Each label has the same share of every part. Records of one question are in one part, so that nothing is known
    /// of a held-out question. Which records are in which part follows from the seed and the ids alone.
    ///
    /// # Errors
    /// There are too few records.
    pub fn new(cases: Vec<Case>, seed: u64) -> Result<Self> {
        let count = cases.len();
        let mut groups: BTreeMap<String, Vec<Case>> = BTreeMap::new();
        for case in cases {
            let shared = SHARED.iter().find_map(|name| case.item.record().get(*name)).map(text_of);
            groups.entry(shared.unwrap_or_else(|| case.id.clone())).or_default().push(case);
        }
        let mut strata: BTreeMap<String, Vec<Group>> = BTreeMap::new();
        for (name, group) in groups {
            let label = group.first().map(|case| text_of(&case.label)).unwrap_or_default();
            let mut hasher = Hasher::new("align-parts-v1");
            hasher.json(&(seed, name));
            strata.entry(label).or_default().push((hasher.finish(), group));
        }
        let mut parts = Self::default();
        let mut place = 0;
        for (_, mut groups) in strata {
            groups.sort_by_key(|(chance, _)| *chance);
            for (_, group) in groups {
                match place % 10 {
                    0 | 3 | 6 => parts.training.extend(group),
                    1 | 4 | 7 => parts.validation.extend(group),
                    _ => parts.held_out.extend(group),
                }
                place += 1;
            }
        }
        if parts.held_out.len() < FEWEST || parts.training.is_empty() || parts.validation.is_empty()
        {
            let message = format!(
                "{} too few to tell two prompts apart",
                match count {
                    1 => "1 labelled record is".to_owned(),
                    _ => format!("{count} labelled records are"),
                }
            );
            return Err(Error::new(ErrorKind::Config, message).hint(
                "label 30 records or more, better 100: tribunal annotate RESULTS --sample 100",
            ));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn case(n: usize) -> Case {
        let item = Item::from(json!({"question_id": n / 2, "answer": "a"}));
        Case {
            id: format!("r{n}"),
            item,
            label: json!(if (n / 2).is_multiple_of(4) { "yes" } else { "no" }),
        }
    }

    #[test]
    fn parts_share_no_question_and_have_every_label_alike() {
        let parts = Parts::new((0..200).map(case).collect(), 1).unwrap();
        let all = [&parts.training, &parts.validation, &parts.held_out];
        assert_eq!(all.map(Vec::len), [60, 60, 80]);
        let yes = all.map(|part| part.iter().filter(|case| case.label == "yes").count());
        assert!(
            yes.iter().zip([15, 15, 20]).all(|(yes, right)| yes.abs_diff(right) <= 2),
            "{yes:?}"
        );
        let questions = all.map(|part| {
            part.iter().map(|case| text_of(&case.item.record()["question_id"])).collect::<Vec<_>>()
        });
        assert!(
            !questions[2]
                .iter()
                .any(|one| questions[0].contains(one) || questions[1].contains(one))
        );
        let ids =
            |parts: &Parts| parts.held_out.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&parts), ids(&Parts::new((0..200).map(case).collect(), 1).unwrap()));
        assert_ne!(ids(&parts), ids(&Parts::new((0..200).map(case).collect(), 2).unwrap()));
        assert!(Parts::new((0..20).map(case).collect(), 1).is_err());
    }
}
