//! `sightline check`: look once at every network, judge, and say it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sightline_model::{NetworkScene, Observation, Scene, Stage, Status, judge};

use crate::plan::{Network, Plan};
use crate::run;
use crate::survey::{self, Link, Searched, Survey, Wanted};

/// A look at the site, judged.
#[derive(Debug)]
pub struct Checked {
    /// How it stands.
    pub status: Status,
    /// For each network: the slowest chain of dependent exchanges.
    pub slowest: Vec<Vec<Link>>,
    /// How long the look took, from the first packet to the last answer; without what is downloaded
    /// for an estimate.
    pub took: Duration,
    /// The domain, where the search list led to it and no configuration.
    pub found_domain: Option<String>,
}

/// Why a check could not even begin.
#[derive(Debug)]
pub enum Refusal {
    /// Nothing says which domain to look for.
    NoDomain {
        /// The search list that was tried.
        searched: Vec<String>,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoDomain { searched } if searched.is_empty() => write!(
                f,
                "no domain to look for: none is configured, and the resolver's search list is \
                 empty; give it with --domain NAME or in the configuration as [domain] name"
            ),
            Self::NoDomain { searched } => write!(
                f,
                "no domain to look for: none is configured, and the search list ({}) leads to no \
                 domain controller; give it with --domain NAME or in the configuration as \
                 [domain] name",
                searched.join(", ")
            ),
        }
    }
}

/// Looks at all networks at the same time. `watch` hears of each run as it ends.
///
/// # Errors
/// When nothing says which domain to look for.
pub async fn check(
    plan: &Plan,
    stages: &[Stage],
    watch: &(dyn Fn(&Observation) + Sync),
) -> Result<Checked, Refusal> {
    let begun = Instant::now();
    let asked = plan.networks.iter();
    let asked = asked.map(|network| survey::handed_out(plan, network));
    let networks: Vec<(Network, Vec<Observation>)> = join_all(asked).await;
    let mut found_domain = None;
    let mut stages = stages.to_vec();
    let domain = match &plan.domain {
        _ if !relevant(&stages).contains(&Stage::DomainController) => None,
        Some(domain) => Some(domain.clone()),
        None => match search(plan, &networks).await {
            Searched::Domain(domain) => {
                found_domain = Some(domain.clone());
                Some(domain)
            }
            Searched::Nothing => {
                return Err(Refusal::NoDomain {
                    searched: networks
                        .iter()
                        .flat_map(|(network, _)| network.search.clone())
                        .collect(),
                });
            }
            // Why nobody answers is what there is to say.
            Searched::Silence => {
                stages = vec![Stage::Network];
                None
            }
        },
    };
    let relevant = relevant(&stages);
    let wanted = Wanted {
        domain: domain.as_deref(),
        stages: &relevant,
    };
    let looks = networks
        .iter()
        .map(|(network, handed)| survey::survey(plan, (network, handed.as_slice()), wanted, watch));
    let mut surveys: Vec<Survey> = join_all(looks).await;
    let took = begun.elapsed();
    // One network after the other: they may share the way out.
    for ((network, _), survey) in networks.iter().zip(&mut surveys) {
        if let Some(seen) = survey::throughput(plan, network, wanted, &survey.scene).await {
            watch(&seen);
            survey.scene.observations.push(seen);
        }
    }
    let (scenes, slowest): (Vec<NetworkScene>, Vec<Vec<Link>>) = surveys
        .into_iter()
        .map(|survey| (survey.scene, survey.slowest))
        .unzip();
    let status = judge(&Scene {
        site: plan.site.clone(),
        now: run::now(),
        stages,
        limits: plan.limits,
        networks: scenes,
    });
    Ok(Checked {
        status,
        slowest,
        took,
        found_domain,
    })
}

/// The stages that are judged, and those that they need; all, where none is named.
fn relevant(named: &[Stage]) -> Vec<Stage> {
    Stage::ALL
        .into_iter()
        .filter(|stage| {
            named.is_empty() || named.iter().any(|named| named.with_needs().contains(stage))
        })
        .collect()
}

/// The domain that the search lists of the networks lead to, with what DHCP hands out where clients live on it.
pub async fn domain_of(plan: &Plan) -> Option<String> {
    let asked = plan.networks.iter();
    let asked = asked.map(|network| survey::handed_out(plan, network));
    match search(plan, &join_all(asked).await).await {
        Searched::Domain(domain) => Some(domain),
        Searched::Nothing | Searched::Silence => None,
    }
}

/// The first network that leads to a domain wins; silence counts only where no network answers.
async fn search(plan: &Plan, networks: &[(Network, Vec<Observation>)]) -> Searched {
    let mut all_are_silent = true;
    for (network, _) in networks {
        match survey::domain_of_search_list(plan, network).await {
            Searched::Silence => {}
            Searched::Nothing => all_are_silent = false,
            found @ Searched::Domain(_) => return found,
        }
    }
    if all_are_silent {
        Searched::Silence
    } else {
        Searched::Nothing
    }
}

/// Counts runs for a person who waits at a terminal.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<(usize, usize)>,
}

impl Progress {
    /// A line of progress after one more run: how many ended, how many of them did not pass.
    #[must_use]
    pub fn line(&self, seen: &Observation) -> String {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 += 1;
        if seen.outcome.state() >= sightline_model::State::Unknown {
            state.1 += 1;
        }
        format!(
            "{} checks done, {} without success; last: {} {}",
            state.0, state.1, seen.check.service, seen.check.target
        )
    }
}
