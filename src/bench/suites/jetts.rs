//! JETTS (Zhou et al. 2025): the first of several answers, or versions of one, by a judge, measured by the score of its
//! source.

use super::super::{
    about::{Benchmark, PLAIN, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::by_subset,
    judged::{Game, Judged},
    row::Row,
};
use crate::{
    error::Result,
    item::text_of,
    metrics::{mean, real},
    verdict::Preference,
};

pub(in super::super) static JETTS: Benchmark = Benchmark {
    name: "jetts",
    title: "JETTS",
    summary: "How good the answer is that a judge puts first among up to ten.",
    fields: &[
        needs("query", "the question, as {content, metadata}"),
        needs("responses", "list of answers, as {content, metadata: {score}}"),
    ],
    protocol: "rerank: all pairs in both orders, or a rating of each answer; one answer alone is first without a judgment. A knockout asks by what was judged before: tribunal rank --preset jetts-knockout",
    prompt: "pair",
    failure: "a comparison without a readable verdict is 0.5, with one the other order counts; a rating is drawn at random (here the mean of the others)",
    metric: "mean of metadata.score of the answer with the largest sum of comparisons or rating, of equal ones their mean (the authors draw one); normalised: (judge - random)/(best - random)",
    source: "Zhou et al. 2025, arXiv:2504.15253; SalesforceAIResearch/jetts-benchmark@f7bc7d3 (the normalised figure is the paper's, from memory)",
    licence: "CC-BY-NC-4.0",
    case,
    score,
    ..PLAIN
};

pub(in super::super) static JETTS_REFINE: Benchmark = Benchmark {
    name: "jetts-refine",
    title: "JETTS, refinement",
    summary: "How good the version is that a judge puts first among an answer and its refinements.",
    fields: &[
        needs("query", "the question, as {content, metadata}"),
        needs("responses", "versions, the first one first, as {content, metadata: {score}}"),
    ],
    is_verified: false,
    protocol: "an answer and the versions of up to nine refinements are reranked: all pairs in both orders. Their scores come from elsewhere: the authors grade them while they are written",
    metric: "mean of metadata.score of the version with the largest sum of comparisons, beside that of the first version; the published figure of improvement is not known",
    source: "Zhou et al. 2025, arXiv:2504.15253; SalesforceAIResearch/jetts-benchmark@f7bc7d3 (judge_task/refinement.py). The authors' file of versions was not seen; a record here has the form of those that are reranked",
    score: refined,
    ..JETTS
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let query = fields.object("query")?;
    let question = text_of(query.get("content").unwrap_or(&query));
    let scores: Option<Vec<f64>> = fields
        .list("responses")?
        .iter()
        .map(|answer| {
            let score = answer.pointer("/metadata/score")?;
            score.as_f64().or_else(|| score.as_bool().map(|is| f64::from(u8::from(is))))
        })
        .collect();
    let scores =
        scores.ok_or_else(|| fields.wrong("responses", "an answer has no metadata.score"))?;
    let answers = fields.texts("responses")?;
    let count = answers.len();
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |two| (one, two)));
    let case = fields.answers(question, answers).compared(pairs);
    let set = query.pointer("/metadata/dataset").map(text_of).unwrap_or_default();
    Ok(case.within(set).known(Gold::Values(scores)))
}

/// How far the first of two answers won, over both orders: the mean of what could be read, and 0.5 if nothing could.
fn share(games: &[Game], convention: Convention) -> Option<f64> {
    let won = |game: &Game| {
        game.side.map(|side| match side {
            Preference::First => 1.0,
            Preference::Tie => 0.5,
            Preference::Second => 0.0,
        })
    };
    let known: Vec<f64> = games.iter().filter_map(won).collect();
    mean(&known).or((convention != Convention::Readable).then_some(0.5))
}

/// The rank value of each answer: its rating, or the sum of its comparisons.
fn ranks(one: &Judged, convention: Convention) -> Vec<Option<f64>> {
    let ratings = one.scores();
    let known: Vec<f64> = ratings.iter().flatten().copied().collect();
    if let Some(middle) = mean(&known) {
        let stand_in = (convention != Convention::Readable).then_some(middle);
        return ratings.into_iter().map(|rating| rating.or(stand_in)).collect();
    }
    let mut sums = vec![None; ratings.len()];
    for (first, second) in &one.case.pairs {
        let Some(won) = share(&one.games(*first, *second), convention) else { continue };
        *sums[*first].get_or_insert(0.0) += won;
        *sums[*second].get_or_insert(0.0) += 1.0 - won;
    }
    sums
}

/// The score of the answer that the judge puts first. Equal ones are drawn among in the official code; here it is their
/// mean.
fn chosen(one: &Judged, convention: Convention) -> Option<f64> {
    let values = one.case.values();
    if let [only] = values[..] {
        return Some(only);
    }
    let ranks = ranks(one, convention);
    let most = ranks.iter().flatten().copied().reduce(f64::max);
    // With no verdict at all the first answer is a random one.
    let first: Vec<f64> = match most {
        Some(most) => {
            let best = ranks.iter().zip(&values).filter(|(rank, _)| **rank == Some(most));
            best.map(|(_, value)| *value).collect()
        }
        None if convention == Convention::Readable => Vec::new(),
        None => values,
    };
    mean(&first)
}

/// The score of the first answer; as a bound, that of the worst or best one that may still be first.
fn first(one: &Judged, convention: Convention) -> Option<f64> {
    match convention {
        Convention::Worst | Convention::Best => bounded(one, convention),
        _ => chosen(one, convention),
    }
}

/// The mean of a number over all cases that have it, and how many have.
fn of(judged: &[&Judged], value: &dyn Fn(&Judged) -> Option<f64>) -> (Option<f64>, usize) {
    let known: Vec<f64> = judged.iter().filter_map(|one| value(one)).collect();
    (mean(&known), known.len())
}

/// The chosen version beside the first and the last one.
fn refined(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let seed = |one: &Judged| one.case.values().first().copied();
    let gain = |one: &Judged| Some(first(one, convention)? - seed(one)?);
    let share = |is: &'static dyn Fn(f64) -> bool| {
        of(judged, &move |one| gain(one).map(|gain| f64::from(u8::from(is(gain)))))
    };
    let mut rows = score(judged, convention);
    "score of the chosen version".clone_into(&mut rows[0].name);
    let mut row = |name: &str, (value, count): (Option<f64>, usize)| {
        rows.push(Row::number(name, value, count));
    };
    row("first version", of(judged, &seed));
    row("last version", of(judged, &|one| one.case.values().last().copied()));
    row("gain over the first version", of(judged, &gain));
    for (name, (value, count)) in [
        ("better than the first version", share(&|gain| gain > 0.0)),
        ("worse than the first version", share(&|gain| gain < 0.0)),
    ] {
        rows.push(Row::share(name, value, count));
    }
    rows
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let bound = |all: &[&Judged]| of(all, &|one| first(one, convention));
    let random = |one: &Judged| mean(&one.case.values());
    let best = |one: &Judged| one.case.values().into_iter().reduce(f64::max);
    let (own, count) = bound(judged);
    let [by_chance, most] = [of(judged, &random).0, of(judged, &best).0];
    let normalised = own.zip(by_chance).zip(most).and_then(|((own, random), best)| {
        (best > random).then(|| (own - random) / (best - random))
    });
    let mut rows = vec![Row::number("score of the first answer", own, count)];
    for (set, all) in by_subset(judged) {
        if !set.is_empty() {
            let (value, count) = bound(&all);
            rows.push(Row::number(set, value, count).indented());
        }
    }
    rows.push(Row::number("random answer", by_chance, judged.len()));
    rows.push(Row::number("best answer", most, judged.len()));
    rows.push(Row::number("normalised", normalised, count));
    let answers: usize = judged.iter().map(|one| one.case.answers.len()).sum();
    let mean_count = (!judged.is_empty()).then(|| real(answers) / real(judged.len()));
    rows.push(Row::number("answers of a question", mean_count, judged.len()));
    rows
}

/// The score of the first answer if everything that could not be read had favoured the worst or the best answer that
/// may still be first.
fn bounded(one: &Judged, convention: Convention) -> Option<f64> {
    let (_, failed, unreadable) = one.counts();
    let values = one.case.values();
    match convention {
        _ if failed + unreadable == 0 => chosen(one, convention),
        Convention::Worst => values.into_iter().reduce(f64::min),
        _ => values.into_iter().reduce(f64::max),
    }
}
