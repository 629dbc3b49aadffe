//! Errors in what the user wrote (arguments, prompts, names of models, configuration), as they are printed: what went
//! wrong, why, and what to do next.
//!
//! Every mistake that is common in a first week with the program is here, with the command that makes it. The texts
//! are to be read as by a person who has never seen this program. `snapshots_failures` has the errors of a run.

#![cfg(all(feature = "cli", feature = "openai", feature = "llama", feature = "store"))]

use crate::support::Place;
use insta::assert_snapshot;

/// A folder with one record, one prompt file and one output.
pub(super) fn place(name: &str) -> Place {
    let place = Place::new(&format!("snapshots-errors-{name}"));
    place.file("r.jsonl", "{\"id\": \"a\", \"question\": \"2 + 2\", \"answer\": \"4\"}\n");
    place
}

/// What `tribunal judge` with these arguments prints, for the score of one record by a script.
pub(super) fn judge(place: &Place, args: &[&str]) -> String {
    place.shown(
        &[&["judge", "r.jsonl", "-m", "script:Fine.\nScore: 7", "-p", "score"], args].concat(),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_command_line() {
    let place = place("usage");
    assert_snapshot!(place.shown(&["juge"]), @r#"
    exit code 2
    ----- stderr
    error: unrecognized subcommand 'juge'

      tip: a similar subcommand exists: 'judge'

    Usage: tribunal <COMMAND>

    For more information, try '--help'.
    "#);
    assert_snapshot!(place.shown(&["judge", "r.jsonl", "--citeria", "kind"]), @r#"
    exit code 2
    ----- stderr
    error: unexpected argument '--citeria' found

      tip: a similar argument exists: '--criteria'

    Usage: tribunal judge --criteria <TEXT|@FILE> <FILE>...

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["--scale", "5-1"]), @r#"
    exit code 2
    ----- stderr
    error: `min` of a scale must be below its `max`
    "#);
    assert_snapshot!(judge(&place, &["--scale", "ten"]), @r#"
    exit code 2
    ----- stderr
    error: `ten` is not a scale: write it like 1-5
    "#);
    assert_snapshot!(judge(&place, &["--labels", "good"]), @r#"
    exit code 2
    ----- stderr
    error: a scale needs at least two levels or labels
    "#);
    assert_snapshot!(judge(&place, &["--pass", "scroe >= 7"]), @r#"
    exit code 2
    ----- stderr
    error: the pass rule `scroe >= 7`: unknown value `scroe`
    hint: did you mean `score`?
    "#);
    assert_snapshot!(judge(&place, &["--pass", "score >= high"]), @r#"
    exit code 2
    ----- stderr
    error: the pass rule `score >= high`: it is malformed: `score` is compared with a number, and `high` is not one
    hint: write it like `score >= 7`, `label = correct and p >= 0.9` or `all criteria >= 3`
    "#);
    assert_snapshot!(judge(&place, &["--fail-under", "0.9"]), @r#"
    exit code 2
    ----- stderr
    error: --fail-under needs a pass rule
    hint: add one, such as --pass 'score >= 7'
    "#);
    assert_snapshot!(judge(&place, &["--pass", "score >= 7", "--fail-under", "7"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value '7' for '--fail-under <SHARE|RULE>': a share lies between 0 and 1: write 0.9 or 90%, or a rule such as 'agreement>=0.85@lower'
    hint: if 7 percent is meant, write 0.07 or 7%

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["--map", "answer"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value 'answer' for '--map <NEW=OLD>': `answer` is not NAME=VALUE, such as answer=my_column

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["--map", "answr=text"]), @r#"
    exit code 2
    ----- stderr
    error: the field `answr` is mapped, but the prompt `score` does not read it
    hint: did you mean `answer`?
    "#);
    assert_snapshot!(judge(&place, &["--set", "rubric=strict"]), @r#"
    exit code 2
    ----- stderr
    error: the field `rubric` is set, but the prompt `score` does not read it
    hint: fields that are read: `answer`, `context`, `criteria`, `question`; -p names another prompt
    "#);
    assert_snapshot!(judge(&place, &["--order", "random"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value 'random' for '--order <ORDER>'
      [possible values: both, both-if-close, given, hash, rotate, shuffle]

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["--reask", "often"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value 'often' for '--reask <N>': expected a whole number

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["-j", "0"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value '0' for '--concurrency <N>': 0 is not a number from 1 to 65535

    For more information, try '--help'.
    "#);
    assert_snapshot!(judge(&place, &["--judge", "strict"]), @r#"
    exit code 2
    ----- stderr
    error: there is no judge `strict`: no tribunal.toml was found
    hint: `tribunal init` writes one; a file elsewhere is named by --config FILE
    "#);
    assert_snapshot!(judge(&place, &["-c", "absent.toml"]), @r#"
    exit code 2
    ----- stderr
    error: cannot read `absent.toml`: No such file or directory
    "#);
    assert_snapshot!(judge(&place, &["--criteria", "@absent.md"]), @r#"
    exit code 2
    ----- stderr
    error: cannot read `absent.md`: No such file or directory
    hint: @ is followed by the name of a file; a text of your own begins without it
    "#);
    assert_snapshot!(place.shown(&["cache", "prune", "--older-than", "30"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value '30' for '--older-than <TIME>': `30` is not a duration: write a time such as 90s, 5m, 12h or 30d

    For more information, try '--help'.
    "#);
    assert_snapshot!(place.shown(&["cache", "prune"]), @r#"
    exit code 2
    ----- stderr
    error: prune needs an age or a size
    hint: add --older-than 30d or --max-size 4GB
    "#);
    assert_snapshot!(place.shown(&["cache", "clear"]), @r#"
    exit code 2
    ----- stderr
    error: this would remove 0 answers
    hint: add --yes to remove them; `tribunal cache export` saves a copy first
    "#);
}

#[test]
fn prompts_and_models() {
    let place = place("names");
    let with = |args: &[&str]| place.shown(&[&["judge", "r.jsonl"], args].concat());
    assert_snapshot!(with(&["-m", "script:x", "-p", "scor"]), @r#"
    exit code 2
    ----- stderr
    error: unknown prompt `scor`
    hint: did you mean `score`?
    hint: name your own prompt by its file: -p my.jinja
    "#);
    assert_snapshot!(with(&["-m", "script:x", "-p", "absent.jinja"]), @r#"
    exit code 2
    ----- stderr
    error: cannot read the prompt `absent.jinja`: No such file or directory
    "#);
    place.file(
        "broken.jinja",
        "---\nkind: score\nscale: {min: 1, max: 10}\n---\nuser:\n{{ answr }}\n",
    );
    assert_snapshot!(with(&["-m", "script:x", "-p", "broken.jinja"]), @r#"
    exit code 2
    ----- stderr
    error: broken.jinja:2: the prompt has no rule that reads its verdict
    hint: add a key such as `verdict: "Score: *"`
    "#);
    place.file("typo.jinja", "---\nkind: score\nsummry: x\n---\nuser:\n{{ answer }}\n");
    assert_snapshot!(place.shown(&["prompts", "check", "typo.jinja"]), @r#"
    exit code 2
    ----- stderr
    error: typo.jinja:3: unknown key `summry`
    hint: did you mean `summary`?
    "#);
    assert_snapshot!(with(&["-m", "gpt-9"]), @r#"
    exit code 2
    ----- stderr
    error: unknown model `gpt-9`: expected a .gguf file or PROVIDER/MODEL
    hint: names are `PROVIDER/MODEL`, `tiny`, `FILE.gguf`, `hf:OWNER/REPO:FILE`, `ollama:NAME`, `check:KIND`, `replay:FILE`, `command:PROGRAM`, `script:TEXT`, `ANY --base-url URL`; providers are openai, azure, openrouter, anthropic, gemini, groq, together, deepseek, mistral, xai, fireworks, ollama, vllm, sglang, llamacpp, lmstudio, litellm
    hint: for any other server, give its address with --base-url http://[ADDRESS]/v1
    "#);
    assert_snapshot!(with(&["-m", "openai/gpt-5-mini", "-p", "score"]), @r#"
    exit code 2
    ----- stderr
    error: no key for `openai/gpt-5-mini`
    hint: OPENAI_API_KEY is not set: set it to your key
    "#);
    assert_snapshot!(with(&["-m", "absent.gguf", "-p", "score"]), @r#"
    exit code 2
    ----- stderr
    error: cannot open the model `absent.gguf`: No such file or directory
    hint: name a GGUF file, `tiny` for the shipped model, or an API such as openai/MODEL
    "#);
    place.file("text.gguf", "not a model");
    assert_snapshot!(with(&["-m", "text.gguf", "-p", "score"]), @r#"
    exit code 2
    ----- stderr
    error: `text.gguf` is not a GGUF file
    hint: llama.cpp's tools convert other formats to GGUF
    "#);
    assert_snapshot!(with(&["-m", "check:numbr"]), @r#"
    exit code 2
    ----- stderr
    error: unknown check `numbr`
    hint: did you mean `number`?
    "#);
    assert_snapshot!(with(&["-m", "replay:absent.jsonl", "-p", "score"]), @r#"
    exit code 3
    ----- stderr
    error: cannot read the recording `absent.jsonl`: No such file or directory
    "#);
}

#[test]
fn configuration() {
    let place = place("configuration");
    let with = |text: &str| {
        place.file("tribunal.toml", text);
        place.shown(&["judge", "r.jsonl"])
    };
    assert_snapshot!(with("[judge.strict]\nprompt = \"score\"\nmodle = \"tiny\"\n"), @r#"
    exit code 2
    ----- stderr
    error: tribunal.toml:3: unknown key `modle` in [judge.strict]
    hint: did you mean `model`?
    "#);
    assert_snapshot!(with("[judge.strict\n"), @r#"
    exit code 2
    ----- stderr
    error: tribunal.toml:1: a list or a table in braces is not closed
    hint: write key = "text", key = 3 or key = ["a", "b"] below a table such as [judge.NAME]
    "#);
    assert_snapshot!(with("[defaults]\ndraws = \"three\"\n"), @r#"
    exit code 2
    ----- stderr
    error: tribunal.toml:2: `draws` must be a whole number that is not too large, not a text
    "#);
    assert_snapshot!(with("[defaults]\nmodel = \"far\"\n\n[model.far]\nname = \"m\"\nbase_url = \"https://elsewhere.example/v1\"\nkey_variable = \"WORK_KEY\"\n"), @r#"
    exit code 2
    ----- stderr
    error: a file that was found in the folder needs your permission, and nothing was sent: tribunal.toml:6: [model.far] base_url sends requests, and the key in OPENAI_API_KEY, to https://elsewhere.example/v1; tribunal.toml:7: [model.far] key_variable sends the value of WORK_KEY as the key
    hint: to allow this, run `tribunal trust` here; changed values will need it again
    hint: or name the file yourself: -c tribunal.toml
    "#);
}

#[test]
fn loops() {
    let place = place("loops");
    let revise = |args: &[&str]| {
        let base = ["revise", "r.jsonl", "-m", "script:Fine.\nScore: 7", "-p", "score", "-q"];
        place.shown(&[&base, args].concat())
    };
    assert_snapshot!(revise(&["--accept", "sometimes"]), @r#"
    exit code 2
    ----- stderr
    error: invalid accept rule `sometimes`
    hint: write always, score, score+MARGIN such as score+0.5, or prefer
    "#);
    assert_snapshot!(revise(&["--preset", "reflexon"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value 'reflexon' for '--preset <NAME>'
      [possible values: self-refine, reflexion, constitutional, refine-n-judge, jetts, critic]

      tip: a similar value exists: 'reflexion'

    For more information, try '--help'.
    "#);
    assert_snapshot!(revise(&["--preset", "critic"]), @r#"
    exit code 2
    ----- stderr
    error: --preset critic needs a check as its judge
    hint: name a check, and a model that writes: -m check:number --policy openai/MODEL
    "#);
    assert_snapshot!(revise(&["--time", "90"]), @r#"
    exit code 2
    ----- stderr
    error: invalid value '90' for '--time <TIME>': `90` is not a duration: write a time such as 90s, 5m, 12h or 30d

    For more information, try '--help'.
    "#);
    assert_snapshot!(revise(&["--cost", "1"]), @r#"
    exit code 2
    ----- stderr
    error: a limit on cost needs the price of tokens, which is not known
    hint: set the price of a million tokens: `price = { prompt = 0.25, completion = 2.0 }` in tribunal.toml
    hint: or list it in a table of your own: --prices prices.csv
    "#);
    assert_snapshot!(revise(&["--principle", "Be kind."]), @r#"
    exit code 2
    ----- stderr
    error: no critic reads --principle
    hint: add --critic constitution, or --preset constitutional
    "#);
    assert_snapshot!(revise(&["-o", "v.csv"]), @r#"
    exit code 2
    ----- stderr
    error: cannot write revisions to `v.csv`: unknown format
    hint: name a file that ends in .jsonl or .json
    hint: a text file such as final.md is possible where the input is one text file
    "#);
    assert_snapshot!(place.shown(&["revise", "r.jsonl", "-m", "check:number", "-q"]), @r#"
    exit code 2
    ----- stderr
    error: check: the record has no field `reference`
    hint: it has `id`, `question`, `answer`; --map reference=FIELD names the one to use
    hint: this model's own prompt is `check`; -p score uses a general one
    "#);
}
