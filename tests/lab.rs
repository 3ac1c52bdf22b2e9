//! The product on real servers: each case of `tests/lab/cases.toml` and its neighbours breaks the lab, runs
//! `sightline check` inside the site, heals the lab and compares the verdict and its causes.
//!
//! Needs root and network namespaces, so that it runs only when it is asked for:
//! `cargo test --test integration lab -- --ignored`. `tests/run` does that and says so where it
//! cannot.

mod networks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// A check that is still running then hangs: a probe has 5 s, and the whole at most 2 s more.
const LONGEST_CHECK: Duration = Duration::from_secs(20);

/// The slowest command of the lab restarts both domain controllers.
const LONGEST_COMMAND: Duration = Duration::from_secs(120);

/// The cases, below `tests/lab`.
const FILES: [&str; 5] = [
    "cases.toml",
    "internet.toml",
    "vpn.toml",
    "tunnels.toml",
    "networks.toml",
];

/// As many cases may need a second try in a run, of some two hundred.
const MOST_SECOND_TRIES: usize = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Names that `tests/lab/lab faults` lists; none for the healthy lab.
    #[serde(default)]
    faults: Vec<String>,
    /// The proxy that the configuration names; what the site announces without it.
    proxy: Option<String>,
    /// The stages that the check is asked for; none for all.
    #[serde(default)]
    named: Vec<String>,
    /// More of the configuration, as TOML. `@VPN@` is the directory with the keys of the VPN gateways,
    /// `@WIREGUARD@` the public key of the one of WireGuard.
    #[serde(default)]
    config: String,
    /// Environment variables, which win over the configuration.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// More words of the command line.
    #[serde(default)]
    arguments: Vec<String>,
    /// Between which numbers the throughput must be, in Mbit/s.
    throughput: Option<[f64; 2]>,
    /// Of the network, or the worst where there are several.
    verdict: String,
    /// Each of several networks, in their order.
    #[serde(default)]
    networks: Vec<networks::Wanted>,
    /// Least and most of what `lab counts` counts on the links of two networks.
    #[serde(default)]
    counts: BTreeMap<String, [u64; 2]>,
    /// `stage/reason severity subject`, all of them in order.
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    stages: BTreeMap<String, String>,
    /// The usable controllers by their first label.
    usable: Option<Vec<String>>,
    /// Services of every usable controller that must pass.
    #[serde(default)]
    services: Vec<String>,
    /// The AD site that the controllers compute for the box.
    client_site: Option<String>,
    /// The AD sites of controllers, by their first label.
    #[serde(default)]
    ad_sites: BTreeMap<String, String>,
    /// A capability that the box does not have, such as `net_bind_service`.
    without: Option<String>,
    /// Texts that must stand somewhere in the JSON.
    #[serde(default)]
    says: Vec<String>,
    /// Whether the clock of every usable controller must have been read.
    #[serde(default)]
    has_skew: bool,
    /// Whether the box has an account, and signs in with it.
    #[serde(default)]
    account: bool,
    /// How many wrong passwords the controllers count after two checks with the account; both checks must
    /// give the same.
    tries: Option<u32>,
}

struct Lab {
    script: PathBuf,
    config: tempfile::TempDir,
    /// The configuration of every case.
    text: String,
    /// The account of the box, as a table of the configuration.
    account: String,
    /// The state of the controllers.
    run: PathBuf,
    vpn_directory: String,
    wireguard_key: String,
}

impl Case {
    /// What it is about, in a line.
    fn name(&self) -> String {
        let mut name = if self.faults.is_empty() {
            "healthy".to_owned()
        } else {
            self.faults.join(" + ")
        };
        for stage in &self.named {
            let _infallible = write!(name, " --stage {stage}");
        }
        if let Some(proxy) = &self.proxy {
            let _infallible = write!(name, " (proxy {proxy})");
        }
        if let Some(capability) = &self.without {
            let _infallible = write!(name, " without {capability}");
        }
        if self.account {
            name += " with an account";
        }
        if !self.config.is_empty() {
            let words = self.config.replace('\n', " ");
            name += " with ";
            name.extend(words.trim_end().chars().take(80));
        }
        for word in &self.arguments {
            let _infallible = write!(name, " {word}");
        }
        name
    }
}

impl Lab {
    /// Breaks the lab, looks, and heals it; what is not as the case has it.
    fn attempt(&self, case: &Case) -> Vec<String> {
        let faults: Vec<&str> = std::iter::once("fault")
            .chain(case.faults.iter().map(String::as_str))
            .collect();
        let broken = if case.faults.is_empty() {
            Ok(String::new())
        } else {
            self.run(&faults)
        };
        self.set_account(case.account);
        let look = || match self.check(case) {
            Ok((status, exit)) => mistakes(case, &status, exit),
            Err(error) => vec![error],
        };
        let mut found = match broken {
            Ok(_) => look(),
            Err(error) => vec![error],
        };
        if let Some(tries) = case.tries {
            found.extend(look());
            let counted = self.wrong_passwords();
            if counted != Ok(tries) {
                found.push(format!("wrong passwords: {counted:?}, wanted {tries}"));
            }
        }
        if !case.counts.is_empty() {
            let counted = self.run(&["counts"]);
            found.extend(counted.map_or_else(
                |error| vec![error],
                |counted| networks::miscounts(&case.counts, &counted),
            ));
        }
        found.extend(self.run(&["heal"]).err());
        found
    }

    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut lab = Self {
            script: root.join("tests/lab/lab"),
            config: tempfile::tempdir().expect("a scratch directory"),
            text: String::new(),
            account: String::new(),
            run: PathBuf::new(),
            vpn_directory: String::new(),
            wireguard_key: String::new(),
        };
        let paths = lab.run(&["env"]).expect("the lab says where its files are");
        let path = |key: &str| {
            let mut values = paths.lines().filter_map(|line| line.split_once('='));
            values
                .find_map(|(known, value)| (known == key).then(|| value.to_owned()))
                .unwrap_or_else(|| panic!("the lab says nothing of {key}"))
        };
        lab.text = format!(
            "[site]\nname = \"lab\"\n\
             [domain]\nname = \"corp.example.com\"\ntenant = \"contoso.com\"\n\
             [tls]\ncorporate_roots = [\"{}\"]\nextra_public_roots = [\"{}\"]\n",
            path("LAB_CA_FILE"),
            path("LAB_PUBLIC_CA_FILE"),
        );
        lab.account = format!(
            "[account]\nname = \"canary@corp.example.com\"\npassword_file = \"{}\"\n\
             canary_logon = true\n[store]\npath = \"{}\"\n",
            path("LAB_SITE_PASSWORD_FILE"),
            lab.config.path().join("store").display(),
        );
        lab.run = path("LAB_RUN").into();
        lab.vpn_directory = path("LAB_VPN_DIR");
        lab.wireguard_key = path("LAB_WIREGUARD_PUBLIC_KEY");
        lab
    }

    /// Gives the box its account or takes it away, and lets it forget what became of it.
    fn set_account(&self, is_there: bool) {
        let directory = self.config.path().join("conf.d");
        for gone in [&directory, &self.config.path().join("store")] {
            let _none = std::fs::remove_dir_all(gone);
        }
        if is_there {
            std::fs::create_dir(&directory).expect("a directory of drop-ins");
            std::fs::write(directory.join("account.toml"), &self.account).expect("written");
        }
    }

    /// How many wrong passwords both controllers count for the account.
    fn wrong_passwords(&self) -> Result<u32, String> {
        let count = |dc: &str| {
            let database = self.run.join(dc).join("private/sam.ldb");
            let config = self.run.join(dc).join("smb.conf");
            let said = self.run(&[
                "in",
                dc,
                "samba-tool",
                "user",
                "show",
                "canary",
                "--attributes=badPwdCount",
                "-H",
                &database.to_string_lossy(),
                "-s",
                &config.to_string_lossy(),
            ])?;
            let counted = said
                .lines()
                .find_map(|line| line.strip_prefix("badPwdCount:"))
                .ok_or_else(|| format!("{dc} does not count: {said}"))?;
            let counted = counted.trim();
            counted.parse::<u32>().map_err(|error| error.to_string())
        };
        Ok(count("dc1")? + count("dc2")?)
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.script);
        command.args(arguments);
        let output = bounded(command, LONGEST_COMMAND)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!(
                "lab {}: {}: {}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ))
        }
    }

    fn check(&self, case: &Case) -> Result<(Value, Option<i32>), String> {
        let proxy = case.proxy.iter();
        let proxy = proxy.map(|proxy| format!("[[network]]\nproxy = \"{proxy}\"\n"));
        let file = self.config.path().join("sightline.toml");
        let more = case
            .config
            .replace("@VPN@", &self.vpn_directory)
            .replace("@WIREGUARD@", &self.wireguard_key);
        let text = format!("{more}\n{}{}", self.text, proxy.collect::<String>());
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut command = Command::new(&self.script);
        command.args(["in", "site"]);
        if let Some(capability) = &case.without {
            command
                .arg("setpriv")
                .args(["inh-caps", "bounding-set"].map(|set| format!("--{set}=-{capability}")));
        }
        let variables = case.environment.iter();
        command
            .args(["env", "-u", "LAB_PREFIX"])
            .args(variables.map(|(name, value)| format!("{name}={value}")))
            .args([env!("CARGO_BIN_EXE_sightline"), "check"])
            .arg("--config")
            .arg(file)
            .args(["--output", "json"])
            .args(&case.arguments)
            .args(case.named.iter().flat_map(|stage| ["--stage", stage]));
        let output = bounded(command, LONGEST_CHECK)?;
        let json = serde_json::from_slice(&output.stdout).map_err(|error| {
            format!(
                "{error}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        Ok((json, output.status.code()))
    }
}

/// Runs a command and ends it by its id when it takes too long.
fn bounded(mut command: Command, limit: Duration) -> Result<Output, String> {
    let shown = format!("{command:?}");
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{shown}: {error}"))?;
    let id = child.id().to_string();
    let (told, ended) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let is_late = ended.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        if is_late {
            let _gone = Command::new("kill").args(["-KILL", &id]).status();
        }
        is_late
    });
    let output = child.wait_with_output();
    drop(told);
    if guard.join().expect("the guard does not panic") {
        return Err(format!("{shown}: not done within {limit:?}"));
    }
    output.map_err(|error| format!("{shown}: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("?")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The first label of a controller's name.
fn label(dc: &Value) -> &str {
    text(dc, "name").split('.').next().unwrap_or("?")
}

fn mistakes(case: &Case, status: &Value, exit: Option<i32>) -> Vec<String> {
    let network = &status["networks"][0];
    let mut mistakes = if case.networks.is_empty() {
        networks::mistakes_of_one(&case.verdict, &case.causes, network)
    } else {
        networks::mistakes(&case.networks, status)
    };
    let mut compare = |what: &str, got: String, wanted: String| {
        if got != wanted {
            mistakes.push(format!("{what}:\n     got {got}\n  wanted {wanted}"));
        }
    };
    let code = match case.verdict.as_str() {
        "ready" => 0,
        "degraded" => 1,
        "not_ready" => 2,
        _ => 3,
    };
    compare(
        "exit status",
        format!("{exit:?}"),
        format!("{:?}", Some(code)),
    );
    let everything = status.to_string();
    for wanted in &case.says {
        compare(
            &format!("says `{wanted}`"),
            everything.contains(wanted).to_string(),
            true.to_string(),
        );
    }
    if let Some([least, most]) = case.throughput {
        let mut probes = list(&network["stages"]).flat_map(|stage| list(&stage["probes"]));
        let got = probes
            .find(|probe| probe["probe"] == "throughput")
            .and_then(|probe| probe["evidence"]["throughput_mbit_per_second"].as_f64());
        let is_between = got.is_some_and(|got| (least..=most).contains(&got));
        compare(
            &format!("throughput of {got:?} from {least} to {most}"),
            is_between.to_string(),
            true.to_string(),
        );
    }
    for (stage, wanted) in &case.stages {
        let got = list(&network["stages"]).find(|status| text(status, "stage") == stage);
        compare(
            stage,
            got.map_or("?", |status| text(status, "verdict")).into(),
            wanted.clone(),
        );
    }
    let usable: Vec<_> = list(&network["domain_controllers"])
        .filter(|dc| dc["usable"] == true)
        .collect();
    if let Some(wanted) = &case.usable {
        let mut names: Vec<_> = usable.iter().copied().map(label).collect();
        names.sort_unstable();
        compare("usable", format!("{names:?}"), format!("{wanted:?}"));
    }
    if let Some(wanted) = &case.client_site {
        compare(
            "client_site",
            text(network, "client_site").into(),
            wanted.clone(),
        );
    }
    for (name, wanted) in &case.ad_sites {
        let got = list(&network["domain_controllers"]).find(|dc| label(dc) == name);
        compare(
            &format!("ad_site of {name}"),
            got.map_or("?", |dc| text(dc, "ad_site")).into(),
            wanted.clone(),
        );
    }
    for dc in usable {
        if case.has_skew {
            compare(
                &format!("clock_skew_seconds of {} is there", text(dc, "name")),
                dc["clock_skew_seconds"].is_number().to_string(),
                true.to_string(),
            );
        }
        for service in &case.services {
            compare(
                &format!("{} of {}", service, text(dc, "name")),
                text(&dc["services"], service).into(),
                "pass".into(),
            );
        }
    }
    mistakes
}

#[test]
#[ignore = "needs the lab; tests/run brings it up"]
fn every_fault_of_the_lab_has_its_one_cause() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab");
    let cases = FILES.into_iter().flat_map(|file| {
        let text = std::fs::read_to_string(directory.join(file)).expect("the cases are there");
        let read: Cases = toml::from_str(&text).expect("the cases are valid");
        read.case
    });
    let only = std::env::var("LAB_CASE").ok();
    let lab = Lab::new();
    lab.run(&["heal"]).expect("the lab heals");

    let mut failures = String::new();
    let (mut done, mut second_tries) = (0, 0);
    for case in cases {
        let name = case.name();
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        done += 1;
        let begun = Instant::now();
        let mut found = lab.attempt(&case);
        // Everything here happens in real time on machines that others use too. What fails twice is a
        // fault; what fails once is printed, and more of that than a stray one fails the test too.
        // A packet that leaked once has leaked.
        let may_try_again = case.tries.is_none() && case.counts.is_empty();
        if !found.is_empty() && may_try_again && second_tries < MOST_SECOND_TRIES {
            println!("AGAIN {name}: {}", found.join("\n"));
            found = lab.attempt(&case);
            second_tries += 1;
        }
        println!(
            "{} {name} ({:.1} s)",
            if found.is_empty() { "ok  " } else { "FAIL" },
            begun.elapsed().as_secs_f64()
        );
        for mistake in found {
            println!("{mistake}");
            let _infallible = writeln!(failures, "{name}: {mistake}");
        }
    }
    assert!(done > 0, "no case is called like that");
    assert!(failures.is_empty(), "\n{failures}");
}
