//! The domain controllers that DNS announces, in locator order, and what is asked of each.
//!
//! Of the client's own site all are probed. Of the others a sample is, and more of them are only
//! pinged: Windows pings all candidates in turn and takes whoever answers, so that a sample of dead
//! ones says nothing about the rest. Who answers the ping joins the sample.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use sightline_model::{Candidate, SrvRecord};

/// As many controllers of the own site are probed; more is no site but a mistake.
const MOST_IN_SITE: usize = 64;

/// As many others are pinged beside the sample.
const MOST_PINGED: usize = 120;

/// As many announced controllers are kept at all.
const MOST: usize = 2000;

/// As many addresses of one controller are asked. Each costs a dozen sockets, and a name server may
/// answer with hundreds.
const MOST_ADDRESSES: usize = 8;

/// As many addresses are probed in one look on the direct path.
const MOST_PROBED: usize = 128;

/// The same through each tunnel: they are several, and each address costs a dozen sockets on each.
const MOST_PROBED_THROUGH: usize = 24;

/// What is asked of a controller. Later is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// It is only counted.
    Announced,
    /// The LDAP ping.
    Pinged,
    /// Everything.
    Probed,
}

/// What is asked of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Knock {
    /// The LDAP ping.
    Ping(String, IpAddr),
    /// Everything.
    Probe(String, IpAddr),
}

#[derive(Debug)]
struct Known {
    candidate: Candidate,
    role: Role,
    /// What of its addresses was asked already.
    addresses: BTreeMap<IpAddr, Role>,
}

/// Grows as resolvers and controllers answer.
#[derive(Debug)]
pub(super) struct Controllers {
    /// By name.
    known: BTreeMap<String, Known>,
    /// Who was asked for the addresses of whom.
    looked_up: BTreeSet<(SocketAddr, String)>,
    /// How many outside the site may be probed.
    sample: usize,
    /// How many joined the sample because they answered a ping.
    joined: usize,
    probed_addresses: usize,
    most_probed: usize,
}

impl Controllers {
    pub(super) fn new(sample: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            looked_up: BTreeSet::new(),
            sample,
            joined: 0,
            probed_addresses: 0,
            most_probed: MOST_PROBED,
        }
    }

    /// The same through a tunnel.
    pub(super) fn through(sample: usize) -> Self {
        Self {
            most_probed: MOST_PROBED_THROUGH,
            ..Self::new(sample)
        }
    }

    /// Takes the records of an answer, in locator order. Returns the names whose addresses `server`
    /// is to be asked for, each once: every resolver that announces a name must know it.
    pub(super) fn announced(
        &mut self,
        server: SocketAddr,
        records: &[SrvRecord],
        in_site: bool,
    ) -> Vec<String> {
        for record in records {
            if self.known.len() >= MOST && !self.known.contains_key(&record.target) {
                break;
            }
            let known = self
                .known
                .entry(record.target.clone())
                .or_insert_with(|| Known {
                    candidate: Candidate {
                        name: record.target.clone(),
                        priority: record.priority,
                        weight: record.weight,
                        in_site: false,
                        probed: false,
                    },
                    role: Role::Announced,
                    addresses: BTreeMap::new(),
                });
            known.candidate.in_site |= in_site;
        }
        let mut wanted = Vec::new();
        for record in records {
            let role = self.next_role(&record.target);
            let Some(known) = self.known.get_mut(&record.target) else {
                continue;
            };
            known.role = known.role.max(role);
            let question = (server, record.target.clone());
            if known.role > Role::Announced && self.looked_up.insert(question) {
                wanted.push(record.target.clone());
            }
        }
        wanted
    }

    /// What there is room for.
    fn next_role(&self, name: &str) -> Role {
        let Some(known) = self.known.get(name) else {
            return Role::Announced;
        };
        if known.role == Role::Probed {
            return Role::Probed;
        }
        let in_site = known.candidate.in_site;
        let limit = if in_site { MOST_IN_SITE } else { self.sample };
        if self.count(Role::Probed, in_site) < limit {
            Role::Probed
        } else if self.count(Role::Pinged, in_site) < MOST_PINGED {
            Role::Pinged
        } else {
            Role::Announced
        }
    }

    fn count(&self, role: Role, in_site: bool) -> usize {
        self.known
            .values()
            .filter(|known| known.role == role && known.candidate.in_site == in_site)
            .count()
    }

    /// Takes addresses of a controller, and returns what is new to be asked.
    pub(super) fn found(&mut self, name: &str, addresses: &[IpAddr]) -> Vec<Knock> {
        if let Some(known) = self.known.get_mut(name) {
            for address in addresses {
                if known.addresses.len() < MOST_ADDRESSES {
                    known.addresses.entry(*address).or_insert(Role::Announced);
                }
            }
        }
        self.knocks(name)
    }

    /// A controller outside the sample answers: it joins, while there is room for as many again.
    pub(super) fn answered(&mut self, name: &str) -> Vec<Knock> {
        if let Some(known) = self.known.get_mut(name)
            && known.role == Role::Pinged
            && self.joined < self.sample
        {
            self.joined += 1;
            known.role = Role::Probed;
        }
        self.knocks(name)
    }

    /// All controllers of the site that records have named since their addresses were found.
    pub(super) fn promoted(&mut self, names: &[SrvRecord]) -> Vec<Knock> {
        names
            .iter()
            .flat_map(|record| self.knocks(&record.target))
            .collect()
    }

    /// What a controller's role asks for and was not asked yet.
    fn knocks(&mut self, name: &str) -> Vec<Knock> {
        let Some(known) = self.known.get_mut(name) else {
            return Vec::new();
        };
        let mut knocks = Vec::new();
        for (address, asked) in &mut known.addresses {
            if *asked >= known.role {
                continue;
            }
            match known.role {
                Role::Announced => continue,
                Role::Pinged => knocks.push(Knock::Ping(name.to_owned(), *address)),
                Role::Probed if self.probed_addresses >= self.most_probed => continue,
                Role::Probed => {
                    self.probed_addresses += 1;
                    knocks.push(Knock::Probe(name.to_owned(), *address));
                }
            }
            *asked = known.role;
        }
        knocks
    }

    /// Whether everything is asked of it, so that what was seen of it is to be judged.
    pub(super) fn is_probed(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|known| known.role == Role::Probed)
    }

    /// The order in which Windows tries them: the site's own first, then by priority; among equals
    /// the heavier first, so that the same network gives the same list.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let mut candidates: Vec<_> = self
            .known
            .values()
            .map(|known| Candidate {
                probed: known.role == Role::Probed,
                ..known.candidate.clone()
            })
            .collect();
        candidates.sort_by(|a, b| {
            (!a.in_site, a.priority, std::cmp::Reverse(a.weight), &a.name).cmp(&(
                !b.in_site,
                b.priority,
                std::cmp::Reverse(b.weight),
                &b.name,
            ))
        });
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ([u8; 4], u16) = ([10, 0, 0, 53], 53);
    const SECOND: ([u8; 4], u16) = ([10, 0, 0, 54], 53);

    fn record(name: &str, priority: u16, weight: u16) -> SrvRecord {
        SrvRecord {
            priority,
            weight,
            port: 389,
            target: name.to_owned(),
        }
    }

    fn many(range: std::ops::Range<usize>) -> Vec<SrvRecord> {
        range
            .map(|i| record(&format!("dc{i:03}"), 0, 100))
            .collect()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 2, 0, last])
    }

    #[test]
    fn of_a_large_domain_a_sample_is_probed_some_are_pinged_and_of_the_site_all_are_probed() {
        let mut controllers = Controllers::new(4);
        let wanted = controllers.announced(FIRST.into(), &many(0..500), false);
        assert_eq!(wanted.len(), 4 + MOST_PINGED);
        assert_eq!(wanted.first().map(String::as_str), Some("dc000"));
        let of_site = controllers.announced(FIRST.into(), &many(400..410), true);
        assert_eq!(of_site.len(), 10);
        assert!(
            controllers
                .announced(FIRST.into(), &many(0..500), false)
                .is_empty()
        );
        let candidates = controllers.candidates();
        assert_eq!(candidates.len(), 500);
        assert_eq!(candidates.iter().filter(|dc| dc.probed).count(), 14);
        assert_eq!(candidates[0].name, "dc400");
    }

    #[test]
    fn every_resolver_that_announces_a_name_is_asked_for_its_addresses() {
        let records = [record("dc1", 0, 100), record("dc2", 0, 100)];
        let mut controllers = Controllers::new(8);
        for server in [FIRST, SECOND] {
            assert_eq!(
                controllers.announced(server.into(), &records, false),
                ["dc1", "dc2"]
            );
        }
        assert!(
            controllers
                .announced(FIRST.into(), &records, false)
                .is_empty()
        );
    }

    #[test]
    fn an_address_is_asked_once_however_many_resolvers_give_it() {
        let mut controllers = Controllers::new(8);
        controllers.announced(FIRST.into(), &[record("dc1", 0, 100)], false);
        let knock = |last| Knock::Probe("dc1".into(), address(last));
        assert_eq!(controllers.found("dc1", &[address(1)]), [knock(1)]);
        assert_eq!(
            controllers.found("dc1", &[address(1), address(2)]),
            [knock(2)]
        );
    }

    #[test]
    fn whoever_answers_the_ping_joins_the_sample_until_it_has_doubled() {
        let mut controllers = Controllers::new(1);
        controllers.announced(FIRST.into(), &many(0..4), false);
        assert_eq!(
            controllers.found("dc001", &[address(1)]),
            [Knock::Ping("dc001".into(), address(1))]
        );
        assert!(!controllers.is_probed("dc001"));
        assert_eq!(
            controllers.answered("dc001"),
            [Knock::Probe("dc001".into(), address(1))]
        );
        assert!(controllers.is_probed("dc001"));
        controllers.found("dc002", &[address(2)]);
        assert!(controllers.answered("dc002").is_empty());
    }

    #[test]
    fn a_pinged_controller_that_turns_out_to_be_of_the_site_is_probed() {
        let mut controllers = Controllers::new(1);
        controllers.announced(FIRST.into(), &many(0..3), false);
        controllers.found("dc002", &[address(2)]);
        controllers.announced(FIRST.into(), &many(2..3), true);
        assert_eq!(
            controllers.promoted(&many(2..3)),
            [Knock::Probe("dc002".into(), address(2))]
        );
    }

    #[test]
    fn a_zone_full_of_addresses_costs_no_more_than_its_bound() {
        let mut controllers = Controllers::new(64);
        controllers.announced(FIRST.into(), &many(0..64), false);
        let addresses: Vec<_> = (0..200).map(address).collect();
        let knocks: usize = (0..64)
            .map(|i| controllers.found(&format!("dc{i:03}"), &addresses).len())
            .sum();
        assert_eq!(knocks, MOST_PROBED);
    }

    #[test]
    fn backups_come_after_the_controllers_they_stand_in_for() {
        let mut controllers = Controllers::new(8);
        controllers.announced(
            FIRST.into(),
            &[
                record("backup", 10, 100),
                record("light", 0, 10),
                record("heavy", 0, 90),
            ],
            false,
        );
        let names: Vec<_> = controllers
            .candidates()
            .into_iter()
            .map(|dc| dc.name)
            .collect();
        assert_eq!(names, ["heavy", "light", "backup"]);
    }
}
