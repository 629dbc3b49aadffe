//! The programs of `examples/` run, and stay short enough to be read at a glance.

#![cfg(all(feature = "llama", feature = "tiny", feature = "checks", feature = "files"))]

#[path = "../../examples/judge.rs"]
mod judge;
#[path = "../../examples/jury.rs"]
mod jury;
#[path = "../../examples/own_client.rs"]
mod own_client;
#[path = "../../examples/resume.rs"]
mod resume;
#[path = "../../examples/revise_agent.rs"]
mod revise_agent;

#[test]
fn one_judgment() {
    judge::main().unwrap();
}

#[test]
fn a_stream_with_resume() {
    resume::main().unwrap();
}

#[test]
fn a_jury() {
    jury::main().unwrap();
}

#[test]
fn an_own_client_with_our_layers() {
    own_client::main().unwrap();
}

#[test]
fn a_loop_in_an_agent() {
    revise_agent::main().unwrap();
}

#[test]
fn every_example_is_run_here_and_has_fewer_than_30_lines() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let this = include_str!("examples.rs");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let programs: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect();
    assert_eq!(programs.len(), 5);
    for path in programs {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(this.contains(&format!("{name}::main()")), "{name}");
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 30, "{name} has {lines} lines");
    }
}
