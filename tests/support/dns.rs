//! A resolver: what it knows, and how it says so over UDP and TCP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hickory_proto::op::{Edns, Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::behaviour::{Answer, Protocol};

/// Seconds that every record may be kept.
const TTL: u32 = 600;

/// What a resolver knows.
#[derive(Clone, Debug)]
pub(crate) struct Knowledge {
    domain: String,
    replies: BTreeMap<(String, RecordType), Reply>,
    /// What it says about every name of the AD domain, where it does not serve that.
    pub(crate) on_domain: Option<Reply>,
    /// What it says about every name that is not of the AD domain.
    pub(crate) on_internet: Option<Reply>,
    /// The address by which it answers for names that do not exist.
    pub(crate) rewrites_to: Option<Ipv4Addr>,
    /// Whether it refuses queries with EDNS0 as malformed, as old devices do.
    pub(crate) dislikes_edns: bool,
    /// Whether queries with EDNS0 get lost, as behind a firewall that does not know it.
    pub(crate) loses_edns: bool,
}

/// What is said to one question.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Records(Vec<Record>),
    /// No records, with this code, and the SOA record of this zone as the authority.
    No(ResponseCode, Option<String>),
    /// The question is dropped.
    Silence,
}

impl Reply {
    /// NXDOMAIN from the root: the query went to the Internet.
    pub(crate) fn from_the_root() -> Self {
        Self::No(ResponseCode::NXDomain, Some(".".to_owned()))
    }

    pub(crate) fn code(code: ResponseCode) -> Self {
        Self::No(code, None)
    }
}

impl Knowledge {
    /// A resolver that knows the domain, which has no controllers yet, and the Internet.
    pub(crate) fn new(domain: &str) -> Self {
        let mut new = Self {
            domain: domain.to_owned(),
            replies: BTreeMap::new(),
            on_domain: None,
            on_internet: None,
            rewrites_to: None,
            dislikes_edns: false,
            loses_edns: false,
        };
        new.set(domain, RecordType::SOA, Reply::Records(vec![soa(domain)]));
        for name in ["www.msftconnecttest.com", "login.microsoftonline.com"] {
            new.address(name, Ipv4Addr::new(192, 0, 2, 80));
        }
        new
    }

    pub(crate) fn set(&mut self, owner: &str, kind: RecordType, reply: Reply) {
        self.replies
            .insert((owner.to_ascii_lowercase(), kind), reply);
    }

    pub(crate) fn address(&mut self, owner: &str, address: Ipv4Addr) {
        self.addresses(owner, &[address]);
    }

    pub(crate) fn addresses(&mut self, owner: &str, addresses: &[Ipv4Addr]) {
        let records = addresses
            .iter()
            .map(|address| Record::from_rdata(name(owner), TTL, RData::A(A(*address))))
            .collect();
        self.set(owner, RecordType::A, Reply::Records(records));
    }

    /// An AAAA record beside what else there is.
    pub(crate) fn address_v6(&mut self, owner: &str, address: Ipv6Addr) {
        let record = Record::from_rdata(name(owner), TTL, RData::AAAA(AAAA(address)));
        self.set(owner, RecordType::AAAA, Reply::Records(vec![record]));
    }

    /// SRV records: priority and target.
    pub(crate) fn services(&mut self, owner: &str, targets: &[(u16, &str)]) {
        self.set(
            owner,
            RecordType::SRV,
            Reply::Records(services(owner, targets)),
        );
    }

    /// Everything that controllers register for themselves: the locator records of the domain and
    /// of the site, those of the KDC, and their addresses.
    pub(crate) fn register(&mut self, site: &str, controllers: &[(String, Ipv4Addr)]) {
        let targets: Vec<_> = controllers
            .iter()
            .map(|(name, _)| (0, name.as_str()))
            .collect();
        for owner in [
            locator(&self.domain),
            site_locator(site, &self.domain),
            kdcs(&self.domain),
        ] {
            self.services(&owner, &targets);
        }
        for (name, address) in controllers {
            self.address(name, *address);
        }
    }

    fn reply(&self, owner: &str, kind: RecordType) -> Reply {
        let is_of_domain = owner == self.domain || owner.ends_with(&format!(".{}", self.domain));
        let wholesale = if is_of_domain {
            &self.on_domain
        } else {
            &self.on_internet
        };
        if let Some(reply) = wholesale {
            return reply.clone();
        }
        if let Some(reply) = self.replies.get(&(owner.to_owned(), kind)) {
            return reply.clone();
        }
        let zone = if is_of_domain {
            self.domain.as_str()
        } else {
            "."
        };
        if self.replies.keys().any(|(known, _)| known == owner) {
            return Reply::No(ResponseCode::NoError, Some(zone.to_owned()));
        }
        match self.rewrites_to {
            Some(address) if kind == RecordType::A => Reply::Records(vec![Record::from_rdata(
                name(owner),
                TTL,
                RData::A(A(address)),
            )]),
            _ => Reply::No(ResponseCode::NXDomain, Some(zone.to_owned())),
        }
    }

    fn answer(&self, query: &Message) -> Option<Message> {
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_queries(query.queries.iter().cloned());
        if query.edns.is_some() {
            if self.loses_edns {
                return None;
            }
            if self.dislikes_edns {
                answer.metadata.response_code = ResponseCode::FormErr;
                return Some(answer);
            }
            let mut edns = Edns::new();
            edns.set_max_payload(1232).set_version(0);
            answer.set_edns(edns);
        }
        let Some(question) = query.queries.first() else {
            answer.metadata.response_code = ResponseCode::FormErr;
            return Some(answer);
        };
        let owner = question
            .name()
            .to_ascii()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        match self.reply(&owner, question.query_type()) {
            Reply::Records(records) => {
                answer.add_answers(records);
            }
            Reply::No(code, zone) => {
                answer.metadata.response_code = code;
                answer.add_authorities(zone.map(|zone| soa(&zone)));
            }
            Reply::Silence => return None,
        }
        Some(answer)
    }
}

/// The name by which a client without a site finds controllers.
pub(crate) fn locator(domain: &str) -> String {
    format!("_ldap._tcp.dc._msdcs.{domain}")
}

/// The name by which a client finds the controllers of its site.
pub(crate) fn site_locator(site: &str, domain: &str) -> String {
    format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}").to_ascii_lowercase()
}

/// The name by which a client finds KDCs.
pub(crate) fn kdcs(domain: &str) -> String {
    format!("_kerberos._tcp.dc._msdcs.{domain}")
}

pub(crate) fn services(owner: &str, targets: &[(u16, &str)]) -> Vec<Record> {
    targets
        .iter()
        .map(|(priority, target)| {
            let srv = SRV::new(*priority, 100, 389, name(target));
            Record::from_rdata(name(owner), TTL, RData::SRV(srv))
        })
        .collect()
}

pub(crate) fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), TTL, RData::CNAME(CNAME(name(target))))
}

fn soa(zone: &str) -> Record {
    let (server, person) = (name("ns.example"), name("hostmaster.example"));
    let soa = SOA::new(server, person, 1, 900, 600, 86_400, 3600);
    Record::from_rdata(name(zone), TTL, RData::SOA(soa))
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a test uses DNS names");
    name.set_fqdn(true);
    name
}

/// A resolver behind one transport. `framed` is TCP, with a length of two bytes in front.
pub(crate) struct Server {
    pub(crate) knows: Arc<Knowledge>,
    pub(crate) framed: bool,
}

impl Protocol for Server {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let query = self.take(received)?;
        let mut answer = self.knows.answer(&query)?;
        let mut bytes = answer.to_vec().expect("the answer can be written");
        // Without EDNS0 a datagram has 512 bytes: RFC 1035 §4.2.1.
        let limit = query.edns.as_ref().map_or(512, Edns::max_payload);
        if !self.framed && bytes.len() > usize::from(limit) {
            answer.answers.clear();
            answer.metadata.truncation = true;
            bytes = answer.to_vec().expect("the answer can be written");
        }
        Some(Answer::new(self.frame(bytes)))
    }

    fn mistake_id(&self, answer: &mut [u8]) {
        let at = if self.framed { 2 } else { 0 };
        if let Some(byte) = answer.get_mut(at) {
            *byte ^= 0x55;
        }
    }

    /// Over TCP the longest length; in a datagram more records than there are bytes.
    fn huge_length(&self, request: &[u8]) -> Vec<u8> {
        if self.framed {
            return vec![0xff, 0xff];
        }
        let mut message = self.head(request);
        message[6..8].copy_from_slice(&[0xff, 0xff]);
        message
    }

    /// An answer whose owner is a pointer to itself.
    fn compression_loop(&self, request: &[u8]) -> Vec<u8> {
        let mut message = self.head(request);
        message[6..8].copy_from_slice(&[0, 1]);
        let at = u16::try_from(message.len()).expect("a question is short");
        message.extend((0xc000 | at).to_be_bytes());
        message.extend([0, 33, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 0x0c]);
        self.frame(message)
    }
}

impl Server {
    fn take(&self, received: &mut Vec<u8>) -> Option<Message> {
        let message = if self.framed {
            let (length, rest) = received.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let message = rest.get(..length)?.to_vec();
            received.drain(..2 + length);
            message
        } else {
            std::mem::take(received)
        };
        Message::from_vec(&message)
            .ok()
            .filter(|message| message.metadata.message_type == MessageType::Query)
    }

    /// Header and question of an answer that says to have nothing else.
    fn head(&self, request: &[u8]) -> Vec<u8> {
        let query = self
            .take(&mut request.to_vec())
            .expect("a question came before");
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.add_queries(query.queries);
        answer.to_vec().expect("a question can be written")
    }

    fn frame(&self, message: Vec<u8>) -> Vec<u8> {
        if !self.framed {
            return message;
        }
        let length = u16::try_from(message.len()).expect("an answer is short");
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(message);
        framed
    }
}
