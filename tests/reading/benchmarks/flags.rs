//! The flags of `tribunal bench`: which records, which judge, how much, and what is kept.

use super::command::{figures, sums};
use crate::support::{Place, Ran, Reply, Seen, Server, obedient::run};
use serde_json::{Value, json};

/// A judge that prefers what is shown first.
async fn server() -> Server {
    Server::start(|_: &Seen| Reply::says("The first is better. [[A]]")).await
}

/// A folder with three pairs in the shape of RewardBench.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.file("pairs.jsonl", sums());
    place
}

fn bench<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "rewardbench", data, "--json", "-j", "1"], more].concat()
}

/// A run by the prompt of the benchmark, and a model that is not asked.
fn scripted(place: &Place, data: &str, more: &[&str]) -> Ran {
    let judge = ["-m", "script:[[A]]", "-p", "reward-bench-pair"];
    place.run(&bench(data, &[&judge, more].concat()))
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    place.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(place: &Place, name: &str) -> Vec<String> {
    lines(place, name).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn records_are_limited_sampled_and_read_from_tables() {
    let place = place("flags-records");
    let row = |n: usize| format!("r{n};What is {n} + 1?;{};wrong;math-prm\n", n + 1);
    let table: String = (0..6).map(row).collect();
    place.file("pairs", format!("id;prompt;chosen;rejected;subset\n{table}"));
    let read = ["--input-format", "csv", "--delimiter", ";"];
    let of = |more: &[&str]| scripted(&place, "pairs", &[&read, more].concat()).passed();
    assert_eq!(figures(&of(&[]).out)["records"], 6);
    of(&["--limit", "2", "-o", "first.jsonl"]).assert_passed();
    assert_eq!(ids(&place, "first.jsonl"), ["r0", "r1"]);
    for name in ["one.jsonl", "two.jsonl"] {
        of(&["--sample", "3", "--sample-seed", "7", "-o", name]).assert_passed();
    }
    assert_eq!(ids(&place, "one.jsonl"), ids(&place, "two.jsonl"));
    assert_eq!(ids(&place, "one.jsonl").len(), 3);
    let none = scripted(&place, "pairs", &[&read, &["--limit", "0"][..]].concat());
    assert!(none.code == 2 && none.err.contains("--limit and --sample"), "{}", none.err);
}

#[tokio::test]
async fn a_prompt_file_judges_and_its_kind_decides_what_is_judged() {
    let (place, server) = (place("flags-prompt"), server().await);
    let prompt = |front: &str, shown: &str| {
        format!(
            "---\n{front}\n---\nuser:\nFor a test. {{{{ question }}}}\n{shown}\nassistant:\n{{{{ gen(\"judgment\") }}}}\n"
        )
    };
    let pair = "kind: preference\nfields: {question: required, answers: required}\nscale: [first, second]\nverdict: {pattern: \"[[*]]\", values: {\"A\": first, \"B\": second}}";
    let shown = "A: {{ answers[0] }} B: {{ answers[1] }}";
    place.file("pair.jinja", prompt(&format!("{pair}\norder: both"), shown));
    place.file("given.jinja", prompt(&format!("{pair}\norder: given"), shown));
    let args = |name: &'static str| bench("pairs.jsonl", &["-p", "pair.jinja", "-o", name]);
    let ran = run(&place, &server, &args("l.jsonl")).await.passed();
    // Both orders of each pair; who prefers the first place has half of them.
    assert_eq!((figures(&ran.out)["votes"].clone(), server.requests()), (json!(6), 6));
    assert_eq!(figures(&ran.out)["headline"]["official"], 0.5);
    // Both orders are asked at once, so that either may come first.
    let asked: Vec<String> = server.seen().iter().map(crate::support::obedient::asked).collect();
    let given = "For a test. What is 17 + 25?\nA: 17 + 25 = 42";
    assert!(asked.iter().any(|one| one.contains(given)), "{asked:?}");
    assert!(lines(&place, "l.jsonl").iter().all(|line| line["prompt"]["name"] == "pair.jinja"));

    // A prompt that rates gets each answer by itself.
    let front = "kind: score\nfields: {question: required, answer: required}\nscale: {min: 1, max: 10}\nverdict: \"Score: *\"";
    place.file("rates.jinja", prompt(front, "{{ answer }}"));
    let judge = ["-m", "script:Score: 7", "-p", "rates.jinja"];
    let rated = place.run(&bench("pairs.jsonl", &judge)).passed();
    assert_eq!(figures(&rated.out)["judgments"], 6);

    // In the order of the record the better answer would always come first.
    let given = run(&place, &server, &bench("pairs.jsonl", &["-p", "given.jinja"])).await;
    assert!(given.code == 2 && given.err.contains("always comes first"), "{}", given.err);
    let absent = run(&place, &server, &bench("pairs.jsonl", &["-p", "absent.jinja"])).await;
    assert!(absent.code == 2 && absent.err.contains("absent.jinja"), "{}", absent.err);
    // What is read is not written.
    let over = run(&place, &server, &args("pairs.jsonl")).await;
    assert_eq!(over.code, 2, "{}", over.err);
    assert_eq!(server.requests(), 6);
}

#[tokio::test]
async fn a_limit_ends_a_run_and_a_larger_one_continues_it() {
    for (limit, first, then, sent) in [
        ("--max-requests", "2", "9", 2),
        ("--max-cost", "6", "60", 2),
        // What not even one request may need ends a run without figures.
        ("--max-total-tokens", "20", "9000", 0),
        ("--max-requests", "0", "9", 0),
    ] {
        let (place, server) = (place(&format!("flags{limit}-{first}")), server().await);
        place.file(
            "prices.csv",
            "provider,model,prompt,cached,completion\nserver,judge-1,0,,1000000\n",
        );
        let more = ["-o", "lines.jsonl", "--prices", "prices.csv", "--max-tokens", "3"];
        let more = [&more[..], &["--fail-under", "0.1"]].concat();
        let args = |most| bench("pairs.jsonl", &[&more[..], &[limit, most]].concat());
        let part = run(&place, &server, &args(first)).await;
        assert_eq!((part.code, server.requests()), (3, sent), "{limit}: {}", part.err);
        assert!(part.err.contains(limit), "{limit}: {}", part.err);
        // A part of the records decides nothing.
        let gates = |place: &Place| -> Value {
            let run: Value = serde_json::from_str(&place.read("lines.jsonl.run.json")).unwrap();
            run["outcome"]["gates"].clone()
        };
        assert_eq!(gates(&place), Value::Null, "{limit}");
        let missing = (sent > 0).then(|| figures(&part.out)["missing"].clone());
        assert_eq!(missing, (sent > 0).then(|| json!(1)), "{limit}: {}", part.out);
        assert_eq!(part.out.is_empty(), sent == 0, "{limit}: {}", part.out);
        let whole = run(&place, &server, &args(then)).await.passed();
        assert_eq!((figures(&whole.out)["missing"].clone(), server.requests()), (json!(0), 3));
        assert_eq!(figures(&whole.out)["gates"], gates(&place));
        assert_eq!(gates(&place)[0]["rule"], "headline>=0.1");
    }
}

#[tokio::test]
async fn draws_and_orders_of_the_command_line_are_votes() {
    let (place, server) = (place("flags-draws"), server().await);
    let draws = ["-n", "3", "--temperature", "1", "--order", "both"];
    let ran = run(&place, &server, &bench("pairs.jsonl", &draws)).await.passed();
    assert_eq!((figures(&ran.out)["votes"].clone(), server.requests()), (json!(18), 18));
    assert!(server.seen().iter().all(|seen| seen.body["temperature"] == 1.0));
}

#[tokio::test]
async fn what_failed_is_tried_again_on_request_and_everything_with_fresh() {
    let place = place("flags-again");
    let server = Server::start(|seen: &Seen| match seen.index {
        0 => Reply::error(400, &json!({"error": {"message": "not now"}})),
        _ => Reply::says("[[A]]"),
    })
    .await;
    let args = |more: &[&'static str]| {
        bench(
            "pairs.jsonl",
            &[&["-o", "lines.jsonl", "--summary", "s.json", "--no-item"], more].concat(),
        )
    };
    let ran = run(&place, &server, &args(&[])).await;
    assert_eq!((ran.code, server.requests()), (3, 3), "{}", ran.err);
    assert_eq!(figures(&ran.out)["failed"], 1, "{}", ran.out);
    assert!(lines(&place, "lines.jsonl").iter().all(|line| line["item"].is_null()));
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!((&summary["records"], &summary["failed"]), (&json!(3), &json!(1)), "{summary}");
    // The same command keeps the failure, and says how it is tried again.
    let kept = run(&place, &server, &args(&[])).await;
    assert_eq!((kept.code, server.requests()), (3, 3), "{}", kept.err);
    assert!(kept.err.contains("--retry-errors"), "{}", kept.err);
    let again = run(&place, &server, &args(&["--retry-errors"])).await.passed();
    assert_eq!((figures(&again.out)["failed"].clone(), server.requests()), (json!(0), 4));
    let fresh =
        run(&place, &server, &args(&["--fresh", "--cache", "refresh", "-q"])).await.passed();
    assert_eq!((server.requests(), fresh.err.as_str()), (7, ""));
}

#[test]
fn a_judge_of_the_configuration_is_measured() {
    let place = place("flags-judge");
    let toml =
        "[judge.mine]\nmodel = 'script:[[B]]'\nprompt = 'reward-bench-pair'\norder = 'both'\n";
    place.file("mine.toml", toml);
    let of = |name| place.run(&bench("pairs.jsonl", &["-c", "mine.toml", "--judge", name]));
    assert_eq!(figures(&of("mine").passed().out)["votes"], 6);
    let unknown = of("mien");
    assert!(unknown.code == 2 && unknown.err.contains("mine"), "{}", unknown.err);
}

#[tokio::test]
async fn a_rule_that_no_figure_can_keep_costs_no_request() {
    let (place, server) = (place("flags-rules"), server().await);
    for (rule, says) in [
        ("math_prm>=0.5", "did you mean `math-prm`?"),
        ("kappa>=0.5", "unknown figure `kappa`"),
        ("headline>=90", "if 90 percent is meant, write 'headline>=0.9'"),
        ("math-prm>=0.5@lower", "`math-prm` has no interval"),
        ("unreadable_rate<=0.1@upper", "`unreadable_rate` has no interval"),
        ("headline>1", "no result can keep the rule"),
        ("headline>=0.5 and math-prm>=0.5", "write one comparison in each rule"),
    ] {
        let rules = ["-o", "out.jsonl", "--fail-under", "0.1", "--fail-under", rule];
        let ran = run(&place, &server, &bench("pairs.jsonl", &rules)).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{rule}: {}", ran.err);
        assert!(ran.err.contains(says), "{rule}: {}", ran.err);
        assert!(!place.folder.path("out.jsonl").exists(), "{rule}");
    }
    assert_eq!(server.requests(), 0);
}
