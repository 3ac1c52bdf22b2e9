//! How fast does content come? One connection to one content host, for at most 16 MiB or 8 s; an
//! estimate, and asked for only where somebody wants it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Check, Finding, Gate, Phase, Reason, Severity, Stage, Subject, Target};

use super::host::Host;
use super::{Ground, Kind, Thing};
use crate::net::http::{self, Download, Question};
use crate::net::{exchange, tls};
use crate::plan::Throughput;
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "throughput",
    help: "Where it is wanted, downloads up to 16 MiB from one content host for at most 8 s, after everything else, and estimates how long a device waits for its apps.",
    reasons: &[Reason::Slow, Reason::NotTested],
    tasks,
};

/// No more content is asked for, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// No longer is it waited for.
const LONGEST: Duration = Duration::from_secs(8);

/// A file that ends before so many bytes says little about the way.
const LEAST: u64 = 256 * 1024;

/// A mebibyte, in bytes.
const MIB: f64 = 1024.0 * 1024.0;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Content {
        endpoint,
        name,
        address,
    } = thing
    else {
        return Vec::new();
    };
    let (Some(wanted), Some(port)) = (&ground.plan.throughput, endpoint.port()) else {
        return Vec::new();
    };
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::DeviceSetup,
            also: Vec::new(),
            gate: Gate::Soft,
            subject: Subject::Content { name: name.clone() },
            door: port.to_string(),
            closed_as: Reason::EndpointUnreachable,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: name.clone(),
                address: *address,
                port: Some(port.number),
            },
        },
        path: Arc::clone(ground.path),
        // The download has a limit of its own; what comes before it has the usual one.
        timeout: ground.plan.https_timeout + LONGEST,
        probe: Arc::new(Content {
            host: Host::of(ground, endpoint, None),
            wanted: wanted.clone(),
            timeout: ground.plan.https_timeout,
        }),
    }]
}

#[derive(Debug)]
struct Content {
    host: Host,
    wanted: Throughput,
    timeout: Duration,
}

impl Probe for Content {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            match self
                .download(run)
                .await
                .and_then(|got| self.read(run, &got))
            {
                // Whether the host can be reached at all is a question of its own.
                Err(finding) if finding.severity != Severity::Degrading => {
                    run.note(
                        run.info(Reason::NotTested, format!("throughput: {}", finding.detail)),
                    );
                    Ok(())
                }
                told => told,
            }
        })
    }
}

impl Content {
    async fn download(&self, run: &Run) -> Result<Download, Finding> {
        if run.target().address.is_none() {
            let detail = format!("{} has no address that is known here", run.target().host);
            return Err(run.info(Reason::NotTested, detail));
        }
        let authority = self.host.authority(run.target());
        let headers = BTreeMap::new();
        let question = Question {
            authority: &authority,
            path: &self.wanted.path,
            headers: &headers,
            first_bytes: Some(MOST),
            most_of_body: MOST,
        };
        let bounds = http::Bounds {
            answer: self.timeout,
            bytes: MOST,
            body: LONGEST,
        };
        let connecting = tokio::time::timeout(self.timeout, exchange::connect(run));
        let stream = connecting.await.unwrap_or_else(|_elapsed| {
            let within = text::duration(self.timeout);
            let detail = format!("{}: nothing within {within}", run.doing());
            Err(run.fail(Reason::ConnectTimeout, detail))
        })?;
        if !self.host.is_over_tls() {
            return http::download(run, stream, &question, bounds).await;
        }
        let host = &run.target().host;
        let session = tls::handshake(run, stream, host, Some(http::ALPN)).await?;
        if !self.host.is_trusted(run, &session.chain)? {
            let detail = format!("{}: the chain is not good enough to speak over", run.whom());
            return Err(run.info(Reason::NotTested, detail));
        }
        http::download(run, session.stream, &question, bounds).await
    }

    /// What a download means: the estimate, and a finding where a device would wait too long.
    fn read(&self, run: &Run, got: &Download) -> Result<(), Finding> {
        run.enter(Phase::Response);
        run.keep("status", u32::from(got.status));
        let what = format!("{}: GET {}", run.whom(), text::foreign(&self.wanted.path));
        if !matches!(got.status, 200 | 206) {
            let detail = format!("{what} gave {}, and no content", got.status);
            return Err(run.info(Reason::NotTested, detail));
        }
        let is_enough = got.bytes >= LEAST || (got.is_late && got.bytes > 0);
        if !is_enough || got.took.is_zero() {
            let detail = format!("{what} gave {} bytes, too few to tell", got.bytes);
            return Err(run.info(Reason::NotTested, detail));
        }
        let Throughput { mib, limit, .. } = self.wanted;
        let estimate = Estimate::new(got, mib);
        run.keep(
            "throughput_mbit_per_second",
            rounded(estimate.mbit_per_second),
        );
        run.keep("bytes", estimate.bytes);
        run.keep("seconds", rounded(got.took.as_secs_f64()));
        run.keep("expected_mib", f64::from(mib));
        run.keep("expected_seconds", estimate.needed.round());
        run.keep("limit_seconds", limit.as_secs_f64());
        let is_slow = estimate.needed > limit.as_secs_f64();
        let said = format!(
            "about {} Mbit/s from {}, by one connection at one moment ({:.1} MiB in {}): {mib} MiB for a device would take {}, and the status page waits {}",
            rounded(estimate.mbit_per_second),
            run.target().host,
            estimate.bytes / MIB,
            text::duration(got.took),
            minutes(estimate.needed),
            minutes(limit.as_secs_f64()),
        );
        run.keep("estimate", said.as_str());
        if is_slow {
            return Err(run.warn(Reason::Slow, said));
        }
        Ok(())
    }
}

/// What a download says about all that a device needs.
struct Estimate {
    bytes: f64,
    mbit_per_second: f64,
    /// Seconds for all of it.
    needed: f64,
}

impl Estimate {
    fn new(got: &Download, mib: u32) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 16 MiB")]
        let bytes = got.bytes as f64;
        let per_second = bytes / got.took.as_secs_f64();
        Self {
            bytes,
            mbit_per_second: per_second * 8.0 / 1_000_000.0,
            needed: f64::from(mib) * MIB / per_second,
        }
    }
}

/// To three digits.
fn rounded(value: f64) -> f64 {
    let factor = match value.abs() {
        ..1.0 => 1000.0,
        ..10.0 => 100.0,
        ..100.0 => 10.0,
        _ => 1.0,
    };
    (value * factor).round() / factor
}

fn minutes(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_follows_from_bytes_and_time() {
        let got = Download {
            status: 206,
            bytes: 4 * 1024 * 1024,
            took: Duration::from_secs(8),
            is_late: true,
        };
        let estimate = Estimate::new(&got, 2048);
        assert_eq!(rounded(estimate.mbit_per_second).to_string(), "4.19");
        assert_eq!(minutes(estimate.needed), "68 min");
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, shown) in [(0.1234, "0.123"), (12.34, "12.3"), (943.7, "944")] {
            assert_eq!(rounded(value).to_string(), shown);
        }
        for (seconds, shown) in [(12.0, "12 s"), (3600.0, "60 min"), (36_000.0, "10.0 h")] {
            assert_eq!(minutes(seconds), shown);
        }
    }
}
