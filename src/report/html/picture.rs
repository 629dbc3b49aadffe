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
pub(super) fn picture(title: &'static str, note: String, svg: String) -> Option<Picture> {
    // A picture that is read aloud is a group of its marks under its title.
    let named = format!("<svg role=\"group\" aria-label=\"{title}\" ");
    let svg = svg.replacen("<svg ", &named, 1);
    (!svg.is_empty()).then(|| Picture { title: title.into(), note, svg })
}
