use std::collections::BTreeSet;

use sightline_model::{Gate, Stage};

use super::row::Listed;
use super::*;
use crate::config::{
    DomainName, Inspection, NamePattern, Protocol, Requirement, Transport, is_path,
};

/// What of a list, the embedded one without a text, applies to a configuration, both as TOML, so many
/// days after the date of the list.
pub(crate) fn listing(list: Option<&str>, configuration: &str, days: i64) -> Listing {
    let read;
    let list = match list {
        Some(text) => {
            read = toml::from_str(text).expect("a list");
            &read
        }
        None => List::embedded(),
    };
    let config: Config = toml::from_str(configuration).expect("a configuration");
    let today = list.date() + jiff::Span::new().days(days);
    Listing::new(list, &config, today)
}

fn list() -> &'static List {
    List::embedded()
}

fn federated() -> Config {
    let mut config = Config::default();
    config.tenant.sts = Some("sts.contoso.com".parse().expect("a name"));
    config.domain.tenant = Some("contoso.com".parse().expect("a name"));
    config
}

fn find<'a>(all: &'a [Endpoint], id: &str) -> Option<&'a Endpoint> {
    all.iter().find(|endpoint| endpoint.id == id)
}

fn change(text: &str) -> config::Endpoint {
    toml::from_str(text).expect("an entry")
}

#[test]
fn the_embedded_list_is_dated_and_has_every_id_once() {
    let list = list();
    assert!(list.version().starts_with(&list.date().to_string()));
    let ids: BTreeSet<_> = list.rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), list.rows.len());
    assert!(ids.len() > 60, "{}", ids.len());
}

#[test]
fn every_hard_row_has_a_host_and_every_wildcard_one_or_a_reason() {
    for row in &list().rows {
        let id = &row.id;
        if matches!(row.requirement, Listed::Hard | Listed::Conditional) {
            assert!(!row.hosts.is_empty(), "{id}: nothing can be asked");
        }
        for name in row.names.iter().filter(|name| name.starts_with("*.")) {
            let pattern: NamePattern = name.parse().expect("a pattern");
            let has_host = row.hosts.iter().any(|host| pattern.covers(&host.name));
            assert!(has_host || row.unprobed.is_some(), "{id}: {name}");
        }
        for host in &row.hosts {
            let is_open = row.names.iter().any(|name| {
                *name == host.name
                    || name
                        .parse::<NamePattern>()
                        .is_ok_and(|pattern| pattern.covers(&host.name))
            });
            assert!(is_open, "{id}: no firewall rule lets {} through", host.name);
            assert_ne!(host.basis, Basis::Site, "{id}");
        }
    }
}

#[test]
fn every_row_makes_sense_in_itself() {
    for row in &list().rows {
        let id = &row.id;
        let is_needed = row.requirement != Listed::NotNeeded;
        assert!(!row.names.is_empty() && !row.ports.is_empty(), "{id}");
        assert!(!row.clouds.is_empty() && !row.sources.is_empty(), "{id}");
        assert!(!is_needed || !row.stages.is_empty(), "{id}: no stage");
        assert!(row.stages.is_sorted(), "{id}: not in the order of the flow");
        assert_eq!(
            row.condition.is_some(),
            row.requirement == Listed::Conditional,
            "{id}: a condition belongs to a conditional need"
        );
        assert_eq!(row.expected.is_some(), row.expected_basis.is_some(), "{id}");
        for tag in &row.sources {
            assert!(list().sources.contains_key(tag), "{id}: no source {tag}");
        }
        for port in &row.ports {
            assert!(row.protocol.runs_over(port.transport), "{id}: {port}");
        }
        let first = row.ports.first().expect("a port");
        let usual = match row.protocol {
            Protocol::Http => (Transport::Tcp, 80),
            Protocol::Https => (Transport::Tcp, 443),
            Protocol::Ntp => (Transport::Udp, 123),
            Protocol::Dns => (Transport::Udp, 53),
        };
        assert_eq!((first.transport, first.number), usual, "{id}");
        let is_plain = row.inspection == Inspection::NotApplicable;
        assert!(!(is_plain && row.protocol == Protocol::Https), "{id}");
        for text in [&Some(row.why.clone()), &row.note, &row.unprobed] {
            let odd = text
                .iter()
                .any(|text| text.contains('!') || text.trim() != text);
            assert!(!odd, "{id}: {text:?}");
        }
    }
}

#[test]
fn only_http_rows_have_a_path_and_answers_suit_the_protocol() {
    for row in &list().rows {
        let id = &row.id;
        let is_http = row.protocol.is_http();
        if let Some(path) = &row.path {
            assert!(is_http, "{id}");
            let path = path.replace("{verified_domain}", "contoso.com");
            assert!(is_path(&path) && !path.contains(['{', '}']), "{id}: {path}");
        }
        assert!(is_http || row.headers.is_empty(), "{id}");
        let suits = match row.expected {
            None => true,
            Some(
                Expected::AnyStatus
                | Expected::Status { .. }
                | Expected::Body { .. }
                | Expected::Json { .. }
                | Expected::Xml { .. },
            ) => is_http,
            Some(Expected::Addresses { .. }) => row.protocol == Protocol::Dns,
            Some(Expected::Reply) => row.protocol == Protocol::Ntp,
        };
        assert!(suits, "{id}");
    }
}

#[test]
fn every_name_is_one_once_it_is_filled_in() {
    for cloud in [Cloud::Worldwide, Cloud::GccHigh, Cloud::Dod, Cloud::China] {
        let mut config = federated();
        config.tenant.cloud = cloud;
        let concerned = list().rows.iter().filter(|row| row.clouds.contains(&cloud));
        let all = list().applicable(&config);
        assert_eq!(all.len(), concerned.count(), "{cloud}: a name is none");
        for endpoint in &all {
            for host in &endpoint.hosts {
                assert!(host.name.parse::<DomainName>().is_ok(), "{}", host.name);
            }
            assert_eq!(endpoint.lacks, None);
        }
    }
}

#[test]
fn every_source_is_used() {
    let used: BTreeSet<_> = list().rows.iter().flat_map(|row| &row.sources).collect();
    let named: BTreeSet<_> = list().sources.keys().collect();
    assert_eq!(used, named);
}

#[test]
fn every_hard_stage_of_the_internet_half_has_a_hard_need() {
    let all = list().applicable(&Config::default());
    let hard: BTreeSet<Stage> = all
        .iter()
        .filter(|endpoint| endpoint.gate() == Some(Gate::Hard))
        .flat_map(|endpoint| endpoint.stages.clone())
        .collect();
    for stage in [
        Stage::Internet,
        Stage::Autopilot,
        Stage::DeviceSetup,
        Stage::Registration,
        Stage::EntraSignIn,
        Stage::AccountSetup,
    ] {
        assert!(hard.contains(&stage), "{stage}");
    }
    assert!(
        !hard.contains(&Stage::Time),
        "a clock that is right needs no source"
    );
}

#[test]
fn a_condition_is_hard_if_its_switch_is_set_and_soft_otherwise() {
    let mut config = Config::default();
    let requirement = |config: &Config, id: &str| {
        find(&list().applicable(config), id).map(|endpoint| endpoint.requirement)
    };
    for (id, by_default) in [
        ("intune-win32-content", Some(Requirement::Hard)),
        ("entra-seamless-sso", Some(Requirement::Soft)),
        ("office-cdn", Some(Requirement::Soft)),
        ("store-api", Some(Requirement::Soft)),
        ("activation", Some(Requirement::Soft)),
        ("intune-portal", Some(Requirement::Soft)),
        ("fed-sts", None),
        ("tpm-ek", Some(Requirement::NotNeeded)),
    ] {
        assert_eq!(requirement(&config, id), by_default, "{id}");
    }
    config.tenant = config::Tenant {
        win32_apps: false,
        seamless_sso: true,
        office: true,
        store_apps: true,
        activation: true,
        terms_of_use: true,
        sts: Some("sts.contoso.com".parse().expect("a name")),
        ..config.tenant
    };
    for id in [
        "entra-seamless-sso",
        "office-cdn",
        "store-api",
        "activation",
        "intune-portal",
        "fed-sts",
    ] {
        assert_eq!(requirement(&config, id), Some(Requirement::Hard), "{id}");
    }
    let soft = Some(Requirement::Soft);
    assert_eq!(requirement(&config, "intune-win32-content"), soft);
}

#[test]
fn only_the_region_of_the_tenant_is_a_must_and_without_one_none_is() {
    let mut config = Config::default();
    let regional = |config: &Config| -> Vec<(String, Requirement)> {
        let all = list().applicable(config);
        let ime = all.iter().filter(|row| row.id.starts_with("intune-ime-"));
        ime.map(|row| (row.id.clone(), row.requirement)).collect()
    };
    assert_eq!(regional(&config).len(), 3);
    assert!(
        regional(&config)
            .iter()
            .all(|(_, of)| *of == Requirement::Soft)
    );
    config.tenant.region = Some(Region::Eu);
    assert_eq!(
        regional(&config),
        [("intune-ime-eu".to_owned(), Requirement::Hard)]
    );
}

#[test]
fn a_verified_domain_fills_the_requests_and_without_one_less_is_asked() {
    let all = list().applicable(&federated());
    let path = |id: &str| {
        let endpoint = find(&all, id).expect("a row");
        endpoint.request.as_ref().expect("a request").path.clone()
    };
    assert_eq!(path("entra-drs"), "/contoso.com/discover?api-version=1.7");
    assert!(path("entra-realm").contains("user=contoso.com&"));
    assert_eq!(
        find(&all, "fed-sts").expect("a row").hosts[0].name,
        "sts.contoso.com"
    );

    let all = list().applicable(&Config::default());
    let drs = find(&all, "entra-drs").expect("a row");
    assert_eq!(drs.lacks, Some("domain.tenant"));
    assert_eq!(drs.expected, Expected::AnyStatus);
    assert_eq!(drs.request.as_ref().expect("a request").path, "/");
    assert_eq!(
        find(&all, "entra-realm"),
        None,
        "entra-login asks that host"
    );
}

#[test]
fn a_site_leaves_out_changes_and_adds() {
    let mut config = federated();
    config.endpoint = vec![
        change("id = \"wns-client\"\ndisabled = true"),
        change("id = \"entra-seamless-sso\"\nrequirement = \"not_needed\""),
        change("id = \"fed-sts\"\nports = [\"tcp/8443\"]\npath = \"/adfs/ls\""),
        change("id = \"ncsi-web-v4\"\nhosts = [\"ncsi.example.com\"]"),
        change(
            "id = \"own\"\nstages = [\"device_setup\"]\nrequirement = \"hard\"\n\
             hosts = [\"a.example.com\"]\nports = [\"tcp/443\"]\nprotocol = \"https\"",
        ),
    ];
    let all = list().applicable(&config);
    assert_eq!(find(&all, "wns-client"), None);
    assert_eq!(
        find(&all, "entra-seamless-sso").and_then(Endpoint::gate),
        None
    );
    let sts = find(&all, "fed-sts").expect("a row");
    assert_eq!(sts.port().expect("a port").number, 8443);
    assert_eq!(sts.expected, Expected::AnyStatus);
    assert_eq!(sts.origin, Origin::Changed);
    let ncsi = find(&all, "ncsi-web-v4").expect("a row");
    assert!(matches!(ncsi.expected, Expected::Body { .. }));
    assert_eq!(ncsi.hosts[0].basis, Basis::Site);
    let notes = Listing::new(list(), &config, list().date()).notes;
    let left_out = "The configuration leaves out wns-client.";
    assert!(notes.iter().any(|note| note == left_out), "{notes:?}");
    let own = all.last().expect("rows");
    assert_eq!((own.id.as_str(), own.origin), ("own", Origin::Site));
    assert_eq!(own.names[0].as_str(), "a.example.com");
    assert_eq!(own.gate(), Some(Gate::Hard));
}

#[test]
fn the_age_is_said_and_an_old_list_is_called_old() {
    let list = list();
    let config = Config::default();
    for (days, words, is_stale) in [
        (0, "of today", false),
        (1, "1 day old", false),
        (180, "180 days old", false),
        (181, "181 days old", true),
        (-3, "which is after today", false),
    ] {
        let today = list.date() + jiff::Span::new().days(days);
        let listing = Listing::new(list, &config, today);
        assert!(listing.list.in_words().contains(words), "{days}");
        assert_eq!(listing.list.is_stale, is_stale, "{days}");
        let said = listing
            .notes
            .iter()
            .any(|note| note.contains("take a newer version"));
        assert_eq!(said, is_stale, "{days}");
    }
}
