//! How fast content comes, asked after everything else, so that it disturbs nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sightline_model::{NetworkScene, Observation, Stage, State, Subject, Topic};

use super::Wanted;
use crate::endpoints::Endpoint;
use crate::net::socket;
use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run;

/// The row whose hosts have a file of size under a path that is known.
const CONTENT: &str = "wu-content";

/// Measures in a network that was surveyed; nothing, where nobody wants it.
pub async fn throughput(
    plan: &Plan,
    network: &Network,
    wanted: Wanted<'_>,
    scene: &NetworkScene,
) -> Option<Observation> {
    if plan.throughput.is_none() || !wanted.stages.contains(&Stage::DeviceSetup) {
        return None;
    }
    let endpoint = content(plan)?;
    let name = endpoint.hosts.first()?.name.clone();
    let ground = Ground {
        plan,
        network,
        domain: wanted.domain,
        path: &network.path,
        stages: wanted.stages,
    };
    let mut addresses = known(scene, &name);
    if addresses.is_empty()
        && let Some(server) = resolver(network, scene)
    {
        let rows = [Arc::clone(endpoint)];
        if let Some(task) = probe::host_task(&ground, server, &name, &rows) {
            addresses = run::once(&task).await.outcome.facts.addresses;
        }
    }
    let has_route =
        |address: &&IpAddr| socket::reachable_by_route(&network.path, **address).is_ok();
    let first = addresses.iter().find(has_route).or(addresses.first());
    let thing = Thing::Content {
        endpoint: Arc::clone(endpoint),
        name,
        address: first.copied(),
    };
    let task = probe::tasks(&ground, &thing).into_iter().next()?;
    Some(run::once(&task).await)
}

/// Where content comes from: the row with the file, else the first content host of the list.
fn content(plan: &Plan) -> Option<&Arc<Endpoint>> {
    let is_content = |row: &&Arc<Endpoint>| {
        row.needs_range && row.gate().is_some() && row.protocol.is_http() && !row.hosts.is_empty()
    };
    let mut all = plan.endpoints.iter().filter(is_content);
    let first = all.clone().next();
    all.find(|row| row.id == CONTENT).or(first)
}

/// The addresses that the survey has found for a host.
fn known(scene: &NetworkScene, name: &str) -> Vec<IpAddr> {
    let found = scene.observations.iter().find(|seen| {
        matches!(&seen.check.subject, Subject::Host { name: of } if of == name)
            && !seen.outcome.facts.addresses.is_empty()
    });
    found
        .map(|seen| seen.outcome.facts.addresses.clone())
        .unwrap_or_default()
}

/// The first resolver that knows the Internet.
fn resolver(network: &Network, scene: &NetworkScene) -> Option<SocketAddr> {
    let knows = |server: &&SocketAddr| {
        scene.observations.iter().any(|seen| {
            seen.check.subject.resolver() == Some((**server, Topic::Internet))
                && matches!(seen.outcome.state(), State::Pass | State::Warn)
        })
    };
    network.resolvers.iter().find(knows).copied()
}
