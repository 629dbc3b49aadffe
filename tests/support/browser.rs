//! A real browser without a screen, driven over WebDriver.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use super::Folder;

/// A window of Chromium with a profile of its own.
pub struct Browser {
    driver: Child,
    session: String,
    _profile: Folder,
}

/// Where Escape and the other keys without a character are in WebDriver.
pub const ESCAPE: &str = "\u{e00c}";
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const DOWN: &str = "\u{e015}";

impl Browser {
    /// Starts a browser with a window of this size; `arguments` are more of Chromium's own.
    pub fn start(name: &str, (width, height): (u32, u32), scripts: bool) -> Self {
        let profile = Folder::new(&format!("browser-{name}"));
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let port = line.strip_suffix('.')?.rsplit_once("on port ")?.1.to_owned();
            Some(port)
        });
        let arguments = [
            "--headless=new".into(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--disable-dev-shm-usage".into(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path("").display()),
            // Chromium has talks of its own, which find nobody.
            "--proxy-server=http://127.0.0.1:9".into(),
        ];
        let allowed = if scripts { 1 } else { 2 };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {"profile.managed_default_content_settings.javascript": allowed},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let address = format!("http://127.0.0.1:{}/session", port.unwrap());
        let begun = post(&address, &wanted);
        let id = begun["sessionId"].as_str().unwrap();
        let session = format!("{address}/{id}");
        Self { driver, session, _profile: profile }
    }

    /// Lays pages out in so many pixels, also in fewer than a window can have.
    pub fn resize(&self, (width, height): (u32, u32)) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
        post(&format!("{}/goog/cdp/execute", self.session), &command);
    }

    /// Opens a file; `hash` is what stands after its name, empty or with `#`.
    pub fn open(&self, path: &Path, hash: &str) {
        let address = format!("file://{}{hash}", path.display());
        post(&format!("{}/url", self.session), &json!({"url": address}));
    }

    /// What a script returns in the page.
    pub fn eval(&self, script: &str) -> Value {
        let script = json!({"script": format!("return {script}"), "args": []});
        post(&format!("{}/execute/sync", self.session), &script)
    }

    /// Presses these keys, one after the other.
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        post(&format!("{}/actions", self.session), &actions);
    }

    /// Waits until a script returns true.
    pub fn wait_for(&self, script: &str) {
        let is_true = || self.eval(script) == json!(true);
        assert!(
            (0..400).any(|_| is_true() || {
                thread::sleep(std::time::Duration::from_millis(25));
                false
            }),
            "{script}"
        );
    }

    /// What the page wrote to the console, violations of its policy included.
    pub fn console(&self) -> Vec<String> {
        let lines = post(&format!("{}/se/log", self.session), &json!({"type": "browser"}));
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The addresses in a network that the page asked for.
    pub fn requests(&self) -> Vec<String> {
        let lines = post(&format!("{}/se/log", self.session), &json!({"type": "performance"}));
        let lines = lines.as_array().unwrap().iter();
        let address = |line: &Value| {
            let event: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
            let event = &event["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            let url = event["params"]["request"]["url"].as_str().map(ToOwned::to_owned);
            url.filter(|url| is_request && (url.starts_with("http") || url.starts_with("ws")))
        };
        lines.filter_map(address).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The value that WebDriver answers.
fn post(address: &str, body: &Value) -> Value {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let agent = ureq::Agent::new_with_config(config);
    let text = agent
        .post(address)
        .content_type("application/json")
        .send(body.to_string())
        .unwrap()
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()
        .unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["value"]["error"].is_null(), "{answer:#}");
    answer["value"].take()
}
