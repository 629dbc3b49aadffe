//! A chart as a page shows it.

use serde::Serialize;

/// A chart with its words.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Picture {
    pub(super) title: String,
    /// What is drawn, and of how many records.
    pub(super) note: String,
    pub(super) svg: String,
}

/// A picture; `None` where there is nothing to draw.
pub(super) fn picture(title: &str, note: String, svg: String) -> Option<Picture> {
    (!svg.is_empty()).then(|| Picture { title: title.into(), note, svg })
}
