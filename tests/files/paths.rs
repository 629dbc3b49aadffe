//! Files: what is read is never written, each file is read once, nothing is read without an end, and a
//! fault of the system is named truly.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::process::{Command, Stdio};

use crate::support::{Place, Ran};

const TWO: &str = "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"x\"}\n{\"id\": \"b\", \"question\": \"q\", \"answer\": \"y\"}\n";

const SEVEN: [&str; 4] = ["-m", "script:Fine.\nScore: 7", "-p", "score"];

fn judge(place: &Place, args: &[&str]) -> Ran {
    place.run(&[&["judge"], args, &SEVEN].concat())
}

/// How many lines of results a file has.
fn count(place: &Place, name: &str) -> usize {
    place.read(name).lines().count()
}

#[test]
fn an_output_in_the_folder_that_is_read_is_left_out_of_it_and_said_once() {
    let place = Place::new("paths-inside");
    place.file("d/a.jsonl", TWO);
    for (input, output, rest) in [
        ("d/*.jsonl", "d/v.jsonl", 1),
        ("d", "d/w.jsonl", 2),
        ("d/**/*", "d/z.jsonl", 3),
        ("d", "d/t.csv", 4),
    ] {
        for round in 0..2 {
            let ran = judge(&place, &[input, "-o", output, "--fresh"]);
            assert_eq!(ran.code, 0, "{input} {round}: {}", ran.err);
            assert!(ran.err.contains("2 of 2 records judged"), "{input} {round}: {}", ran.err);
            let said = ran.err.matches("written by Tribunal").count();
            assert_eq!(said, usize::from(rest > 1 || round > 0), "{input} {round}: {}", ran.err);
        }
    }
    assert_eq!((count(&place, "d/v.jsonl"), place.read("d/a.jsonl").as_str()), (2, TWO));
    // Recordings, figures and reports are no records either.
    let args = ["d", "--record", "d/r.jsonl", "--summary", "d/s.json", "--junit", "d/j.xml", "-q"];
    assert_eq!(judge(&place, &args).code, 0);
    let again = judge(&place, &["d", "--format", "jsonl"]);
    assert_eq!(again.lines().len(), 2, "{}", again.err);
    // A file that is named itself is read: results may be judged in their turn.
    let named = judge(&place, &["d/v.jsonl", "--map", "answer=item.answer"]);
    assert_eq!(named.lines().len(), 2, "{}", named.err);
}

#[test]
fn a_folder_of_nothing_but_results_says_so() {
    let place = Place::new("paths-only-own");
    place.file("a.jsonl", TWO);
    judge(&place, &["a.jsonl", "-o", "d.jsonl"]).assert_passed();
    std::fs::create_dir(place.folder.path("d")).unwrap();
    std::fs::rename(place.folder.path("d.jsonl"), place.folder.path("d/d.jsonl")).unwrap();
    let ran = judge(&place, &["d"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("all files of `d` were written by Tribunal"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn what_is_read_is_never_written_whatever_it_is_called() {
    let place = Place::new("paths-over");
    place.file("a.jsonl", TWO);
    place.file(
        "mine.jinja",
        "---\nkind: score\nscale: {min: 1, max: 10}\nverdict: {mark: true}\n---\nuser:\n{{ answer }}\n{{ mark }}\n",
    );
    place.file("rubric.md", "Be kind.");
    place.file("tribunal.toml", "[defaults]\ndraws = 1\n");
    std::os::unix::fs::symlink("a.jsonl", place.folder.path("soft.jsonl")).unwrap();
    std::fs::hard_link(place.folder.path("a.jsonl"), place.folder.path("hard.jsonl")).unwrap();
    std::fs::create_dir(place.folder.path("d")).unwrap();
    let judged: Vec<Vec<&str>> =
        ["a.jsonl", "./a.jsonl", "d/../a.jsonl", "soft.jsonl", "hard.jsonl"]
            .into_iter()
            .flat_map(|name| {
                ["-o", "--summary", "--junit", "--record", "--save"]
                    .into_iter()
                    .map(move |option| vec!["a.jsonl", option, name])
            })
            .chain([
                vec!["soft.jsonl", "-o", "a.jsonl"],
                vec!["*.jsonl", "-o", "a.jsonl"],
                vec![".", "--summary", "a.jsonl"],
                vec!["a.jsonl", "-p", "mine.jinja", "--summary", "mine.jinja"],
                vec!["a.jsonl", "--criteria", "@rubric.md", "--junit", "rubric.md"],
                vec!["a.jsonl", "--set", "context=@rubric.md", "--record", "rubric.md"],
                vec!["a.jsonl", "--summary", "tribunal.toml"],
                vec!["a.jsonl", "-o", "x", "--summary", "x"],
                vec!["a.jsonl", "--junit", "x", "--summary", "./x"],
                vec!["a.jsonl", "-o", "x.jsonl", "--record", "x.jsonl"],
                vec!["a.jsonl", "-o", "x.jsonl", "--summary", "x.jsonl.run.json"],
                vec!["a.jsonl", "-o", "x.csv", "--record", "x.csv.partial.jsonl"],
                vec!["a.jsonl", "--save", "x", "--record", "x"],
            ])
            .collect();
    for args in judged {
        let prompt = if args.contains(&"-p") { &[][..] } else { &SEVEN[2..] };
        let ran = place.run(&[&["judge"], &args[..], &SEVEN[..2], prompt].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("would write to"), "{args:?}: {}", ran.err);
    }
    for args in [
        &["revise", "a.jsonl", "-m", "script:Score: 7", "-p", "score", "-o", "hard.jsonl"][..],
        &["revise", "a.jsonl", "-m", "script:Score: 7", "-p", "score", "--summary", "a.jsonl"],
        &["revise", "rubric.md", "-m", "script:Score: 7", "-p", "score", "-o", "rubric.md"],
        &["revise", "a.jsonl", "-m", "tiny", "--principle", "@rubric.md", "--summary", "rubric.md"],
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("would write to"), "{args:?}: {}", ran.err);
    }
    assert_eq!(place.read("a.jsonl"), TWO);
    assert!(place.read("rubric.md") == "Be kind." && !place.folder.path("x").exists());
}

#[cfg(unix)]
#[test]
fn a_recording_that_answers_is_not_recorded_into_nor_is_a_file_that_is_no_recording() {
    let place = Place::new("paths-recording");
    place.file("a.jsonl", TWO);
    assert_eq!(judge(&place, &["a.jsonl", "--record", "r.jsonl"]).code, 0);
    let before = place.read("r.jsonl");
    let args = ["judge", "a.jsonl", "-m", "replay:r.jsonl", "-p", "score", "--record", "./r.jsonl"];
    let ran = place.run(&args);
    assert!(ran.code == 2 && ran.err.contains("would write to"), "{}", ran.err);
    place.file("notes.txt", "my notes\n");
    let ran = judge(&place, &["a.jsonl", "--record", "notes.txt"]);
    assert!(ran.code == 2 && ran.err.contains("is not a recording"), "{}", ran.err);
    assert_eq!((place.read("r.jsonl"), place.read("notes.txt").as_str()), (before, "my notes\n"));
}

/// Runs a line of a shell, where `tribunal` is the program.
#[cfg(unix)]
fn shell(place: &Place, line: &str) -> Ran {
    let line = line.replace("tribunal", env!("CARGO_BIN_EXE_tribunal"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env_clear().env("HOME", place.folder.path("home"));
    command.env("PATH", "/usr/bin:/bin").current_dir(place.folder.path(""));
    Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

#[cfg(unix)]
#[test]
fn standard_input_and_output_are_files_too() {
    let place = Place::new("paths-streams");
    place.file("a.jsonl", TWO);
    place.file("raw.jsonl", "{\"raw\": \"Score: 7\"}\n");
    let model = "-m 'script:Score: 7' -p score";
    judge(&place, &["a.jsonl", "-o", "v.jsonl"]).assert_passed();
    for line in [
        format!("tribunal judge - {model} -o a.jsonl < a.jsonl"),
        format!("tribunal judge {model} --summary a.jsonl < a.jsonl"),
        format!("tribunal judge a.jsonl {model} >> a.jsonl"),
        format!("tribunal judge - {model} < a.jsonl >> a.jsonl"),
        format!("tribunal revise a.jsonl {model} >> a.jsonl"),
        "tribunal parse raw.jsonl -p score >> raw.jsonl".into(),
        "tribunal reparse v.jsonl -p score >> v.jsonl".into(),
        "tribunal reparse - -p score < v.jsonl >> v.jsonl".into(),
        "tribunal diff v.jsonl v.jsonl >> v.jsonl".into(),
        format!("tribunal judge a.jsonl {model} -o new.jsonl > new.jsonl"),
    ] {
        let ran = shell(&place, &line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.err);
        assert!(ran.err.contains("would write to"), "{line}: {}", ran.err);
    }
    assert_eq!(place.read("a.jsonl"), TWO);
    if cfg!(all(feature = "store", feature = "tiny", feature = "llama")) {
        place.file("sum.jsonl", "{\"question\": \"1 + 1\", \"answer\": \"1 + 1 = 2\"}\n");
        assert_eq!(place.run(&["judge", "sum.jsonl", "-m", "tiny", "-p", "tiny-score"]).code, 0);
        let store =
            "f=$(find home -type f | head -n 1); test -n \"$f\" && tribunal cache export >> $f";
        let ran = shell(&place, store);
        assert!(ran.code == 2 && ran.err.contains("a part of the store"), "{}", ran.err);
    }
    let fine = shell(&place, &format!("tribunal judge a.jsonl {model} -q > b.jsonl 2>&1"));
    assert!(fine.code == 0 && count(&place, "b.jsonl") == 2, "{}", fine.err);
    let fine = shell(&place, &format!("tribunal judge a.jsonl {model} -q -o /dev/null"));
    assert_eq!(fine.code, 0, "{}", fine.err);
}

#[cfg(unix)]
#[test]
fn each_file_is_read_once_however_many_links_lead_to_it() {
    let place = Place::new("paths-links");
    place.file("d/sub/a.md", "one");
    place.file("d/b.md", "two");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, place.folder.path(name)).unwrap();
    };
    link("..", "d/sub/loop");
    link(".", "d/aloop");
    link("b.md", "d/again.md");
    link("gone.md", "d/broken.md");
    for (args, ids) in [
        (&["d/**/*"][..], ["d/b.md", "d/sub/a.md"]),
        (&["d/**/*.md"], ["d/b.md", "d/sub/a.md"]),
        (&["**/*.md"], ["d/b.md", "d/sub/a.md"]),
        (&["d"], ["d/b.md", "d/sub/a.md"]),
        (&["d/b.md", "d", "d/sub/a.md"], ["d/b.md", "d/sub/a.md"]),
    ] {
        let ran = judge(&place, args);
        let mut found: Vec<String> =
            ran.lines().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, ids, "{args:?}: {}", ran.err);
        assert!(
            ran.err.contains("`d/broken.md`: a link to a file that is not there"),
            "{}",
            ran.err
        );
    }
    let folder = judge(&place, &["d"]);
    assert!(folder.err.contains("a link to a folder"), "{}", folder.err);
    let broken = judge(&place, &["d/broken.md"]);
    assert!(broken.err.contains("is a link to `gone.md`, which is not there"), "{}", broken.err);
}

#[cfg(unix)]
#[test]
fn folders_that_all_link_to_each_other_are_looked_into_once() {
    let place = Place::new("paths-web");
    for n in 0..12 {
        place.file(&format!("d/{n}/a.md"), format!("answer {n}"));
        for other in (0..12).filter(|other| *other != n) {
            let link = place.folder.path(&format!("d/{n}/to{other}"));
            std::os::unix::fs::symlink(format!("../{other}"), link).unwrap();
        }
    }
    place.file("elsewhere/b.md", "an answer elsewhere");
    std::os::unix::fs::symlink("../elsewhere", place.folder.path("d/away")).unwrap();
    let ran = judge(&place, &["d/**/*.md"]);
    let ids: Vec<String> =
        ran.lines().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 13, "{}", ran.err);
    assert!(ids.iter().all(|id| !id.contains("to")) && ids.contains(&"d/away/b.md".to_owned()));
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_not_read() {
    let place = Place::new("paths-endless");
    place.file("a.jsonl", TWO);
    let made = Command::new("mkfifo").arg(place.folder.path("pipe")).status();
    let pipe = made.is_ok_and(|status| status.success());
    for endless in ["/dev/zero", "pipe", "."].into_iter().filter(|name| *name != "pipe" || pipe) {
        let text = format!("@{endless}");
        let replay = format!("replay:{endless}");
        for args in [
            &["judge", "a.jsonl", "-m", "script:x", "-p", endless][..],
            &["judge", "a.jsonl", "-m", "script:x", "-c", endless],
            &["judge", "a.jsonl", "-m", "script:x", "-p", "score", "--criteria", &text],
            &["judge", "a.jsonl", "-m", "script:x", "--criterion", &format!("a={text}")],
            &["judge", "a.jsonl", "-m", "script:x", "-p", "score", "--set", &format!("x={text}")],
            &["judge", "a.jsonl", "-m", &replay, "-p", "score"],
            &["judge", "a.jsonl", "-m", endless, "-p", "score"],
            &["prompts", "check", endless],
        ] {
            let ran = place.run(args);
            assert!(ran.code == 2 || ran.code == 3, "{args:?}: {}", ran.err);
            let says = ["regular file", "it is a folder", "GGUF", "model"];
            assert!(says.iter().any(|says| ran.err.contains(says)), "{args:?}: {}", ran.err);
        }
    }
    for args in [
        &["judge", "/dev/zero", "-m", "script:x", "-p", "score", "--input-format", "jsonl"][..],
        &["reparse", "/dev/zero"],
        &["diff", "/dev/zero", "a.jsonl"],
    ] {
        let ran = place.run(args);
        assert!(ran.code != 0 && ran.err.contains("device"), "{args:?}: {}", ran.err);
    }
    place.file("large.jinja", vec![b'x'; (4 << 20) + 1]);
    let ran = place.run(&["judge", "a.jsonl", "-m", "script:x", "-p", "large.jinja"]);
    assert!(ran.err.contains("it is larger than 4 MiB"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn records_come_through_a_named_pipe_as_through_standard_input() {
    let place = Place::new("paths-pipe");
    place.file("a.jsonl", TWO);
    let line =
        "mkfifo p && (cat a.jsonl > p &) && tribunal judge p -m 'script:Score: 7' -p score -q";
    let ran = shell(&place, line);
    assert_eq!((ran.code, ran.lines().len()), (0, 2), "{}", ran.err);
    let line = "(cat a.jsonl > p &) && tribunal judge p --input-format jsonl -m 'script:Score: 7' -p score";
    assert_eq!(shell(&place, line).lines().len(), 2);
}

#[test]
fn what_cannot_be_written_is_named_truly_before_anything_is_asked() {
    let place = Place::new("paths-true");
    place.file("a.jsonl", TWO);
    place.file("d/x", "");
    for option in ["-o", "--summary", "--junit", "--record", "--save"] {
        for (name, says) in [
            ("s3://bucket/x.jsonl", "it is an address, and only files on this machine"),
            ("d", "cannot write `d`: it is a folder"),
            ("absent/x.jsonl", "there is no folder `absent`"),
            ("a.jsonl/x.jsonl", "`a.jsonl` is not a folder"),
            ("-", "it is not the name of a file"),
        ] {
            let ran = judge(&place, &["a.jsonl", option, name]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{option} {name}: {}", ran.err);
            assert!(ran.err.contains(says), "{option} {name}: {}", ran.err);
        }
    }
    let ran = judge(&place, &["s3://bucket/a.jsonl"]);
    assert!(
        ran.err.contains("is an address, and only files on this machine can be read"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read_dir(place.folder.path("")).unwrap().count(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_is_named_in_the_error() {
    let place = Place::new("paths-denied");
    place.file("a.jsonl", TWO);
    // Nobody may write here, not even root.
    for option in ["-o", "--summary", "--record"] {
        let ran = judge(&place, &["a.jsonl", option, "/proc/x.jsonl"]);
        assert_ne!(ran.code, 0);
        let first = ran.err.lines().next().unwrap_or_default();
        assert!(first.contains("cannot write `/proc/x.jsonl`"), "{}", ran.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a user who may not write everywhere, as root may"]
fn a_folder_of_ones_own_that_is_closed_says_permission_denied() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new("paths-closed");
    place.file("a.jsonl", TWO);
    let closed = place.folder.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let ran = judge(&place, &["a.jsonl", "-o", "closed/x.jsonl"]);
    assert!(ran.err.to_lowercase().contains("permission denied"), "{}", ran.err);
}

#[test]
fn a_finished_table_is_replaced_by_fresh_and_by_nothing_else() {
    let place = Place::new("paths-fresh");
    place.file("a.jsonl", TWO);
    for name in ["v.csv", "v.tsv", "v.json"] {
        assert_eq!(judge(&place, &["a.jsonl", "-o", name]).code, 0);
        let again = judge(&place, &["a.jsonl", "-o", name]);
        assert_eq!(again.code, 2);
        assert!(
            again.err.contains("exists already") && again.err.contains("--fresh"),
            "{}",
            again.err
        );
        let nine = ["-m", "script:Score: 9", "-p", "score"];
        let fresh = place.run(&[&["judge", "a.jsonl", "-o", name, "--fresh"], &nine[..]].concat());
        assert_eq!(fresh.code, 0, "{}", fresh.err);
        assert!(place.read(name).contains('9'));
    }
    place.file("mine.csv", "id,answer\n1,x\n");
    let ran = judge(&place, &["a.jsonl", "-o", "mine.csv", "--fresh"]);
    assert!(ran.code == 2 && ran.err.contains("move it away"), "{}", ran.err);
    assert_eq!(place.read("mine.csv"), "id,answer\n1,x\n");
}

#[test]
fn lines_of_another_judge_or_input_are_said_and_the_last_judge_counts() {
    let place = Place::new("paths-mixed");
    place.file("a.jsonl", TWO);
    judge(&place, &["a.jsonl", "-o", "v.jsonl"]).assert_passed();
    place.file(
        "mine.jinja",
        "---\nkind: score\nscale: {min: 1, max: 10}\nverdict: \"Score: *\"\n---\nuser:\n{{ answer }}\n",
    );
    let nine = ["judge", "a.jsonl", "-o", "v.jsonl", "-m", "script:Score: 9", "-p", "mine.jinja"];
    let other = place.run(&nine);
    assert!(
        other.err.contains("`v.jsonl` also holds 2 lines of other records or of another judge"),
        "{}",
        other.err
    );
    assert!(other.err.contains("2 of 2 records judged"), "{}", other.err);
    assert_eq!(count(&place, "v.jsonl"), 4);
    judge(&place, &["a.jsonl", "-o", "w.jsonl"]).assert_passed();
    let diff = place.run(&["diff", "v.jsonl", "w.jsonl"]);
    assert!(diff.err.contains("2 lines of another judge"), "{}", diff.err);
    assert!(
        diff.err.contains("2 records in both") && !diff.err.contains("only in"),
        "{}",
        diff.err
    );
    let reread = place.run(&["reparse", "v.jsonl"]);
    assert!(reread.err.contains("2 lines of another judge"), "{}", reread.err);
    assert_eq!(reread.lines().len(), 2);
    assert!(reread.lines().iter().all(|line| line["score"] == 9));

    let revise = |prompt: &str| {
        let model = ["-m", "script:Score: 9", "--pass", "score >= 5", "-o", "r.jsonl"];
        place.run(&[&["revise", "a.jsonl", "-p", prompt], &model[..]].concat())
    };
    assert!(!revise("score").err.contains("also holds"));
    let revised = revise("mine.jinja");
    assert!(
        revised.err.contains("`r.jsonl` also holds 2 lines of other records"),
        "{}",
        revised.err
    );

    // The same ids with other answers: the lines of the older input are kept, and not counted.
    place.file("a.jsonl", TWO.replace("\"x\"", "\"changed\""));
    let changed = place.run(&nine);
    assert!(changed.err.contains("also holds 3 lines"), "{}", changed.err);
    let diff = place.run(&["diff", "v.jsonl", "w.jsonl"]);
    assert!(diff.err.contains("2 records in both"), "{}", diff.err);
}

#[test]
fn lines_that_are_no_text_stay_in_the_output_and_are_said() {
    let place = Place::new("paths-foreign");
    place.file("a.jsonl", TWO);
    place.file("v.jsonl", b"caf\xE9\n");
    for _ in 0..2 {
        let ran = judge(&place, &["a.jsonl", "-o", "v.jsonl", "-j", "8", "--fresh"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("also holds 1 line that is no result"), "{}", ran.err);
    }
    let bytes = std::fs::read(place.folder.path("v.jsonl")).unwrap();
    assert!(bytes.starts_with(b"caf\xE9\n"));
    assert_eq!(bytes.split(|&byte| byte == b'\n').count(), 4);
}
