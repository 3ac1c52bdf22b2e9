//! A network to try sightline on, without a domain controller at hand.
//!
//! `cargo run --release --example peers -- demo` starts resolvers, domain controllers, a time source
//! and hosts of the Internet on loopback addresses, runs `sightline check` against them, puts a firewall in front of
//! one port, and runs it again. `-- serve` keeps the network up until it is stopped.

#[path = "mod.rs"]
#[expect(dead_code, reason = "the tests make the peers misbehave in more ways")]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use support::{DOMAIN, Service, Setting, World, program};

const USAGE: &str = "usage: peers demo | peers serve";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo(),
        ["serve"] => serve(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), String> {
    let sightline = sightline()?;
    let mut world = World::start(&Setting::online(2));
    println!(
        "Two domain controllers of {DOMAIN}, a resolver, a time source and hosts of the Internet\n\
         stand on loopback addresses of this machine. sightline looks at them:\n"
    );
    check(&sightline, &world, "ready", 0)?;

    world.silence(Service::Smb);
    println!(
        "\nNow a firewall drops SMB in front of both controllers (port {} stands for 445 here).\n\
         sightline looks again:\n",
        world.port(Service::Smb)
    );
    check(&sightline, &world, "not ready", 2)?;

    println!(
        "\nThat was it. To look for your own domain from this network:\n\n    {} check --domain \
         YOUR.DOMAIN\n",
        sightline.display()
    );
    Ok(())
}

/// Runs a check and shows it. The verdict must be the one that the network was made for.
fn check(sightline: &Path, world: &World, verdict: &str, code: i32) -> Result<(), String> {
    let file = world.config_file().display().to_string();
    let stages = ["--stage", "domain_controller", "--stage", "sign_in"];
    println!("$ sightline check --config {file} {}", stages.join(" "));
    let ended = program::run(
        sightline,
        &[&["check", "--config", &file][..], &stages].concat(),
    );
    print!("{}{}", ended.stdout, ended.stderr);
    if ended.code == Some(code) {
        Ok(())
    } else {
        Err(format!(
            "the verdict should be {verdict}, exit status {code}; the exit status is {:?}",
            ended.code
        ))
    }
}

fn serve() -> Result<(), String> {
    let world = World::start(&Setting::online(2));
    println!(
        "Two domain controllers of {DOMAIN} are up until this program is stopped. Look at them \
         with\n\n    sightline check --config {}\n",
        world.config_file().display()
    );
    let failed = |error: std::io::Error| format!("waiting for a signal: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        let mut end = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed),
            _ = end.recv() => Ok(()),
        }
    })
}

/// The program, which stands beside the directory of the examples.
fn sightline() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("looking for sightline: {error}"))?;
    let beside = own
        .parent()
        .and_then(Path::parent)
        .map(|directory| directory.join("sightline"))
        .filter(|file| file.is_file());
    beside.ok_or_else(|| {
        let profile = if cfg!(debug_assertions) {
            "cargo build"
        } else {
            "cargo build --release"
        };
        format!("sightline itself is not built yet; `{profile}` builds it")
    })
}
