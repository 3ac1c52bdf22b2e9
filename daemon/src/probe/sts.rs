//! Does the company's own sign-in service take the sign-in of a machine without a prompt? A device of
//! a federated domain registers by it: WS-Trust with integrated authentication, in the edition of 2005
//! or in 1.3, of which one is enough. Its metadata are asked for as every other page over HTTPS.
//!
//! Nobody signs in here. AD FS answers who has not proved itself with 401 and `Negotiate`; where the
//! endpoint is switched off, nothing is registered under the path, which gives 404 or 503.

use std::sync::Arc;

use sightline_model::{Finding, Phase, Reason, Stage};

use super::host::{self, Host};
use super::{Ground, Kind, Thing};
use crate::endpoints::Protocol;
use crate::net::http::Answer;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "sts",
    help: "Asks the company's own sign-in service of a federated domain whether it takes the sign-in of a machine (WS-Trust windowstransport).",
    reasons: &[
        Reason::StsUnreachable,
        Reason::HttpStatus,
        Reason::NotTested,
    ],
    tasks,
};

/// The path of AD FS below which everything stands.
const ADFS: &str = "/adfs/";

/// The two doors: key in the evidence, path.
const DOORS: [(&str, &str); 2] = [
    (
        "windowstransport_2005",
        "/adfs/services/trust/2005/windowstransport",
    ),
    (
        "windowstransport_13",
        "/adfs/services/trust/13/windowstransport",
    ),
];

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Host { endpoint, by, .. } = thing else {
        return Vec::new();
    };
    if !endpoint.is_sign_in_service() || !ground.wants(&[Stage::Registration]) {
        return Vec::new();
    }
    let path = endpoint.request.as_ref().map(|request| &request.path);
    let is_adfs = path.is_some_and(|path| path.starts_with(ADFS));
    let mut tasks = host::tasks(ground, (KIND.name, Protocol::Https), thing);
    for task in &mut tasks {
        // Nobody is asked, so that nobody answers.
        if !is_adfs {
            task.check.target.address = None;
        }
        task.check.stage = Stage::Registration;
        task.check.also = Vec::new();
        task.check.door = "windowstransport".to_owned();
        task.probe = Arc::new(WindowsTransport {
            host: is_adfs.then(|| Host::of(ground, endpoint, by.exit())),
        });
    }
    tasks
}

#[derive(Debug)]
struct WindowsTransport {
    /// Whom to ask; nobody, where the service is no AD FS, and only its metadata know the paths.
    host: Option<Host>,
}

impl Probe for WindowsTransport {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            match &self.host {
                Some(host) => knock(run, host).await,
                None => {
                    run.note(run.info(
                        Reason::NotTested,
                        format!(
                            "where {} takes the sign-in of a machine: it is no AD FS by the paths that the realm names",
                            run.whom()
                        ),
                    ));
                    Ok(())
                }
            }
        })
    }
}

async fn knock(run: &Run, host: &Host) -> Result<(), Finding> {
    let mut said = Vec::new();
    let mut are_on = 0;
    for (key, path) in DOORS {
        // A chain that is not good enough to speak over is told by whom asks for the metadata too.
        let Some(answer) = host.ask(run, path).await? else {
            return Ok(());
        };
        run.enter(Phase::Response);
        run.keep(key, in_words(&answer));
        if is_off(answer.status) {
            said.push(format!("GET {path} gave {}: switched off", answer.status));
        } else if answer.status >= 500 {
            let came = format!("{}: GET {path} gave {}", run.whom(), answer.status);
            return Err(run.fail(Reason::HttpStatus, came));
        } else {
            are_on += 1;
        }
    }
    let detail = format!("{}: {}", run.whom(), said.join(", "));
    match (are_on, said.is_empty()) {
        (0, _) => Err(run.fail(
            Reason::StsUnreachable,
            format!("{detail}, or only there for who comes from inside"),
        )),
        (_, false) => {
            run.note(run.info(
                Reason::StsUnreachable,
                format!("{detail}; the other one is enough"),
            ));
            Ok(())
        }
        (_, true) => Ok(()),
    }
}

/// Whether nothing stands behind a path of AD FS.
pub(super) const fn is_off(status: u16) -> bool {
    matches!(status, 404 | 503)
}

fn in_words(answer: &Answer) -> String {
    match answer.headers.get("www_authenticate") {
        Some(ways) => format!("{} ({ways})", answer.status),
        None => answer.status.to_string(),
    }
}
