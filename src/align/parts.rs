//! The division of labelled records into training, validation and held-out parts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    item::{Item, text_of},
    request::Hasher,
    units::counted,
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
    /// The question of each held-out record, as a number.
    pub questions: Vec<usize>,
}

/// The fewest records of the held-out part: with fewer, no difference but a huge one could be seen.
const FEWEST: usize = 12;

/// The fewest questions of the held-out part: with five, gains on all of them could be chance (p = 2 · 2⁻⁵ = 0.06).
const FEWEST_QUESTIONS: usize = 6;

/// Records of one question, with the random key by which they are put in order.
type Group = ([u8; 32], Vec<Case>);

/// Fields that several records about one question share.
const SHARED: [&str; 3] = ["question_id", "pair_id", "qid"];

impl Parts {
    /// Divides records: of ten, three are for training, three for validation, and four are held out.
    ///
    /// Each label has the same share of every part. Records of one question are in one part, so that nothing is known
    /// of a held-out question: those with one `question_id`, one question text, or the same content under two ids. Where
    /// that leaves too few questions, as with one instruction for all records, the text of the question does not count.
    /// Which records are in which part follows from the seed, the ids and these texts alone.
    ///
    /// # Errors
    /// There are too few records, or too few questions.
    pub fn new(cases: &[Case], seed: u64) -> Result<Self> {
        let by_question = Self::divided(groups(cases, true), seed);
        if by_question.are_enough() {
            return Ok(by_question);
        }
        let groups = groups(cases, false);
        let questions = groups.len();
        let parts = Self::divided(groups, seed);
        if parts.are_enough() { Ok(parts) } else { Err(too_few(cases.len(), questions)) }
    }

    fn are_enough(&self) -> bool {
        let questions = self.questions.iter().collect::<BTreeSet<_>>().len();
        self.held_out.len() >= FEWEST
            && questions >= FEWEST_QUESTIONS
            && !self.training.is_empty()
            && !self.validation.is_empty()
    }

    /// Every label's groups in random order, dealt to the parts.
    fn divided(groups: Vec<(String, Vec<Case>)>, seed: u64) -> Self {
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
                    _ => {
                        parts.questions.extend(group.iter().map(|_| place));
                        parts.held_out.extend(group);
                    }
                }
                place += 1;
            }
        }
        parts
    }
}

/// Records that belong together, each group under the smallest id in it.
fn groups(cases: &[Case], with_texts: bool) -> Vec<(String, Vec<Case>)> {
    let mut first: BTreeMap<(&str, String), usize> = BTreeMap::new();
    // The group of each record: the first record that it belongs to, by way of others.
    let mut of: Vec<usize> = (0..cases.len()).collect();
    for (at, case) in cases.iter().enumerate() {
        for key in keys(case, with_texts) {
            let known = *first.entry(key).or_insert(at);
            let (one, other) = (of[known].min(of[at]), of[known].max(of[at]));
            if one < other {
                of.iter_mut().filter(|group| **group == other).for_each(|group| *group = one);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Case>> = BTreeMap::new();
    for (case, group) in cases.iter().zip(of) {
        groups.entry(group).or_default().push(case.clone());
    }
    let named = |group: Vec<Case>| {
        let name = group.iter().map(|case| case.id.clone()).min().unwrap_or_default();
        (name, group)
    };
    groups.into_values().map(named).collect()
}

/// What a record shares with others of its question.
fn keys(case: &Case, with_texts: bool) -> Vec<(&'static str, String)> {
    let record = case.item.record();
    let ids = SHARED.iter().filter_map(|name| Some((*name, text_of(record.get(*name)?))));
    let question = || case.item.text("question").filter(|text| !text.trim().is_empty());
    let question = with_texts.then(question).flatten().map(|text| ("question", text));
    let content = record.iter().filter(|(_, value)| text_of(value) != case.id);
    let content: Vec<String> = content.map(|(name, value)| format!("{name}: {value}")).collect();
    let content = Some(("content", content.join("\n"))).filter(|(_, content)| !content.is_empty());
    ids.chain(question).chain(content).collect()
}

fn too_few(records: usize, questions: usize) -> Error {
    let mut what = counted(records, "labelled record");
    if questions < records {
        what = format!("{what} of {}", counted(questions, "question"));
    }
    let verb = if records == 1 { "is" } else { "are" };
    Error::new(ErrorKind::Config, format!("{what} {verb} too few to tell two prompts apart"))
        .hint("label 30 records or more, better 100: tribunal annotate RESULTS --sample 100")
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
        let parts = Parts::new(&(0..200).map(case).collect::<Vec<_>>(), 1).unwrap();
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
        assert_eq!(
            ids(&parts),
            ids(&Parts::new(&(0..200).map(case).collect::<Vec<_>>(), 1).unwrap())
        );
        assert_ne!(
            ids(&parts),
            ids(&Parts::new(&(0..200).map(case).collect::<Vec<_>>(), 2).unwrap())
        );
        assert!(Parts::new(&(0..20).map(case).collect::<Vec<_>>(), 1).is_err());
    }

    fn asked(n: usize, question: &str) -> Case {
        let item = Item::from(json!({"id": format!("r{n}"), "question": question, "answer": n}));
        Case {
            id: format!("r{n}"),
            item,
            label: json!(if n.is_multiple_of(3) { "yes" } else { "no" }),
        }
    }

    fn of(part: &[Case], field: &str) -> Vec<String> {
        part.iter().filter_map(|case| case.item.text(field)).collect()
    }

    #[test]
    fn records_with_one_question_or_the_same_content_are_in_one_part() {
        let cases = (0..120).map(|n| asked(n, &format!("Question {}?", n / 3)));
        let parts = Parts::new(&cases.collect::<Vec<_>>(), 3).unwrap();
        let held_out = of(&parts.held_out, "question");
        assert!(held_out.len() >= 40);
        for seen in [&parts.training, &parts.validation] {
            assert!(of(seen, "question").iter().all(|question| !held_out.contains(question)));
        }
        // One instruction for all records tells nothing of a record; a copy under another id tells everything.
        let cases = (0..120).map(|n| {
            let mut case = asked(n / 2, "Is it good?");
            case.id = format!("r{n}");
            case.item = case.item.set("id", case.id.clone());
            case
        });
        let parts = Parts::new(&cases.collect::<Vec<_>>(), 3).unwrap();
        let held_out = of(&parts.held_out, "answer");
        assert_eq!(held_out.len(), 48);
        for seen in [&parts.training, &parts.validation] {
            assert!(of(seen, "answer").iter().all(|answer| !held_out.contains(answer)));
        }
    }

    #[test]
    fn too_few_questions_are_named() {
        let case = |n: usize| Case {
            id: format!("r{n}"),
            item: Item::from(json!({"question_id": n % 2, "answer": n})),
            label: json!("yes"),
        };
        let error = Parts::new(&(0..60).map(case).collect::<Vec<_>>(), 1).unwrap_err().to_string();
        assert!(error.starts_with("60 labelled records of 2 questions are too few"), "{error}");
    }
}
