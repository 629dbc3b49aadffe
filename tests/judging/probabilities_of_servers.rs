//! Probabilities that servers report with the tokens of their text, and a request for the verdict alone.

use crate::probabilities::{FIVE, RATE, judged, server};
use tribunal::{Completion, backend::Script, completion::Token};

/// A token with its alternatives.
fn token(text: &str, top: &[(&str, f64)]) -> Token {
    Token::new(text, top.iter().map(|(text, p)| ((*text).to_owned(), p.ln())).collect())
}

#[tokio::test]
async fn a_servers_tokens_tell_the_distribution_without_another_request() {
    let script = Script::answering(|request| {
        assert!(request.alternatives.is_some());
        let mut said = Completion::text("Fine.\nScore: 4");
        said.tokens = vec![
            token("Fine", &[]),
            token(".\nScore", &[]),
            token(":", &[]),
            token(" 4", &[(" 4", 0.5), (" 3", 0.25), (" five", 0.1)]),
        ];
        Ok(said)
    });
    let (judgment, asked) = judged(script.capable(server(false)).remembering(), FIVE, RATE).await;
    assert_eq!((judgment.score(), asked.len()), (Some(4.0), 1));
    let seen = judgment.votes[0].distribution.as_ref().unwrap();
    let p: Vec<f64> = seen.labels.iter().map(|(_, p)| (p * 1e6).round() / 1e6).collect();
    assert_eq!(p, [0.0, 0.0, 0.25, 0.5, 0.0]);
}

#[tokio::test]
async fn a_server_that_writes_ten_in_two_tokens_is_understood() {
    let keys = "kind: score\nscale: 1-10\nverdict: 'Score: [[*]]'";
    let script = Script::answering(|_| {
        let mut said = Completion::text("Score: [[10]]");
        said.tokens = vec![
            token("Score: ", &[]),
            token("[[1", &[("[[1", 0.5), ("[[7", 0.25)]),
            token("0", &[("0", 0.8), ("]]", 0.2)]),
            token("]]", &[]),
        ];
        Ok(said)
    });
    let (judgment, _) = judged(script.capable(server(false)).remembering(), keys, RATE).await;
    let seen = judgment.votes[0].distribution.as_ref().unwrap();
    let p = |meaning: &str| seen.labels.iter().find(|(own, _)| own == meaning).unwrap().1;
    assert!((p("10") - 0.4).abs() < 1e-9 && (p("1") - 0.1).abs() < 1e-9, "{seen:?}");
    assert!((p("7") - 0.25).abs() < 1e-9);
}

#[tokio::test]
async fn tokens_that_are_not_those_of_the_text_tell_nothing() {
    let script = Script::answering(|_| {
        let mut said = Completion::text("Score: 4");
        said.tokens = vec![token("Other: 4", &[(" 4", 0.5)])];
        Ok(said)
    });
    let (judgment, _) = judged(script.capable(server(false)).remembering(), FIVE, RATE).await;
    assert_eq!((judgment.score(), &judgment.votes[0].distribution), (Some(4.0), &None));
}

#[tokio::test]
async fn a_server_is_asked_for_the_verdict_alone_where_it_continues_a_turn() {
    let able = {
        let mut able = server(true);
        able.deterministic = true.into();
        able
    };
    let script = Script::answering(|request| {
        if !request.open {
            return Ok(Completion::text("I wonder."));
        }
        assert!(request.alternatives.is_some());
        let mut said = Completion::text(" 2");
        said.tokens = vec![token(" 2", &[(" 2", 0.7), (" 1", 0.2)])];
        Ok(said)
    });
    let (judgment, asked) = judged(script.capable(able).remembering(), FIVE, RATE).await;
    assert_eq!((judgment.score(), asked.len()), (Some(2.0), 2));
    assert!(judgment.votes[0].is_forced());
    let seen = judgment.votes[0].distribution.as_ref().unwrap();
    assert!((seen.labels[1].1 - 0.7).abs() < 1e-9 && (seen.labels[0].1 - 0.2).abs() < 1e-9);
}
