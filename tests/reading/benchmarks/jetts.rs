//! JETTS: selection, beam search and refinement, on records made for them.

use super::{
    counted,
    figures::{all, official, said},
    vote, voted,
};
use serde_json::{Value, json};
use tribunal::bench;

#[test]
fn jetts_sums_comparisons_and_half_stands_for_none() {
    let answer = |text: &str, score: f64| json!({"content": text, "metadata": {"score": score}});
    let record = json!({"id": "q", "query": {"content": "q", "metadata": {}},
        "responses": [answer("a", 0.0), answer("b", 1.0), answer("c", 0.5)]});
    let lines = [
        voted("q/0-1", vec![vote(0, Some("second")), vote(1, None)]),
        voted("q/0-2", vec![vote(0, None), vote(1, None)]),
        voted("q/1-2", vec![vote(0, Some("first")), vote(1, Some("first"))]),
    ];
    let figures = counted("jetts", &[record], &lines);
    assert_eq!(official(&figures, "score of the first answer"), "100.00");
    assert_eq!(official(&figures, "normalised"), "100.00");
    assert_eq!(official(&figures, "random answer"), "50.00");
}

#[test]
fn one_answer_alone_is_first_in_jetts_without_a_judgment() {
    let answer = |text: &str, score: f64| json!({"content": text, "metadata": {"score": score}});
    let record = |id: &str, answers: &[Value]| json!({"id": id, "query": {"content": id, "metadata": {}}, "responses": answers});
    let records =
        [record("alone", &[answer("a", 0.25)]), record("q", &[answer("a", 1.0), answer("b", 0.0)])];
    let figures = counted("jetts", &records, &[said("q", "first")]);
    assert_eq!(all(&figures, "score of the first answer"), ["62.50"; 4]);
    assert_eq!((figures.records, figures.judgments, figures.failed), (2, 1, 0));
}

#[test]
fn the_chosen_version_of_a_refinement_is_compared_with_the_first() {
    let version = |text: &str, score: f64| json!({"content": text, "metadata": {"score": score}});
    let record = |id: &str, scores: [f64; 3]| {
        let versions = ["v0", "v1", "v2"].iter().zip(scores).map(|(v, score)| version(v, score));
        json!({"id": id, "query": {"content": id, "metadata": {}}, "responses": versions.collect::<Vec<_>>()})
    };
    let records =
        [record("x", [0.5, 1.0, 0.0]), record("y", [0.5, 0.25, 1.0]), record("z", [1.0, 0.0, 0.0])];
    let wins = |id: &str, best: usize| -> Vec<Value> {
        let pairs = [(0, 1), (0, 2), (1, 2)];
        let line = |(one, two): (usize, usize)| {
            let side = match best {
                _ if best == one => "first",
                _ if best == two => "second",
                _ => "tie",
            };
            said(&format!("{id}/{one}-{two}"), side)
        };
        pairs.into_iter().map(line).collect()
    };
    // The second version of x is better than the first, that of y worse, and of z the first stays.
    let lines = [wins("x", 1), wins("y", 1), wins("z", 0)].concat();
    let figures = counted("jetts-refine", &records, &lines);
    assert_eq!(official(&figures, "score of the chosen version"), "75.00");
    assert_eq!(official(&figures, "first version"), "66.67");
    assert_eq!(official(&figures, "last version"), "33.33");
    assert_eq!(official(&figures, "gain over the first version"), "8.33");
    assert_eq!(official(&figures, "better than the first version"), "33.33");
    assert_eq!(official(&figures, "worse than the first version"), "33.33");
}

/// A tree of two levels: the root has the steps a, b, c and d; b and d go on.
fn tree(ahead: usize) -> Value {
    let step = |id: &str, children: &[&str], score: Option<f64>| json!({"id": id, "text": format!(" {id}"), "children": children, "metadata": {"score": score}});
    json!({"id": "t", "query": {"content": "q", "metadata": {}}, "N": 4, "M": 2, "d": ahead, "nodes": [
        json!({"id": "root", "text": "", "children": ["a", "b", "c", "d"]}),
        step("a", &[], Some(0.0)),
        step("b", &["b1", "b2"], None),
        step("c", &[], Some(0.5)),
        step("d", &["d1", "d2"], None),
        step("b1", &[], Some(0.25)),
        step("b2", &[], Some(1.0)),
        step("d1", &[], Some(0.0)),
        step("d2", &[], Some(0.0)),
    ]})
}

#[test]
fn a_beam_keeps_the_best_steps_of_each_level_and_its_last_level_decides() {
    // The ratings of a, b, c, d, b1, b2, d1 and d2.
    let rate = |scores: [Option<i64>; 8]| -> Vec<Value> {
        let rated = (0..8).filter_map(|place| Some((place, scores[place]?)));
        rated.map(|(place, score)| json!({"id": format!("t/{place}"), "score": score})).collect()
    };
    let score = |scores: [i64; 8]| {
        let lines = rate(scores.map(Some));
        official(&counted("jetts-beam", &[tree(0)], &lines), "score of the chosen leaf")
    };
    // b and c are kept; of b1, b2 and c the best is b2.
    assert_eq!(score([1, 9, 6, 2, 3, 7, 9, 9]), "100.00");
    // A finished answer stays, and may win.
    assert_eq!(score([1, 9, 8, 2, 3, 4, 9, 9]), "50.00");
    // What is not kept cannot be found, however well it goes on.
    assert_eq!(score([9, 1, 8, 2, 3, 9, 9, 9]), "0.00");
    // Equal ratings of the last level: their mean.
    assert_eq!(score([1, 9, 2, 8, 5, 5, 1, 1]), "62.50");

    let figures = counted("jetts-beam", &[tree(0)], &rate([1, 9, 6, 2, 3, 7, 9, 9].map(Some)));
    assert_eq!(official(&figures, "mean of leaves"), "29.17");
    assert_eq!(official(&figures, "best leaf"), "100.00");
    assert_eq!(official(&figures, "normalised"), "100.00");
    // One rating is missing: the mean of the others stands for it, or its step is not kept.
    let missing = [Some(1), Some(9), None, Some(2), Some(3), Some(4), Some(9), Some(9)];
    let figures = counted("jetts-beam", &[tree(0)], &rate(missing));
    assert_eq!(all(&figures, "score of the chosen leaf"), ["50.00", "0.00", "0.00", "100.00"]);
}

#[test]
fn an_unfinished_answer_is_shown_with_the_steps_that_are_read_ahead() {
    let beam = bench::named("jetts-beam").unwrap();
    let texts = |ahead: usize| beam.case(&tree(ahead).into(), 0).unwrap().answers;
    assert_eq!(texts(0), [" a", " b", " c", " d", " b b1", " b b2", " d d1", " d d2"]);
    assert_eq!(texts(1)[..4], [" a", " b b1", " c", " d d1"]);
    let mut circle = tree(0);
    circle["nodes"][8]["children"] = json!(["b"]);
    let error = beam.case(&circle.into(), 0).unwrap_err();
    assert!(error.to_string().contains("a step follows from two others"), "{error}");
    let mut unknown = tree(0);
    unknown["nodes"][1]["children"] = json!(["z"]);
    let error = beam.case(&unknown.into(), 0).unwrap_err();
    assert!(error.to_string().contains("there is no step `z`"), "{error}");
}

#[test]
fn the_best_of_drawn_answers_is_the_first_of_equals() {
    let record =
        json!({"id": "q", "question": "q", "responses": ["a", "b", "c"], "scores": [0, 1, 1]});
    let rate = |place: usize, score: i64| json!({"id": format!("q/{place}"), "score": score});
    let figures =
        counted("vilbench", std::slice::from_ref(&record), &[rate(0, 5), rate(1, 5), rate(2, 1)]);
    assert_eq!(official(&figures, "best-of-N"), "0.00");
    let figures = counted("vilbench", &[record], &[rate(1, 5), rate(2, 1)]);
    assert_eq!(all(&figures, "best-of-N"), ["100.00", "100.00", "0.00", "100.00"]);
}
