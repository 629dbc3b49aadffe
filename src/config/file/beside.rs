//! Files that a configuration names stand beside it, wherever the program runs.

use std::path::Path;

use serde_json::{Map, Value};

use crate::models;

/// The table with its files in the folder of the configuration file, wherever the program runs.
pub(super) fn beside(mut table: Map<String, Value>, folder: Option<&Path>) -> Map<String, Value> {
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else { return table };
    let beside = |name: &str| folder.join(name).display().to_string();
    for key in ["prompt", "first_prompt", "model", "name"] {
        if let Some(Value::String(name)) = table.get_mut(key) {
            if folder.join(&*name).is_file() {
                *name = beside(name);
            } else if let Some(moved) = models::beside(name, folder) {
                *name = moved;
            }
        }
    }
    if let Some(Value::String(name)) = table.get_mut("python")
        && folder.join(&*name).is_file()
    {
        *name = beside(name);
    }
    // Of `lora` only the file has to be moved: a scale stands after it.
    for key in ["calibration", "lora", "prices", "thresholds"] {
        if let Some(Value::String(name)) = table.get_mut(key) {
            *name = beside(name);
        }
    }
    for key in ["criteria", "criterion", "set"] {
        if let Some(value) = table.get_mut(key) {
            each_text(value, &mut |text| {
                if let Some(name) = text.strip_prefix('@') {
                    *text = format!("@{}", beside(name));
                }
            });
        }
    }
    table
}

/// Changes every text in a value.
fn each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|value| each_text(value, change)),
        Value::Object(map) => map.values_mut().for_each(|value| each_text(value, change)),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, NAME, SettingsLayer};

    #[test]
    fn files_stand_beside_the_file_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.jinja"), "x").unwrap();
        let text = "[defaults]\nprompt = 'mine.jinja'\ncriteria = '@style.md'\n";
        let config = Config::parse(&folder.path().join(NAME), text).unwrap();
        let none = SettingsLayer::default;
        let judge = config.effective(None, none(), none()).unwrap();
        let beside = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(judge.settings.prompt, Some(beside("mine.jinja")));
        assert_eq!(judge.settings.criteria, [format!("@{}", beside("style.md"))]);
    }
}
