//! Juries and cascades: judges whose verdict is made of those of other judges.
//!
//! A jury is a table with `members`. What it asks is decided by its members, each with a prompt, a model and
//! sampling of its own; the jury decides how their verdicts are counted (Verga et al. 2024, PoLL). Keys that belong
//! to the other side are refused with their line, where they would be ignored.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Resolved, SettingsLayer};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result, unknown},
    judge::{Judge, PanelBuilder},
    models::Models,
};

/// The keys that belong to a jury or a cascade itself; all others belong to its members.
const OWN: [&str; 15] = [
    "members",
    "replacements",
    "weights",
    "cascade",
    "certainty",
    "thresholds",
    "quorum",
    "aggregate",
    "pass",
    "calibration",
    "fail_under",
    "max_unreadable",
    "label",
    "label_map",
    "policy",
];

/// The keys that only a jury has.
const JURY: [&str; 4] = ["members", "replacements", "weights", "quorum"];

/// The key that makes a cascade of two prompts.
pub(super) const FIRST_PROMPT: &str = "first_prompt";

/// The keys that only a cascade has.
const CASCADE: [&str; 3] = ["cascade", "certainty", "thresholds"];

/// The tables of a file, with the line of every key.
pub(super) struct Juries<'f> {
    pub(super) tables: &'f Map<String, Value>,
    pub(super) lines: &'f BTreeMap<String, usize>,
    /// The name of the file.
    pub(super) file: &'f str,
}

impl Juries<'_> {
    /// Refuses juries that cannot vote, where their lines are still known.
    ///
    /// # Errors
    /// There is one: the error names its line.
    pub(super) fn check(&self) -> Result<()> {
        let defaults = self.tables.get("defaults").and_then(Value::as_object);
        let several = JURY.into_iter().chain(CASCADE).chain([FIRST_PROMPT]);
        if let Some(key) = several.into_iter().find(|key| holds(defaults, key)) {
            let path = format!("defaults.{key}");
            return Err(self
                .wrong(
                    &path,
                    format!("`{key}` makes one judge of several, and cannot be a default"),
                )
                .hint("write it below the judge's own table, such as [judge.jury]"));
        }
        self.judges().into_iter().flatten().try_for_each(|(name, table)| match table {
            Value::Object(table) if table.contains_key("cascade") => self.cascade(name, table),
            Value::Object(table) if table.contains_key("members") => {
                self.check_keys(name, table, &CASCADE, "a cascade", "a jury")?;
                self.jury(name, table, "members")
            }
            Value::Object(table) => match JURY.into_iter().find(|key| table.contains_key(*key)) {
                Some(key) => Err(self
                    .wrong(&format!("judge.{name}.{key}"), format!("`{name}` has no members"))
                    .hint(format!(
                        "`{key}` is for a jury: add `members = [\"…\", \"…\"]`, or leave it out"
                    ))),
                // Two prompts are a cascade, and each has a certainty.
                None if table.contains_key(FIRST_PROMPT) => Ok(()),
                None => self.check_keys(name, table, &CASCADE, "a cascade", "a single judge"),
            },
            _ => Ok(()),
        })
    }

    /// Refuses names that cannot be a jury together: of a judge that is a jury or a cascade itself, or of one judge twice.
    ///
    /// # Errors
    /// There is one.
    pub(super) fn check_named(&self, names: &[&str]) -> Result<()> {
        for (n, name) in names.iter().enumerate() {
            self.member("", name)?;
            if names[..n].contains(name) {
                return Err(config(format!("the judge `{name}` is named twice"))
                    .hint("more samples of one judge are its own `draws`"));
            }
        }
        Ok(())
    }

    /// Refuses keys that are for another way to combine judges.
    fn check_keys(
        &self,
        name: &str,
        table: &Map<String, Value>,
        keys: &[&str],
        of: &str,
        what: &str,
    ) -> Result<()> {
        match keys.iter().find(|key| table.contains_key(**key)) {
            Some(key) => Err(self
                .wrong(&format!("judge.{name}.{key}"), format!("`{name}` is {what}"))
                .hint(format!("`{key}` is for {of}: leave it out"))),
            None => Ok(()),
        }
    }

    /// Checks a cascade: its keys and its judges.
    fn cascade(&self, name: &str, table: &Map<String, Value>) -> Result<()> {
        let of_jury: Vec<&str> = JURY.into_iter().chain(["aggregate", "calibration"]).collect();
        self.check_keys(name, table, &of_jury, "a jury", "a cascade")?;
        if ["certainty", "thresholds"].into_iter().all(|key| table.contains_key(key)) {
            let path = format!("judge.{name}.certainty");
            return Err(self
                .wrong(&path, format!("`{name}` has both `certainty` and `thresholds`"))
                .hint("leave out one of them"));
        }
        self.jury(name, table, "cascade")
    }

    /// The tables under `[judge]`.
    fn judges(&self) -> Option<&Map<String, Value>> {
        self.tables.get("judge")?.as_object()
    }

    /// Checks one jury or cascade: its keys, its members under the key `list`, its quorum.
    fn jury(&self, name: &str, table: &Map<String, Value>, list: &str) -> Result<()> {
        let place = |key: &str| format!("judge.{name}.{key}");
        let (members, spares) = (names(table, list), names(table, "replacements"));
        if let Some(key) = table.keys().find(|key| !OWN.contains(&key.as_str())) {
            let what = if list == "cascade" { "cascade" } else { "jury" };
            let message = format!("`{name}` is a {what}, and a {what} has no `{key}` of its own");
            let below =
                members.first().map_or_else(String::new, |one| format!(" [judge.{one}] or"));
            return Err(self
                .wrong(&place(key), message)
                .hint(format!("write it for its members, below{below} [defaults]")));
        }
        let all: Vec<(&str, &str)> = [(list, &members), ("replacements", &spares)]
            .into_iter()
            .flat_map(|(key, names)| names.iter().map(move |name| (key, *name)))
            .collect();
        for (n, (key, member)) in all.iter().enumerate() {
            self.member(name, member).map_err(|error| error.within(self.at(&place(key))))?;
            if all[..n].iter().any(|(_, other)| other == member) {
                return Err(self.wrong(&place(key), format!("`{member}` is named twice")).hint(
                    "each judge is a member once: more draws of one judge are its own `draws`",
                ));
            }
        }
        let weights = table.get("weights").and_then(Value::as_object);
        if let Some(other) = weights
            .into_iter()
            .flat_map(Map::keys)
            .find(|key| all.iter().all(|(_, member)| member != key))
        {
            let known = all.iter().map(|(_, member)| *member);
            let error = unknown(ErrorKind::Config, "member under `weights`:", other, known);
            return Err(error.within(self.at(&place(&format!("weights.{other}")))));
        }
        let count = members.len();
        if count < 1 + usize::from(spares.is_empty()) {
            return Err(self
                .wrong(&place(list), format!("`{name}` needs two members or more"))
                .hint(format!("name judges of this file: {list} = [\"strict\", \"kind\"]")));
        }
        match table.get("quorum").and_then(Value::as_u64) {
            Some(quorum) if quorum > count as u64 => Err(self
                .wrong(
                    &place("quorum"),
                    format!("a quorum of {quorum} is more than all {count} members"),
                )
                .hint("it is the least number of members that must give a verdict")),
            _ => Ok(()),
        }
    }

    /// Checks that a member is another judge of the file, and not a jury.
    fn member(&self, jury: &str, member: &str) -> Result<()> {
        if member == jury {
            return Err(config(format!("`{jury}` names itself as a member"))
                .hint("members are other judges of this file"));
        }
        let judges = self.judges();
        match judges.and_then(|judges| judges.get(member)?.as_object()) {
            Some(table) if is_of_several(table) => {
                Err(config(format!("the member `{member}` is a jury or a cascade itself")).hint(
                    match [names(table, "members"), names(table, "cascade")].concat().as_slice() {
                        [] => "leave out its `first_prompt`".to_owned(),
                        members => format!("name its members: {}", members.join(", ")),
                    },
                ))
            }
            Some(_) => Ok(()),
            None => {
                let known = judges.into_iter().flat_map(Map::keys).map(String::as_str);
                Err(unknown(
                    ErrorKind::Config,
                    "member",
                    member,
                    known.filter(|name| *name != jury),
                ))
            }
        }
    }

    /// The file and the line of a key.
    fn at(&self, path: &str) -> String {
        format!("{}:{}", self.file, self.lines.get(path).copied().unwrap_or(1))
    }

    /// An error at a key.
    fn wrong(&self, path: &str, message: String) -> Error {
        config(message).within(self.at(path))
    }
}

/// An error of the configuration.
fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Whether a judge is a jury or a cascade.
fn is_of_several(table: &Map<String, Value>) -> bool {
    ["members", "cascade", FIRST_PROMPT].into_iter().any(|key| table.contains_key(key))
}

/// Whether a table has a key.
fn holds(table: Option<&Map<String, Value>>, key: &str) -> bool {
    table.is_some_and(|table| table.contains_key(key))
}

/// The judges that a table names under a key.
fn names<'t>(table: &'t Map<String, Value>, key: &str) -> Vec<&'t str> {
    let list = table.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

impl SettingsLayer {
    /// The members that it names, and after them their replacements; none where it is of a single judge.
    pub(super) fn members(&self) -> Vec<String> {
        let members = [names(self.table(), "members"), names(self.table(), "cascade")].concat();
        let spares = names(self.table(), "replacements");
        members.into_iter().chain(spares).map(ToOwned::to_owned).collect()
    }

    /// What of it counts for a jury itself.
    pub(super) fn of_jury(self) -> Self {
        self.keeping(|key| OWN.contains(&key))
    }

    /// What of it counts for a cascade of two prompts itself.
    pub(super) fn of_two_prompts(self) -> Self {
        let of_jury = JURY.into_iter().chain(["aggregate", "calibration"]);
        let of_jury: Vec<&str> = of_jury.collect();
        self.keeping(|key| key == FIRST_PROMPT || OWN.contains(&key) && !of_jury.contains(&key))
    }

    /// What of it counts for each of two prompts.
    pub(super) fn of_each_prompt(self) -> Self {
        self.keeping(|key| key != FIRST_PROMPT && !CASCADE.contains(&key))
    }

    /// The keys of a model's layer that are about the run, and not about a model.
    pub(super) fn of_run(self) -> Self {
        self.keeping(|key| key == "concurrency")
    }

    /// What of it counts for each member of a jury.
    pub(super) fn of_members(self) -> Self {
        self.keeping(|key| !OWN.contains(&key))
    }
}

impl Resolved {
    /// The jury of judges that were built of its [members](Self::members), replacements included, in their order.
    pub fn panel(&self, members: impl IntoIterator<Item = Judge>) -> PanelBuilder {
        let names = self.members.iter().map(|member| member.name.clone().unwrap_or_default());
        let mut members: Vec<(String, Judge)> = names.zip(members).collect();
        let replacements = members.split_off(self.settings.members.len().min(members.len()));
        let weights = self.settings.weights.iter().map(|(name, weight)| (name.as_str(), *weight));
        let mut panel = Judge::panel(members).replacements(replacements).weights(weights);
        if let Some(name) = &self.name {
            panel = panel.name(name);
        }
        let (own, usual) = self.own_or_usual("aggregate", self.settings.aggregate);
        // A setting for all judges counts where it can.
        let counts = |how: &Aggregate| !matches!(how, Aggregate::Expected | Aggregate::Sum);
        if let Some(how) = own.or(usual.filter(counts)) {
            panel = panel.aggregate(how);
        }
        if let Some(members) = self.settings.quorum {
            panel = panel.quorum(members.into());
        }
        if let Some(calibration) = self.calibration() {
            panel = panel.calibration(calibration.clone());
        }
        match &self.settings.pass {
            Some(rule) => panel.pass(rule),
            None => panel,
        }
    }

    /// Opens the models and puts the judge together: the one of these settings, or the jury with all of its
    /// members. Every prompt must be named in the settings.
    ///
    /// # Errors
    /// A prompt is wrong or not named, a model cannot be opened, settings contradict each other, or the
    /// verdicts of members cannot be counted together.
    pub async fn build(&self) -> Result<Judge> {
        self.build_with(&Models::default()).await
    }

    /// The same with the models of a registry.
    ///
    /// # Errors
    /// Those of [`build`](Self::build).
    pub async fn build_with(&self, models: &Models) -> Result<Judge> {
        if !self.is_jury() {
            return self.with_reference(self.builder()?).models(models).build().await;
        }
        let mut members = Vec::new();
        for member in &self.members {
            let builder = member.with_reference(member.builder()?);
            members.push(builder.models(models).build().await?);
        }
        self.together(members).await
    }

    /// The jury or the cascade of judges that were built of its [members](Self::members), in their order.
    ///
    /// # Errors
    /// The verdicts of the judges cannot be combined, or the thresholds are those of other judges.
    pub async fn together(&self, members: impl IntoIterator<Item = Judge>) -> Result<Judge> {
        if self.settings.cascade.is_empty() {
            self.check_no_cascade()?;
            return self.panel(members).build().await;
        }
        let names = self.members.iter().map(|member| member.name.clone().unwrap_or_default());
        let mut cascade = Judge::cascade(names.zip(members));
        if let Some(name) = &self.name {
            cascade = cascade.name(name);
        }
        if let Some(rule) = &self.settings.pass {
            cascade = cascade.pass(rule);
        }
        match self.thresholds() {
            Some(fitted) => cascade.thresholds(fitted).build().await,
            None => cascade.certainty(self.settings.certainty.iter().copied()).build().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, SettingOrigin};
    use super::*;

    const FILE: &str = r#"
[defaults]
draws = 2
pass = "score >= 5"
aggregate = "max"

[judge.strict]
prompt = "score"
model = "fast"

[judge.kind]
prompt = "score"
model = "script:Score: 8"
draws = 3

[judge.jury]
members = ["strict", "kind"]
quorum = 1
aggregate = "median"
label = "gold"

[model.fast]
name = "script:Score: 4"
price = { prompt = 1, completion = 2 }
"#;

    fn config(text: &str) -> Result<Config> {
        Config::parse(Path::new("tribunal.toml"), text)
    }

    fn flags(json: &Value) -> SettingsLayer {
        SettingsLayer::new(json.as_object().cloned().unwrap_or_default(), |key| {
            SettingOrigin::Flag(format!("--{key}"))
        })
    }

    #[test]
    fn members_have_settings_of_their_own_over_the_defaults() {
        let jury = config(FILE).unwrap().judge(Some("jury")).unwrap();
        assert!(jury.is_jury());
        let [strict, kind] = jury.members.as_slice() else { panic!("two members") };
        assert_eq!((strict.settings.draws, kind.settings.draws), (Some(2), Some(3)));
        assert_eq!(strict.model_name(), "script:Score: 4");
        assert!(strict.model.price.is_some() && kind.model.price.is_none());
        assert_eq!(strict.origin("draws").to_string(), "tribunal.toml:3 [defaults]");
        assert_eq!((jury.settings.draws, jury.settings.pass.as_ref()), (None, None));
        assert_eq!(jury.settings.aggregate, Some(Aggregate::Median));
        assert_eq!(jury.origin("quorum").to_string(), "tribunal.toml:18 [judge.jury]");
    }

    #[test]
    fn flags_about_asking_are_those_of_every_member_and_others_those_of_the_jury() {
        let over =
            flags(&serde_json::json!({"draws": 5, "pass": "score >= 9", "prompt": "rubric"}));
        let of_model =
            flags(&serde_json::json!({"concurrency": 3, "base_url": "http://localhost/v1"}));
        let jury = config(FILE).unwrap().resolve(Some("jury"), over, of_model).unwrap();
        assert_eq!(jury.settings.pass.as_deref(), Some("score >= 9"));
        assert_eq!((jury.settings.draws, jury.settings.prompt.as_ref()), (None, None));
        assert_eq!((jury.model.concurrency, jury.model.base_url.as_ref()), (Some(3), None));
        for member in &jury.members {
            assert_eq!(member.settings.draws, Some(5));
            assert_eq!(member.settings.pass.as_deref(), Some("score >= 5"));
            assert_eq!(member.model.base_url.as_deref(), Some("http://localhost/v1"));
        }
    }

    #[test]
    fn a_jury_that_cannot_vote_is_refused_with_its_line() {
        const MEMBERS: &str = "[judge.a]\n[judge.b]\n[judge.all]\nmembers = ['a', 'b']\n";
        for (text, words) in [
            (
                "[judge.a]\n[judge.x]\nmembers = ['a', 'bb']\n[judge.b]",
                "tribunal.toml:3: unknown member `bb`",
            ),
            ("[judge.a]\n[judge.x]\nmembers = ['a', 'bb']\n[judge.b]", "did you mean `b`?"),
            ("[judge.a]\n[judge.x]\nmembers = ['a', 'x']", "names itself"),
            ("[judge.c]\n[judge.x]\nmembers = ['all', 'c']", "`all` is a jury or a cascade itself"),
            ("[judge.x]\nmembers = ['a']", "needs two members or more"),
            ("[judge.x]\nmembers = []", "needs two members or more"),
            ("[judge.x]\nmembers = ['a', 'a']", "`a` is named twice"),
            (
                "[judge.x]\nmembers = ['a', 'b']\nprompt = 'score'",
                "a jury has no `prompt` of its own",
            ),
            ("[judge.x]\nmembers = ['a', 'b']\nmodel = 'tiny'", "below [judge.a] or [defaults]"),
            ("[judge.x]\nmembers = ['a', 'b']\nquorum = 3", "more than all 2 members"),
            (
                "[judge.x]\nmembers = ['a', 'b']\nquorum = 0",
                "`quorum` must be a whole number, 1 or more",
            ),
            ("[judge.x]\nmembers = 'a'", "`members` must be a list of texts in quotes"),
            ("[judge.x]\nquorum = 2", "`x` has no members"),
            ("[judge.x]\nweights = {a = 2}", "`weights` is for a jury"),
            ("[judge.x]\nreplacements = ['a']", "`replacements` is for a jury"),
            ("[defaults]\nreplacements = ['a']", "cannot be a default"),
            ("[judge.x]\nmembers = ['a']\nreplacements = ['a']", "`a` is named twice"),
            (
                "[judge.x]\nmembers = ['a', 'b']\nreplacements = ['all']",
                "`all` is a jury or a cascade itself",
            ),
            ("[judge.x]\nmembers = ['a', 'b']\nreplacements = ['c']", "unknown member `c`"),
            (
                "[judge.x]\nmembers = ['a', 'b']\nweights = {a = 1, bb = 2}",
                "unknown member under `weights`: `bb`",
            ),
            ("[judge.x]\nmembers = ['a', 'b']\nweights = {a = 'two'}", "`a` must be a number"),
            ("[defaults]\nmembers = ['a', 'b']", "cannot be a default"),
            ("[defaults]\ncascade = ['a', 'b']", "cannot be a default"),
            ("[judge.x]\ncascade = ['a']", "needs two members or more"),
            ("[judge.x]\ncascade = ['a', 'b']\nmembers = ['a', 'b']", "`x` is a cascade"),
            ("[judge.x]\ncascade = ['a', 'b']\nquorum = 2", "`quorum` is for a jury"),
            ("[judge.x]\ncascade = ['a', 'b']\ndraws = 2", "a cascade has no `draws` of its own"),
            ("[judge.x]\nmembers = ['a', 'b']\ncertainty = [0.9]", "`certainty` is for a cascade"),
            ("[judge.x]\ncertainty = [0.9]", "`x` is a single judge"),
            (
                "[judge.x]\ncascade = ['a', 'b']\ncertainty = [0.9]\nthresholds = 't.json'",
                "both `certainty` and `thresholds`",
            ),
        ] {
            let text = format!("{text}\n");
            let text =
                if text.starts_with("[judge.a]") { text } else { format!("{MEMBERS}{text}") };
            let refusal = format!("{:?}", config(&text).unwrap_err());
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[tokio::test]
    async fn replacements_and_weights_come_out_of_the_file() {
        let file = FILE.replace("quorum = 1", "weights = {kind = 3}\nreplacements = [\"spare\"]");
        let file = file.replace("aggregate = \"median\"", "aggregate = \"mean\"")
            + "[judge.spare]\nprompt = \"score\"\nmodel = \"script:Score: 10\"\naggregate = \"min\"\n";
        let jury = config(&file).unwrap().judge(Some("jury")).unwrap();
        let names: Vec<_> =
            jury.members.iter().filter_map(|member| member.name.as_deref()).collect();
        assert_eq!(names, ["strict", "kind", "spare"]);
        assert_eq!(jury.origin("weights.kind").to_string(), "tribunal.toml:18 [judge.jury]");
        let item = crate::Item::new().question("2 + 2?").answer("4");
        let judgment = jury.build().await.unwrap().judge(&item).await.unwrap();
        assert_eq!((judgment.score(), judgment.votes.len()), (Some(7.0), 5), "(4 + 3·8) / 4");
        let vague = file.replace("script:Score: 4", "script:Hm.");
        let jury = config(&vague).unwrap().judge(Some("jury")).unwrap();
        let judgment = jury.build().await.unwrap().judge(&item).await.unwrap();
        assert_eq!(judgment.score(), Some(8.5), "(3·8 + 10) / 4");
        let single = vague.replace("members = [\"strict\", \"kind\"]", "members = [\"strict\"]");
        let single = single.replace("weights = {kind = 3}\n", "");
        let jury = config(&single).unwrap().judge(Some("jury")).unwrap();
        let judgment = jury.build().await.unwrap().judge(&item).await.unwrap();
        assert_eq!(judgment.score(), Some(10.0), "a judge with a stand-in");
    }

    #[tokio::test]
    async fn a_cascade_of_the_file_asks_its_judges_in_their_order() {
        let file = FILE.replace("members = [\"strict\", \"kind\"]\nquorum = 1\n", "").replace(
            "aggregate = \"median\"",
            "cascade = [\"strict\", \"kind\"]\ncertainty = [0.9]",
        );
        let item = crate::Item::new().question("2 + 2?").answer("4");
        let judged = async |file: &str| {
            let cascade = config(file).unwrap().judge(Some("jury")).unwrap();
            cascade.build().await.unwrap().judge(&item).await.unwrap()
        };
        let sure = judged(&file).await;
        assert_eq!((sure.score(), sure.votes.len()), (Some(4.0), 2), "both draws agree");
        let vague = judged(&file.replace("script:Score: 4", "script:Hm.")).await;
        assert_eq!(vague.score(), Some(8.0));
        assert_eq!(vague.stage.unwrap().judge, "kind");
    }

    #[test]
    fn a_found_file_asks_for_what_its_members_ask_for() {
        let text = FILE.replace(
            "script:Score: 4\"",
            "openai/x\"\nbase_url = \"https://elsewhere.example/v1\"",
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tribunal.toml"), text).unwrap();
        let config = Config::find(folder.path()).unwrap();
        let error = config.judge(Some("jury")).unwrap_err().to_string();
        assert!(error.contains("elsewhere.example"), "{error}");
        assert!(config.trusted().judge(Some("jury")).is_ok());
    }

    #[tokio::test]
    async fn a_jury_is_built_of_its_members() {
        let jury = config(FILE).unwrap().judge(Some("jury")).unwrap();
        let error = jury.builder().unwrap_err().to_string();
        assert!(error.contains("`jury` is a jury"), "{error}");
        let jury = jury.build().await.unwrap();
        let item = crate::Item::new().question("2 + 2?").answer("4");
        let judgment = jury.judge(&item).await.unwrap();
        assert_eq!((judgment.score(), judgment.pass), (Some(6.0), Some(true)));
        let by: Vec<&str> = judgment.votes.iter().map(|vote| &*vote.by).collect();
        assert_eq!(by, ["strict", "strict", "kind", "kind", "kind"]);
    }
}
