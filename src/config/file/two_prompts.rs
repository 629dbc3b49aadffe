//! A judge with two prompts: a cheap one, and its own where the first is unsure. It is a cascade on one model.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    super::{
        jury::FIRST_PROMPT,
        layers::{SettingOrigin, SettingsLayer},
    },
    Config, Effective,
};
use crate::error::{Error, ErrorKind, Result};

/// The prompt that is asked first, and where that is set; `None` for a judge with one prompt.
pub(super) fn first(layers: &[SettingsLayer]) -> Option<(String, SettingOrigin)> {
    let found = layers.iter().find_map(|layer| {
        Some((layer.table().get(FIRST_PROMPT)?.as_str()?, layer.origin(FIRST_PROMPT)))
    });
    found.map(|(prompt, origin)| (prompt.to_owned(), origin))
}

/// A layer with one setting.
fn layer(key: &str, value: impl Into<Value>, origin: &SettingOrigin) -> SettingsLayer {
    SettingsLayer::new(Map::from_iter([(key.to_owned(), value.into())]), |_| origin.clone())
}

impl Config {
    /// The cascade of the first prompt and the judge's own one. Everything else is the same for both.
    ///
    /// # Errors
    /// Both prompts are the same one, or a setting is malformed.
    pub(super) fn two_prompts(
        &self,
        name: Option<&str>,
        layers: &[SettingsLayer],
        (first, origin): &(String, SettingOrigin),
        model_over: &SettingsLayer,
    ) -> Result<Effective> {
        let member = |over: Option<SettingsLayer>| {
            let own = layers.iter().cloned().map(SettingsLayer::of_each_prompt);
            let mut member =
                self.single(None, over.into_iter().chain(own).collect(), model_over.clone())?;
            member.name = Some(called(member.settings.prompt.as_deref()));
            Ok::<_, Error>(Effective { is_member: true, ..member })
        };
        let members = vec![member(Some(layer("prompt", first.as_str(), origin)))?, member(None)?];
        let names: Vec<String> = members.iter().filter_map(|one| one.name.clone()).collect();
        if names[0] == names[1] {
            let message = format!("the judge asks the prompt `{}` twice", names[0]);
            return Err(Error::new(ErrorKind::Config, message)
                .hint("name a cheaper prompt as `first_prompt`, such as correct-direct"));
        }
        let mut own: Vec<_> = layers.iter().cloned().map(SettingsLayer::of_two_prompts).collect();
        own.push(layer("cascade", names, origin));
        let of_model = |_: Option<&str>| vec![model_over.clone().of_run()];
        Ok(Effective { members, ..Effective::new(name, own, of_model)? })
    }
}

/// What a prompt is called as a judge of the cascade: its name, without the folder and the ending of a file.
fn called(prompt: Option<&str>) -> String {
    let stem = prompt.and_then(|prompt| Path::new(prompt).file_stem()?.to_str());
    stem.unwrap_or("own").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effective(file: &str, flags: &Value) -> Result<Effective> {
        let config = Config::parse(Path::new("tribunal.toml"), file)?;
        let flags = flags.as_object().cloned().unwrap_or_default();
        let flags = SettingsLayer::new(flags, |key| SettingOrigin::Flag(format!("--{key}")));
        config.effective(None, flags, SettingsLayer::default())
    }

    const FILE: &str = r#"
[judge.saving]
prompt = "correct"
first_prompt = "correct-direct"
certainty = [0.95]
model = "fast"
draws = 3
aggregate = "majority"
label = "gold"

[model.fast]
name = "script:Verdict: correct"
"#;

    #[test]
    fn a_first_prompt_makes_a_cascade_on_one_model() {
        let judge = effective(FILE, &json!({})).unwrap();
        assert!(judge.is_jury());
        assert_eq!(judge.settings.cascade, ["correct-direct", "correct"]);
        assert_eq!((&*judge.settings.certainty, judge.settings.aggregate), (&[0.95][..], None));
        assert_eq!(judge.settings.label.as_deref(), Some("gold"));
        for (member, prompt) in judge.members.iter().zip(["correct-direct", "correct"]) {
            assert_eq!(member.name.as_deref(), Some(prompt));
            assert_eq!(member.settings.prompt.as_deref(), Some(prompt));
            assert_eq!(member.model_name(), "script:Verdict: correct");
            assert_eq!(member.settings.draws, Some(3));
            assert!(member.settings.aggregate.is_some() && member.settings.certainty.is_empty());
        }
        assert_eq!(judge.members[0].origin("prompt").to_string(), "tribunal.toml:4 [judge.saving]");
        // Flags say the same.
        let flags = json!({"prompt": "correct", "first_prompt": "prompts/cheap.jinja"});
        let judge = effective("", &flags).unwrap();
        assert_eq!(judge.settings.cascade, ["cheap", "correct"]);
    }

    #[test]
    fn what_cannot_be_asked_first_is_refused() {
        let refused = |file: &str, flags: Value, says: &str| {
            let error = format!("{:?}", effective(file, &flags).unwrap_err());
            assert!(error.contains(says), "{error}");
        };
        refused(
            "",
            json!({"prompt": "score", "first_prompt": "score"}),
            "asks the prompt `score` twice",
        );
        refused("[defaults]\nfirst_prompt = 'score'", json!({}), "cannot be a default");
        let member =
            "[judge.a]\nfirst_prompt = 'score'\n[judge.b]\n[judge.c]\nmembers = ['a', 'b']";
        refused(member, json!({}), "leave out its `first_prompt`");
        let jury = "[judge.a]\n[judge.b]\n[judge.c]\nmembers = ['a', 'b']\n[defaults]\njudge = 'c'";
        refused(jury, json!({"first_prompt": "score"}), "no prompt to ask first");
        refused("[judge.a]\ncertainty = [0.9]", json!({}), "is a single judge");
    }
}
