//! How many packets to a domain controller get lost, and how long the way there and back takes: a short
//! burst of echoes, or of LDAP pings where nobody answers echoes.

use std::io;
use std::time::Duration;

use sightline_model::{Finding, Gate, Phase, Reason};
use tokio::time::{Instant, sleep_until};

use super::{Ground, Kind, Thing};
use crate::net::icmp::Echoes;
use crate::net::pings::Pings;
use crate::net::{exchange, fault};
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "loss",
    help: "Sends ten small packets to each domain controller within half a second, counts what is lost, and asks again before it says so.",
    reasons: &[Reason::Loss, Reason::Slow],
    tasks,
};

/// Packets of one burst.
const BURST: usize = 10;

/// Between two of them.
const APART: Duration = Duration::from_millis(50);

/// So long the first echo is waited for, before LDAP pings are taken in its place.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// So long the last answers are waited for at most.
const LAST_WAIT: Duration = Duration::from_secs(2);

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let loss = Loss {
        domain: domain.to_owned(),
        warn: ground.plan.loss_warn,
        slow: ground.plan.slow_path,
    };
    let port = ground.plan.ports.ldap;
    let mut task = ground.controller_task(KIND.name, (name, *address), ("udp", port), loss);
    task.check.gate = Gate::Soft;
    // Silence is no loss, and the matter of others.
    task.check.is_of_host = true;
    task.check.door = format!("icmp+udp/{port}");
    vec![task]
}

#[derive(Debug)]
struct Loss {
    domain: String,
    /// Percent.
    warn: u32,
    slow: Duration,
}

impl Probe for Loss {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            if let Err(error) = self.measured(run).await? {
                // Why nothing could be sent, or who refuses, is the matter of ping and LDAP ping.
                run.keep("not_measured", fault::describe(&error));
            }
            Ok(())
        })
    }
}

impl Loss {
    async fn measured(&self, run: &Run) -> Result<io::Result<()>, Finding> {
        let peer = exchange::peer(run)?;
        let echoes = match Echoes::open(run.path(), peer.ip()) {
            Ok(socket) => burst(Burst::Echoes(socket)).await.ok(),
            Err(_not_permitted) => None,
        };
        let first = match echoes.filter(|tally| tally.answered() > 0) {
            Some(tally) => {
                self.weigh_round_trip(run, &tally);
                tally
            }
            None => match self.pings(run, peer).await {
                Ok(tally) => tally,
                Err(error) => return Ok(Err(error)),
            },
        };
        if first.answered() == 0 {
            run.keep("not_measured", "nothing is answered");
            return Ok(Ok(()));
        }
        keep(run, &first);
        if first.lost() == 0 {
            return Ok(Ok(()));
        }
        // Asked again at the port that matters: what drops echoes or is only full for a moment is no loss.
        let second = match self.pings(run, peer).await {
            Ok(tally) => tally,
            Err(error) => return Ok(Err(error)),
        };
        if second.answered() == 0 {
            run.keep("not_measured", "the LDAP ping is not answered");
            return Ok(Ok(()));
        }
        let both = first.joined(&second);
        keep(run, &both);
        if is_loss((&first, &second), self.warn) {
            return Err(run.warn(
                Reason::Loss,
                format!(
                    "of {} small packets to {}, {} were not answered ({} %): {} of {} {}, then {} of {} {}",
                    both.sent(),
                    run.whom(),
                    both.lost(),
                    both.percent(),
                    first.lost(),
                    first.sent(),
                    first.what,
                    second.lost(),
                    second.sent(),
                    second.what,
                ),
            ));
        }
        Ok(Ok(()))
    }

    async fn pings(&self, run: &Run, peer: std::net::SocketAddr) -> io::Result<Tally> {
        let pings = Pings::open(run.path(), peer, &self.domain)?;
        burst(Burst::Pings(pings)).await
    }

    /// By echoes only: an LDAP ping may be late because the controller is.
    fn weigh_round_trip(&self, run: &Run, tally: &Tally) {
        let Some(median) = tally.median() else {
            return;
        };
        if median > self.slow {
            run.note(run.warn(
                Reason::Slow,
                format!(
                    "the round trip to {} takes {} (median of {} echoes), and {} is tolerated",
                    run.whom(),
                    text::duration(median),
                    tally.answered(),
                    text::duration(self.slow)
                ),
            ));
        }
    }
}

/// What became of a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tally {
    what: &'static str,
    round_trips: Vec<Option<Duration>>,
}

impl Tally {
    fn sent(&self) -> usize {
        self.round_trips.len()
    }

    fn answered(&self) -> usize {
        self.round_trips.iter().flatten().count()
    }

    fn lost(&self) -> usize {
        self.sent() - self.answered()
    }

    /// Rounded down.
    fn percent(&self) -> usize {
        self.lost() * 100 / self.sent().max(1)
    }

    fn median(&self) -> Option<Duration> {
        let mut took: Vec<Duration> = self.round_trips.iter().flatten().copied().collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied()
    }

    fn joined(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.round_trips.extend(&other.round_trips);
        both
    }
}

/// One lost packet is none, nor is a burst that is lost while the other is not.
fn is_loss((first, second): (&Tally, &Tally), warn: u32) -> bool {
    let both = first.joined(second);
    let tolerated = usize::try_from(warn).unwrap_or(usize::MAX);
    first.lost() > 0 && second.lost() > 0 && both.percent() >= tolerated
}

fn keep(run: &Run, tally: &Tally) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    run.keep("packets", number(tally.sent()));
    run.keep("lost", number(tally.lost()));
    run.keep("loss_percent", number(tally.percent()));
    run.keep("by", tally.what);
    if let Some(median) = tally.median() {
        run.keep("round_trip_seconds", median.as_secs_f64());
    }
}

/// Packets of one protocol.
enum Burst {
    Echoes(Echoes),
    Pings(Pings),
}

impl Burst {
    async fn send(&mut self) -> io::Result<()> {
        match self {
            Self::Echoes(echoes) => echoes.send().await,
            Self::Pings(pings) => pings.send(None).await,
        }
    }

    async fn hear(&mut self) -> io::Result<()> {
        match self {
            Self::Echoes(echoes) => echoes.hear().await,
            Self::Pings(pings) => pings.hear().await,
        }
    }

    fn tally(&self) -> Tally {
        match self {
            Self::Echoes(echoes) => Tally {
                what: "echoes",
                round_trips: echoes.round_trips().collect(),
            },
            Self::Pings(pings) => Tally {
                what: "LDAP pings",
                round_trips: pings.sent().iter().map(|ping| ping.round_trip).collect(),
            },
        }
    }
}

/// Sends a burst. Echoes end with the first where that is not answered: many sites drop them.
async fn burst(mut burst: Burst) -> io::Result<Tally> {
    let begun = Instant::now();
    let mut due = begun;
    for number in 0..BURST {
        sleep_until(due).await;
        burst.send().await?;
        due = begun + APART * u32::try_from(number + 1).unwrap_or(u32::MAX);
        if number == 0 && matches!(burst, Burst::Echoes(_)) {
            listen(&mut burst, begun + FIRST_WAIT).await?;
            if burst.tally().answered() == 0 {
                return Ok(burst.tally());
            }
            due = due.max(Instant::now());
        }
        listen(&mut burst, due).await?;
    }
    let took = burst.tally().round_trips.into_iter().flatten().max();
    let wait = took.unwrap_or(FIRST_WAIT) * 2 + FIRST_WAIT;
    listen(&mut burst, Instant::now() + wait.min(LAST_WAIT)).await?;
    Ok(burst.tally())
}

/// Hears answers until then, or until all are there. What has come while this process was kept from
/// looking still counts.
async fn listen(burst: &mut Burst, until: Instant) -> io::Result<()> {
    loop {
        let before = burst.tally();
        if before.lost() == 0 {
            return Ok(());
        }
        let is_late = Instant::now() >= until;
        burst.hear().await?;
        if is_late && burst.tally() == before {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(answered: usize, lost: usize) -> Tally {
        let took = Some(Duration::from_millis(10));
        Tally {
            what: "echoes",
            round_trips: [vec![took; answered], vec![None; lost]].concat(),
        }
    }

    #[test]
    fn loss_shows_in_both_bursts_and_is_more_than_is_tolerated() {
        for (first, second, expected) in [
            ((9, 1), (10, 0), false),
            ((9, 1), (9, 1), false),
            ((9, 1), (8, 2), true),
            ((7, 3), (6, 4), true),
            ((2, 8), (10, 0), false),
        ] {
            let (first, second) = (tally(first.0, first.1), tally(second.0, second.1));
            assert_eq!(is_loss((&first, &second), 15), expected);
        }
        assert!(is_loss((&tally(9, 1), &tally(9, 1)), 10));
    }

    #[test]
    fn the_median_is_that_of_the_answers() {
        let mut some = tally(0, 5);
        assert_eq!(some.median(), None);
        some.round_trips
            .extend([3, 900, 4].map(|took| Some(Duration::from_millis(took))));
        assert_eq!(some.median(), Some(Duration::from_millis(4)));
        assert_eq!((some.sent(), some.lost(), some.percent()), (8, 5, 62));
    }
}
