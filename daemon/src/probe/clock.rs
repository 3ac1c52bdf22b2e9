//! Is the clock of this box synchronised, by its own word? Nothing goes out.
//!
//! Asked is, in this order, who knows the kernel's own flag or keeps the clock: systemd-timedated
//! (`timedatectl`), chronyd over its local socket or loopback (`chronyc`), and the file that
//! systemd-timesyncd touches. All are asked at once; the first in that order that says something
//! counts.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sightline_model::{Check, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::plan::ClockKeepers;
use crate::program;
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "clock",
    help: "Asks the time service of this box whether its clock is synchronised; sends nothing.",
    reasons: &[Reason::ClockUnsynced],
    tasks,
};

/// All of them together have no longer.
const LIMIT: Duration = Duration::from_secs(1);

/// systemd-timesyncd looks at its server at least every 2048 s (`PollIntervalMaxSec`). A file that it
/// has not touched for three times as long says nothing any more.
const STALE_AFTER: Duration = Duration::from_secs(3 * 2048);

/// Where chronyd is asked: its socket, or loopback.
const CHRONYD: &str = "/run/chrony/chronyd.sock,127.0.0.1,::1";

/// By this reference chronyd says that it follows its own clock (`local`).
const FOLLOWS_ITSELF: &str = "7F7F0101";

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if *thing != Thing::OwnClock {
        return Vec::new();
    }
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Time,
            also: Vec::new(),
            gate: Gate::Optional,
            subject: Subject::OwnClock,
            door: KIND.name.to_owned(),
            closed_as: Reason::ClockUnsynced,
            needs_flag: None,
            is_of_host: true,
            proxy: None,
            target: Target {
                host: "this box".to_owned(),
                address: None,
                port: None,
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(OwnClock(ground.plan.clock_keepers.clone())),
    }]
}

/// What one of them said: whether the clock is synchronised, if it says so, and its words.
type Word = (Option<bool>, String);

#[derive(Debug)]
struct OwnClock(ClockKeepers);

impl Probe for OwnClock {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let limit = LIMIT.min(run.remaining() / 2);
            let property = [
                "show",
                "--no-pager",
                "--property=NTPSynchronized",
                "--value",
            ];
            let tracking = ["-h", CHRONYD, "-n", "-c", "tracking"];
            let (timedated, chrony, timesyncd) = tokio::join!(
                self.ask("timedatectl", &property, limit, of_timedated),
                self.ask("chronyc", &tracking, limit, of_chrony),
                self.timesyncd(limit),
            );
            let words = [timedated, chrony, timesyncd];
            let first = words.iter().find_map(|(is, said)| Some(((*is)?, said)));
            match first {
                Some((is, said)) => {
                    run.keep("synchronised", is);
                    run.keep("says", said.as_str());
                    run.read_own_clock(is);
                }
                None => run.keep("synchronised", "nobody says"),
            }
            let asked: Vec<String> = words.iter().map(|(_, said)| said.clone()).collect();
            run.keep("asked", asked);
            Ok(())
        })
    }
}

impl OwnClock {
    async fn ask(
        &self,
        name: &str,
        arguments: &[&str],
        limit: Duration,
        read: fn(&str) -> Option<(bool, String)>,
    ) -> Word {
        let Some(path) = program::find(&self.0.programs, name) else {
            return (None, format!("{name}: not installed"));
        };
        let shown = |output: &str| text::foreign(output.lines().next().unwrap_or_default());
        match program::ask(&path, arguments, limit).await {
            Err(error) => (None, format!("{name}: {error}")),
            Ok(said) if !said.is_success && said.output.is_empty() => {
                (None, format!("{name}: fails"))
            }
            Ok(said) if !said.is_success => {
                (None, format!("{name}: fails, `{}`", shown(&said.output)))
            }
            Ok(said) => match read(&said.output) {
                Some((is, words)) => (Some(is), format!("{name}: {words}")),
                None => (None, format!("{name}: says `{}`", shown(&said.output))),
            },
        }
    }

    async fn timesyncd(&self, limit: Duration) -> Word {
        let file = &self.0.timesyncd;
        let looked = tokio::time::timeout(limit, tokio::fs::metadata(file)).await;
        let touched = match looked {
            Ok(Ok(metadata)) => metadata.modified().ok(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(touched) = touched else {
            return (None, format!("{}: not there", file.display()));
        };
        // A time in the future was written before the clock was set back.
        let age = SystemTime::now()
            .duration_since(touched)
            .unwrap_or(Duration::MAX);
        if age > STALE_AFTER {
            return (None, format!("{}: not touched of late", file.display()));
        }
        let ago = text::duration(Duration::from_secs(age.as_secs()));
        (Some(true), format!("{}: touched {ago} ago", file.display()))
    }
}

/// Reads the kernel's flag as `timedatectl show` gives it.
fn of_timedated(output: &str) -> Option<(bool, String)> {
    let is = match output {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some((is, format!("NTPSynchronized={output}")))
}

/// Reads `chronyc -c tracking`: 14 fields, the first is the reference and the last the leap status.
fn of_chrony(output: &str) -> Option<(bool, String)> {
    let fields: Vec<_> = output.split(',').collect();
    let [reference, name, .., leap] = fields.as_slice() else {
        return None;
    };
    if fields.len() != 14 {
        return None;
    }
    match *leap {
        "Normal" | "Insert second" | "Delete second" if *reference == FOLLOWS_ITSELF => {
            Some((false, "it follows its own clock (`local`)".to_owned()))
        }
        "Normal" | "Insert second" | "Delete second" => {
            Some((true, format!("it follows {}", text::foreign(name))))
        }
        "Not synchronised" => Some((false, "Not synchronised".to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_service_says_yes_or_no_or_nothing_of_use() {
        for (output, is) in [
            ("yes", Some(true)),
            ("no", Some(false)),
            ("", None),
            ("n/a", None),
            ("yes\nyes", None),
        ] {
            assert_eq!(of_timedated(output).map(|word| word.0), is, "{output}");
        }
        let fields = |reference: &str, leap: &str| {
            format!(
                "{reference},10.60.1.1,4,1764023000.1,0.0,0.0,0.0,0.0,0.0,0.1,0.01,0.1,2.0,{leap}"
            )
        };
        for (output, is) in [
            (fields("0A3C0101", "Normal"), Some(true)),
            (fields("0A3C0101", "Insert second"), Some(true)),
            (fields("7F7F0101", "Normal"), Some(false)),
            (fields("00000000", "Not synchronised"), Some(false)),
            (fields("0A3C0101", "Perhaps"), None),
            ("506 Cannot talk to daemon".to_owned(), None),
            ("a,b,Normal".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(of_chrony(&output).map(|word| word.0), is, "{output}");
        }
    }
}
