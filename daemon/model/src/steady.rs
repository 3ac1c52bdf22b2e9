//! When a change is believed: one lost packet is none, and neither is one good answer among failures.
//!
//! A check gets worse when enough of its last runs were worse than what is believed of it, and better
//! when enough in a row were better. Whoever runs the checks asks again soon while there is doubt.

use std::collections::VecDeque;

use crate::observation::Observation;
use crate::outcome::State;
use crate::time::Timestamp;

/// How many runs it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// As many of the last [`Rules::window`] runs must be worse.
    pub fall: usize,
    /// As many runs are looked back at.
    pub window: usize,
    /// As many runs in a row must be better.
    pub rise: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            fall: 2,
            window: 3,
            rise: 2,
        }
    }
}

/// What one more run did to what is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is as it was.
    Same,
    /// The run says otherwise, and is not believed yet.
    Doubted,
    /// It is believed to be otherwise now.
    Changed,
}

/// Everything that is known of one check.
#[derive(Clone, Debug)]
pub struct CheckState {
    /// The run that counts.
    believed: Observation,
    /// Since when the check is believed to be in this state.
    since: Timestamp,
    /// The ranks of the last runs that the belief has not followed, the newest last.
    recent: VecDeque<u8>,
    /// How many runs there were.
    runs: Runs,
    /// When a run last passed.
    last_success: Option<Timestamp>,
    /// When the last run began.
    last_run: Timestamp,
    /// How many runs in a row said otherwise than what is believed.
    doubts: u32,
}

/// How many runs ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// As it should be.
    pub pass: u64,
    /// It works, and something is wrong.
    pub warn: u64,
    /// It does not work.
    pub fail: u64,
    /// We could not look.
    pub unknown: u64,
}

impl Runs {
    const fn count(&mut self, state: State) {
        match state {
            State::Pass | State::Skipped => self.pass += 1,
            State::Warn => self.warn += 1,
            State::Fail => self.fail += 1,
            State::Unknown => self.unknown += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.pass + self.warn + self.fail + self.unknown
    }
}

impl CheckState {
    /// What is believed after the first run: its word, as there is no other.
    #[must_use]
    pub fn first(seen: Observation) -> Self {
        let mut state = Self {
            since: seen.started,
            recent: VecDeque::new(),
            runs: Runs::default(),
            last_success: None,
            last_run: seen.started,
            doubts: 0,
            believed: seen,
        };
        state.count(state.believed.outcome.state(), state.believed.started);
        state
    }

    /// Takes one more run.
    pub fn take(&mut self, seen: Observation, rules: Rules) -> Belief {
        let (before, now) = (rank(self.state()), rank(seen.outcome.state()));
        self.count(seen.outcome.state(), seen.started);
        self.recent.push_back(now);
        while self.recent.len() > rules.window.max(rules.rise) {
            self.recent.pop_front();
        }
        if now == before {
            self.doubts = 0;
            self.believed = seen;
            return Belief::Same;
        }
        let latest = |count: usize| self.recent.iter().rev().take(count);
        let is_believed = if now > before {
            latest(rules.window).filter(|rank| **rank > before).count() >= rules.fall
        } else {
            self.recent.len() >= rules.rise && latest(rules.rise).all(|rank| *rank < before)
        };
        if !is_believed {
            self.doubts = self.doubts.saturating_add(1);
            return Belief::Doubted;
        }
        self.since = seen.started;
        self.doubts = 0;
        self.believed = seen;
        Belief::Changed
    }

    fn count(&mut self, state: State, at: Timestamp) {
        self.runs.count(state);
        self.last_run = at;
        if matches!(state, State::Pass | State::Warn) {
            self.last_success = Some(at);
        }
    }

    /// The run that counts.
    #[must_use]
    pub const fn believed(&self) -> &Observation {
        &self.believed
    }

    /// The state that is believed.
    #[must_use]
    pub fn state(&self) -> State {
        self.believed.outcome.state()
    }

    /// Since when.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// How many runs in a row said otherwise; none of them is hidden.
    #[must_use]
    pub const fn doubts(&self) -> u32 {
        self.doubts
    }

    /// How many runs there were.
    #[must_use]
    pub const fn runs(&self) -> Runs {
        self.runs
    }

    /// When the last run began.
    #[must_use]
    pub const fn last_run(&self) -> Timestamp {
        self.last_run
    }

    /// When a run last passed.
    #[must_use]
    pub const fn last_success(&self) -> Option<Timestamp> {
        self.last_success
    }
}

/// Higher is worse. That we could not look says less than a failure that was seen.
const fn rank(state: State) -> u8 {
    match state {
        State::Skipped | State::Pass => 0,
        State::Warn => 1,
        State::Unknown => 2,
        State::Fail => 3,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observation::Check;
    use crate::outcome::{Finding, Outcome, Phase, Severity};
    use crate::reason::Reason;
    use crate::stage::{Gate, Stage};
    use crate::subject::{Subject, Target};

    fn run(minute: i64, word: char) -> Observation {
        let severity = match word {
            'p' => None,
            'w' => Some(Severity::Degrading),
            'u' => Some(Severity::Inconclusive),
            _ => Some(Severity::Blocking),
        };
        Observation {
            check: Check {
                probe: "ldap",
                service: "ldap",
                stage: Stage::DomainController,
                also: Vec::new(),
                gate: Gate::Hard,
                subject: Subject::Uplink,
                door: String::new(),
                closed_as: Reason::PortBlocked,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host: "dc1".into(),
                    address: None,
                    port: None,
                },
            },
            path: "direct".into(),
            started: Timestamp::from_unix_millis(minute * 60_000),
            took: Duration::from_millis(3),
            outcome: Outcome {
                findings: severity
                    .map(|severity| Finding {
                        reason: Reason::ConnectTimeout,
                        severity,
                        phase: Phase::Connect,
                        detail: String::new(),
                    })
                    .into_iter()
                    .collect(),
                ..Outcome::default()
            },
        }
    }

    /// The states that are believed after each run: `p`ass, `w`arn, `u`nknown, `f`ail.
    fn believed(runs: &str) -> String {
        let mut minutes = (0..)
            .zip(runs.chars())
            .map(|(minute, word)| run(minute, word));
        let mut state = CheckState::first(minutes.next().expect("a run"));
        let word = |state: &CheckState| match state.state() {
            State::Pass | State::Skipped => 'p',
            State::Warn => 'w',
            State::Unknown => 'u',
            State::Fail => 'f',
        };
        let mut all = String::from(word(&state));
        for seen in minutes {
            state.take(seen, Rules::default());
            all.push(word(&state));
        }
        all
    }

    #[test]
    fn one_failure_is_none_and_two_of_three_are() {
        assert_eq!(believed("ppfpp"), "ppppp");
        assert_eq!(believed("pffff"), "ppfff");
        assert_eq!(believed("pfpff"), "pppff");
        assert_eq!(believed("pfppfpp"), "ppppppp");
    }

    #[test]
    fn one_success_is_none_and_two_in_a_row_are() {
        assert_eq!(believed("ffpff"), "fffff");
        assert_eq!(believed("ffpp"), "fffp");
        assert_eq!(believed("ffpfpp"), "fffffp");
    }

    #[test]
    fn what_gets_worse_still_and_what_could_not_be_looked_at_is_weighed_alike() {
        assert_eq!(believed("pwwff"), "ppwwf");
        assert_eq!(believed("puup"), "ppuu");
        assert_eq!(believed("fuu"), "ffu");
        assert_eq!(believed("pufp"), "ppff");
    }

    #[test]
    fn nothing_that_ran_is_hidden() {
        let mut state = CheckState::first(run(0, 'p'));
        assert_eq!(state.take(run(1, 'f'), Rules::default()), Belief::Doubted);
        assert_eq!((state.doubts(), state.runs().fail), (1, 1));
        assert_eq!(state.take(run(2, 'p'), Rules::default()), Belief::Same);
        assert_eq!(state.take(run(3, 'f'), Rules::default()), Belief::Changed);
        assert_eq!(state.since(), Timestamp::from_unix_millis(180_000));
        assert_eq!(
            state.last_success(),
            Some(Timestamp::from_unix_millis(120_000))
        );
        assert_eq!(state.last_run(), Timestamp::from_unix_millis(180_000));
        assert_eq!(state.runs().total(), 4);
    }
}
