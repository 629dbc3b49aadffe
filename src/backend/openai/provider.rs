//! The server of a model: its address, its key, and the quirks of its software.
//!
//! Nothing here reads the environment of the process. Variables are looked up by a function of the caller, so
//! one place decides which of them may be read.

use std::fmt;

use reqwest::Url;
use secrecy::SecretString;

use super::{
    quirks::Quirks,
    servers::{AddressForm, SERVERS, ServerPreset, UNNAMED},
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
};

/// Looks up a variable, such as `OPENAI_API_KEY`: in the environment of the process, in that of a test, or nowhere.
pub type Variables<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A server and the model on it.
///
/// ```
/// use tribunal::backend::openai::Provider;
///
/// let variables = |name: &str| (name == "VLLM_BASE_URL").then(|| "http://gpu:8000/v1/".to_owned());
/// let provider = Provider::of("vllm/qwen", None, &variables)?;
/// assert_eq!(provider.base_url.as_str(), "http://gpu:8000/v1");
/// assert_eq!((provider.id(), provider.model.as_str()), ("vllm", "qwen"));
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone)]
pub struct Provider {
    /// What is known of servers of this name.
    pub(super) preset: &'static ServerPreset,
    /// The address, up to and including `/v1`; credentials and a query may be part of it.
    pub base_url: Url,
    /// The key that authorizes requests. It is never printed, and is wiped from memory with the last copy.
    pub key: Option<SecretString>,
    /// The variable from which the key is read, for messages.
    pub key_variable: String,
    /// The name of the model on the server.
    pub model: String,
    /// The quirks of the server; `None` if the server must be asked.
    pub quirks: Option<&'static Quirks>,
    /// The organization to charge, for the API of OpenAI.
    pub organization: Option<String>,
    /// The project to charge, for the API of OpenAI.
    pub project: Option<String>,
    /// Whether the server is asked nothing about itself.
    pub(super) is_unasked: bool,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id())
            .field("place", &self.place())
            .field("model", &self.model)
            .field("quirks", &self.quirks)
            .finish_non_exhaustive()
    }
}

/// The variable with the key for a model of this name, unless another one is configured: the variable of its
/// preset, or `OPENAI_API_KEY`, which most servers without a preset use.
pub fn key_variable(name: &str) -> &'static str {
    ServerPreset::of_name(name).unwrap_or(&UNNAMED).key_variable
}

/// The variables that may give the address of a model of this name.
pub fn address_variables_of(name: &str) -> &'static [&'static str] {
    ServerPreset::of_name(name).unwrap_or(&UNNAMED).address_variables
}

/// The words before the slash in names of models with a preset.
pub fn ids() -> impl Iterator<Item = &'static str> {
    SERVERS.iter().map(|preset| preset.id)
}

/// Every variable that contains a key, or names the account to charge.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    let payers = SERVERS.iter().filter_map(|preset| preset.payer_variables).flatten();
    SERVERS.iter().flat_map(ServerPreset::key_variables).chain(payers)
}

/// Every variable that may give an address.
pub fn address_variables() -> impl Iterator<Item = &'static str> {
    SERVERS.iter().flat_map(|preset| preset.address_variables).copied()
}

/// The place of this address, for a model of this name, if it is neither the preset's own server nor on this
/// machine. `None` also if the address is invalid.
pub fn foreign_place(name: &str, typed: &str) -> Option<String> {
    let url = address(typed).ok()?;
    let key = key_variable(name);
    let mut owners = SERVERS.iter().filter(|preset| preset.key_variable == key);
    let is_own = owners.any(|preset| same_origin(&url, preset.address));
    (!is_own && !is_loopback(&url)).then(|| place_of(&url))
}

/// [`foreign_place`] for the value of a variable that gives an address, such as `OLLAMA_HOST`, which is
/// parsed as the preset does. `None` also if the variable belongs to no preset.
pub fn foreign_place_in(variable: &str, value: &str) -> Option<String> {
    let owner = SERVERS.iter().find(|preset| preset.address_variables.contains(&variable))?;
    foreign_place(&format!("{}/", owner.id), &owner.written_out(value))
}

impl Provider {
    /// The server and model that `name` refers to; `base_url` is the configured address.
    ///
    /// A name with a preset (`openai/MODEL`) refers to the preset's server: at `base_url`, at the address in
    /// one of its variables, or at its own address. Any other name is a model of the server at `base_url`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the name has no preset and no address was given, the address is invalid, or a
    /// key is missing.
    pub fn of(name: &str, base_url: Option<&str>, env: Variables<'_>) -> Result<Self> {
        let Some(preset) = ServerPreset::of_name(name) else {
            let base_url = base_url.ok_or_else(|| nowhere(name))?;
            return Ok(UNNAMED.provider(name, address(base_url)?, env));
        };
        let model = name.split_once(['/', ':']).map_or("", |(_, model)| model);
        if model.is_empty() {
            let message = format!("`{name}` has no model name");
            return Err(Error::new(ErrorKind::Config, message)
                .hint(format!("put it after the slash: `{}/MODEL`", preset.id)));
        }
        let provider = preset.provider(model, preset.base_url(base_url, env)?, env);
        let is_own = preset.address.is_empty() || preset.is_at(&provider.base_url);
        if preset.needs_key && is_own && provider.key.is_none() {
            let is_set = env(preset.key_variable).is_some();
            return Err(preset.without_key(model, is_set));
        }
        Ok(provider)
    }

    /// The word before the first `/` or `:` in the model's name; `server` for a name without a preset.
    pub fn id(&self) -> &'static str {
        self.preset.id
    }

    /// The same server with only the common features assumed where it would have to be asked: for runs that
    /// send nothing.
    #[must_use]
    pub fn unasked(self) -> Self {
        Self { quirks: self.quirks.or(Some(Quirks::PLAIN)), is_unasked: true, ..self }
    }

    /// The texts to hide when the server repeats them: the key, and the secrets in the address.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        // `api-version=2024-02-01` is not a secret, and the date must stay readable in a critique.
        const NAMES: [&str; 7] = ["key", "token", "secret", "password", "sig", "auth", "code"];
        let url = &self.base_url;
        let is_secret = |name: &str| NAMES.iter().any(|part| name.to_lowercase().contains(part));
        let of_query = url.query_pairs().filter(|(name, _)| is_secret(name));
        let of_query = of_query.map(|(_, value)| SecretString::from(value.into_owned()));
        let password = url.password().map(SecretString::from);
        self.key.clone().into_iter().chain(password).chain(of_query).collect()
    }

    /// Whether this is the provider's own server, where the list prices apply.
    pub(super) fn is_own_server(&self) -> bool {
        self.preset.is_at(&self.base_url)
    }

    /// Whether the server runs on this machine.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.base_url)
    }

    /// Origin and path, without credentials, query and trailing slash; safe to show.
    pub(super) fn place(&self) -> String {
        place_of(&self.base_url)
    }
}

impl ServerPreset {
    /// The server at this address, with the key and the account to charge from the environment.
    fn provider(&'static self, model: &str, base_url: Url, env: Variables<'_>) -> Provider {
        let is_known = self.is_same_elsewhere || self.is_at(&base_url);
        let [organization, project] = match self.payer_variables {
            Some(variables) => variables.map(env),
            None => [None, None],
        };
        Provider {
            preset: self,
            base_url,
            key: self.key_variables().find_map(|name| secret(&env(name)?)),
            key_variable: self.key_variable.to_owned(),
            model: model.to_owned(),
            quirks: (is_known && self.id != UNNAMED.id).then_some(&self.quirks),
            organization,
            project,
            is_unasked: false,
        }
    }

    /// Whether this address belongs to the preset's own server.
    fn is_at(&self, base_url: &Url) -> bool {
        same_origin(base_url, self.address)
    }

    /// The error for a server that requires a key.
    fn without_key(&self, model: &str, is_set: bool) -> Error {
        let message = format!("no key for `{}/{model}`", self.id);
        let problem = if is_set { "is empty" } else { "is not set" };
        Error::new(ErrorKind::Config, message)
            .hint(format!("{} {problem}: set it to your key", self.key_variable))
    }

    /// The configured address, otherwise that of the first variable that is set, otherwise the preset's own.
    fn base_url(&self, typed: Option<&str>, env: Variables<'_>) -> Result<Url> {
        if let Some(typed) = typed {
            return address(typed);
        }
        let mut variables = self.address_variables.iter();
        match variables.find_map(|variable| Some((*variable, env(variable)?))) {
            Some((variable, value)) => {
                address(&self.written_out(&value)).map_err(|error| error.within(variable))
            }
            None if self.address.is_empty() => Err(self.without_address()),
            None => address(self.address),
        }
    }

    /// The error for a server that has no usual address.
    fn without_address(&self) -> Error {
        let message = format!("no address for models of `{}`", self.id);
        let variables = self.address_variables.join(" or ");
        Error::new(ErrorKind::Config, message)
            .hint(format!("set {variables} to the address of your resource"))
    }

    /// The value of a variable as a complete address.
    fn written_out(&self, value: &str) -> String {
        match self.address_form {
            AddressForm::Whole => value.to_owned(),
            AddressForm::Host => ollama(value),
            AddressForm::AzureResource => azure(value),
        }
    }
}

/// A key without surrounding whitespace; `None` if nothing is left.
fn secret(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}

/// Origin and path of an address, without its secrets.
fn place_of(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))
}

/// Whether an address is certainly on this machine. Host names that may resolve to another machine do not
/// count.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || number.is_ok_and(|number| number.is_loopback())
}

/// Whether two addresses have the same scheme, host and port.
fn same_origin(url: &Url, address: &str) -> bool {
    Url::parse(address).is_ok_and(|address| address.origin() == url.origin())
}

/// Parses an address as people type it; a trailing slash or the full path of a request is removed.
fn address(typed: &str) -> Result<Url> {
    let wrong = |shown: &str| {
        Error::new(ErrorKind::Config, format!("{shown} is not the address of an API"))
            .hint("write it like `http://127.0.0.1:8080/v1`")
    };
    // An invalid address is not shown, because it may contain a password.
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

/// The address in `OLLAMA_HOST`: a host, a host and port, or a URL. It may also be the address to listen on.
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

/// The address of the API of an Azure resource, such as `https://NAME.openai.azure.com`. An address that has
/// the path of an API already is kept.
fn azure(resource: &str) -> String {
    let resource = resource.trim().trim_end_matches('/');
    if resource.contains("/openai") { resource.to_owned() } else { format!("{resource}/openai/v1") }
}

/// Whether a text is a port number.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The error for a name without a preset and without an address.
fn nowhere(name: &str) -> Error {
    let prefixes: Vec<_> = SERVERS.iter().map(|it| format!("`{}/MODEL`", it.id)).collect();
    let message = format!("unknown model `{name}`: expected a .gguf file or PROVIDER/MODEL");
    Error::new(ErrorKind::Config, message)
        .hint(format!("servers with a name: {}", prefixes.join(", ")))
        .hint(
            Hint::from("for any other server, give its address with ")
                .setting("base_url", "http://127.0.0.1:8080/v1"),
        )
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

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
            (
                "azure/judge",
                None,
                vec![
                    ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com/"),
                    ("AZURE_OPENAI_API_KEY", "k"),
                ],
                "https://r.openai.azure.com/openai/v1",
                "judge",
            ),
            (
                "gemini/g",
                None,
                vec![("GOOGLE_API_KEY", "k")],
                "https://generativelanguage.googleapis.com/v1beta/openai",
                "g",
            ),
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
    fn an_unknown_name_never_means_a_server_of_a_provider() {
        for name in ["gpt-5", "llama3:8b", "acme/gpt", ""] {
            let error = at(name, None, &[("OPENAI_API_KEY", "sk-1")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.hints().iter().any(|hint| hint.to_string().contains("base_url")),
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
        let secrets: Vec<_> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, ["hunter22hunter", "abcdefghij"]);
    }

    #[test]
    fn only_strangers_are_asked_what_they_are() {
        let env = [("OPENAI_API_KEY", "k"), ("OPENAI_ORG_ID", "org"), ("VLLM_API_KEY", "v")];
        let own = at("openai/x", None, &env).unwrap();
        assert_eq!(
            (own.quirks, own.organization.as_deref()),
            (Some(Quirks::of("openai")), Some("org"))
        );
        assert_eq!(at("openai/x", Some("http://h/v1"), &env).unwrap().quirks, None);
        let vllm = at("vllm/x", None, &env).unwrap();
        assert_eq!((vllm.quirks, vllm.organization), (Some(Quirks::of("vllm")), None));
    }
}
