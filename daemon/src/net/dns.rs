//! One DNS question to one resolver, with every flag of the answer visible.
//!
//! The messages are hickory's; the sockets are ours and connected, so that a closed port is heard
//! and the sends keep the rhythm of every other probe. For "give me the addresses of this name as
//! a client gets them" see [`super::lookup`].

use std::collections::BTreeMap;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{SOA, SRV};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use sightline_model::{Finding, Phase, Reason, SrvRecord};

use super::{exchange, fault, socket};
use crate::run::Run;

/// What fits through every path without fragments (RFC 6891, DNS flag day 2020), in bytes.
const EDNS_PAYLOAD: u16 = 1232;

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP with EDNS0.
    Udp,
    /// UDP as in RFC 1035, for servers that cannot read EDNS0.
    PlainUdp,
    /// TCP (RFC 7766).
    Tcp,
}

/// One question, for the Internet class.
#[derive(Clone, Debug)]
pub struct Question {
    /// The absolute name.
    pub name: Name,
    /// The type of record.
    pub kind: RecordType,
}

impl Question {
    /// A question about an absolute name.
    ///
    /// # Errors
    /// A sentence, for a text that is no DNS name.
    pub fn new(name: &str, kind: RecordType) -> Result<Self, String> {
        let mut name =
            Name::from_ascii(name).map_err(|error| format!("`{name}` is no DNS name: {error}"))?;
        name.set_fqdn(true);
        Ok(Self { name, kind })
    }

    /// The name without the last dot, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.name.to_ascii().trim_end_matches('.').to_owned()
    }

    fn encode(&self, id: u16, edns: bool) -> Result<Vec<u8>, String> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        let mut query = Query::query(self.name.clone(), self.kind);
        query.set_query_class(DNSClass::IN);
        message.add_query(query);
        if edns {
            let mut options = Edns::new();
            options.set_max_payload(EDNS_PAYLOAD).set_version(0);
            message.set_edns(options);
        }
        message.to_vec().map_err(|error| error.to_string())
    }

    /// Whether `message` answers this question: anything else is not ours and is dropped.
    fn is_answered_by(&self, message: &Message, id: u16) -> bool {
        message.metadata.id == id
            && message.metadata.message_type == MessageType::Response
            && message
                .queries
                .iter()
                .all(|query| query.name() == &self.name && query.query_type() == self.kind)
    }
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Heard {
    /// The message.
    pub message: Message,
    /// Its length, in bytes.
    pub length: usize,
    /// Whether the question had to be repeated without EDNS0 before it was answered.
    pub without_edns: bool,
}

/// Asks the run's target. Over [`Transport::Udp`], the second and third send are without EDNS0:
/// some firewalls drop what they do not know.
///
/// # Errors
/// What the network said, or bytes that are no DNS message.
pub async fn ask(run: &Run, question: &Question, transport: Transport) -> Result<Heard, Finding> {
    let id = rand::random();
    let request = |edns| {
        question
            .encode(id, edns)
            .map_err(|error| run.blind(Reason::InternalError, error))
    };
    let plain = request(false)?;
    let read = |bytes: &[u8]| match Message::from_vec(bytes) {
        Ok(message) if question.is_answered_by(&message, id) => Ok(Some((message, bytes.len()))),
        Ok(_) => Ok(None),
        Err(_) if bytes.get(..2) != Some(&id.to_be_bytes()) => Ok(None),
        Err(error) => Err(run.fail(
            Reason::ProtocolError,
            format!(
                "{}: no DNS message: {error}; came: {}",
                run.doing(),
                crate::text::first_bytes(bytes)
            ),
        )),
    };
    let (message, length, sends) = match transport {
        Transport::Udp => {
            let full = request(true)?;
            let answered = exchange::udp_each(run, [&full, &plain, &plain], |bytes| {
                Ok(read(bytes)?.map(|heard| (heard, None)))
            })
            .await?;
            (answered.value.0, answered.value.1, answered.sends)
        }
        Transport::PlainUdp => {
            let answered = exchange::udp(run, &plain, read).await?;
            (answered.value.0, answered.value.1, 1)
        }
        Transport::Tcp => {
            let (message, length) = over_tcp(run, &request(true)?, read).await?;
            (message, length, 1)
        }
    };
    Ok(Heard {
        without_edns: sends > 1 && message.edns.is_none(),
        message,
        length,
    })
}

async fn over_tcp(
    run: &Run,
    request: &[u8],
    read: impl Fn(&[u8]) -> Result<Option<(Message, usize)>, Finding>,
) -> Result<(Message, usize), Finding> {
    let peer = exchange::peer(run)?;
    run.enter(Phase::Connect);
    let mut stream = socket::tcp(run.path(), peer)
        .await
        .map_err(|error| fault::finding(run, &error))?;
    let length = u16::try_from(request.len()).unwrap_or(u16::MAX);
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(request);
    exchange::ask(run, &mut stream, &framed, |bytes| {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
            return Ok(None);
        };
        match rest.get(..usize::from(u16::from_be_bytes(*length))) {
            Some(message) => read(message)?.map_or_else(
                || {
                    Err(run.fail(
                        Reason::ProtocolError,
                        format!("{}: an answer to another question", run.doing()),
                    ))
                },
                |heard| Ok(Some(heard)),
            ),
            None => Ok(None),
        }
    })
    .await
}

/// The SRV records of an answer in locator order: by priority, then by weight, then by name. The
/// chain of CNAMEs is followed inside the answer; a target `.` means that the service is not
/// offered and is left out. The same record twice is one.
#[must_use]
pub fn srv_records(message: &Message, question: &Question) -> Vec<SrvRecord> {
    let owner = canonical(message, &question.name);
    let mut records: Vec<SrvRecord> = message
        .answers
        .iter()
        .filter(|record| record.name == owner)
        .filter_map(|record| match &record.data {
            RData::SRV(srv) => offered(srv),
            _ => None,
        })
        .collect();
    records.sort_by(|a, b| {
        (a.priority, std::cmp::Reverse(a.weight), &a.target, a.port).cmp(&(
            b.priority,
            std::cmp::Reverse(b.weight),
            &b.target,
            b.port,
        ))
    });
    records.dedup();
    records
}

fn offered(srv: &SRV) -> Option<SrvRecord> {
    (!srv.target.is_root()).then(|| SrvRecord {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv
            .target
            .to_ascii()
            .trim_end_matches('.')
            .to_ascii_lowercase(),
    })
}

/// The name at the end of the CNAME chain that starts at `name`. Each alias is followed once, so
/// that a loop ends.
fn canonical(message: &Message, name: &Name) -> Name {
    let mut aliases: BTreeMap<&Name, &Name> = message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::CNAME(target) => Some((&record.name, &target.0)),
            _ => None,
        })
        .collect();
    let mut owner = name;
    while let Some(next) = aliases.remove(owner) {
        owner = next;
    }
    owner.clone()
}

/// The owner of the SOA record in an answer, from the answer or the authority section: it tells
/// who says no.
#[must_use]
pub fn soa_owner(message: &Message) -> Option<String> {
    message
        .answers
        .iter()
        .chain(&message.authorities)
        .find(|record| matches!(&record.data, RData::SOA(SOA { .. })))
        .map(|record| {
            let owner = record.name.to_ascii();
            if record.name.is_root() {
                owner
            } else {
                owner.trim_end_matches('.').to_ascii_lowercase()
            }
        })
}

/// The reason that a response code stands for; `None` for NOERROR.
#[must_use]
pub fn reason_of(code: ResponseCode) -> Option<Reason> {
    match code {
        ResponseCode::NoError => None,
        ResponseCode::NXDomain => Some(Reason::DnsNxdomain),
        ResponseCode::Refused | ResponseCode::NotAuth => Some(Reason::DnsRefused),
        _ => Some(Reason::DnsServfail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(name: &str) -> Message {
        let path = format!(
            "{}/tests/vectors/wire/{name}.hex",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(path).expect("the vector is there");
        let digits: String = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::chars)
            .filter(char::is_ascii_hexdigit)
            .collect();
        let bytes: Vec<u8> = (0..digits.len() / 2)
            .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex"))
            .collect();
        Message::from_vec(&bytes).expect("the vector is a DNS message")
    }

    fn question_of(message: &Message) -> Question {
        let query = message.queries.first().expect("the vector has a question");
        Question {
            name: query.name().clone(),
            kind: query.query_type(),
        }
    }

    #[test]
    fn srv_records_are_read_with_priority_weight_and_port() {
        let message = vector("dns-srv-rep");
        assert_eq!(
            srv_records(&message, &question_of(&message)),
            [SrvRecord {
                priority: 0,
                weight: 100,
                port: 389,
                target: "dc1.corp.example.test".into()
            }]
        );
    }

    #[test]
    fn a_cname_is_followed_and_the_lower_priority_comes_first() {
        let message = vector("dns-srv-cname-rep");
        let records = srv_records(&message, &question_of(&message));
        assert_eq!(records.len(), 2);
        assert!(records[0].priority < records[1].priority);
    }

    #[test]
    fn a_root_target_means_that_the_service_is_not_offered() {
        let message = vector("dns-srv-root-rep");
        assert!(srv_records(&message, &question_of(&message)).is_empty());
    }

    #[test]
    fn negative_answers_are_told_apart() {
        for (name, code, soa) in [
            ("dns-nxdomain-rep", Some(Reason::DnsNxdomain), true),
            ("dns-nxdomain-nosoa-rep", Some(Reason::DnsNxdomain), false),
            ("dns-nodata-rep", None, true),
            ("dns-servfail-rep", Some(Reason::DnsServfail), false),
            ("dns-refused-rep", Some(Reason::DnsRefused), false),
        ] {
            let message = vector(name);
            assert_eq!(reason_of(message.metadata.response_code), code, "{name}");
            assert_eq!(soa_owner(&message).is_some(), soa, "{name}");
        }
        assert!(vector("dns-truncated-rep").metadata.truncation);
    }

    #[test]
    fn an_answer_to_another_question_or_id_is_not_ours() {
        let message = vector("dns-srv-rep");
        let question = question_of(&message);
        let id = message.metadata.id;
        assert!(question.is_answered_by(&message, id));
        assert!(!question.is_answered_by(&message, id.wrapping_add(1)));
        let other = Question::new("other.example", RecordType::SRV).expect("a name");
        assert!(!other.is_answered_by(&message, id));
    }

    #[test]
    fn a_loop_of_aliases_ends() {
        let mut message = vector("dns-srv-cname-rep");
        let name = message.queries[0].name().clone();
        message
            .answers
            .retain(|record| matches!(record.data, RData::CNAME(_)));
        if let Some(record) = message.answers.first_mut()
            && let RData::CNAME(target) = &mut record.data
        {
            target.0 = name.clone();
        }
        assert_eq!(canonical(&message, &name), name);
    }
}
