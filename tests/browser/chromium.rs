//! A headless Chromium, driven by the DevTools protocol over a pair of pipes: messages in JSON, each ended by
//! a zero byte.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The names by which distributions have it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// An answer comes so soon, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The browser, with one page.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    to: File,
    messages: Receiver<Value>,
    next: u64,
    session: String,
    /// What the browser has told without being asked.
    events: Vec<(String, Value)>,
    _directory: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let pipe = |name: &str| {
            let path = directory.path().join(name);
            let made = Command::new("mkfifo").arg(&path).status();
            assert!(made.expect("mkfifo runs").success());
            // For both, so that neither side waits for the other.
            let both = OpenOptions::new().read(true).write(true).open(&path);
            (path, both.expect("a pipe"))
        };
        let ((to_path, to), (from_path, from)) = (pipe("to"), pipe("from"));
        let is_there = |name: &&&str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|place| place.join(name).exists())
        };
        let name = NAMES.iter().find(is_there).expect("there is no Chromium");
        let child = Command::new("sh")
            .arg("-c")
            .arg("exec \"$@\" 3<\"$TO\" 4>\"$FROM\"")
            .args(["sh", name])
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
            ])
            .arg(format!(
                "--user-data-dir={}",
                directory.path().join("user").display()
            ))
            .arg("about:blank")
            .env("TO", &to_path)
            .env("FROM", &from_path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let (send, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0) {
                let Ok(message) = message else { return };
                let value = serde_json::from_slice(&message).expect("JSON");
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            to,
            messages,
            next: 1,
            session: String::new(),
            events: Vec::new(),
            _directory: directory,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let given = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", given);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, given: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut message = json!({"id": id, "method": method, "params": given});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("it reads");
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.message(until, method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn message(&mut self, until: Instant, what: &str) -> Value {
        let left = until.saturating_duration_since(Instant::now());
        let message = self.messages.recv_timeout(left);
        let mut message = message.unwrap_or_else(|_| panic!("{what}: the browser says nothing"));
        if let Some(method) = message["method"].as_str() {
            let method = method.to_owned();
            self.events.push((method, message["params"].take()));
        }
        message
    }

    /// Loads a page, and waits until it is there.
    pub(crate) fn load(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": address}));
        let until = Instant::now() + PATIENCE;
        while !self.has_told("Page.loadEventFired") {
            self.message(until, "loading");
        }
    }

    fn has_told(&self, method: &str) -> bool {
        self.events.iter().any(|(told, _)| told == method)
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let given = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let told = self.call("Runtime.evaluate", given);
        let fault = &told["exceptionDetails"];
        assert!(fault.is_null(), "{expression}: {fault}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression is true; whether it became so.
    pub(crate) fn becomes(&mut self, expression: &str, within: Duration) -> bool {
        let until = Instant::now() + within;
        loop {
            if self.value(expression) == Value::Bool(true) {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let given =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", given);
        }
    }

    /// How large the window is, and whether it is dark.
    pub(crate) fn window(&mut self, (width, height): (u32, u32), scheme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// What went wrong since the page was loaded, and what was asked of others than `own`.
    pub(crate) fn complaints(&self, own: &str) -> Vec<String> {
        let events = self.events.iter();
        let complaints = events.filter_map(|(method, told)| match method.as_str() {
            "Log.entryAdded" if told["entry"]["level"] == "error" => {
                Some(format!("log: {}", told["entry"]["text"]))
            }
            "Runtime.exceptionThrown" => Some(format!("thrown: {}", told["exceptionDetails"])),
            "Runtime.consoleAPICalled" => Some(format!("console: {}", told["args"])),
            "Network.requestWillBeSent" => {
                let url = told["request"]["url"].as_str().unwrap_or_default();
                let is_own = url.starts_with(own) || url.starts_with("data:");
                (!is_own).then(|| format!("asks {url}"))
            }
            _ => None,
        });
        complaints.collect()
    }

    /// The page as a picture (PNG), as far as somebody scrolls.
    pub(crate) fn picture(&mut self, file: &Path) {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let height = size["height"].as_f64().expect("a number").min(3000.0);
        let given = json!({
            "captureBeyondViewport": true,
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1},
        });
        let told = self.call("Page.captureScreenshot", given);
        let text = told["data"].as_str().expect("a picture");
        std::fs::write(file, decoded(text)).expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// RFC 4648 §4.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let place = LETTERS.iter().position(|known| *known == letter);
        let value = u32::try_from(place.expect("Base64")).expect("below 64");
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("an octet"));
        }
    }
    bytes
}
