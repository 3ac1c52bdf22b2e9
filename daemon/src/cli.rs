//! The command line: which command, with what, and which exit status.

mod explain;
mod remote;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use sightline_model::Stage;

use crate::app::{self, Sockets};
use crate::check::{self, Checked, Progress};
use crate::config::{self, Config, Load, Overrides};
use crate::endpoints::{List, Listing};
use crate::logging;
use crate::net::socket;
use crate::plan::{Plan, SystemResolvers};
use crate::surface::{self, human, json, nagios};
use crate::web::Security;

/// Usage error of every command but `check` (sysexits: `EX_USAGE`).
const USAGE: u8 = 64;

/// Everything else that does not succeed.
const FAILED: u8 = 1;

/// Configuration error of every command but `check` (sysexits: `EX_CONFIG`).
const CONFIGURATION: u8 = 78;

/// Usage and configuration errors of `check`, as monitoring plugins have it.
const CHECK_ERROR: u8 = 3;

/// Can the Windows Autopilot user flow of hybrid join succeed from this network?
#[derive(Debug, Parser)]
#[command(name = "sightline", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look once, judge, and say which stage fails, for which cause, and who must change what.
    Check(CheckArguments),
    /// Look all day: ask everything again and again, and say what changes. For a service.
    Run(RunArguments),
    /// Show what the running daemon knows.
    Status(remote::StatusArguments),
    /// Write everything that the running daemon knows into one file, for a ticket. Secrets are not in it.
    Report(remote::ReportArguments),
    /// Have nobody called for incidents for a while: the log tells of them at the level of information.
    /// Probes, verdicts and history go on.
    Silence(remote::SilenceArguments),
    /// Explain a reason: what it means, what the user sees, who fixes it and how.
    Explain {
        /// The reason, as printed by `check`; without it, all are listed.
        reason: Option<String>,
    },
    /// List the hosts of the Internet that the flow needs, for this site's tenant.
    Endpoints(EndpointsArguments),
    /// Check, show or create the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    #[command(flatten)]
    source: Source,
    /// The Active Directory domain to look for; wins over the configuration.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Judge this stage only, with the stages that it needs; may be given several times.
    #[arg(long = "stage", value_name = "ID")]
    stages: Vec<Stage>,
    /// After everything else, download up to 16 MiB from a content host, and estimate how long a
    /// device waits for its apps.
    #[arg(long)]
    throughput: bool,
    /// For people, for programs, or for a monitoring system.
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,
    /// Show every run with its phases and evidence, and the slowest chain.
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    #[command(flatten)]
    source: Source,
    /// How lines are written; to the journal where standard error leads to it, else as text.
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<logging::Format>,
    /// How much is written.
    #[arg(long, value_enum, value_name = "DETAIL", default_value_t = logging::Detail::Info)]
    log_level: logging::Detail,
}

#[derive(Debug, clap::Args)]
struct EndpointsArguments {
    #[command(flatten)]
    source: Source,
    /// A table for people, everything for programs, or a request for whoever runs the firewall.
    #[arg(long, value_enum, default_value_t = EndpointsOutput::Table)]
    output: EndpointsOutput,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EndpointsOutput {
    Table,
    Json,
    Firewall,
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The configuration file, if it is not the usual one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Human,
    Json,
    Nagios,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read the configuration and say what is wrong with it.
    Check(Source),
    /// Print the effective configuration with every default.
    Show(Source),
    /// Write a configuration with every key and its comment.
    Init {
        /// Where to; an existing file is kept.
        #[arg(default_value = config::DEFAULT_FILE)]
        file: PathBuf,
    },
    /// Print the JSON schema of the configuration.
    Schema,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => ExitCode::from(run(parsed.command)),
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                // Usage errors of `check` must not look like "not ready".
                _ if arguments.get(1).is_some_and(|word| word == "check") => CHECK_ERROR,
                _ => USAGE,
            };
            let _closed = error.print();
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> u8 {
    match command {
        Command::Check(arguments) => check(&arguments),
        Command::Run(arguments) => daemon(&arguments),
        Command::Status(arguments) => remote::status(&arguments),
        Command::Report(arguments) => remote::report(&arguments),
        Command::Silence(arguments) => remote::silence(&arguments),
        Command::Explain { reason } => explain::explain(reason.as_deref()),
        Command::Endpoints(arguments) => endpoints(&arguments),
        Command::Config { command } => configuration(command),
    }
}

fn check(arguments: &CheckArguments) -> u8 {
    let result = look(arguments).and_then(|checked| {
        let text = match arguments.output {
            Output::Human => human::render(&checked, arguments.verbose),
            Output::Json => json::render(&checked.status).map_err(unwritten)? + "\n",
            Output::Nagios => nagios::render(&checked) + "\n",
        };
        Ok((text, checked.status.verdict.exit_code()))
    });
    match result {
        Ok((text, code)) => {
            print(&text);
            code
        }
        Err(problems) => {
            // Whoever reads the output must not take silence for an answer.
            match arguments.output {
                Output::Human => {}
                Output::Json => match json::error(&problems) {
                    Ok(text) => print(&(text + "\n")),
                    Err(error) => drop(unwritten(error)),
                },
                Output::Nagios => print(&(nagios::error(&problems) + "\n")),
            }
            CHECK_ERROR
        }
    }
}

/// Runs as a service. Whoever starts it sees a wrong configuration at once; later ones are in the log.
fn daemon(arguments: &RunArguments) -> u8 {
    /// What is under way is not waited for any longer when it stops.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
    let sockets = Sockets::from_environment();
    let Ok(config) = load(&arguments.source, Overrides::default()) else {
        return CONFIGURATION;
    };
    let Ok(plan) = Plan::new(&config, &SystemResolvers::read()).map_err(refused) else {
        return CONFIGURATION;
    };
    let Ok(security) = security(&config) else {
        return CONFIGURATION;
    };
    logging::start(arguments.log_format, arguments.log_level);
    for remark in config::remarks(&config) {
        tracing::warn!("{remark}");
    }
    socket::raise_descriptor_limit();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("{error}");
            return FAILED;
        }
    };
    let again = || {
        let config = read(&arguments.source, Overrides::default())
            .map_err(|errors| sentences(&errors).join("; "))?;
        let plan = Plan::new(&config, &SystemResolvers::read())?;
        security.reread()?;
        Ok(plan)
    };
    let ended = runtime.block_on(app::run(plan, (sockets, security.clone()), &again));
    runtime.shutdown_timeout(PATIENCE);
    match ended {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("{error}");
            FAILED
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime did not start: {error}"))
}

/// Looks at the site, or says why that is not possible.
fn look(arguments: &CheckArguments) -> Result<Checked, Vec<String>> {
    let overrides = Overrides {
        domain: arguments.domain.clone(),
        throughput: arguments.throughput,
    };
    let config = load(&arguments.source, overrides)?;
    if matches!(arguments.output, Output::Human) {
        remark(&config);
    }
    let plan = Plan::new(&config, &SystemResolvers::read()).map_err(refused)?;
    socket::raise_descriptor_limit();
    let roots = [&plan.corporate_roots, &plan.public_roots].map(std::sync::Arc::clone);
    // Reading the trust store takes as long as a slow answer; it happens beside the first ones.
    std::thread::spawn(move || roots.map(|roots| roots.load()));
    let runtime = runtime().map_err(refused)?;
    let progress = Progress::default();
    let shows_progress =
        matches!(arguments.output, Output::Human) && std::io::stderr().is_terminal();
    let watch = |seen: &sightline_model::Observation| {
        if shows_progress {
            show_progress(&progress.line(seen));
        }
    };
    let result = runtime.block_on(check::check(&plan, &arguments.stages, &watch));
    // What hangs in a lookup or a socket must not hold up the answer.
    runtime.shutdown_background();
    if shows_progress {
        show_progress("");
    }
    result.map_err(refused)
}

/// Overwrites the line of progress; an empty one clears it.
fn show_progress(line: &str) {
    let mut error = std::io::stderr().lock();
    let _closed = write!(error, "\r\x1b[K{line}");
    let _closed = error.flush();
}

/// A reader that goes away early is no fault of ours.
fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _closed = out.write_all(text.as_bytes());
    let _closed = out.flush();
}

fn remark(config: &Config) {
    for remark in config::remarks(config) {
        let _closed = writeln!(anstream::stderr(), "note: {remark}");
    }
}

/// Prints why there is no verdict and returns it, for whoever reads another output.
fn refused(error: impl std::fmt::Display) -> Vec<String> {
    let _closed = writeln!(anstream::stderr(), "error: {error}");
    vec![error.to_string()]
}

fn unwritten(error: serde_json::Error) -> Vec<String> {
    refused(format!("the status could not be written: {error}"))
}

/// Loads the configuration, or prints every problem and returns them.
fn load(source: &Source, overrides: Overrides) -> Result<Config, Vec<String>> {
    read(source, overrides).map_err(|errors| shown(&errors))
}

/// Reads the web file, or prints every problem and returns them.
fn security(config: &Config) -> Result<Security, Vec<String>> {
    Security::open(config.web.config_file()).map_err(|errors| shown(&errors))
}

fn shown(errors: &config::Errors) -> Vec<String> {
    let is_terminal = std::io::stderr().is_terminal();
    let _closed = writeln!(
        anstream::stderr(),
        "{}",
        errors.render(is_terminal).trim_end()
    );
    sentences(errors)
}

fn sentences(errors: &config::Errors) -> Vec<String> {
    errors.problems().iter().map(ToString::to_string).collect()
}

fn read(source: &Source, overrides: Overrides) -> Result<Config, config::Errors> {
    config::load(&Load {
        file: source.config.clone(),
        default_file: PathBuf::from(config::DEFAULT_FILE),
        environment: std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        host_name: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        overrides,
    })
}

fn endpoints(arguments: &EndpointsArguments) -> u8 {
    let Ok(config) = load(&arguments.source, Overrides::default()) else {
        return CONFIGURATION;
    };
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let listing = Listing::new(List::embedded(), &config, today.date());
    let text = match arguments.output {
        EndpointsOutput::Table => surface::endpoints::table(&listing, terminal_width()),
        EndpointsOutput::Firewall => surface::endpoints::firewall(&listing),
        EndpointsOutput::Json => match serde_json::to_string_pretty(&listing) {
            Ok(json) => json + "\n",
            Err(error) => {
                let _closed = writeln!(anstream::stderr(), "error: {error}");
                return 1;
            }
        },
    };
    print(&text);
    0
}

/// How wide a text may be: as the terminal, within what can be read; 100 characters elsewhere.
fn terminal_width() -> usize {
    let out = std::io::stdout();
    match rustix::termios::tcgetwinsize(&out) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).clamp(80, 140),
        _ => 100,
    }
}

fn configuration(command: ConfigCommand) -> u8 {
    match command {
        ConfigCommand::Check(source) => match load(&source, Overrides::default()) {
            Ok(config) => {
                if security(&config).is_err() {
                    return CONFIGURATION;
                }
                print("The configuration is valid.\n");
                remark(&config);
                0
            }
            Err(_printed) => CONFIGURATION,
        },
        ConfigCommand::Show(source) => match load(&source, Overrides::default()) {
            Ok(config) => {
                print(&config::show(&config));
                0
            }
            Err(_printed) => CONFIGURATION,
        },
        ConfigCommand::Init { file } => match config::init(&file) {
            Ok(()) => {
                print(&format!(
                    "Wrote {}. Set [domain] name in it, then run `sightline check`.\n",
                    file.display()
                ));
                0
            }
            Err(error) => {
                let _closed = writeln!(anstream::stderr(), "error: {error}");
                1
            }
        },
        ConfigCommand::Schema => match serde_json::to_string_pretty(&config::schema()) {
            Ok(schema) => {
                print(&(schema + "\n"));
                0
            }
            Err(error) => {
                let _closed = writeln!(anstream::stderr(), "error: {error}");
                1
            }
        },
    }
}
