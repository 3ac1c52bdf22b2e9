//! Each resolver alone: does it know the Internet, the AD zone, and the records by which Windows
//! finds domain controllers ([MS-ADTS] 6.3.6.1)?

mod names;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::select_ok;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, RecordType};
use sightline_model::{Check, DIRECT, Finding, Gate, Reason, Stage, Subject, Target, Topic};

use super::{Ground, Kind, Thing};
use crate::endpoints::{Expected, Protocol};
use crate::net::dns::{self, Heard, Question, Transport};
use crate::run::{Probe, Run, Running, Task};

pub(crate) use names::{address_task, host_task, time_source_task};

pub(super) const KIND: Kind = Kind {
    name: "dns",
    help: "Asks each resolver alone, over UDP and TCP, for Internet names, the SOA record of the AD zone and the SRV records of its domain controllers.",
    reasons: &[
        Reason::DnsTimeout,
        Reason::DnsRefused,
        Reason::DnsServfail,
        Reason::DnsNxdomain,
        Reason::DnsNodata,
        Reason::DnsTruncated,
        Reason::DnsRewritten,
        Reason::DnsTargetUnresolved,
    ],
    tasks,
};

/// The name by which a client without a site finds any domain controller.
#[must_use]
pub fn locator_name(domain: &str) -> String {
    format!("_ldap._tcp.dc._msdcs.{domain}")
}

/// The name by which a client finds the domain controllers of its site.
#[must_use]
pub fn site_locator_name(site: &str, domain: &str) -> String {
    format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}")
}

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Resolver(server) = thing else {
        return Vec::new();
    };
    let on = |service, topic, stage, gate, ask| {
        resolver_task(ground, *server, service, (topic, stage, gate), ask)
    };
    let over_tcp = |service, name: &str, kind| {
        let ask = Ask::Tcp(name.to_owned(), kind);
        let mut task = on(service, Topic::Tcp, Stage::Network, Gate::Optional, ask);
        task.check.door = format!("tcp/{}", server.port());
        task
    };
    let mut tasks = Vec::new();
    // Of a resolver behind a tunnel nobody wants the Internet.
    if ground.path.name == DIRECT {
        tasks.extend(of_internet(ground, &on));
        if let Some(name) = ground.plan.internet_names.first() {
            tasks.push(over_tcp("internet_tcp", name, RecordType::A));
        }
    }
    if let Some(domain) = ground.domain {
        let stage = Stage::DomainController;
        tasks.push(over_tcp("zone_tcp", domain, RecordType::SOA));
        tasks.push(on(
            "zone",
            Topic::Zone,
            stage,
            Gate::Hard,
            Ask::Zone(domain.to_owned()),
        ));
        tasks.push(on(
            "locator",
            Topic::Locator,
            stage,
            Gate::Hard,
            Ask::Records(locator_name(domain)),
        ));
        tasks.push(on(
            "kdc_records",
            Topic::Records,
            stage,
            Gate::Soft,
            Ask::Records(format!("_kerberos._tcp.dc._msdcs.{domain}")),
        ));
    }
    tasks
}

/// What a resolver of the network is asked about the Internet.
fn of_internet(
    ground: &Ground<'_>,
    on: &dyn Fn(&'static str, Topic, Stage, Gate, Ask) -> Task,
) -> Vec<Task> {
    let mut tasks = vec![
        on(
            "internet",
            Topic::Internet,
            Stage::Network,
            Gate::Hard,
            Ask::Internet(ground.plan.internet_names.clone()),
        ),
        on(
            "rewriting",
            Topic::Rewriting,
            Stage::Network,
            Gate::Optional,
            Ask::Rewriting,
        ),
    ];
    for endpoint in &ground.plan.endpoints {
        if let (Protocol::Dns, Expected::Addresses { v4, .. }, Some(_)) =
            (endpoint.protocol, &endpoint.expected, endpoint.gate())
            && ground.wants(&endpoint.stages)
        {
            tasks.extend(endpoint.hosts.iter().map(|host| {
                on(
                    "known_address",
                    Topic::Rewriting,
                    Stage::Network,
                    Gate::Optional,
                    Ask::Only(host.name.clone(), *v4),
                )
            }));
        }
    }
    tasks
}

/// The task that asks a resolver for the records of one site: they are known once the site is.
#[must_use]
pub(crate) fn site_task(ground: &Ground<'_>, server: SocketAddr, site: &str, domain: &str) -> Task {
    resolver_task(
        ground,
        server,
        "site_locator",
        (Topic::Records, Stage::DomainController, Gate::Optional),
        Ask::Records(site_locator_name(site, domain)),
    )
}

fn resolver_task(
    ground: &Ground<'_>,
    server: SocketAddr,
    service: &'static str,
    (topic, stage, gate): (Topic, Stage, Gate),
    ask: impl Probe + 'static,
) -> Task {
    Task {
        check: Check {
            probe: KIND.name,
            service,
            stage,
            also: Vec::new(),
            gate,
            subject: Subject::Resolver { server, topic },
            door: format!("udp/{}", server.port()),
            closed_as: Reason::DnsTimeout,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target::at(server),
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(ask),
    }
}

/// What a resolver is asked.
#[derive(Debug)]
enum Ask {
    Internet(Vec<String>),
    Rewriting,
    Tcp(String, RecordType),
    Zone(String),
    Records(String),
    /// The one address that a name must have.
    Only(String, Ipv4Addr),
}

impl Probe for Ask {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            match self {
                Self::Internet(names) => internet(run, names).await,
                Self::Rewriting => rewriting(run).await,
                Self::Tcp(name, kind) => over_tcp(run, name, *kind).await,
                Self::Zone(domain) => zone(run, domain).await,
                Self::Records(name) => records(run, name).await,
                Self::Only(name, address) => only(run, name, *address).await,
            }
        })
    }
}

/// One name with an address is enough: the question is whether the resolver knows the Internet.
async fn internet(run: &Run, names: &[String]) -> Result<(), Finding> {
    let asked = names.iter().map(|name| {
        Box::pin(async move {
            let question = question(run, name, RecordType::A)?;
            let message = ask(run, &question).await?;
            if has_address(&message) {
                Ok(name)
            } else {
                Err(negative(run, &question, &message))
            }
        })
    });
    let (name, _) = select_ok(asked).await?;
    run.keep("name", name.as_str());
    Ok(())
}

/// A name that cannot exist (RFC 6761) must not have an address.
async fn rewriting(run: &Run) -> Result<(), Finding> {
    let name = format!("sightline-{:016x}.invalid", rand::random::<u64>());
    let question = question(run, &name, RecordType::A)?;
    let message = ask(run, &question).await?;
    if has_address(&message) {
        return Err(run.warn(
            Reason::DnsRewritten,
            format!(
                "{name} cannot exist, and was answered with {}",
                shown(&message)
            ),
        ));
    }
    Ok(())
}

/// A name with one documented address must have no other. A resolver may not know it: older builds
/// of Windows alone depend on it.
async fn only(run: &Run, name: &str, address: Ipv4Addr) -> Result<(), Finding> {
    let question = question(run, name, RecordType::A)?;
    run.keep("name", question.shown());
    let message = ask(run, &question).await?;
    let is_known = message
        .answers
        .iter()
        .any(|record| record.data == RData::A(A(address)));
    if has_address(&message) && !is_known {
        return Err(run.warn(
            Reason::DnsRewritten,
            format!(
                "{name} has the address {address}, and was answered with {}",
                shown(&message)
            ),
        ));
    }
    run.keep("answer", format!("{:?}", message.metadata.response_code));
    Ok(())
}

/// Whatever is answered, TCP works.
async fn over_tcp(run: &Run, name: &str, kind: RecordType) -> Result<(), Finding> {
    let question = question(run, name, kind)?;
    let message = dns::ask(run, &question, Transport::Tcp).await?.message;
    run.keep("answer", format!("{:?}", message.metadata.response_code));
    Ok(())
}

async fn zone(run: &Run, domain: &str) -> Result<(), Finding> {
    let question = question(run, domain, RecordType::SOA)?;
    run.keep("name", question.shown());
    let message = ask(run, &question).await?;
    let is_there = message
        .answers
        .iter()
        .any(|record| matches!(record.data, RData::SOA(_)) && record.name == question.name);
    if is_there {
        Ok(())
    } else {
        Err(negative(run, &question, &message))
    }
}

async fn records(run: &Run, name: &str) -> Result<(), Finding> {
    let question = question(run, name, RecordType::SRV)?;
    run.keep("name", question.shown());
    let Heard {
        mut message,
        length,
        ..
    } = heard(run, &question).await?;
    if message.metadata.truncation {
        message = run
            .part(dns::ask(run, &question, Transport::Tcp))
            .await
            .map_err(|finding| {
                run.fail(
                    Reason::DnsTruncated,
                    format!(
                        "{} @ {}: the UDP answer is truncated; {}",
                        question.shown(),
                        run.target().host,
                        finding.detail
                    ),
                )
            })?
            .message;
        run.keep("transport", "tcp");
    }
    let found = dns::srv_records(&message, &question);
    if found.is_empty() {
        return Err(negative(run, &question, &message));
    }
    run.keep("answer_bytes", u32::try_from(length).unwrap_or(u32::MAX));
    run.keep(
        "records",
        found
            .iter()
            .map(|srv| {
                format!(
                    "{} {} {} {}",
                    srv.priority, srv.weight, srv.port, srv.target
                )
            })
            .collect::<Vec<_>>(),
    );
    if let Some(ttl) = message.answers.iter().map(|record| record.ttl).min() {
        run.keep("ttl_seconds", ttl);
    }
    run.read_records(found);
    Ok(())
}

async fn ask(run: &Run, question: &Question) -> Result<Message, Finding> {
    Ok(heard(run, question).await?.message)
}

/// Asks over UDP with EDNS0, and without it where the server cannot read that or something on the
/// way drops it.
async fn heard(run: &Run, question: &Question) -> Result<Heard, Finding> {
    let heard = dns::ask(run, question, Transport::Udp).await?;
    if matches!(
        heard.message.metadata.response_code,
        ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS
    ) {
        run.keep("edns", "refused by the resolver");
        return dns::ask(run, question, Transport::PlainUdp).await;
    }
    if heard.without_edns {
        run.keep("edns", "no answer to the question with EDNS0");
    }
    Ok(heard)
}

fn question(run: &Run, name: &str, kind: RecordType) -> Result<Question, Finding> {
    Question::new(name, kind).map_err(|error| run.blind(Reason::InternalError, error))
}

fn has_address(message: &Message) -> bool {
    message
        .answers
        .iter()
        .any(|record| matches!(record.data, RData::A(_) | RData::AAAA(_)))
}

fn shown(message: &Message) -> String {
    message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(address.0.to_string()),
            RData::AAAA(address) => Some(address.0.to_string()),
            _ => None,
        })
        .take(4)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A well-formed answer without what was asked for, in the resolver's own words: whose SOA record
/// comes with a no tells who said it.
fn negative(run: &Run, question: &Question, message: &Message) -> Finding {
    let code = message.metadata.response_code;
    let reason = dns::reason_of(code).unwrap_or(Reason::DnsNodata);
    let said = match (reason, dns::soa_owner(message).as_deref()) {
        (Reason::DnsNodata, None) => "NOERROR without records".to_owned(),
        (Reason::DnsNodata, Some(owner)) => format!("NOERROR without records, says zone {owner}"),
        (Reason::DnsNxdomain, Some(".")) => {
            "NXDOMAIN, says the root zone: the query went to the Internet".to_owned()
        }
        (Reason::DnsNxdomain, Some(owner)) => format!("NXDOMAIN, says zone {owner}"),
        (Reason::DnsNxdomain, None) => "NXDOMAIN".to_owned(),
        _ => format!("{code:?}").to_ascii_uppercase(),
    };
    let detail = format!(
        "{} {} @ {}: {said}",
        question.shown(),
        question.kind,
        run.target().host
    );
    run.fail(reason, detail)
}
