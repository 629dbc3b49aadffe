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
pub(super) fn picture(title: &'static str, note: String, mut svg: String) -> Option<Picture> {
    if svg.is_empty() {
        return None;
    }
    // A picture that is read aloud is a group of its marks under its title.
    let start = svg.find("<svg ").map_or(0, |at| at + "<svg ".len());
    svg.insert_str(start, &format!("role=\"group\" aria-label=\"{title}\" "));
    Some(Picture { title: title.into(), note, svg })
}
