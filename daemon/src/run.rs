//! One run of a probe while it happens, and what becomes of it.
//!
//! A [`Run`] knows whom it asks and in which phase it is. [`once`] gives it a deadline, catches
//! what goes wrong inside, and always yields an [`Observation`].

mod facts;

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use sightline_model::{
    Check, Evidence, Finding, Observation, Outcome, Phase, Reason, Severity, Target, Timestamp,
};
use tokio::sync::Semaphore;

use crate::path::NetPath;
use crate::text::harmless;

/// A question that can be asked again and again. One implementation a file in `probe/`.
pub trait Probe: fmt::Debug + Send + Sync {
    /// Asks once. What is noticed on the way goes into the run; the finding that ends it is the
    /// error.
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a>;

    /// What has to be waited for before the run begins, where only so many may be under way.
    fn turn(&self) -> Option<Arc<Semaphore>> {
        None
    }
}

/// A run under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Finding>> + Send + 'a>>;

/// A probe with whom it asks and what that means.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is asked of whom.
    pub check: Check,
    /// How the packets get there.
    pub path: Arc<NetPath>,
    /// The deadline of one run.
    pub timeout: Duration,
    /// The question.
    pub probe: Arc<dyn Probe>,
}

/// One execution against one target.
#[derive(Debug)]
pub struct Run {
    target: Target,
    path: Arc<NetPath>,
    begun: Instant,
    timeout: Duration,
    proxy: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Option<(Phase, Instant)>,
    outcome: Outcome,
}

impl Run {
    /// Starts the clocks.
    #[must_use]
    pub fn begin(target: Target, path: Arc<NetPath>, timeout: Duration) -> Self {
        Self {
            target,
            path,
            begun: Instant::now(),
            timeout,
            proxy: None,
            state: Mutex::default(),
        }
    }

    /// The run goes through a proxy, `host:port`.
    #[must_use]
    pub fn through(mut self, proxy: Option<String>) -> Self {
        self.proxy = proxy;
        self
    }

    /// Whom the run asks.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How its packets get there.
    #[must_use]
    pub fn path(&self) -> &Arc<NetPath> {
        &self.path
    }

    /// What is left until the deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.timeout.saturating_sub(self.begun.elapsed())
    }

    /// A phase begins; the one before it ends.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.end_phase();
        state.phase = Some((phase, Instant::now()));
    }

    /// Keeps a finding and goes on.
    pub fn note(&self, finding: Finding) {
        self.state().outcome.findings.push(finding);
    }

    /// Keeps something for people. Texts are made harmless, whoever they come from.
    pub fn keep(&self, key: &'static str, value: impl Into<Evidence>) {
        let value = match value.into() {
            Evidence::Text(text) => Evidence::Text(harmless(&text)),
            Evidence::List(list) => {
                Evidence::List(list.iter().map(|text| harmless(text)).collect())
            }
            value @ (Evidence::Number(_) | Evidence::Flag(_)) => value,
        };
        self.state().outcome.evidence.insert(key, value);
    }

    /// The target does not do its job.
    pub fn fail(&self, reason: Reason, detail: impl fmt::Display) -> Finding {
        self.finding(reason, Severity::Blocking, detail)
    }

    /// The target does its job, and something is wrong.
    pub fn warn(&self, reason: Reason, detail: impl fmt::Display) -> Finding {
        self.finding(reason, Severity::Degrading, detail)
    }

    /// Good to know.
    pub fn info(&self, reason: Reason, detail: impl fmt::Display) -> Finding {
        self.finding(reason, Severity::Info, detail)
    }

    /// We could not look.
    pub fn blind(&self, reason: Reason, detail: impl fmt::Display) -> Finding {
        self.finding(reason, Severity::Inconclusive, detail)
    }

    fn finding(&self, reason: Reason, severity: Severity, detail: impl fmt::Display) -> Finding {
        Finding {
            reason,
            severity,
            phase: self.phase(),
            detail: harmless(&detail.to_string()),
        }
    }

    /// The phase that the run is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state()
            .phase
            .map_or(Phase::Connect, |(phase, _)| phase)
    }

    /// What the run is doing, as the start of a sentence.
    #[must_use]
    pub fn doing(&self) -> String {
        let target = self.whom();
        match self.phase() {
            Phase::Resolve => format!("looking up {target}"),
            Phase::Connect => format!("connecting to {target}"),
            Phase::Tls => format!("TLS handshake with {target}"),
            Phase::Bind => format!("joining a session with {target}"),
            Phase::Request => format!("waiting for an answer from {target}"),
            Phase::Response => format!("reading the answer of {target}"),
        }
    }

    /// The target with the address that its packets go to, or the proxy that they go through.
    #[must_use]
    pub fn whom(&self) -> String {
        if let Some(proxy) = &self.proxy {
            return format!("{} through {proxy}", self.target);
        }
        match self.target.address {
            Some(address) if address.to_string() != self.target.host => {
                format!("{} ({address})", self.target)
            }
            _ => self.target.to_string(),
        }
    }

    /// Ends the run. `None` means that the deadline came first.
    fn end(self, end: Option<Result<(), Finding>>) -> Outcome {
        let last = match end {
            Some(Ok(())) => None,
            Some(Err(finding)) => Some(finding),
            None => Some(self.timed_out()),
        };
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.end_phase();
        state.outcome.findings.extend(last);
        state.outcome
    }

    /// The finding of a deadline that came first.
    fn timed_out(&self) -> Finding {
        let reason = match self.phase() {
            Phase::Resolve => Reason::DnsTimeout,
            Phase::Connect => Reason::ConnectTimeout,
            Phase::Tls | Phase::Bind | Phase::Request | Phase::Response => Reason::ReadTimeout,
        };
        let detail = format!(
            "{}: nothing within {}",
            self.doing(),
            crate::text::duration(self.timeout)
        );
        self.fail(reason, detail)
    }

    /// A part of the run whose silence is not the end of it: gives up shortly before the deadline,
    /// so that the run can still say what the other parts gave.
    ///
    /// # Errors
    /// What the part found, or its silence.
    pub async fn part<T>(
        &self,
        part: impl Future<Output = Result<T, Finding>>,
    ) -> Result<T, Finding> {
        const RESERVE: Duration = Duration::from_millis(100);
        let limit = self.remaining().saturating_sub(RESERVE);
        match tokio::time::timeout(limit, part).await {
            Ok(result) => result,
            Err(_elapsed) => Err(self.timed_out()),
        }
    }

    /// A panic inside a run must not take the outcome of that run with it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_phase(&mut self) {
        if let Some((phase, since)) = self.phase.take() {
            self.outcome.timings.push((phase, since.elapsed()));
        }
    }
}

/// Runs a task once, within its deadline, whatever happens inside.
pub async fn once(task: &Task) -> Observation {
    let started = now();
    let run = Run::begin(
        task.check.target.clone(),
        Arc::clone(&task.path),
        task.timeout,
    )
    .through(task.check.proxy.clone());
    let guarded = AssertUnwindSafe(task.probe.run(&run)).catch_unwind();
    let end = match tokio::time::timeout(task.timeout, guarded).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(panic)) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a message");
            let finding = run.blind(Reason::InternalError, format!("{}: {message}", run.doing()));
            Some(Err(finding))
        }
        Err(_elapsed) => None,
    };
    let took = run.begun.elapsed();
    Observation {
        check: task.check.clone(),
        path: task.path.name.clone(),
        started,
        took,
        outcome: run.end(end),
    }
}

/// The wall clock, for people.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Seconds since the Unix epoch, for comparing clocks.
#[must_use]
pub fn unix_seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use sightline_model::{ControllerFacts, Gate, SrvRecord, Stage, Subject};

    use super::*;

    #[derive(Debug)]
    enum Script {
        Hang,
        Panic,
        Pass,
    }

    impl Probe for Script {
        fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
            Box::pin(async move {
                run.enter(Phase::Request);
                match self {
                    Self::Hang => std::future::pending().await,
                    Self::Panic => panic!("the invariant of this test is broken"),
                    Self::Pass => Ok(()),
                }
            })
        }
    }

    async fn outcome(probe: Script) -> Outcome {
        let task = Task {
            check: Check {
                probe: "script",
                service: "script",
                stage: Stage::DomainController,
                also: Vec::new(),
                gate: Gate::Hard,
                subject: Subject::Uplink,
                door: "tcp/1".into(),
                closed_as: Reason::PortBlocked,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host: "dc1.corp.example".into(),
                    address: None,
                    port: Some(1),
                },
            },
            path: Arc::new(NetPath::direct("default")),
            timeout: Duration::from_secs(5),
            probe: Arc::new(probe),
        };
        once(&task).await.outcome
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_names_the_phase_it_hit() {
        let outcome = outcome(Script::Hang).await;
        let worst = outcome.worst().expect("a timeout is a finding");
        assert_eq!(worst.reason, Reason::ReadTimeout);
        assert_eq!(worst.phase, Phase::Request);
        assert_eq!(
            worst.detail,
            "waiting for an answer from dc1.corp.example:1: nothing within 5 s"
        );
    }

    #[tokio::test]
    async fn a_panic_inside_a_run_is_an_inconclusive_outcome_of_that_run() {
        let outcome = outcome(Script::Panic).await;
        let worst = outcome.worst().expect("a panic is a finding");
        assert_eq!(worst.reason, Reason::InternalError);
        assert_eq!(worst.severity, Severity::Inconclusive);
        assert!(
            worst
                .detail
                .contains("the invariant of this test is broken")
        );
    }

    #[tokio::test]
    async fn a_run_without_findings_passes() {
        assert_eq!(
            outcome(Script::Pass).await.state(),
            sightline_model::State::Pass
        );
    }

    #[test]
    fn nothing_that_a_run_keeps_can_move_a_cursor_or_forge_a_line() {
        let bad = "a\u{1b}[2J\n\u{202e}\u{2028}b";
        let good = "a\\u{1b}[2J\\u{a}\\u{202e}\\u{2028}b";
        let target = Target {
            host: "dc1.corp.example".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        run.note(run.warn(Reason::KdcError, bad));
        run.keep("text", bad);
        run.keep("list", vec![bad.to_owned()]);
        run.read_records(vec![SrvRecord {
            priority: 0,
            weight: 0,
            port: 389,
            target: bad.to_owned(),
        }]);
        run.read_controller(ControllerFacts {
            host: bad.to_owned(),
            flags: vec![bad.to_owned()],
            ..ControllerFacts::default()
        });
        let outcome = run.end(Some(Ok(())));
        assert_eq!(outcome.findings[0].detail, good);
        assert_eq!(outcome.evidence["text"], Evidence::from(good));
        assert_eq!(
            outcome.evidence["list"],
            Evidence::List(vec![good.to_owned()])
        );
        assert_eq!(outcome.facts.records[0].target, good);
        let controller = outcome.facts.controller.expect("it was read");
        assert_eq!(controller.host, good);
        assert_eq!(controller.flags, [good]);
    }
}
