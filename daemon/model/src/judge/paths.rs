//! The paths to the domain controllers: the direct one, and one through each VPN whose tunnel ends on
//! this box. A controller counts on any path that a client could use; whether one carries the flow
//! decides what the faults of the others mean.

use std::borrow::Cow;

use super::controllers::{self, Controller, Relief};
use super::draft::Draft;
use super::resolvers;
use super::{NetworkScene, VpnScene};
use crate::observation::DIRECT;
use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;
use crate::status::PathStatus;
use crate::subject::Subject;

/// A network, taken apart by paths.
pub(super) struct Split<'a> {
    /// What was seen outside every tunnel.
    pub(super) direct: Cow<'a, NetworkScene>,
    tunnels: Vec<(&'a VpnScene, NetworkScene)>,
}

/// What one tunnel leads to.
pub(super) struct Tunnel {
    vpn: String,
    /// Whether a controller was asked through it.
    was_asked: bool,
    has_resolvers: bool,
    /// Its interface, where that is gone since it was looked at.
    gone: Option<String>,
    controllers: Vec<Controller>,
    drafts: Vec<Draft>,
}

/// How it stands with the paths of a network.
pub(super) struct Standing {
    /// No direct path leads to a controller, and there are VPNs: devices cannot do without one.
    pub(super) is_vpn_needed: bool,
    /// The paths on which a controller is usable, the direct one first.
    carrying: Vec<String>,
    /// VPNs whose gateway is asked and whose tunnel does not end here.
    unseen: Vec<String>,
    /// Tunnels through which a controller was asked.
    asked: Vec<String>,
}

pub(super) fn split(network: &NetworkScene) -> Split<'_> {
    let is_tunnelled = network.observations.iter().any(|seen| seen.path != DIRECT);
    if !is_tunnelled {
        return Split {
            direct: Cow::Borrowed(network),
            tunnels: Vec::new(),
        };
    }
    let with = |candidates: &[super::Candidate], path: &str| NetworkScene {
        candidates: candidates.to_vec(),
        observations: network
            .observations
            .iter()
            .filter(|seen| seen.path == path || is_tunnel(&seen.check.subject, path))
            .cloned()
            .collect(),
        vpns: Vec::new(),
        ..network.without_observations()
    };
    let ends_here = network.vpns.iter().filter(|vpn| vpn.ends_here);
    Split {
        direct: Cow::Owned(with(&network.candidates, DIRECT)),
        tunnels: ends_here
            .map(|vpn| (vpn, with(&vpn.candidates, &vpn.name)))
            .collect(),
    }
}

fn is_tunnel(subject: &Subject, path: &str) -> bool {
    matches!(subject, Subject::Tunnel { name } if name == path)
}

/// Judges what each tunnel leads to by the same rules as the direct path.
pub(super) fn judge(split: &Split<'_>) -> Vec<Tunnel> {
    let tunnels = split.tunnels.iter();
    tunnels.map(|(vpn, scene)| tunnel(vpn, scene)).collect()
}

fn tunnel(vpn: &VpnScene, scene: &NetworkScene) -> Tunnel {
    let mut drafts = Vec::new();
    let asks_resolvers = scene
        .observations
        .iter()
        .any(|seen| seen.check.subject.resolver().is_some());
    if asks_resolvers {
        drafts.extend(resolvers::judge(scene, &super::proxies::ways(scene)));
    }
    let (mut controllers, found) = controllers::judge(scene);
    drafts.extend(found);
    for draft in &mut drafts {
        draft.via = Some(vpn.name.clone());
        // Nothing else than finding a controller hangs on a resolver behind a tunnel.
        if draft.stage == Stage::Network {
            draft.stage = Stage::DomainController;
        }
    }
    for controller in &mut controllers {
        controller.forget_pings();
    }
    // No socket can be bound to an interface that is gone; it is none of the box's own links.
    let is_gone = |draft: &Draft| draft.reason == Reason::LinkDown;
    let gone = drafts.iter().any(is_gone).then(|| {
        let mut ends = scene.observations.iter();
        ends.find(|seen| is_tunnel(&seen.check.subject, &vpn.name))
            .map_or_else(String::new, |seen| seen.check.target.host.clone())
    });
    drafts.retain(|draft| !is_gone(draft));
    Tunnel {
        vpn: vpn.name.clone(),
        gone,
        was_asked: scene
            .observations
            .iter()
            .any(|seen| seen.check.subject.controller().is_some()),
        has_resolvers: vpn.has_resolvers,
        controllers,
        drafts,
    }
}

impl Standing {
    pub(super) fn of(network: &NetworkScene, direct: &[Controller], tunnels: &[Tunnel]) -> Self {
        let is_looked_for = network.domain.is_some()
            && network
                .observations
                .iter()
                .any(|seen| seen.check.stage == Stage::DomainController);
        let answers = network.is_direct_expected || direct.iter().any(Controller::answers);
        let carries = |controllers: &[Controller]| controllers.iter().any(|dc| dc.status.usable);
        let through = tunnels.iter().filter(|tunnel| carries(&tunnel.controllers));
        Self {
            is_vpn_needed: is_looked_for && !answers && !network.vpns.is_empty(),
            carrying: carries(direct)
                .then(|| DIRECT.to_owned())
                .into_iter()
                .chain(through.map(|tunnel| tunnel.vpn.clone()))
                .collect(),
            unseen: network
                .vpns
                .iter()
                .filter(|vpn| !vpn.ends_here)
                .map(|vpn| vpn.name.clone())
                .collect(),
            asked: tunnels
                .iter()
                .filter(|tunnel| tunnel.was_asked)
                .map(|tunnel| tunnel.vpn.clone())
                .collect(),
        }
    }

    /// Whether the tunnel of this VPN ends here, so that it tells how it is.
    pub(super) fn is_seen(&self, vpn: &str) -> bool {
        !self.unseen.iter().any(|unseen| unseen == vpn)
    }

    /// Whether a controller was asked through the tunnel of this VPN, so that a route leads to one.
    pub(super) fn is_asked_through(&self, vpn: &str) -> bool {
        self.asked.iter().any(|asked| asked == vpn)
    }

    /// Whether a controller is usable on this path.
    pub(super) fn is_carried_by(&self, path: &str) -> bool {
        self.carrying.iter().any(|carrying| carrying == path)
    }

    /// The stages that have to be ready first: the VPN only where devices cannot do without.
    pub(super) fn needs(&self, stage: Stage) -> impl Iterator<Item = Stage> {
        let needs = stage.needs().iter().copied();
        needs.filter(|need| *need != Stage::Vpn || self.is_vpn_needed)
    }

    /// The stages that cannot be ready while this one is not.
    pub(super) fn dependents(&self, stage: Stage) -> Vec<Stage> {
        if stage == Stage::Vpn && !self.is_vpn_needed {
            Vec::new()
        } else {
            stage.dependents()
        }
    }

    /// For people and machines: which path carries the flow.
    pub(super) fn statuses(
        &self,
        network: &NetworkScene,
        controllers: &[Controller],
    ) -> Vec<PathStatus> {
        let direct = std::iter::once((DIRECT, true));
        let vpns = network
            .vpns
            .iter()
            .map(|vpn| (vpn.name.as_str(), vpn.ends_here));
        direct
            .chain(vpns)
            .map(|(path, was_tested)| PathStatus {
                path: path.to_owned(),
                tested: was_tested,
                carries: self.is_carried_by(path),
                domain_controllers: controllers
                    .iter()
                    .filter(|dc| dc.status.paths.iter().any(|own| own == path))
                    .map(|dc| dc.status.name.clone())
                    .collect(),
            })
            .collect()
    }
}

/// Gives the findings of each path the weight that they have beside the others, and puts all
/// controllers into one list. `drafts` are those of the network and its direct path, `of_vpns` those of
/// gateways and tunnels themselves.
pub(super) fn weigh(
    standing: &Standing,
    drafts: &mut Vec<Draft>,
    of_vpns: &[Draft],
    mut controllers: Vec<Controller>,
    tunnels: Vec<Tunnel>,
) -> Vec<Controller> {
    let is_blocked = |vpn: &String| {
        of_vpns
            .iter()
            .any(|draft| draft.severity == Severity::Blocking && super::vpns::is_about(draft, vpn))
    };
    let unseen: Vec<&String> = standing
        .unseen
        .iter()
        .filter(|vpn| !is_blocked(vpn))
        .collect();
    let is_open = standing.is_vpn_needed && standing.carrying.is_empty() && !unseen.is_empty();
    let others = if !standing.carrying.is_empty() {
        Relief::Usable
    } else if is_open {
        Relief::Unknown
    } else {
        Relief::None
    };
    // What these resolvers lack, the tunnels without resolvers lack too. While nothing carries the flow, one
    // such tunnel that leads somewhere is enough to miss it.
    let is_of_use = |tunnel: &Tunnel| {
        !of_vpns.iter().any(|draft| {
            super::explain::is_of_tunnel(draft.reason)
                && draft.severity > Severity::Info
                && super::vpns::is_about(draft, &tunnel.vpn)
        })
    };
    let are_shared = if standing.carrying.is_empty() {
        let mut of_use = tunnels.iter().filter(|tunnel| is_of_use(tunnel));
        of_use.any(|tunnel| !tunnel.has_resolvers)
    } else {
        !tunnels.is_empty() && !tunnels.iter().any(|tunnel| tunnel.has_resolvers)
    };
    if !standing.is_carried_by(DIRECT) {
        let of_path =
            |draft: &&mut Draft| matches!(draft.stage, Stage::DomainController | Stage::SignIn);
        for draft in drafts.iter_mut().filter(of_path) {
            draft.severity = if !standing.is_vpn_needed || are_shared && draft.is_about_names() {
                others.relieve(draft.severity)
            } else {
                Severity::Info
            };
        }
    }
    for tunnel in tunnels {
        let carries = standing.is_carried_by(&tunnel.vpn);
        let is_said = of_vpns.iter().any(|draft| {
            draft.reason == Reason::VpnTunnelDown && super::vpns::is_about(draft, &tunnel.vpn)
        });
        if let Some(interface) = tunnel.gone.filter(|_| !is_said) {
            let severity = match others {
                Relief::None if standing.is_vpn_needed => Severity::Blocking,
                _ => Severity::Degrading,
            };
            let detail = format!(
                "nothing can be sent through {interface}: it is gone since it was looked at"
            );
            let draft = Draft::new(Reason::VpnTunnelDown, Stage::Vpn, severity);
            drafts.push(draft.what(&tunnel.vpn).at(interface).because(detail));
        }
        drafts.extend(tunnel.drafts.into_iter().map(|mut draft| {
            if !carries {
                draft.severity = others.relieve(draft.severity);
            }
            draft
        }));
        for controller in tunnel.controllers {
            let name = controller.status.name.clone();
            match controllers.iter_mut().find(|dc| dc.status.name == name) {
                Some(known) => known.join(controller),
                None => controllers.push(controller),
            }
        }
    }
    if is_open {
        drafts.extend(unseen.into_iter().map(|vpn| {
            Draft::new(Reason::NotTested, Stage::DomainController, Severity::Inconclusive)
                .what("domain controllers behind a VPN")
                .at(vpn)
                .because(format!(
                    "nobody can see from here what is behind {vpn}: its tunnel does not end on this box \
                     (`vpn.interface`), and no controller answers on the direct path"
                ))
        }));
    }
    controllers
}
