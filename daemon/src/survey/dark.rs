//! What is traced once everything else has been tried: the way to controllers that say nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sightline_model::{Evidence, Gate, Observation, Phase, Reason, State};

use crate::probe::{self, DarkPort, Ground, Thing};
use crate::run::Task;

/// As many ways are traced in one look on one path.
const MOST_TRACES: usize = 4;

/// What is known of one address.
#[derive(Default)]
struct Place {
    /// A service answers.
    is_alive: bool,
    /// The host takes or refuses connections: packets come that far.
    is_reached: bool,
    /// Silent ports, those that the flow cannot do without first.
    dark: Vec<(Gate, DarkPort)>,
}

/// The traces of a look that has ended, on the path of `ground`: one to each address of which nothing
/// answers, one to each silent port of the others, as far as there are few.
pub(super) fn traces<'a>(
    ground: &Ground<'_>,
    seen: impl Iterator<Item = &'a Observation>,
) -> Vec<Task> {
    let of_path = seen.filter(|seen| seen.path == ground.path.name);
    ports(of_path)
        .into_iter()
        .flat_map(|port| probe::tasks(ground, &Thing::Dark(port)))
        .collect()
}

fn ports<'a>(seen: impl Iterator<Item = &'a Observation>) -> Vec<DarkPort> {
    let mut places: BTreeMap<(&str, IpAddr), Place> = BTreeMap::new();
    for seen in seen {
        let Some(of) = seen.check.subject.controller() else {
            continue;
        };
        let place = places.entry(of).or_default();
        place.is_alive |= !seen.check.is_of_host && seen.outcome.was_answered();
        place.is_reached |= reaches(seen);
        let gate = seen.check.gate;
        if matches!(gate, Gate::Hard | Gate::Soft) && seen.outcome.state() >= State::Warn {
            let (name, address) = of;
            let door = &seen.check.door;
            place.dark.extend(silent(seen).map(|(is_udp, port)| {
                let port = DarkPort {
                    name: name.to_owned(),
                    address,
                    is_udp,
                    port,
                    door: door.clone(),
                };
                (gate, port)
            }));
        }
    }
    for place in places.values_mut() {
        // TCP first, which more routers let through; runs end in any order.
        let rank = |(gate, port): &(Gate, DarkPort)| (*gate != Gate::Hard, port.is_udp, port.port);
        place.dark.sort_by_key(rank);
        if !place.is_alive {
            place.dark.truncate(usize::from(!place.is_reached));
        }
    }
    let longest = places.values().map(|place| place.dark.len()).max();
    let in_turns = (0..longest.unwrap_or_default()).flat_map(|turn| {
        places
            .values()
            .filter_map(move |place| place.dark.get(turn))
    });
    in_turns
        .take(MOST_TRACES)
        .map(|(_, port)| port.clone())
        .collect()
}

/// Whether a connection of TCP stood or was refused.
fn reaches(seen: &Observation) -> bool {
    seen.check.door.starts_with("tcp/")
        && seen.outcome.findings.iter().any(|finding| {
            matches!(
                finding.reason,
                Reason::ConnectRefused
                    | Reason::ReadTimeout
                    | Reason::ClosedEarly
                    | Reason::ProtocolError
            )
        })
}

/// The port at which packets get lost: whether it is UDP, and its number.
fn silent(seen: &Observation) -> Option<(bool, u16)> {
    let is_udp = seen.check.door.starts_with("udp/");
    let is_both = seen.check.door.starts_with("tcp+udp/");
    let asked = seen.check.target.port?;
    seen.outcome
        .findings
        .iter()
        .find_map(|finding| match finding.reason {
            Reason::ConnectTimeout | Reason::HostUnreachable if finding.phase == Phase::Connect => {
                Some((false, asked))
            }
            Reason::ReadTimeout | Reason::HostUnreachable if is_udp => Some((true, asked)),
            Reason::ReadTimeout if is_both => Some((false, asked)),
            Reason::KerberosUdpBlocked => Some((true, asked)),
            Reason::KerberosTcpBlocked => Some((false, asked)),
            Reason::RpcDynamicPortBlocked => match seen.outcome.evidence.get("netlogon_ports") {
                Some(Evidence::List(ports)) => {
                    let port = ports.first()?.parse().ok()?;
                    Some((false, port))
                }
                _ => None,
            },
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sightline_model::{Check, Finding, Outcome, Severity, Stage, Subject, Target, Timestamp};

    use super::*;

    fn seen(host: u8, door: &str, found: Option<(Reason, Phase)>) -> Observation {
        let address = IpAddr::from([10, 2, 0, host]);
        let name = format!("dc{host}");
        let port = door.split('/').nth(1).and_then(|port| port.parse().ok());
        Observation {
            check: Check {
                probe: "test",
                service: "test",
                stage: Stage::DomainController,
                also: Vec::new(),
                gate: Gate::Hard,
                subject: Subject::Controller {
                    name: name.clone(),
                    address,
                },
                door: door.to_owned(),
                closed_as: Reason::PortBlocked,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host: name,
                    address: Some(address),
                    port,
                },
            },
            path: "direct".to_owned(),
            started: Timestamp::from_unix_millis(0),
            took: Duration::ZERO,
            outcome: Outcome {
                findings: found
                    .map(|(reason, phase)| Finding {
                        reason,
                        severity: Severity::Blocking,
                        phase,
                        detail: String::new(),
                    })
                    .into_iter()
                    .collect(),
                ..Outcome::default()
            },
        }
    }

    fn shown(seen: &[Observation]) -> Vec<String> {
        let shown = |port: DarkPort| {
            let transport = if port.is_udp { "udp" } else { "tcp" };
            format!("{} {transport}/{}", port.name, port.port)
        };
        ports(seen.iter()).into_iter().map(shown).collect()
    }

    const UNCONNECTED: Option<(Reason, Phase)> = Some((Reason::ConnectTimeout, Phase::Connect));
    const UNHEARD: Option<(Reason, Phase)> = Some((Reason::ReadTimeout, Phase::Request));
    const REFUSED: Option<(Reason, Phase)> = Some((Reason::ConnectRefused, Phase::Connect));

    #[test]
    fn a_dark_controller_costs_one_trace_and_a_live_one_one_for_each_silent_port() {
        let all = [
            seen(1, "udp/389", UNHEARD),
            seen(1, "tcp/445", UNCONNECTED),
            seen(1, "tcp/389", UNCONNECTED),
            seen(2, "tcp/389", None),
            seen(2, "tcp/445", UNCONNECTED),
            seen(2, "tcp+udp/88", UNHEARD),
        ];
        assert_eq!(shown(&all), ["dc1 tcp/389", "dc2 tcp/88", "dc2 tcp/445"]);
    }

    #[test]
    fn who_takes_or_refuses_connections_is_reached() {
        let frozen = [seen(1, "udp/389", UNHEARD), seen(1, "tcp/389", UNHEARD)];
        let stopped = [seen(1, "udp/389", UNHEARD), seen(1, "tcp/389", REFUSED)];
        assert!(shown(&frozen).is_empty());
        assert!(shown(&stopped).is_empty());
    }

    #[test]
    fn a_look_at_many_dark_controllers_traces_few() {
        let all: Vec<_> = (0..50).map(|dc| seen(dc, "tcp/389", UNCONNECTED)).collect();
        assert_eq!(shown(&all).len(), MOST_TRACES);
    }
}
