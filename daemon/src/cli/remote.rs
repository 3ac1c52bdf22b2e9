//! Commands that ask the running daemon.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use hyper::Method;
use sightline_model::{Reason, Stage};

use super::{FAILED, USAGE, print, refused, runtime};
use crate::control::{Control, Said};

/// Where the daemon listens if nothing else is said.
const SOCKET: &str = "/run/sightline/control.sock";

#[derive(Debug, Args)]
pub(super) struct Daemon {
    /// The control socket of the daemon, as its configuration has it in `web.control_socket`.
    #[arg(long, value_name = "FILE", default_value = SOCKET)]
    socket: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    daemon: Daemon,
    /// For people, for programs, or for a monitoring system, whose exit status is the verdict.
    #[arg(long, value_enum, default_value_t = super::Output::Human)]
    output: super::Output,
    /// Show every check with its phases and evidence.
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    daemon: Daemon,
    /// The file that is written; an existing one is kept. SITE-TIME.tar.gz in this directory without it.
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["lasts", "list", "end"])))]
pub(super) struct SilenceArguments {
    #[command(flatten)]
    daemon: Daemon,
    /// How long nobody is told, as 2h or 45m, at most 90 days.
    #[arg(value_name = "TIME", requires = "why")]
    lasts: Option<String>,
    /// Why, for those who wonder.
    #[arg(value_name = "REASON")]
    why: Option<String>,
    /// Incidents of this network only.
    #[arg(long, value_name = "NAME", requires = "lasts")]
    network: Option<String>,
    /// Incidents at this stage only.
    #[arg(long, value_name = "ID", requires = "lasts")]
    stage: Option<Stage>,
    /// Incidents for this reason only.
    #[arg(long = "reason", value_name = "CODE", requires = "lasts")]
    code: Option<Reason>,
    /// Show the silences that are not over.
    #[arg(long)]
    list: bool,
    /// End one early.
    #[arg(long, value_name = "SILENCE")]
    end: Option<String>,
}

/// What the daemon knows.
pub(super) fn status(arguments: &StatusArguments) -> u8 {
    let output = match arguments.output {
        super::Output::Human => "human",
        super::Output::Json => "json",
        super::Output::Nagios => "nagios",
    };
    let what = format!(
        "/api/v1/status?output={output}&verbose={}",
        arguments.verbose
    );
    let is_plugin = matches!(arguments.output, super::Output::Nagios);
    match asked(&arguments.daemon, Method::GET, &what) {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.body);
            print(&text);
            if is_plugin { plugin_status(&text) } else { 0 }
        }
        Err(error) => {
            if is_plugin {
                print(&(crate::surface::nagios::error(&[error]) + "\n"));
                return super::CHECK_ERROR;
            }
            refused(error);
            FAILED
        }
    }
}

/// The exit status that goes with the line of a plugin.
fn plugin_status(line: &str) -> u8 {
    match line.split_whitespace().nth(1) {
        Some("OK") => 0,
        Some("WARNING") => 1,
        Some("CRITICAL") => 2,
        _ => 3,
    }
}

/// Everything that the daemon knows, as one file.
pub(super) fn report(arguments: &ReportArguments) -> u8 {
    let said = match asked(&arguments.daemon, Method::GET, "/api/v1/report") {
        Ok(said) => said,
        Err(error) => {
            refused(error);
            return FAILED;
        }
    };
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None => PathBuf::from(
            said.file_name
                .unwrap_or_else(|| "sightline.tar.gz".to_owned()),
        ),
    };
    let mut options = std::fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&file)
        .and_then(|mut open| open.write_all(&said.body).and_then(|()| open.sync_all()));
    match written {
        Ok(()) => {
            print(&format!("Wrote {}.\n", file.display()));
            0
        }
        Err(error) => {
            refused(format!("writing {}: {error}", file.display()));
            FAILED
        }
    }
}

/// Silences: a new one, all of them, or the early end of one.
pub(super) fn silence(arguments: &SilenceArguments) -> u8 {
    let (method, what) = match (&arguments.end, arguments.list) {
        (Some(id), _) if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            refused(format!(
                "`{}` is no silence; `sightline silence --list` shows them",
                crate::text::foreign(id)
            ));
            return USAGE;
        }
        (Some(id), _) => (Method::DELETE, format!("/api/v1/silences/{id}")),
        (None, true) => (Method::GET, "/api/v1/silences?output=text".to_owned()),
        (None, false) => (Method::POST, order(arguments)),
    };
    match asked(&arguments.daemon, method, &what) {
        Ok(said) => {
            print(&String::from_utf8_lossy(&said.body));
            0
        }
        Err(error) => {
            refused(error);
            FAILED
        }
    }
}

fn order(arguments: &SilenceArguments) -> String {
    let mut query = form_urlencoded::Serializer::new("/api/v1/silences?output=text&".to_owned());
    let given = [
        ("for", arguments.lasts.clone()),
        ("why", arguments.why.clone()),
        ("network", arguments.network.clone()),
        ("stage", arguments.stage.map(|stage| stage.id().to_owned())),
        ("reason", arguments.code.map(|code| code.code().to_owned())),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            query.append_pair(key, &value);
        }
    }
    query.finish()
}

/// Asks, and takes a refusal for an error.
fn asked(daemon: &Daemon, method: Method, what: &str) -> Result<Said, String> {
    let control = Control::at(daemon.socket.clone());
    let said = runtime()?.block_on(control.ask(method, what))?;
    if said.status.is_success() {
        Ok(said)
    } else {
        let why = String::from_utf8_lossy(&said.body);
        Err(crate::text::harmless(why.trim()))
    }
}
