//! Active Directory sites: whether the network is mapped, and whether its own site has a controller.

use super::Controller;
use crate::judge::NetworkScene;
use crate::judge::draft::Draft;
use crate::judge::uplink::own_addresses;
use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;

pub(super) fn judge(network: &NetworkScene, controllers: &[Controller]) -> Option<Draft> {
    let usable: Vec<_> = controllers.iter().filter(|dc| dc.status.usable).collect();
    let facts: Vec<_> = usable.iter().filter_map(|dc| dc.facts.as_ref()).collect();
    let first = facts.first()?;

    let site = facts
        .iter()
        .map(|facts| facts.client_site.as_str())
        .find(|site| !site.is_empty());
    let Some(site) = site else {
        return Some(
            Draft::new(
                Reason::SiteUnmapped,
                Stage::DomainController,
                Severity::Degrading,
            )
            .at(own_addresses(network))
            .because(format!(
                "{} answers the LDAP ping with an empty client site",
                first.host
            )),
        );
    };
    if let Some(configured) = &network.configured_site
        && !configured.eq_ignore_ascii_case(site)
    {
        return Some(
            Draft::new(
                Reason::SiteUnmapped,
                Stage::DomainController,
                Severity::Degrading,
            )
            .at(own_addresses(network))
            .because(format!(
                "the controllers map this network to site {site}, the configuration says {configured}"
            )),
        );
    }

    let has_own = usable.iter().any(|dc| {
        dc.status.in_site
            || dc
                .facts
                .as_ref()
                .is_some_and(|facts| facts.dc_site.eq_ignore_ascii_case(site))
    });
    // A dead controller of the own site is a cause of its own and explains the fallback.
    let own_is_named = controllers.iter().any(|dc| dc.status.in_site);
    (!has_own && !own_is_named).then(|| {
        Draft::new(
            Reason::SiteFallback,
            Stage::DomainController,
            Severity::Degrading,
        )
        .at(site)
        .because(format!(
            "no SRV record of site {site} names a controller; {} of site {} is used",
            first.host, first.dc_site
        ))
    })
}
