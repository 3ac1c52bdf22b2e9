//! The domain controllers that DNS announces, in locator order, and which of them are probed.

use std::collections::BTreeMap;

use sightline_model::{Candidate, SrvRecord};

/// As many controllers of the own site are probed; more is no site but a mistake.
const MOST_IN_SITE: usize = 64;

/// As many announced controllers are kept at all.
const MOST: usize = 2000;

/// Grows as resolvers answer.
#[derive(Debug)]
pub(super) struct Controllers {
    /// By name.
    known: BTreeMap<String, Candidate>,
    /// How many outside the site may be probed.
    sample: usize,
}

impl Controllers {
    pub(super) fn new(sample: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            sample,
        }
    }

    /// Takes the records of an answer, in locator order, and returns the names to be probed that
    /// were not before. Of the site's controllers all are, of the others the first in locator
    /// order up to the sample.
    pub(super) fn announced(&mut self, records: &[SrvRecord], in_site: bool) -> Vec<String> {
        let mut fresh = Vec::new();
        for record in records {
            if self.known.len() >= MOST && !self.known.contains_key(&record.target) {
                break;
            }
            let candidate = self
                .known
                .entry(record.target.clone())
                .or_insert_with(|| Candidate {
                    name: record.target.clone(),
                    priority: record.priority,
                    weight: record.weight,
                    in_site: false,
                    probed: false,
                });
            candidate.in_site |= in_site;
        }
        let mut in_site_probed = self.count(true);
        let mut others_probed = self.count(false);
        for record in records {
            let Some(candidate) = self.known.get_mut(&record.target) else {
                continue;
            };
            let (probed, limit) = if candidate.in_site {
                (&mut in_site_probed, MOST_IN_SITE)
            } else {
                (&mut others_probed, self.sample)
            };
            if !candidate.probed && *probed < limit {
                candidate.probed = true;
                *probed += 1;
                fresh.push(candidate.name.clone());
            }
        }
        fresh
    }

    fn count(&self, in_site: bool) -> usize {
        self.known
            .values()
            .filter(|candidate| candidate.probed && candidate.in_site == in_site)
            .count()
    }

    /// The order in which Windows tries them: the site's own first, then by priority; among equals
    /// the heavier first, so that the same network gives the same list.
    pub(super) fn into_candidates(self) -> Vec<Candidate> {
        let mut candidates: Vec<_> = self.known.into_values().collect();
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

    fn record(name: &str, priority: u16, weight: u16) -> SrvRecord {
        SrvRecord {
            priority,
            weight,
            port: 389,
            target: name.to_owned(),
        }
    }

    #[test]
    fn of_a_large_domain_a_sample_is_probed_and_of_the_site_all() {
        let domain: Vec<_> = (0..500)
            .map(|i| record(&format!("dc{i:03}"), 0, 100))
            .collect();
        let mut controllers = Controllers::new(4);
        assert_eq!(
            controllers.announced(&domain, false),
            ["dc000", "dc001", "dc002", "dc003"]
        );
        let site: Vec<_> = (400..410)
            .map(|i| record(&format!("dc{i:03}"), 0, 100))
            .collect();
        assert_eq!(controllers.announced(&site, true).len(), 10);
        assert_eq!(controllers.announced(&domain, false), Vec::<String>::new());
        let candidates = controllers.into_candidates();
        assert_eq!(candidates.len(), 500);
        assert_eq!(candidates.iter().filter(|dc| dc.probed).count(), 14);
        assert_eq!(candidates[0].name, "dc400");
    }

    #[test]
    fn the_second_resolver_with_the_same_records_adds_nothing() {
        let records = [record("dc1", 0, 100), record("dc2", 0, 100)];
        let mut controllers = Controllers::new(8);
        assert_eq!(controllers.announced(&records, false), ["dc1", "dc2"]);
        assert!(controllers.announced(&records, false).is_empty());
    }

    #[test]
    fn backups_come_after_the_controllers_they_stand_in_for() {
        let mut controllers = Controllers::new(8);
        controllers.announced(
            &[
                record("backup", 10, 100),
                record("light", 0, 10),
                record("heavy", 0, 90),
            ],
            false,
        );
        let names: Vec<_> = controllers
            .into_candidates()
            .into_iter()
            .map(|dc| dc.name)
            .collect();
        assert_eq!(names, ["heavy", "light", "backup"]);
    }
}
