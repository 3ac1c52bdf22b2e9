//! What DHCP hands out comes before everything else, where the clients of a network live on it.

use sightline_model::{DhcpAnswer, Observation, Stage, Subject};

use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run;

/// As many resolvers are asked, of all that the servers of a network hand out.
const MOST_RESOLVERS: usize = 8;

/// The same for suffixes.
const MOST_SUFFIXES: usize = 8;

/// Completes a network with what its DHCP servers hand out, and gives what they answered; a network that
/// needs nothing of them comes back as it is.
///
/// Of several servers everything is taken: which of them a client hears first is chance.
pub async fn handed_out(plan: &Plan, network: &Network) -> (Network, Option<Observation>) {
    let mut network = network.clone();
    if !network.by_dhcp {
        return (network, None);
    }
    let ground = Ground {
        plan,
        network: &network,
        domain: None,
        path: &network.path,
        stages: &[Stage::Network],
    };
    let mut tasks = probe::tasks(&ground, &Thing::Network).into_iter();
    let Some(task) = tasks.find(|task| task.check.subject == Subject::Dhcp) else {
        return (network, None);
    };
    let seen = run::once(&task).await;
    take(&mut network, &seen.outcome.facts.dhcp);
    (network, Some(seen))
}

fn take(network: &mut Network, answers: &[DhcpAnswer]) {
    for answer in answers {
        for resolver in &answer.resolvers {
            let server = (*resolver, 53).into();
            if !network.resolvers.contains(&server) && network.resolvers.len() < MOST_RESOLVERS {
                network.resolvers.push(server);
            }
        }
        // The suffix of the connection comes first, as Windows has it.
        for suffix in answer.domain.iter().chain(&answer.search) {
            let suffix = suffix.trim_end_matches('.').to_ascii_lowercase();
            let is_new = !suffix.is_empty() && !network.search.contains(&suffix);
            if is_new && network.search.len() < MOST_SUFFIXES {
                network.search.push(suffix);
            }
        }
    }
}
