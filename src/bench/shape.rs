//! Cases as records that a judge of any kind can judge.

use serde_json::Value;

use super::case::Case;
use crate::{
    item::Item,
    parse::Kind,
    prompt::{Each, FrontMatter},
    verdict::Preference,
};

/// How the answers of a case reach a judge, by the kind of its verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Two answers at a time, for a judge that compares.
    Pairs,
    /// All answers at once, for a judge that ranks them.
    Whole,
    /// Each answer by itself, for a judge that rates.
    Alone,
}

impl Shape {
    /// All shapes.
    pub(super) const ALL: [Self; 3] = [Self::Pairs, Self::Whole, Self::Alone];

    /// The shape for judges with a prompt of this kind.
    pub fn of(front: &FrontMatter) -> Self {
        match front.kind {
            _ if front.each == Some(Each::Answers) => Self::Alone,
            Kind::Preference => Self::Pairs,
            Kind::Ranking | Kind::Scores => Self::Whole,
            _ => Self::Alone,
        }
    }
}

/// What one part of a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Two of its answers.
    Pair(usize, usize),
    /// One of them.
    One(usize),
    /// All of them, or the steps.
    Whole,
}

impl Case {
    /// The parts of this case in a shape. Answers that can only be rated are rated in any.
    pub(super) fn parts(&self, shape: Shape) -> Vec<Part> {
        match shape {
            _ if self.answers.is_empty() => vec![Part::Whole],
            Shape::Whole if !self.only_rated => vec![Part::Whole],
            Shape::Pairs if !self.only_rated => {
                self.pairs.iter().map(|(one, two)| Part::Pair(*one, *two)).collect()
            }
            _ => (0..self.answers.len()).map(Part::One).collect(),
        }
    }

    /// The name of a part: that of the case if there is only one, and otherwise with the places of its answers:
    /// `q7/0-3`, `q7/2`.
    pub(super) fn part_id(&self, part: Part) -> String {
        match part {
            Part::Pair(one, two) if self.pairs.len() > 1 => format!("{}/{one}-{two}", self.id),
            Part::One(place) => format!("{}/{place}", self.id),
            Part::Pair(..) | Part::Whole => self.id.clone(),
        }
    }

    /// The records that a judge judges, each with a name of its own.
    pub fn items(&self, shape: Shape) -> Vec<Item> {
        self.parts(shape).into_iter().map(|part| self.item(part)).collect()
    }

    fn item(&self, part: Part) -> Item {
        let item = Item::new().with_id(self.part_id(part)).question(&*self.question);
        let item = if self.subset.is_empty() { item } else { item.set("subset", &*self.subset) };
        let answer = |place: usize| self.answers[place].clone();
        match part {
            Part::One(place) => item.answer(answer(place)),
            Part::Pair(one, two) => {
                let item = item.answers([answer(one), answer(two)]);
                match self.preference() {
                    Some(side) => item.set("label", side.name()),
                    None => item,
                }
            }
            Part::Whole if self.answers.is_empty() => {
                let item = item.set("steps", self.steps.clone());
                match self.first_error() {
                    Some(index) => item.set("label", label_of(index)),
                    None => item,
                }
            }
            Part::Whole => item.answers(self.answers.clone()),
        }
    }
}

/// The first wrong step as labels hold it: −1 if there is none.
fn label_of(first_error: Option<usize>) -> Value {
    first_error.map_or_else(|| Value::from(-1), Value::from)
}

/// The side of two numbers: the larger one is better.
pub(super) fn larger(first: f64, second: f64) -> Preference {
    match first.total_cmp(&second) {
        std::cmp::Ordering::Greater => Preference::First,
        std::cmp::Ordering::Less => Preference::Second,
        std::cmp::Ordering::Equal => Preference::Tie,
    }
}
