//! What only several values together, or a look at the disk, can show.

mod vpns;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::endpoint::{Cloud, Endpoint, Port, Protocol};
use super::super::problem::Errors;
use super::super::settings::{Config, certificates};
use super::super::source::Step;
use super::super::{ENDPOINTS, suggest};
use super::Places;

/// More changes are a list of their own.
const MOST_ENDPOINTS: usize = 100;

/// Adds what is wrong with the configuration as a whole, but for the endpoints.
pub(super) fn check(config: &Config, places: &Places<'_>, errors: &mut Errors) {
    networks(config, places, errors);
    vpns::check(config, places, errors);
    if config.time.max_skew < config.time.warn_skew {
        errors.push(places.problem(
            &[key("time"), key("max_skew")],
            false,
            "it must not be below time.warn_skew",
        ));
    }
    for (name, files) in [
        ("corporate_roots", &config.tls.corporate_roots),
        ("extra_public_roots", &config.tls.extra_public_roots),
    ] {
        for (index, file) in files.iter().enumerate() {
            if let Err(error) = certificates(file) {
                let path = [key("tls"), key(name), Step::Index(index)];
                errors.push(places.problem(&path, false, &error));
            }
        }
    }
    if !config.store.path.is_absolute() {
        errors.push(places.problem(
            &[key("store"), key("path")],
            false,
            "it must be a whole path, from / on",
        ));
    }
    if config.tenant.region.is_some() && config.tenant.cloud != Cloud::Worldwide {
        errors.push(places.problem(
            &[key("tenant"), key("region")],
            false,
            &format!(
                "only the worldwide cloud has regions, and tenant.cloud is `{}`",
                config.tenant.cloud
            ),
        ));
    }
}

/// Adds what is wrong with the account. Its password file may be there only once a service runs.
pub(super) fn account(config: &Config, places: &Places<'_>, errors: &mut Errors) {
    let account = &config.account;
    let wrong = match (&account.name, &account.password_file) {
        (Some(_), None) => Some(("name", "it needs account.password_file beside it")),
        (None, Some(_)) => Some(("password_file", "it needs account.name beside it")),
        (None, None) if account.canary_logon => Some((
            "canary_logon",
            "it needs account.name and account.password_file",
        )),
        (_, Some(file)) if !file.is_absolute() => {
            Some(("password_file", "it must be a whole path, from / on"))
        }
        // Of a domain that the network itself names, the account would be shown to whoever runs it.
        (Some(_), Some(_)) if config.domain.name.is_none() => Some((
            "name",
            "it needs domain.name, since it is used in that domain only",
        )),
        _ => None,
    };
    if let Some((field, what)) = wrong {
        errors.push(places.problem(&[key("account"), key(field)], false, what));
    }
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

fn networks(config: &Config, places: &Places<'_>, errors: &mut Errors) {
    if config.network.is_empty() {
        errors.push(places.problem(
            &[key("network")],
            false,
            "the list is empty; leave it out for the network of the system",
        ));
    }
    for (index, network) in config.network.iter().enumerate() {
        let is_taken = config
            .network
            .iter()
            .take(index)
            .any(|other| other.name == network.name);
        if is_taken {
            errors.push(places.problem(
                &[key("network"), Step::Index(index), key("name")],
                false,
                &format!("another network is called `{}` too", network.name),
            ));
        }
    }
}

/// Adds what is wrong with the endpoints.
pub(super) fn endpoints(entries: &[Endpoint], places: &Places<'_>, errors: &mut Errors) {
    if entries.is_empty() {
        return;
    }
    if entries.len() > MOST_ENDPOINTS {
        let what = format!(
            "the list has {} entries; at most {MOST_ENDPOINTS} are possible",
            entries.len()
        );
        errors.push(places.problem(&[key("endpoint")], false, &what));
        return;
    }
    let shipped = shipped();
    for (index, entry) in entries.iter().enumerate() {
        let id = entry.id.as_str();
        let at = |field: &str| [key("endpoint"), Step::Index(index), key(field)];
        if entries.iter().take(index).any(|other| other.id == entry.id) {
            let what = format!("another entry has the id `{id}` too");
            errors.push(places.problem(&at("id"), false, &what));
            continue;
        }
        let wrong = match shipped.get(id) {
            Some(protocol) => change(entry, *protocol),
            None => addition(entry),
        };
        let Some((field, what)) = wrong else { continue };
        let mut problem = places.problem(&at(field), false, &what);
        if field == "id" && !shipped.contains_key(id) {
            let ids = shipped.keys().map(String::as_str);
            problem = problem.with_help(match suggest::nearest(id, ids) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`sightline endpoints` lists the ids".to_owned(),
            });
        }
        errors.push(problem);
    }
}

/// The ids of the shipped list, and how each is asked.
fn shipped() -> BTreeMap<String, Protocol> {
    #[derive(Deserialize)]
    struct List {
        endpoint: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        id: String,
        protocol: Protocol,
    }
    let list: List =
        toml::from_str(ENDPOINTS).expect("a test reads the list that this program carries");
    list.endpoint
        .into_iter()
        .map(|row| (row.id, row.protocol))
        .collect()
}

/// What is wrong with a change to an endpoint of the list: the key, and why.
fn change(entry: &Endpoint, listed: Protocol) -> Option<(&'static str, String)> {
    let first = first_change(entry);
    match (entry.disabled, first) {
        (true, Some(field)) => {
            return Some((
                field,
                "it means nothing where `disabled` is true".to_owned(),
            ));
        }
        (true, None) => return None,
        (false, None) => return Some(("id", "nothing is changed here".to_owned())),
        (false, Some(_)) => {}
    }
    let protocol = entry.protocol.unwrap_or(listed);
    if protocol != listed && entry.ports.is_none() {
        let what = format!("the list has another protocol, `{listed}`; ports are needed with it");
        return Some(("protocol", what));
    }
    fits(entry, protocol)
}

/// What is wrong with an endpoint of the site's own: the key, and why.
fn addition(entry: &Endpoint) -> Option<(&'static str, String)> {
    let missing: Vec<_> = [
        ("stages", entry.stages.is_none()),
        ("requirement", entry.requirement.is_none()),
        ("hosts", entry.hosts.is_none()),
        ("ports", entry.ports.is_none()),
        ("protocol", entry.protocol.is_none()),
    ]
    .into_iter()
    .filter_map(|(field, is_missing)| is_missing.then_some(field))
    .collect();
    let id = &entry.id;
    match (entry.disabled, entry.protocol) {
        (true, _) => Some(("id", format!("the list has no `{id}` to leave out"))),
        (false, Some(protocol)) if missing.is_empty() => fits(entry, protocol),
        (false, _) => Some((
            "id",
            format!(
                "the list has no `{id}`, and a new endpoint needs {} too",
                missing.join(", ")
            ),
        )),
    }
}

/// The first key beside `id` and `disabled`.
fn first_change(entry: &Endpoint) -> Option<&'static str> {
    [
        ("requirement", entry.requirement.is_some()),
        ("stages", entry.stages.is_some()),
        ("names", entry.names.is_some()),
        ("hosts", entry.hosts.is_some()),
        ("ports", entry.ports.is_some()),
        ("protocol", entry.protocol.is_some()),
        ("path", entry.path.is_some()),
        ("inspection", entry.inspection.is_some()),
        ("why", entry.why.is_some()),
    ]
    .into_iter()
    .find_map(|(field, is_there)| is_there.then_some(field))
}

/// Whether ports and path suit the protocol.
fn fits(entry: &Endpoint, protocol: Protocol) -> Option<(&'static str, String)> {
    let unfit = |port: &&Port| !protocol.runs_over(port.transport);
    if let Some(port) = entry.ports.iter().flatten().find(unfit) {
        let what = format!("`{port}` does not suit the protocol `{protocol}`");
        return Some(("ports", what));
    }
    if entry.path.is_some() && !protocol.is_http() {
        let what = format!("the protocol `{protocol}` has no path");
        return Some(("path", what));
    }
    None
}
