//! Clocks vote: this box, Internet time and the domain. The odd one out is named.

use super::controllers::Controller;
use super::draft::Draft;
use super::uplink::plain;
use super::{Limits, NetworkScene};
use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::Subject;

const INTERNET: &str = "Internet time";
const DOMAIN: &str = "the domain";

/// A clock and how far it is ahead of this box, in seconds.
struct Clock {
    name: String,
    offset: f64,
}

pub(super) fn judge(
    network: &NetworkScene,
    controllers: &[Controller],
    limits: Limits,
) -> Vec<Draft> {
    let warn = limits.warn_skew.as_secs_f64();
    let internet = internet(network);
    let domain: Vec<_> = controllers
        .iter()
        .filter_map(|dc| {
            Some(Clock {
                name: dc.status.name.clone(),
                offset: dc.status.clock_skew_seconds?,
            })
        })
        .collect();
    let internet_offset = median(&internet);
    let others: Vec<f64> = [Some(0.0), internet_offset].into_iter().flatten().collect();
    let group = agreeing(&domain, &others, warn);

    let truth = Truth::find(
        internet_offset,
        group,
        warn,
        network.clock_synchronised == Some(true),
    );
    let mut drafts = silent_sources(network);
    let nobody_else = internet_offset.is_none() && group.is_none();
    if nobody_else && network.clock_synchronised == Some(false) {
        drafts.push(unsynchronised(
            "kept by nothing".to_owned(),
            "its own time service says that it is not synchronised, and no other clock answers"
                .to_owned(),
        ));
        return drafts;
    }
    let reference = match truth {
        Truth::Box => 0.0,
        Truth::Others { offset, against } => {
            let detail = format!("{against}: this box is {}", behind(offset));
            drafts.push(unsynchronised(behind(offset), detail));
            offset
        }
        Truth::Nobody { apart } => {
            let says = match network.clock_synchronised {
                Some(_) => "its own time service says that it is not synchronised",
                None => "nothing says that it is synchronised",
            };
            let detail = format!("this box is {apart}; {says}");
            drafts.push(unsynchronised(apart, detail));
            return drafts;
        }
    };
    drafts.extend(
        domain
            .iter()
            .filter_map(|clock| skewed(clock, reference, limits)),
    );
    drafts.extend(
        internet
            .iter()
            .filter(|clock| (clock.offset - reference).abs() > warn)
            .map(|clock| {
                Draft::new(Reason::ClockOffset, Stage::Time, Severity::Degrading)
                    .at(&clock.name)
                    .because(format!(
                        "{} is {}",
                        clock.name,
                        ahead(clock.offset - reference)
                    ))
            }),
    );
    drafts
}

/// Whose time is taken as right.
enum Truth {
    Box,
    Others {
        offset: f64,
        against: &'static str,
    },
    /// No two clocks agree, and nobody vouches for one.
    Nobody {
        apart: String,
    },
}

impl Truth {
    fn find(
        internet: Option<f64>,
        domain: Option<f64>,
        warn: f64,
        box_is_synchronised: bool,
    ) -> Self {
        match (internet, domain) {
            (None, None) => Self::Box,
            (Some(internet), Some(domain)) => {
                if internet.abs() <= warn || domain.abs() <= warn {
                    Self::Box
                } else if (internet - domain).abs() <= warn {
                    Self::Others {
                        offset: f64::midpoint(internet, domain),
                        against: "Internet time and the domain agree with each other",
                    }
                } else if box_is_synchronised {
                    Self::Box
                } else {
                    Self::Nobody {
                        apart: format!(
                            "{} and {}, and no two clocks agree",
                            apart(internet, INTERNET),
                            apart(domain, DOMAIN)
                        ),
                    }
                }
            }
            (Some(offset), None) => Self::of_two(offset, INTERNET, warn, box_is_synchronised),
            (None, Some(offset)) => Self::of_two(offset, DOMAIN, warn, box_is_synchronised),
        }
    }

    /// This box and one other clock: where they disagree, nobody can tell which of them is wrong.
    fn of_two(offset: f64, other: &str, warn: f64, box_is_synchronised: bool) -> Self {
        if offset.abs() <= warn || box_is_synchronised {
            Self::Box
        } else {
            Self::Nobody {
                apart: format!("{}, and no third clock answers", apart(offset, other)),
            }
        }
    }
}

/// The clocks of Internet time sources.
fn internet(network: &NetworkScene) -> Vec<Clock> {
    network
        .observations
        .iter()
        .filter_map(|seen| match &seen.check.subject {
            Subject::TimeSource { name } => Some(Clock {
                name: name.clone(),
                offset: seen.outcome.facts.clock?.offset,
            }),
            _ => None,
        })
        .collect()
}

/// One source that answers is enough; the silence of the others is information.
fn silent_sources(network: &NetworkScene) -> Vec<Draft> {
    let sources: Vec<_> = network
        .observations
        .iter()
        .filter(|seen| matches!(seen.check.subject, Subject::TimeSource { .. }))
        .collect();
    let any_answers = sources
        .iter()
        .any(|seen| seen.outcome.facts.clock.is_some());
    sources
        .into_iter()
        .flat_map(plain)
        .map(|mut draft| {
            if any_answers {
                draft.severity = Severity::Info;
            }
            draft
        })
        .collect()
}

/// The offset of the domain: the largest group of controllers that agree, and among groups of
/// the same size the one that agrees with another clock.
fn agreeing(domain: &[Clock], others: &[f64], warn: f64) -> Option<f64> {
    domain
        .iter()
        .map(|clock| {
            let group: Vec<f64> = domain
                .iter()
                .map(|other| other.offset)
                .filter(|offset| (offset - clock.offset).abs() <= warn)
                .collect();
            let witnesses = others
                .iter()
                .filter(|offset| (*offset - clock.offset).abs() <= warn)
                .count();
            (group.len(), witnesses, middle(group))
        })
        .max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)))
        .map(|(_, _, offset)| offset)
}

fn median(clocks: &[Clock]) -> Option<f64> {
    (!clocks.is_empty()).then(|| middle(clocks.iter().map(|clock| clock.offset).collect()))
}

fn middle(mut offsets: Vec<f64>) -> f64 {
    offsets.sort_by(f64::total_cmp);
    offsets.get(offsets.len() / 2).copied().unwrap_or_default()
}

fn skewed(clock: &Clock, reference: f64, limits: Limits) -> Option<Draft> {
    let skew = clock.offset - reference;
    let severity = if skew.abs() > limits.max_skew.as_secs_f64() {
        Severity::Blocking
    } else if skew.abs() > limits.warn_skew.as_secs_f64() {
        Severity::Degrading
    } else {
        return None;
    };
    Some(
        Draft::new(Reason::ClockSkew, Stage::SignIn, severity)
            .at(&clock.name)
            .because(format!(
                "the clock of {} is {}; Kerberos tolerates {} s",
                clock.name,
                ahead(skew),
                limits.max_skew.as_secs()
            )),
    )
}

/// A box that cannot trust its clock cannot judge what depends on time.
fn unsynchronised(what: String, detail: String) -> Draft {
    Draft::new(Reason::ClockUnsynced, Stage::Time, Severity::Inconclusive)
        .at(what)
        .because(detail)
        .touching(Stage::SignIn)
}

/// Which of the two is wrong is not said.
fn apart(offset: f64, other: &str) -> String {
    format!("{:.0} s apart from {other}", offset.abs())
}

fn ahead(offset: f64) -> String {
    if offset >= 0.0 {
        format!("{offset:.0} s ahead")
    } else {
        format!("{:.0} s behind", -offset)
    }
}

/// The same from the other side.
fn behind(offset: f64) -> String {
    ahead(-offset)
}
