//! A Hub on loopback: repositories of files that are sent in ranges, as the real one does.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::{Place, Ran};

/// The commit of every repository, until another one is published.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The files of a commit by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A Hub with one repository, `judges/tiny`, which is the name of a model and of a data set.
#[derive(Clone)]
pub struct Hub {
    /// Its address, for `HF_ENDPOINT`.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The files of each commit; the last one is what branches are at.
    commits: Mutex<Vec<(String, Files)>>,
    /// The token that a reader must have.
    token: Option<&'static str>,
    /// What every file is damaged by: its last byte is another one, while its checksum is right.
    damaged: Mutex<bool>,
    /// The ranges that were asked for, with the names of the files.
    ranges: Mutex<Vec<String>>,
    /// The address of another server to which requests for files are redirected.
    elsewhere: Mutex<Option<String>>,
    /// The keys that came with requests; empty ones where there was none.
    keys: Mutex<Vec<String>>,
}

impl Hub {
    /// Starts a Hub with these files.
    pub async fn start(files: &[(&str, &[u8])], token: Option<&'static str>) -> Self {
        let shared = Arc::new(Shared {
            commits: Mutex::new(vec![(COMMIT.to_owned(), owned(files))]),
            token,
            damaged: Mutex::default(),
            ranges: Mutex::default(),
            elsewhere: Mutex::default(),
            keys: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/api/models/judges/tiny/revision/{revision}", get(list))
            .route("/judges/tiny/resolve/{revision}/{*file}", get(file))
            .route("/api/datasets/judges/tiny/revision/{revision}", get(list))
            .route("/datasets/judges/tiny/resolve/{revision}/{*file}", get(file))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, shared }
    }

    /// Publishes these files in place of the others, as a new commit.
    pub fn publish(&self, commit: &str, files: &[(&str, &[u8])]) {
        self.shared.commits.lock().unwrap().push((commit.to_owned(), owned(files)));
    }

    /// Damages every file from now on, or no longer.
    pub fn damage(&self, damaged: bool) {
        *self.shared.damaged.lock().unwrap() = damaged;
    }

    /// Redirects requests for files to this server.
    pub fn redirect_to(&self, other: &Self) {
        *self.shared.elsewhere.lock().unwrap() = Some(other.url.clone());
    }

    /// The keys that came with requests, and an empty text for each request without one.
    pub fn keys(&self) -> Vec<String> {
        self.shared.keys.lock().unwrap().clone()
    }

    /// What was asked for since the last call: `FILE bytes=FROM-TO`, and `list`.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.ranges.lock().unwrap())
    }
}

fn owned(files: &[(&str, &[u8])]) -> Files {
    files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

impl Shared {
    /// The commit that a revision is at, with its files: a commit is at itself, and any other name at the last one.
    fn at(&self, revision: &str) -> (String, Files) {
        let commits = self.commits.lock().unwrap();
        let named = commits.iter().find(|(commit, _)| commit == revision);
        named.or(commits.last()).unwrap().clone()
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let own = headers.get("authorization").and_then(|value| value.to_str().ok());
        self.keys.lock().unwrap().push(own.unwrap_or_default().to_owned());
        self.token.is_none_or(|token| own == Some(&format!("Bearer {token}")))
    }
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Path(revision): Path<String>,
    headers: HeaderMap,
) -> Response {
    shared.ranges.lock().unwrap().push("list".into());
    if !shared.lets_in(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (commit, files) = shared.at(&revision);
    let files: Vec<_> = files.keys().map(|name| json!({ "rfilename": name })).collect();
    Json(json!({ "siblings": files, "sha": commit })).into_response()
}

async fn file(
    State(shared): State<Arc<Shared>>,
    Path((revision, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (commit, files) = shared.at(&revision);
    let Some(bytes) = files.get(&name).filter(|_| shared.lets_in(&headers)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let checksum = const_hex::encode(Sha256::digest(bytes));
    if let Some(other) = &*shared.elsewhere.lock().unwrap() {
        return Response::builder()
            .status(StatusCode::FOUND)
            // Where files really lie does not say what repository they are of.
            .header("location", format!("{other}/judges/tiny/resolve/{revision}/{name}"))
            .header("x-repo-commit", &commit)
            .header("x-linked-etag", format!("\"{checksum}\""))
            .body(Body::empty())
            .unwrap();
    }
    let mut bytes = bytes.clone();
    if let (true, Some(last)) = (*shared.damaged.lock().unwrap(), bytes.last_mut()) {
        *last = last.wrapping_add(1);
    }
    let range = headers.get("range").and_then(|range| range.to_str().ok()).unwrap_or_default();
    shared.ranges.lock().unwrap().push(format!("{name} {range}"));
    let (from, to) = range.trim_start_matches("bytes=").split_once('-').unwrap_or(("0", ""));
    let (from, last) = (from.parse::<usize>().unwrap(), bytes.len() - 1);
    let to = to.parse::<usize>().unwrap_or(last).min(last);
    if from > last {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header("x-repo-commit", &commit)
        .header("etag", format!("\"{checksum}\""))
        .header("content-range", format!("bytes {from}-{to}/{}", bytes.len()))
        .body(Body::from(bytes[from..=to].to_vec()))
        .unwrap()
}

/// A place whose program asks this Hub.
pub struct HubReader {
    pub place: Place,
    pub hub: Hub,
}

impl HubReader {
    /// A place of this name, and a Hub with these files.
    pub async fn of(name: &str, files: &[(&str, &[u8])], token: Option<&'static str>) -> Self {
        Self { place: Place::new(name), hub: Hub::start(files, token).await }
    }

    /// Runs the program, without standard input.
    pub async fn run(&self, environment: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.place.command(args);
        command.env("HF_ENDPOINT", &self.hub.url).env("HF_HOME", self.place.folder.path("hub"));
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
    }
}
