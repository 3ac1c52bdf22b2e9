//! Which domain controllers can be used, and why the others cannot.

mod hops;
mod names;
mod sites;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::draft::Draft;
use super::paths::Standing;
use super::uplink::{capped, plain};
use super::{Candidate, NetworkScene};
use crate::observation::Observation;
use crate::outcome::{ControllerFacts, Finding, Severity, State};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::status::ControllerStatus;
use way::OnTheWay;

/// One address of a controller and everything that was asked of it on one path.
struct Door<'a> {
    address: IpAddr,
    path: &'a str,
    seen: Vec<&'a Observation>,
}

/// All that was asked, by the names of controllers.
type Doors<'a> = BTreeMap<&'a str, Vec<Door<'a>>>;

/// A controller as it was seen, and what follows.
pub(super) struct Controller {
    pub(super) status: ControllerStatus,
    pub(super) facts: Option<ControllerFacts>,
    /// What it said to each LDAP ping of the addresses that are used, by address.
    pings: Vec<(IpAddr, ControllerFacts)>,
    /// What its answers say against a logon, apart from its clock.
    refuses_logon: bool,
    /// Whether something could not be looked at.
    is_unknown: bool,
    /// Whether nothing that was seen speaks against using it.
    may_be_usable: bool,
    /// Whether one of its services answers.
    answers: bool,
}

impl Controller {
    /// Whether one of its services answers.
    pub(super) const fn answers(&self) -> bool {
        self.answers
    }

    /// What it says of the network is judged.
    pub(super) fn forget_pings(&mut self) {
        self.pings.clear();
    }

    /// The same controller, seen on another path: the one on which it can be used is the one that
    /// counts.
    pub(super) fn join(&mut self, mut other: Self) {
        if other.status.usable && !self.status.usable {
            std::mem::swap(self, &mut other);
        }
        let good = |dc: &Self| dc.status.usable && !dc.refuses_logon;
        self.refuses_logon &= !good(&other);
        self.is_unknown |= other.is_unknown;
        self.may_be_usable |= other.may_be_usable;
        self.answers |= other.answers;
        self.pings.append(&mut other.pings);
        self.facts = self.facts.take().or(other.facts);
        let (status, more) = (&mut self.status, other.status);
        for (known, new) in [
            (&mut status.addresses, more.addresses),
            (&mut status.paths, more.paths),
        ] {
            known.extend(new);
            known.sort();
            known.dedup();
        }
        status.probed |= more.probed;
        status.in_site |= more.in_site;
        status.clock_skew_seconds = status.clock_skew_seconds.or(more.clock_skew_seconds);
        status.ad_site = status.ad_site.take().or(more.ad_site);
        status.forest = status.forest.take().or(more.forest);
        status.domain_guid = status.domain_guid.take().or(more.domain_guid);
        if status.flags.is_empty() {
            status.flags = more.flags;
        }
        for (service, state) in more.services {
            status.services.entry(service).or_insert(state);
        }
    }
}

impl Door<'_> {
    fn hard(&self) -> impl Iterator<Item = &Observation> {
        self.seen
            .iter()
            .copied()
            .filter(|seen| seen.check.gate == Gate::Hard)
    }

    /// Every hard service of this one address does its job. What an answer says about a logon is
    /// judged at `sign_in`.
    fn is_usable(&self) -> bool {
        self.hard().next().is_some() && self.hard().all(serves)
    }

    /// Some hard service was seen not to do its job.
    fn is_refuted(&self) -> bool {
        self.hard()
            .any(|seen| seen.outcome.state() == State::Fail && !serves(seen))
    }

    /// A service that lives proves as much when it is optional as when it is hard.
    fn is_alive(&self) -> bool {
        self.seen
            .iter()
            .any(|seen| !seen.check.is_of_host && seen.outcome.was_answered())
    }

    /// Whoever could be asked has not answered, and somebody could be asked.
    fn is_dead(&self) -> bool {
        !self.is_alive() && self.hard().any(|seen| seen.outcome.state() == State::Fail)
    }

    fn is_unknown(&self) -> bool {
        self.hard()
            .any(|seen| seen.outcome.state() == State::Unknown)
    }

    /// What could not be looked at, for a reason of our own.
    fn blind(&self) -> impl Iterator<Item = Draft> {
        self.hard()
            .filter(|seen| seen.outcome.state() == State::Unknown)
            .flat_map(plain)
    }
}

fn serves(seen: &Observation) -> bool {
    match seen.outcome.state() {
        State::Pass | State::Warn => true,
        State::Fail => !against_service(seen).any(|finding| finding.severity == Severity::Blocking),
        State::Skipped | State::Unknown => false,
    }
}

/// The findings that speak against the service itself, not against what it says.
fn against_service(seen: &Observation) -> impl Iterator<Item = &Finding> {
    seen.outcome
        .findings
        .iter()
        .filter(|finding| finding.reason.stage().is_none())
}

/// The controllers in locator order, and what was found about them.
pub(super) fn judge(network: &NetworkScene) -> (Vec<Controller>, Vec<Draft>) {
    let mut doors = Doors::new();
    for seen in &network.observations {
        if let Some((name, address)) = seen.check.subject.controller() {
            let of_name = doors.entry(name).or_default();
            match of_name
                .iter_mut()
                .find(|door| door.address == address && door.path == seen.path)
            {
                Some(door) => door.seen.push(seen),
                None => of_name.push(Door {
                    address,
                    path: &seen.path,
                    seen: vec![seen],
                }),
            }
        }
    }
    // Runs end in any order, and the answer is the same.
    for of_name in doors.values_mut() {
        of_name.sort_by_key(|door| (door.path, door.address));
    }
    let controllers: Vec<_> = network
        .candidates
        .iter()
        .map(|candidate| {
            let doors = doors.get(candidate.name.as_str());
            describe(candidate, doors.map_or(&[], Vec::as_slice))
        })
        .collect();
    let relief = Relief::of(&controllers);

    let mut drafts = Vec::new();
    for name in doors.keys() {
        drafts.extend(faults(network, name, &doors, relief));
    }
    drafts.extend(names::judge(network, relief));
    drafts.extend(sites::judge(network, &controllers));
    (controllers, drafts)
}

fn describe(candidate: &Candidate, doors: &[Door<'_>]) -> Controller {
    let used: Vec<_> = if doors.iter().any(Door::is_usable) {
        doors.iter().filter(|door| door.is_usable()).collect()
    } else {
        doors.iter().collect()
    };
    let pings: Vec<(IpAddr, ControllerFacts)> = used
        .iter()
        .flat_map(|door| door.seen.iter().map(|seen| (door.address, seen)))
        .filter_map(|(address, seen)| Some((address, seen.outcome.facts.controller.clone()?)))
        .collect();
    let facts = pings.first().map(|(_, facts)| facts.clone());
    let mut services: BTreeMap<&'static str, State> = BTreeMap::new();
    for door in &used {
        for seen in door.seen.iter().filter(|seen| is_expected(seen, door)) {
            let state = services.entry(seen.check.service).or_insert(State::Skipped);
            *state = (*state).max(seen.outcome.state());
        }
        for seen in door.seen.iter().filter(|seen| !is_expected(seen, door)) {
            services.entry(seen.check.service).or_insert(State::Skipped);
        }
    }
    let clock = doors
        .iter()
        .flat_map(|door| &door.seen)
        .filter_map(|seen| seen.outcome.facts.clock)
        .max_by_key(|clock| clock.rank);
    let paths: BTreeSet<_> = doors
        .iter()
        .filter(|door| door.is_usable())
        .map(|door| door.path.to_owned())
        .collect();
    Controller {
        status: ControllerStatus {
            name: candidate.name.clone(),
            addresses: doors.iter().map(|door| door.address.to_string()).collect(),
            ad_site: facts.as_ref().map(|facts| facts.dc_site.clone()),
            usable: !paths.is_empty(),
            paths: paths.into_iter().collect(),
            clock_skew_seconds: clock.map(|clock| clock.offset),
            priority: candidate.priority,
            weight: candidate.weight,
            in_site: candidate.in_site,
            probed: candidate.probed,
            flags: facts
                .as_ref()
                .map(|facts| facts.flags.clone())
                .unwrap_or_default(),
            forest: facts.as_ref().map(|facts| facts.forest.clone()),
            domain_guid: facts.as_ref().map(|facts| facts.domain_guid.clone()),
            services,
        },
        refuses_logon: used.iter().flat_map(|door| &door.seen).any(|seen| {
            seen.outcome.findings.iter().any(|finding| {
                finding.severity == Severity::Blocking
                    && finding.reason.stage() == Some(Stage::SignIn)
            })
        }),
        is_unknown: doors.iter().any(Door::is_unknown),
        may_be_usable: doors.iter().any(|door| !door.is_refuted()),
        answers: doors.iter().any(Door::is_alive),
        facts,
        pings,
    }
}

/// What is wrong with one controller, per address.
fn faults(network: &NetworkScene, name: &str, all: &Doors<'_>, relief: Relief) -> Vec<Draft> {
    let doors = all.get(name).map_or(&[][..], Vec::as_slice);
    let mut drafts = Vec::new();
    for door in doors {
        let place = if doors.len() == 1 || doors.iter().all(|other| !other.is_usable()) {
            name.to_owned()
        } else {
            format!("{name} [{}]", door.address)
        };
        if door.is_dead() {
            let mut draft = Draft::new(
                Reason::DcUnreachable,
                Stage::DomainController,
                relief.relieve(Severity::Blocking),
            )
            .at(&place);
            draft.details = door
                .hard()
                .filter(|seen| seen.outcome.state() == State::Fail)
                .filter_map(|seen| seen.outcome.worst())
                .map(|finding| finding.detail.clone())
                .collect();
            // Whoever shows two lines shows this one.
            let at = draft.details.len().min(1);
            draft
                .details
                .splice(at..at, hops::to(network, door.address, door.path, None));
            drafts.push(draft);
            drafts.extend(door.blind().map(|mut draft| {
                draft.severity = relief.relieve(draft.severity);
                draft
            }));
            continue;
        }
        let foreign = door
            .seen
            .iter()
            .flat_map(|seen| &seen.outcome.findings)
            .any(|finding| finding.reason == Reason::CldapWrongDomain);
        let on_the_way = OnTheWay::of(door, all);
        let mut of_door = Vec::new();
        for seen in door.seen.iter().filter(|seen| is_expected(seen, door)) {
            for finding in &seen.outcome.findings {
                if foreign && finding.reason != Reason::CldapWrongDomain {
                    continue;
                }
                let mut draft = service_fault(network, seen, finding, &place, relief);
                if hops::may_tell(draft.reason) {
                    let door_is = Some(seen.check.door.as_str());
                    draft
                        .details
                        .extend(hops::to(network, door.address, door.path, door_is));
                }
                draft.explained_by = on_the_way.explains(seen, finding);
                of_door.push(draft);
            }
        }
        way::take_over(&mut of_door);
        drafts.extend(of_door);
    }
    drafts
}

/// A service that the controller itself does not announce is not missed.
fn is_expected(seen: &Observation, door: &Door<'_>) -> bool {
    let announced = door
        .seen
        .iter()
        .find_map(|seen| seen.outcome.facts.controller.as_ref())
        .map(|facts| &facts.flags);
    match (seen.check.needs_flag, announced) {
        (Some(flag), Some(flags)) => flags.iter().any(|known| known == flag),
        _ => true,
    }
}

fn service_fault(
    network: &NetworkScene,
    seen: &Observation,
    finding: &Finding,
    place: &str,
    relief: Relief,
) -> Draft {
    let reason = seen.meaning_of(finding);
    let what = match reason {
        Reason::CldapWrongDomain => network.domain.clone().unwrap_or_default(),
        Reason::PortBlocked
        | Reason::CldapNoAnswer
        | Reason::KdcNoAnswer
        | Reason::RpcEndpointUnavailable
        | Reason::KerberosUdpBlocked
        | Reason::KerberosTcpBlocked
        | Reason::NotTested => seen.check.door.clone(),
        _ => String::new(),
    };
    let capped = capped(finding, seen.check.gate);
    // What speaks against a logon is weighed later, against the controllers that are good for one.
    let severity = if reason.stage() == Some(Stage::SignIn) {
        capped
    } else {
        relief.relieve(capped)
    };
    Draft::new(reason, seen.check.stage, severity)
        .what(what)
        .at(place)
        .because(&finding.detail)
}

/// What the other controllers mean to a fault of one.
#[derive(Clone, Copy)]
pub(super) enum Relief {
    /// One can be used: nothing about the others blocks.
    Usable,
    /// One might be usable, but could not be looked at: nothing that was seen blocks for sure.
    Unknown,
    None,
}

impl Relief {
    fn of(controllers: &[Controller]) -> Self {
        if controllers.iter().any(|dc| dc.status.usable) {
            Self::Usable
        } else if controllers.iter().any(|dc| dc.may_be_usable) {
            Self::Unknown
        } else {
            Self::None
        }
    }

    pub(super) fn relieve(self, severity: Severity) -> Severity {
        match (self, severity) {
            (Self::Usable | Self::Unknown, Severity::Blocking) => Severity::Degrading,
            (Self::Usable, Severity::Inconclusive) => Severity::Info,
            (_, severity) => severity,
        }
    }
}

/// Controllers are known and none is usable, and nothing says why.
pub(super) fn nothing_narrower(
    controllers: &[Controller],
    drafts: &[Draft],
    standing: &Standing,
) -> Option<Draft> {
    let probed: Vec<_> = controllers.iter().filter(|dc| dc.status.probed).collect();
    let is_explained = drafts.iter().any(|draft| {
        let is_of_path = draft.stage == Stage::DomainController
            || draft.stage == Stage::Vpn && standing.is_vpn_needed;
        is_of_path && draft.severity >= Severity::Inconclusive
    });
    if probed.is_empty() || is_explained || probed.iter().any(|dc| dc.status.usable) {
        return None;
    }
    let mut draft = if probed.iter().any(|dc| dc.is_unknown) {
        Draft::new(
            Reason::NotRun,
            Stage::DomainController,
            Severity::Inconclusive,
        )
    } else {
        Draft::new(
            Reason::NoDcUsable,
            Stage::DomainController,
            Severity::Blocking,
        )
    };
    draft.at = probed.iter().map(|dc| dc.status.name.clone()).collect();
    Some(draft)
}

/// A logon was tried at a controller, and what came back speaks against every logon there.
pub(super) fn refuses_logon(controllers: &mut [Controller], name: &str) {
    let named = controllers.iter_mut().filter(|dc| dc.status.name == name);
    named.for_each(|dc| dc.refuses_logon = true);
}

/// What stands against a logon blocks only when no usable controller is free of it.
pub(super) fn weigh_sign_in(drafts: &mut [Draft], controllers: &[Controller]) {
    let skewed: BTreeSet<String> = drafts
        .iter()
        .filter(|draft| draft.reason == Reason::ClockSkew && draft.severity == Severity::Blocking)
        .flat_map(|draft| draft.at.iter().cloned())
        .collect();
    let any_good = controllers
        .iter()
        .any(|dc| dc.status.usable && !dc.refuses_logon && !skewed.contains(&dc.status.name));
    for draft in drafts {
        if draft.stage == Stage::SignIn && draft.severity == Severity::Blocking && any_good {
            draft.severity = Severity::Degrading;
        }
    }
}
