//! Bodies that are no answer, or arrive too late or never.

use serde_json::json;
use tribunal::error::ErrorKind::{Model, NotFound, Overloaded, RateLimited, TimedOut, Unreachable};

use super::{
    Class::{Once, Passes, Record},
    Fault, error, headed, row, text,
};
use crate::support::Reply;

/// A success that is not one.
pub(super) fn garbled() -> Vec<Fault> {
    let upstream = json!({"choices": [{"error": {"message": "upstream", "code": 502}}]});
    vec![
        row("nothing", text(200, ""), (Overloaded, 200, Once), "answered nothing"),
        row("a page", text(200, "<html>hello"), (Overloaded, 200, Once), "<html>hello"),
        row(
            "an event without an answer",
            text(200, "data: {}\n\n"),
            (Overloaded, 200, Once),
            "data: {}",
        ),
        row(
            "JSON that is cut",
            text(200, r#"{"choices":[{"messa"#),
            (Overloaded, 200, Once),
            "messa",
        ),
        row(
            "no choice",
            text(200, r#"{"choices":[]}"#),
            (Overloaded, 200, Once),
            "without a choice",
        ),
        row(
            "null for choices",
            text(200, r#"{"choices":null}"#),
            (Overloaded, 200, Once),
            "without a choice",
        ),
        row("a list", text(200, "[]"), (Overloaded, 200, Once), "not a completion"),
        row("a text", text(200, "\"fine\""), (Overloaded, 200, Once), "not a completion"),
        row("204", text(204, ""), (Overloaded, 200, Once), "answered nothing"),
        row(
            "404, a page, from a server that never answered",
            text(404, "404 page not found"),
            (NotFound, 404, Once),
            "base_url",
        ),
        row("an error like 429", error(200, "code", 429), (RateLimited, 429, Passes), "429"),
        row(
            "an error in words",
            Reply::error(200, &json!({"error": "overloaded"})),
            (Overloaded, 200, Passes),
            "overloaded",
        ),
        row("an error in a choice", Reply::error(200, &upstream), (Overloaded, 502, Passes), "502"),
        row(
            "vLLM's error",
            Reply::error(200, &json!({"object": "error", "message": "busy", "code": 503})),
            (Overloaded, 503, Passes),
            "busy",
        ),
        row(
            "FastAPI's error",
            Reply::error(200, &json!({"detail": "busy"})),
            (Overloaded, 200, Passes),
            "busy",
        ),
        row(
            "an error in a stream",
            text(200, "data: {\"error\":{\"message\":\"busy\",\"code\":429}}\n\n"),
            (RateLimited, 429, Passes),
            "busy",
        ),
    ]
}

/// What breaks off, comes too late, or never ends. There is no status where no answer came.
pub(super) fn broken() -> Vec<Fault> {
    let silent = |name, does, kind, class, says| Fault {
        status: None,
        ..row(name, does, (kind, 0, class), says)
    };
    let bomb = || {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
        Reply::Text(200, vec![("content-encoding", "gzip".into())], gzip.finish().unwrap())
    };
    let begun = r#"data: {"choices":[{"delta":{"content":"Score: 9"}}]}"#;
    vec![
        silent("a body that breaks off", Reply::Cut("{\"choices\":"), Unreachable, Passes, "broke"),
        silent("a stream without its end", text(200, begun), Unreachable, Passes, "stream ended"),
        silent("an endless body", Reply::Flood(300 << 20), Model, Record, "8 MiB"),
        silent("a bomb", bomb(), Model, Record, "decompressed"),
        silent(
            "a packing that is not known",
            headed(200, &[("content-encoding", "br")], "x"),
            Model,
            Record,
            "`br`",
        ),
        silent(
            "a million values",
            text(200, &format!("[{}0]", "0,".repeat(1 << 21))),
            Model,
            Record,
            "values",
        ),
        silent("no answer", Reply::Hang, TimedOut, Passes, "no answer within 100ms"),
        silent(
            "blanks and no answer",
            Reply::Stall(" \n"),
            TimedOut,
            Passes,
            "no answer within 100ms",
        ),
        row(
            "an endless error",
            headed(500, &[], &"x".repeat(9 << 20)),
            (Overloaded, 500, Passes),
            "xxx…",
        ),
    ]
}
