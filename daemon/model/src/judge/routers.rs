//! What the routers of a network advertise, beside what its DHCP servers hand out.

use std::net::{IpAddr, Ipv6Addr};

use super::NetworkScene;
use super::draft::Draft;
use crate::observation::Observation;
use crate::outcome::{Severity, State};
use crate::ra::RouterAnswer;
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::{Subject, Topic};

/// What somebody must know who judges that DHCP hands out no resolver.
pub(super) enum Resolvers {
    /// No router hands one out either.
    None,
    /// Routers do, and they were asked.
    Asked,
    /// Routers do, and this box can ask none of them.
    Unasked(Vec<String>),
    /// Nobody knows what routers hand out.
    Unknown,
}

pub(super) fn resolvers(network: &NetworkScene) -> Resolvers {
    let unasked: Vec<String> = answers(network)
        .flat_map(RouterAnswer::handed_out)
        .map(|resolver| resolver.to_string())
        .collect();
    let mut all = network.observations.iter();
    if !unasked.is_empty() {
        return if all.any(|seen| seen.check.subject.resolver().is_some()) {
            Resolvers::Asked
        } else {
            Resolvers::Unasked(unasked)
        };
    }
    let is_unknown = |seen: &Observation| {
        seen.check.subject == Subject::RouterAdvertisements
            && seen.outcome.state() == State::Unknown
    };
    if all.any(is_unknown) {
        Resolvers::Unknown
    } else {
        Resolvers::None
    }
}

/// Routers that do not belong there. Where nobody has said which belong, all that hand out other resolvers
/// than another, and those whose resolver does not know the zone that one of DHCP's knows.
pub(super) fn rivals(network: &NetworkScene) -> Option<Draft> {
    let (rogue, brings): (Vec<_>, Vec<_>) = if network.routers.is_empty() {
        unlike(network)
    } else {
        let (own, rogue): (Vec<_>, Vec<_>) =
            answers(network).partition(|said| network.routers.contains(&said.router));
        let brings = of_these_alone(&rogue, &own);
        (rogue, brings)
    };
    if rogue.is_empty() {
        return None;
    }
    let mut draft = Draft::new(Reason::DhcpRogue, Stage::Network, Severity::Degrading);
    for said in rogue {
        draft = draft.at(said.place()).because(format!(
            "{} advertises {}",
            said.place(),
            said.settings().join("; ")
        ));
    }
    draft.brings = brings.iter().map(ToString::to_string).collect();
    Some(draft)
}

fn answers(network: &NetworkScene) -> impl Iterator<Item = &RouterAnswer> {
    let seen = network.observations.iter();
    seen.flat_map(|seen| &seen.outcome.facts.routers)
}

/// Those that hand out resolvers which do not go together, and the resolvers that are there because of them.
fn unlike(network: &NetworkScene) -> (Vec<&RouterAnswer>, Vec<Ipv6Addr>) {
    // A router that names no resolver contradicts nobody.
    let givers: Vec<_> = answers(network)
        .filter(|said| said.handed_out().next().is_some())
        .collect();
    let hands_out = |said: &RouterAnswer, resolver| said.handed_out().any(|own| own == resolver);
    let are_common = |said: &&RouterAnswer| {
        said.handed_out()
            .all(|resolver| givers.iter().all(|other| hands_out(other, resolver)))
    };
    if !givers.iter().all(are_common) {
        let brings = givers.iter().flat_map(|said| said.handed_out());
        let brings =
            brings.filter(|resolver| !givers.iter().all(|said| hands_out(said, *resolver)));
        let brings = brings.collect();
        return (givers, brings);
    }
    // They are of another family than those of DHCP, so that only what they know can tell them apart.
    let mut by_dhcp = network.observations.iter();
    let mut by_dhcp = by_dhcp
        .by_ref()
        .flat_map(|seen| &seen.outcome.facts.dhcp)
        .flat_map(|answer| &answer.resolvers);
    if !by_dhcp.any(|resolver| knows_zone(network, IpAddr::V4(*resolver)) == Some(true)) {
        return (Vec::new(), Vec::new());
    }
    let mut brings: Vec<Ipv6Addr> = givers.iter().flat_map(|said| said.handed_out()).collect();
    brings.retain(|resolver| knows_zone(network, IpAddr::V6(*resolver)) == Some(false));
    let rogue = givers.into_iter();
    let rogue = rogue.filter(|said| brings.iter().any(|resolver| hands_out(said, *resolver)));
    (rogue.collect(), brings)
}

fn of_these_alone(these: &[&RouterAnswer], others: &[&RouterAnswer]) -> Vec<Ipv6Addr> {
    let of_others: Vec<_> = others.iter().flat_map(|said| said.handed_out()).collect();
    let all = these.iter().flat_map(|said| said.handed_out());
    all.filter(|resolver| !of_others.contains(resolver))
        .collect()
}

/// Whether a resolver knows the Active Directory zone; nothing, where it did not say.
fn knows_zone(network: &NetworkScene, resolver: IpAddr) -> Option<bool> {
    let mut said = None;
    for seen in &network.observations {
        let Some((server, Topic::Zone | Topic::Locator)) = seen.check.subject.resolver() else {
            continue;
        };
        if server.ip() != resolver {
            continue;
        }
        match seen.outcome.state() {
            State::Pass | State::Warn => return Some(true),
            State::Fail if seen.outcome.was_answered() => said = Some(false),
            _ => {}
        }
    }
    said
}
