//! Which server a model's name means: address, key, and the ways of its software.

use std::fmt;

use reqwest::Url;

use crate::error::{Error, ErrorKind, Result};

/// Looks a variable up; the environment of the process, or that of a test.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A server and the model on it.
#[derive(Clone)]
pub struct Provider {
    /// The word before the first `/` or `:` of the name; `server` for a name without such a word.
    pub id: &'static str,
    /// The address, up to and including `/v1`; credentials and a query may be part of it.
    pub base_url: Url,
    /// What proves who asks.
    pub key: Option<Secret>,
    /// The variable that the key is read from.
    pub key_variable: &'static str,
    /// The model, as the server calls it.
    pub model: String,
    /// The ways of the server; `None` where the server must be asked.
    pub dialect: Option<Dialect>,
    /// The organization that pays, for the API of OpenAI.
    pub organization: Option<String>,
    /// The project that pays, for the API of OpenAI.
    pub project: Option<String>,
}

/// The software behind an OpenAI-compatible API, where that makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI's own API.
    OpenAi,
    /// llama.cpp's `llama-server`.
    LlamaCpp,
    /// vLLM.
    Vllm,
    /// Ollama.
    Ollama,
    /// OpenRouter.
    OpenRouter,
    /// Anything else: only what all of them share.
    Plain,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("place", &self.place())
            .field("model", &self.model)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// What is known of a provider before anything is typed.
struct Known {
    id: &'static str,
    dialect: Dialect,
    /// Where it is if nothing else is said.
    address: &'static str,
    /// Variables that may say where it is.
    address_variables: &'static [&'static str],
    key_variable: &'static str,
    /// Whether nothing can be had from the default address without a key.
    needs_key: bool,
}

/// Names a host and not only an address.
const OLLAMA_HOST: &str = "OLLAMA_HOST";

const KNOWN: [Known; 5] = [
    Known {
        id: "openai",
        dialect: Dialect::OpenAi,
        address: "https://api.openai.com/v1",
        address_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        key_variable: "OPENAI_API_KEY",
        needs_key: true,
    },
    Known {
        id: "ollama",
        dialect: Dialect::Ollama,
        address: "http://127.0.0.1:11434/v1",
        address_variables: &[OLLAMA_HOST],
        key_variable: "OLLAMA_API_KEY",
        needs_key: false,
    },
    Known {
        id: "vllm",
        dialect: Dialect::Vllm,
        address: "http://127.0.0.1:8000/v1",
        address_variables: &["VLLM_BASE_URL"],
        key_variable: "VLLM_API_KEY",
        needs_key: false,
    },
    Known {
        id: "llamacpp",
        dialect: Dialect::LlamaCpp,
        address: "http://127.0.0.1:8080/v1",
        address_variables: &["LLAMACPP_BASE_URL"],
        key_variable: "LLAMA_API_KEY",
        needs_key: false,
    },
    Known {
        id: "openrouter",
        dialect: Dialect::OpenRouter,
        address: "https://openrouter.ai/api/v1",
        address_variables: &[],
        key_variable: "OPENROUTER_API_KEY",
        needs_key: true,
    },
];

/// The key for servers that no preset knows.
const USUAL_KEY: &str = "OPENAI_API_KEY";

/// Variables beside keys and addresses that the presets read.
#[cfg(feature = "cli")]
const PAYERS: [&str; 2] = ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"];

/// The preset that the name of a model begins with.
fn preset(name: &str) -> Option<&'static Known> {
    let (prefix, _) = name.split_once(['/', ':'])?;
    KNOWN.iter().find(|known| known.id == prefix)
}

/// The variable that holds the key for a model of this name, unless another is named.
pub fn key_variable(name: &str) -> &'static str {
    preset(name).map_or(USUAL_KEY, |known| known.key_variable)
}

/// The variables that can give the address of a model of this name.
#[cfg(feature = "cli")]
pub fn address_variables_of(name: &str) -> &'static [&'static str] {
    preset(name).map_or(&[], |known| known.address_variables)
}

/// Every variable that holds a key, or says who pays.
#[cfg(feature = "cli")]
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.key_variable).chain(PAYERS)
}

/// Every variable that can give an address.
#[cfg(feature = "cli")]
pub fn address_variables() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|known| known.address_variables).copied()
}

/// The place that this address means for a model of this name, if it is neither the preset's own server
/// nor on this machine. An address that cannot be read is no place.
pub fn foreign_place(name: &str, typed: &str) -> Option<String> {
    let url = address(typed).ok()?;
    let key = key_variable(name);
    let owners = KNOWN.iter().filter(|known| known.key_variable == key);
    let is_own = owners.into_iter().any(|known| same_origin(&url, known.address));
    (!is_own && !is_loopback(&url)).then(|| place_of(&url))
}

/// [`foreign_place`] for the value of one of the variables that give addresses.
#[cfg(feature = "cli")]
pub fn foreign_place_in(variable: &str, value: &str) -> Option<String> {
    let owner = KNOWN.iter().find(|known| known.address_variables.contains(&variable))?;
    let typed = if variable == OLLAMA_HOST { ollama(value) } else { value.to_owned() };
    foreign_place(&format!("{}/", owner.id), &typed)
}

impl Provider {
    /// What `name` means, where `base_url` is the address that was typed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the name says no server and no address was given, the address is
    /// none, or a key is missing.
    pub fn of(name: &str, base_url: Option<&str>, env: Environment<'_>) -> Result<Self> {
        let known = preset(name).and_then(|known| Some((known, name.split_once(['/', ':'])?.1)));
        match (known, base_url) {
            (Some((known, "")), _) => {
                let message = format!("`{name}` names no model");
                Err(Error::new(ErrorKind::Config, message)
                    .hint(format!("put it after the slash: `{}/MODEL`", known.id)))
            }
            (Some((known, model)), base_url) => known.provider(model, base_url, env),
            (None, Some(base_url)) => Self::unnamed(name, base_url, env),
            (None, None) => Err(nowhere(name)),
        }
    }

    /// What must not be shown where the server repeats it: the key, and what the address holds.
    pub(super) fn secrets(&self) -> Vec<String> {
        // `api-version=2024-02-01` is no secret, and a date in a critique must stay one.
        const NAMES: [&str; 7] = ["key", "token", "secret", "password", "sig", "auth", "code"];
        let url = &self.base_url;
        let is_secret = |name: &str| NAMES.iter().any(|part| name.to_lowercase().contains(part));
        let of_query = url.query_pairs().filter(|(name, _)| is_secret(name));
        let of_query = of_query.map(|(_, value)| value.into_owned());
        let key = self.key.iter().map(|key| key.expose().to_owned());
        let password = url.password().map(ToOwned::to_owned);
        key.chain(password).chain(of_query).collect()
    }

    /// Whether the server runs on this machine.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.base_url)
    }

    /// Origin and path, without credentials, query and trailing slash: safe to show.
    pub(super) fn place(&self) -> String {
        place_of(&self.base_url)
    }

    fn unnamed(model: &str, base_url: &str, env: Environment<'_>) -> Result<Self> {
        Ok(Self {
            id: "server",
            base_url: address(base_url)?,
            key: env(USUAL_KEY).as_deref().and_then(secret),
            key_variable: USUAL_KEY,
            model: model.to_owned(),
            dialect: None,
            organization: None,
            project: None,
        })
    }
}

impl Known {
    fn provider(&self, model: &str, typed: Option<&str>, env: Environment<'_>) -> Result<Provider> {
        let base_url = self.base_url(typed, env)?;
        let typed = env(self.key_variable);
        let key = typed.as_deref().and_then(secret);
        let at_home = same_origin(&base_url, self.address);
        if self.needs_key && at_home && key.is_none() {
            let message = format!("no key for `{}/{model}`", self.id);
            let is = if typed.is_some() { "is empty: set it" } else { "is not set: set it" };
            return Err(Error::new(ErrorKind::Config, message)
                .hint(format!("{} {is} to your key", self.key_variable)));
        }
        // Many servers speak as OpenAI's does; which of them this is, only the server can say.
        let dialect = (self.dialect != Dialect::OpenAi || at_home).then_some(self.dialect);
        let paid_by = |variable| env(variable).filter(|_| self.dialect == Dialect::OpenAi);
        Ok(Provider {
            id: self.id,
            base_url,
            key,
            key_variable: self.key_variable,
            model: model.to_owned(),
            dialect,
            organization: paid_by("OPENAI_ORG_ID"),
            project: paid_by("OPENAI_PROJECT_ID"),
        })
    }

    fn base_url(&self, typed: Option<&str>, env: Environment<'_>) -> Result<Url> {
        if let Some(typed) = typed {
            return address(typed);
        }
        let mut variables = self.address_variables.iter();
        match variables.find_map(|variable| Some((*variable, env(variable)?))) {
            Some((OLLAMA_HOST, host)) => address(&ollama(&host)),
            Some((variable, url)) => address(&url).map_err(|error| error.within(variable)),
            None => address(self.address),
        }
    }
}

fn secret(text: &str) -> Option<Secret> {
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

fn place_of(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || number.is_ok_and(|number| number.is_loopback())
}

fn same_origin(url: &Url, address: &str) -> bool {
    Url::parse(address).is_ok_and(|address| address.origin() == url.origin())
}

/// An address as people type it: a slash or the whole path of a request at its end do no harm.
fn address(typed: &str) -> Result<Url> {
    let wrong = |shown: &str| {
        Error::new(ErrorKind::Config, format!("{shown} is not the address of an API"))
            .hint("write it like `http://127.0.0.1:8080/v1`")
    };
    // What cannot be read is not shown: it may hold a password.
    let mut url = Url::parse(typed.trim()).map_err(|_| wrong("the base URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("the base URL"));
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(url)
}

/// `OLLAMA_HOST` is a host, a host and port, or an address, and may name the address to listen at.
fn ollama(host: &str) -> String {
    const PORT: &str = "11434";
    let host = host.trim().trim_end_matches('/').replace("0.0.0.0", "127.0.0.1");
    let host = if host.starts_with(':') { format!("127.0.0.1{host}") } else { host };
    let url = match host.split_once("://") {
        Some(_) => host,
        None if host.rsplit_once(':').is_some_and(|(_, port)| is_number(port)) => {
            format!("http://{host}")
        }
        None => format!("http://{host}:{PORT}"),
    };
    if url.ends_with("/v1") { url } else { format!("{url}/v1") }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn nowhere(name: &str) -> Error {
    let prefixes: Vec<_> = KNOWN.iter().map(|known| format!("`{}/MODEL`", known.id)).collect();
    let message = format!("unknown model `{name}`: expected a .gguf file or PROVIDER/MODEL");
    Error::new(ErrorKind::Config, message)
        .hint(format!("servers with a name: {}", prefixes.join(", ")))
        .hint("for any other server, give its address with --base-url")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, base_url: Option<&str>, vars: &[(&str, &str)]) -> Result<Provider> {
        let env = |wanted: &str| {
            vars.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        };
        Provider::of(name, base_url, &env)
    }

    #[test]
    fn names_say_where_a_model_is() {
        let key = ("OPENAI_API_KEY", "sk-1");
        let router = ("OPENROUTER_API_KEY", "sk-2");
        for (name, base_url, vars, place, model) in [
            ("openai/gpt-5", None, vec![key], "https://api.openai.com/v1", "gpt-5"),
            ("openai:gpt-5", None, vec![key], "https://api.openai.com/v1", "gpt-5"),
            ("openai/m", None, vec![("OPENAI_BASE_URL", "http://h:1/v1/")], "http://h:1/v1", "m"),
            ("openai/m", None, vec![("OPENAI_API_BASE", "http://h:2/v1")], "http://h:2/v1", "m"),
            ("ollama/llama3:8b", None, vec![], "http://127.0.0.1:11434/v1", "llama3:8b"),
            ("ollama/x", None, vec![("OLLAMA_HOST", "0.0.0.0")], "http://127.0.0.1:11434/v1", "x"),
            ("ollama/x", None, vec![("OLLAMA_HOST", "h:99")], "http://h:99/v1", "x"),
            ("ollama/x", None, vec![("OLLAMA_HOST", "https://h/")], "https://h/v1", "x"),
            ("vllm/a/b", None, vec![("VLLM_BASE_URL", "http://h:3/v1")], "http://h:3/v1", "a/b"),
            ("llamacpp/x", None, vec![], "http://127.0.0.1:8080/v1", "x"),
            ("openrouter/a/b:free", None, vec![router], "https://openrouter.ai/api/v1", "a/b:free"),
            ("a/b", Some("http://u:p@h/v1?k=v#f"), vec![], "http://h/v1", "a/b"),
            ("x", Some("http://h/v1/chat/completions"), vec![], "http://h/v1", "x"),
            ("vllm/x", Some("http://h:9"), vec![], "http://h:9", "x"),
        ] {
            let provider = at(name, base_url, &vars).unwrap();
            assert_eq!((provider.place().as_str(), provider.model.as_str()), (place, model));
        }
    }

    #[test]
    fn an_unknown_name_never_means_somebody_elses_server() {
        for name in ["gpt-5", "llama3:8b", "acme/gpt", ""] {
            let error = at(name, None, &[("OPENAI_API_KEY", "sk-1")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.hints().iter().any(|hint| hint.to_string().contains("--base-url")),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_missing_key_is_named_before_anything_is_sent() {
        for (name, variable) in
            [("openai/x", "OPENAI_API_KEY"), ("openrouter/x", "OPENROUTER_API_KEY")]
        {
            let error = at(name, None, &[]).unwrap_err();
            assert!(error.hints()[0].to_string().contains(variable), "{error:?}");
        }
        assert!(at("openai/x", Some("http://127.0.0.1:1/v1"), &[]).is_ok());
    }

    #[test]
    fn only_the_presets_own_server_and_this_machine_are_not_foreign() {
        for (name, typed) in [
            ("openai/x", "https://api.openai.com/v1"),
            ("mine", "https://api.openai.com:443/v1"),
            ("openrouter/x", "https://openrouter.ai/api/v1/"),
            ("mine", "http://127.0.0.1:99/v1"),
            ("vllm/x", "http://127.3.2.1/v1"),
            ("mine", "http://LOCALHOST:1/v1"),
            ("mine", "http://[::1]:1/v1"),
            ("mine", "not an address"),
        ] {
            assert_eq!(foreign_place(name, typed), None, "{name} {typed}");
        }
        for (name, typed) in [
            ("openai/x", "https://evil.example/v1"),
            ("openai/x", "https://openrouter.ai/api/v1"),
            ("openai/x", "http://api.openai.com/v1"),
            ("openai/x", "https://api.openai.com.evil.example/v1"),
            ("openai/x", "https://api.openai.com@evil.example/v1"),
            ("mine", "http://127.0.0.1@evil.example/v1"),
            ("mine", "http://localhost.evil.example/v1"),
            ("mine", "http://127.0.0.1.evil.example/v1"),
            ("mine", "http://0.0.0.0/v1"),
            ("mine", "http://[::ffff:127.0.0.1]/v1"),
        ] {
            assert!(foreign_place(name, typed).is_some(), "{name} {typed}");
        }
        assert_eq!(foreign_place("x", "http://u:secret@h/v1?k=v").unwrap(), "http://h/v1");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_variable_with_an_address_is_read_as_its_server_reads_it() {
        assert_eq!(foreign_place_in("OLLAMA_HOST", "0.0.0.0:1"), None);
        assert_eq!(foreign_place_in("OLLAMA_HOST", "evil:1").unwrap(), "http://evil:1/v1");
        assert!(foreign_place_in("OPENAI_BASE_URL", "https://evil.example/v1").is_some());
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_shown() {
        for url in ["localhost:8080/v1", "ftp://h/v1", "http://", "user:hunter22@@@"] {
            let error = at("x", Some(url), &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error:?}").contains("hunter22"));
        }
    }

    #[test]
    fn what_an_address_holds_is_secret_only_where_it_is_named_so() {
        let url = "http://u:hunter22hunter@h/v1?api-version=2024-02-01&token=abcdefghij";
        let secrets = at("m", Some(url), &[]).unwrap().secrets();
        assert_eq!(secrets, ["hunter22hunter", "abcdefghij"]);
    }

    #[test]
    fn only_strangers_are_asked_what_they_are() {
        let env = [("OPENAI_API_KEY", "k"), ("OPENAI_ORG_ID", "org"), ("VLLM_API_KEY", "v")];
        let own = at("openai/x", None, &env).unwrap();
        assert_eq!(
            (own.dialect, own.organization.as_deref()),
            (Some(Dialect::OpenAi), Some("org"))
        );
        assert_eq!(at("openai/x", Some("http://h/v1"), &env).unwrap().dialect, None);
        let vllm = at("vllm/x", None, &env).unwrap();
        assert_eq!((vllm.dialect, vllm.organization), (Some(Dialect::Vllm), None));
    }
}
