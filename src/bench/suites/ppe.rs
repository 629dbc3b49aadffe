//! PPE (Frick et al. 2024): pairs that people voted on, and 32 answers of which some are right.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::{by_subset, pair_credit, right, win},
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    metrics::{auc, mean, real},
    request::Hasher,
    verdict::Preference,
};

pub(in super::super) static PPE_HUMAN: Benchmark = Benchmark {
    name: "ppe-human",
    title: "PPE human preference",
    summary: "Which of two answers a person of Chatbot Arena voted for.",
    fields: &[
        needs("prompt", "the question"),
        needs("response_1", "one answer"),
        needs("response_2", "the other answer"),
        needs("winner", "model_a, model_b or a word that begins with tie"),
        may("question_id", "the name of the vote"),
        may("language", "the language of the question"),
    ],
    is_verified: false,
    protocol: "each pair with the prompt of Arena-Hard; the order is not known (here both)",
    prompt: "arena-hard",
    failure: "not known: here 0.5",
    metric: "accuracy over the votes that are not ties (the other figures of the paper compare rankings of models, whose code was not seen)",
    source: "Frick et al. 2024, arXiv:2410.14872; cards of lmarena-ai/PPE-*; formulas second hand",
    licence: "questions CC-BY-4.0, answers under the terms of their providers",
    ids: &["question_id"],
    case: human,
    score: |judged, convention| {
        super::super::credit::mean_rows("accuracy without ties", judged, |one| {
            let is_tie = one.case.preference() == Some(Preference::Tie);
            if is_tie { None } else { pair_credit(one, convention, 0.5, Some(0.5)) }
        })
    },
    ..PLAIN
};

pub(in super::super) static PPE_CORRECTNESS: Benchmark = Benchmark {
    name: "ppe-correctness",
    title: "PPE correctness",
    summary: "Whether right answers are rated above wrong ones, among 32 answers of each question.",
    fields: &[
        needs("prompt", "the question"),
        needs("response_1", "the first of up to 32 answers, in response_1 to response_32"),
        needs("scores", "list of true and false"),
        needs("sampled_conflict_pairs", "list of pairs of places, from 0, of which one is right"),
        may("question_id", "the name of the question"),
        may("dataset", "mmlu_pro, math, gpqa, mbpp_plus or ifeval"),
    ],
    is_verified: false,
    protocol: "pairs for a judge that compares, ratings for one that rates",
    prompt: "arena-hard",
    failure: "not known: here 0.5 for a comparison, also where the area under the curve compares two ratings; in the best of K the rating is the lowest",
    metric: "accuracy: mean over the pairs of a question, then over questions, then over sets; of ratings also the area under the ROC curve and the best of K over 100 permutations",
    source: "Frick et al. 2024, arXiv:2410.14872; cards of lmarena-ai/PPE-*; formulas second hand",
    licence: "questions CC-BY-4.0, answers under the terms of their providers",
    ids: &["question_id"],
    case: correctness,
    score: correctness_score,
    ..PLAIN
};

fn human(fields: &Fields<'_>) -> Result<Case> {
    let pair =
        fields.pair(fields.text("prompt")?, fields.text("response_1")?, fields.text("response_2")?);
    let winner = fields.text("winner")?;
    let label = if winner.starts_with("tie") {
        Preference::Tie
    } else {
        fields.side("winner", &["model_a"], &["model_b"], &[])?
    };
    Ok(pair.within(fields.text_or_empty("language")).known(Gold::Preference(label)))
}

/// The most answers of one question.
const MOST: usize = 32;

fn correctness(fields: &Fields<'_>) -> Result<Case> {
    let right: Vec<bool> = fields.numbers("scores")?.iter().map(|score| *score > 0.5).collect();
    let count = right.len().min(MOST);
    let answers: Vec<String> =
        (1..=count).map(|n| fields.text(&format!("response_{n}"))).collect::<Result<_>>()?;
    let pairs: Option<Vec<(usize, usize)>> = fields
        .list("sampled_conflict_pairs")?
        .iter()
        .map(|pair| {
            let place = |at: usize| usize::try_from(pair.get(at)?.as_u64()?).ok();
            let is_there = |place: usize| place < count;
            let (one, two) = place(0).zip(place(1))?;
            (is_there(one) && is_there(two) && right[one] != right[two]).then_some((one, two))
        })
        .collect();
    let pairs = pairs.ok_or_else(|| {
        let why = "not a list of pairs of places, of which one is right and the other is not";
        fields.wrong("sampled_conflict_pairs", why)
    })?;
    let case = fields.answers(fields.text("prompt")?, answers).compared(pairs);
    Ok(case.within(fields.text_or_empty("dataset")).known(Gold::Right(right)))
}

/// The share of the pairs of a question whose right answer wins.
fn pairs_won(one: &Judged, convention: Convention) -> Option<f64> {
    let right = right(one);
    let credit = |(first, second): &(usize, usize)| {
        let better = if right[*first] { Preference::First } else { Preference::Second };
        convention.credit(one.duel(*first, *second).map(|side| win(side, better, 0.5)), Some(0.5))
    };
    let credits: Vec<f64> = one.case.pairs.iter().filter_map(credit).collect();
    mean(&credits)
}

/// Ratings, and whether each answer is right.
type Ratings = Vec<(Option<f64>, bool)>;

fn ratings(one: &Judged) -> Ratings {
    one.scores().into_iter().zip(right(one)).collect()
}

/// The area under the ROC curve of one question: the share of its pairs of a right and a wrong answer in which the right
/// one is rated higher, a tie counts half. A pair of which a rating could not be read has no result.
fn area(one: &Judged, convention: Convention) -> Option<f64> {
    let all = ratings(one);
    let (right, wrong): (Ratings, Ratings) = all.iter().partition(|(_, right)| *right);
    let read = |of: &Ratings| of.iter().filter(|(score, _)| score.is_some()).count();
    let pairs = real(right.len() * wrong.len());
    let read = read(&right) * read(&wrong);
    let readable: Vec<(f64, bool)> =
        all.iter().filter_map(|(score, right)| Some(((*score)?, *right))).collect();
    let known = auc(&readable).map(|found| found.area);
    let unread = pairs - real(read);
    if unread < 0.5 {
        return known;
    }
    // What each pair without a result counts.
    match convention.credit(None, Some(0.5)) {
        None => known,
        Some(credit) => {
            (pairs > 0.0).then(|| (known.unwrap_or(0.0) * real(read) + credit * unread) / pairs)
        }
    }
}

/// How many orders of the answers the best of K is averaged over.
const ORDERS: usize = 100;

/// The share of right answers among the best-rated of the first K, over all K and many orders.
fn best_of_k(one: &Judged, convention: Convention) -> Option<f64> {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    let stand_in = |right: bool| {
        let (right, wrong) = if right { (high, low) } else { (low, high) };
        convention.stand_in(right, wrong, Some(low))
    };
    let rated: Vec<(f64, bool)> = ratings(one)
        .into_iter()
        .filter_map(|(score, right)| Some((score.or_else(|| stand_in(right))?, right)))
        .collect();
    let mut sum = 0.0;
    for order in 0..ORDERS {
        let mut best: Option<(f64, bool)> = None;
        for place in shuffled(&one.case.id, order, rated.len()) {
            // The first of equals stays.
            if best.is_none_or(|(score, _)| rated[place].0 > score) {
                best = Some(rated[place]);
            }
            sum += f64::from(u8::from(best.is_some_and(|(_, right)| right)));
        }
    }
    (!rated.is_empty()).then(|| sum / real(ORDERS * rated.len()))
}

/// An order of so many places, which follows from the record and a number by a hash.
fn shuffled(id: &str, number: usize, count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let mut hasher = Hasher::new("ppe-order-v1");
        hasher.json(&(id, number, last));
        let [a, b, c, d, ..] = hasher.finish();
        places.swap(last, u32::from_le_bytes([a, b, c, d]) as usize % (last + 1));
    }
    places
}

fn correctness_score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let over_sets = |name: &str, value: &dyn Fn(&Judged) -> Option<f64>| {
        let sets: Vec<Row> = by_subset(judged)
            .iter()
            .map(|(set, all)| Row::mean(*set, all.iter().map(|one| value(one))))
            .collect();
        (Row::mean_of(name, &sets), sets)
    };
    let (accuracy, sets) = over_sets("accuracy", &|one| pairs_won(one, convention));
    let mut rows = vec![accuracy];
    if sets.len() > 1 {
        rows.extend(sets.into_iter().map(Row::indented));
    }
    // A judge that compares pairs rates nothing.
    let are_rated = judged.iter().any(|one| one.is_rated());
    let of_rated = |value: fn(&Judged, Convention) -> Option<f64>| {
        move |one: &Judged| are_rated.then(|| value(one, convention)).flatten()
    };
    rows.push(over_sets("area under the ROC curve", &of_rated(area)).0);
    rows.push(over_sets("best of K", &of_rated(best_of_k)).0);
    rows
}
