//! JETTS (Zhou et al. 2025), beam search: the leaf that a judge of unfinished answers finds in a tree that was written
//! before.

use std::collections::HashMap;

use serde_json::Value;

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    item::text_of,
    metrics::{mean, real},
};

pub(in super::super) static JETTS_BEAM: Benchmark = Benchmark {
    name: "jetts-beam",
    title: "JETTS, beam search",
    summary: "How good the answer is to which ratings of unfinished answers lead in a tree of steps.",
    fields: &[
        needs("query", "the question, as {content, metadata}"),
        needs("N", "the number of candidates at each level"),
        needs("M", "the number of children of a step; N/M candidates are kept"),
        may("d", "how many steps are read ahead, along first children (0)"),
        needs(NODES, "list of steps, the root first: {id, text, children, metadata: {score}}"),
    ],
    is_verified: false,
    protocol: "each unfinished answer is rated by itself, with d steps ahead; the best N/M of each level go on, and a finished answer stays among them; the best rating of the last level decides. A judge of pairs asks by what was judged before: tribunal search --method beam",
    prompt: "score",
    failure: "a rating is drawn at random (here the mean of the others)",
    metric: "mean of metadata.score of the chosen leaf; normalised: (judge - mean of leaves)/(best leaf - mean of leaves)",
    source: "Zhou et al. 2025, arXiv:2504.15253; SalesforceAIResearch/jetts-benchmark@f7bc7d3. In the authors' files a tree is several lines, and a step holds tokens in place of its text; a record here is a whole tree with texts. How finished answers stay in the beam was not seen, and the normalised figure is the paper's, from memory",
    licence: "CC-BY-NC-4.0",
    case,
    score,
    ..PLAIN
};

/// The field with the steps.
const NODES: &str = "nodes";

/// The longest path in a tree: a tree whose steps lead in a circle ends here.
const DEEPEST: usize = 1_000;

/// One step of a tree.
struct Node {
    text: String,
    children: Vec<usize>,
    score: Option<f64>,
}

fn case(fields: &Fields<'_>) -> Result<Case> {
    let query = fields.object("query")?;
    let question = text_of(query.get("content").unwrap_or(&query));
    let nodes = nodes(fields)?;
    let ahead = whole(fields, "d").unwrap_or(0);
    let [n, m] = [count(fields, "N")?, count(fields, "M")?];
    let mut texts = vec![None; nodes.len()];
    spell(&nodes, 0, "", &mut texts).ok_or_else(|| fields.wrong(NODES, CIRCLE))?;
    let judged: Option<Vec<String>> =
        (0..nodes.len()).map(|place| texts[ahead_of(&nodes, place, ahead)].clone()).collect();
    let judged =
        judged.ok_or_else(|| fields.wrong(NODES, "a step does not follow from the root"))?;
    let leaves: Vec<usize> =
        (0..nodes.len()).filter(|place| nodes[*place].children.is_empty()).collect();
    let scores: Option<Vec<f64>> = leaves.iter().map(|leaf| nodes[*leaf].score).collect();
    let scores = scores.ok_or_else(|| fields.wrong(NODES, "a leaf has no metadata.score"))?;
    let children: Vec<Value> = nodes.iter().map(|node| node.children.clone().into()).collect();
    // The root is empty, so that nothing is asked about it.
    let case = fields.answers(question, judged.into_iter().skip(1).collect());
    let case = Case { only_rated: true, ..case }.known(Gold::Values(scores));
    let case = case.fact("children", children).fact("leaves", leaves);
    let set = query.pointer("/metadata/dataset").map(text_of).unwrap_or_default();
    Ok(case.fact("kept", (n / m).max(1)).within(set))
}

/// Why a tree is not one.
const CIRCLE: &str = "a step follows from two others, or from itself";

/// A number of at least 1.
fn count(fields: &Fields<'_>, name: &str) -> Result<usize> {
    fields.value(name)?;
    let count = whole(fields, name).filter(|count| *count > 0);
    count.ok_or_else(|| fields.wrong(name, "it is not a whole number of at least 1"))
}

/// A whole number, if the field holds one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
fn whole(fields: &Fields<'_>, name: &str) -> Option<usize> {
    // A table may hold `2.0` or a text.
    let number = fields.number(name).ok().filter(|number| number.fract() == 0.0)?;
    (0.0..=1e9).contains(&number).then_some(number as usize)
}

/// The steps, with children by their places.
fn nodes(fields: &Fields<'_>) -> Result<Vec<Node>> {
    let list = fields.list(NODES)?;
    let name = |(place, node): (usize, &Value)| {
        (node.get("id").map_or_else(|| place.to_string(), text_of), place)
    };
    let places: HashMap<String, usize> = list.iter().enumerate().map(name).collect();
    let node = |node: &Value| {
        let children = node.get("children").and_then(Value::as_array);
        let place = |child: &Value| {
            let name = text_of(child);
            let place = places.get(&name).copied();
            place.ok_or_else(|| fields.wrong(NODES, &format!("there is no step `{name}`")))
        };
        let children: Result<Vec<usize>> = children.into_iter().flatten().map(place).collect();
        let score = node.pointer("/metadata/score");
        let score = score.and_then(|score| {
            score.as_f64().or_else(|| score.as_bool().map(|is| f64::from(u8::from(is))))
        });
        let text = node.get("text").map(text_of).unwrap_or_default();
        Ok(Node { text, children: children?, score })
    };
    let nodes: Vec<Node> = list.iter().map(node).collect::<Result<_>>()?;
    if nodes.first().is_none_or(|root| root.children.is_empty()) {
        return Err(fields.wrong(NODES, "the first step is the root, and it has no children"));
    }
    Ok(nodes)
}

/// The whole text up to each step; `None` if the steps are not a tree.
fn spell(nodes: &[Node], root: usize, above: &str, texts: &mut [Option<String>]) -> Option<()> {
    let mut waiting = vec![(root, above.to_owned())];
    while let Some((place, above)) = waiting.pop() {
        if texts[place].is_some() {
            return None;
        }
        let text = above + &nodes[place].text;
        let children = nodes[place].children.iter();
        waiting.extend(children.map(|child| (*child, text.clone())));
        texts[place] = Some(text);
    }
    Some(())
}

/// The step that is reached from this one by so many first children.
fn ahead_of(nodes: &[Node], mut place: usize, steps: usize) -> usize {
    for _ in 0..steps.min(DEEPEST) {
        let Some(first) = nodes[place].children.first() else { break };
        place = *first;
    }
    place
}

/// A fact that is a list of places.
fn places(value: Option<&Value>) -> Vec<usize> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|place| usize::try_from(place.as_u64()?).ok()).collect()
}

/// The score of the leaf to which the ratings lead; of equal ones in the last level their mean. In the levels before it,
/// the first of equal ones is kept.
fn chosen(one: &Judged, convention: Convention) -> Option<f64> {
    let ratings = one.scores();
    let known: Vec<f64> = ratings.iter().flatten().copied().collect();
    let stand_in = mean(&known).filter(|_| convention != Convention::Readable);
    let rating = |node: usize| ratings.get(node.checked_sub(1)?).copied().flatten().or(stand_in);
    let children: Vec<Vec<usize>> = one
        .case
        .facts
        .get("children")
        .and_then(Value::as_array)
        .map(|all| all.iter().map(|list| places(Some(list))).collect())?;
    let kept = usize::try_from(one.case.facts.get("kept")?.as_u64()?).ok()?;
    let mut level = children.first()?.clone();
    for _ in 0..DEEPEST {
        let mut rated: Vec<(usize, f64)> =
            level.iter().filter_map(|node| Some((*node, rating(*node)?))).collect();
        if rated.iter().all(|(node, _)| children[*node].is_empty()) {
            let most = rated.iter().map(|(_, rating)| *rating).reduce(f64::max)?;
            let best = rated.iter().filter(|(_, rating)| *rating >= most);
            let scores: Vec<f64> = best.filter_map(|(leaf, _)| leaf_score(one, *leaf)).collect();
            return mean(&scores);
        }
        rated.sort_by(|(_, one), (_, two)| two.total_cmp(one));
        let best = rated.iter().take(kept).map(|(node, _)| *node);
        level = best
            .flat_map(
                |node| if children[node].is_empty() { vec![node] } else { children[node].clone() },
            )
            .collect();
    }
    None
}

/// The score of a leaf.
fn leaf_score(one: &Judged, leaf: usize) -> Option<f64> {
    let leaves = places(one.case.facts.get("leaves"));
    let place = leaves.iter().position(|other| *other == leaf)?;
    one.case.values().get(place).copied()
}

/// The score of the chosen leaf. If a rating is missing, the bounds are those of all leaves.
fn found(one: &Judged, convention: Convention) -> Option<f64> {
    let (_, failed, unreadable) = one.counts();
    let values = one.case.values().into_iter();
    match convention {
        Convention::Worst if failed + unreadable > 0 => values.reduce(f64::min),
        Convention::Best if failed + unreadable > 0 => values.reduce(f64::max),
        // With no rating at all a random leaf is found.
        Convention::Official => chosen(one, convention).or_else(|| mean(&one.case.values())),
        _ => chosen(one, convention),
    }
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let of = |value: &dyn Fn(&Judged) -> Option<f64>| {
        let known: Vec<f64> = judged.iter().filter_map(|one| value(one)).collect();
        (mean(&known), known.len())
    };
    let (own, count) = of(&|one| found(one, convention));
    let by_chance = of(&|one| mean(&one.case.values())).0;
    let best = of(&|one| one.case.values().into_iter().reduce(f64::max)).0;
    let normalised = own.zip(by_chance).zip(best).and_then(|((own, chance), best)| {
        (best > chance).then(|| (own - chance) / (best - chance))
    });
    let leaves: usize = judged.iter().map(|one| one.case.values().len()).sum();
    let leaves = (!judged.is_empty()).then(|| real(leaves) / real(judged.len()));
    vec![
        Row::number("score of the chosen leaf", own, count),
        Row::number("mean of leaves", by_chance, judged.len()),
        Row::number("best leaf", best, judged.len()),
        Row::number("normalised", normalised, count),
        Row::number("leaves of a question", leaves, judged.len()),
    ]
}
