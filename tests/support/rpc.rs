//! The endpoint mapper on port 135, and Netlogon behind the port that it names (C706, [MS-RPCE]).

use std::sync::Arc;

use super::behaviour::{Answer, Protocol};
use super::says::{Mapper, Says};

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const BIND_NAK: u8 = 13;
const HEADER: usize = 16;

/// As UUIDs go over the wire.
const EPM: &[u8] = b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa";
const NETLOGON: &[u8] = b"\x78\x56\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\xcf\xfb";
const NDR: &[u8] = b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60";

/// TCP 135. The port is where Netlogon listens.
pub(crate) struct EndpointMapper {
    pub(crate) says: Arc<Says>,
    pub(crate) netlogon_port: u16,
}

/// A dynamic port with Netlogon.
pub(crate) struct Netlogon;

impl Protocol for EndpointMapper {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = take(received)?;
        let bytes = match (kind(&request), &self.says.mapper) {
            (BIND, Mapper::RefusesBind) => pdu(&request, BIND_NAK, &[4, 0, 1, 5, 0, 0, 0, 0]),
            (BIND, _) => bind_ack(&request, EPM),
            (REQUEST, Mapper::Port(port)) => {
                response(&request, &mapping(port.unwrap_or(self.netlogon_port)))
            }
            (REQUEST, Mapper::NotRegistered) => response(&request, &unregistered()),
            _ => pdu(
                &request,
                FAULT,
                &[24, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0],
            ),
        };
        Some(Answer::new(bytes))
    }

    fn mistake_id(&self, answer: &mut [u8]) {
        mistake_call(answer);
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        huge_length()
    }

    fn endless(&self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        endless(request)
    }
}

impl Protocol for Netlogon {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = take(received)?;
        Some(Answer::new(bind_ack(&request, NETLOGON)))
    }

    fn mistake_id(&self, answer: &mut [u8]) {
        mistake_call(answer);
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        huge_length()
    }

    fn endless(&self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        endless(request)
    }
}

/// The longest fragment that a header can announce.
fn huge_length() -> Vec<u8> {
    vec![
        5, 0, RESPONSE, 3, 0x10, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0,
    ]
}

/// A response whose last fragment never comes.
fn endless(request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let fragment = |flags: u8| {
        let mut fragment = pdu(request, RESPONSE, &[0; 4000]);
        fragment[3] = flags;
        fragment
    };
    (fragment(1), fragment(0))
}

fn mistake_call(answer: &mut [u8]) {
    if let Some(call) = answer.get_mut(12) {
        *call ^= 0x20;
    }
}

fn kind(request: &[u8]) -> u8 {
    request[2]
}

/// Takes a PDU off `received`, once it is whole.
fn take(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = received.get(8..10)?.try_into().map(u16::from_le_bytes);
    let length = usize::from(length.expect("two bytes")).max(HEADER);
    (received.len() >= length).then(|| received.drain(..length).collect())
}

/// A PDU in one fragment that answers the call of `request`.
fn pdu(request: &[u8], kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).expect("an answer is short");
    let mut pdu = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    pdu.extend(length.to_le_bytes());
    pdu.extend([0, 0]);
    pdu.extend(request.get(12..HEADER).unwrap_or(&[1, 0, 0, 0]));
    pdu.extend(body);
    pdu
}

/// C706 §12.6.4.4. Another interface than `offered` is refused: result 2, reason 1.
fn bind_ack(request: &[u8], offered: &[u8]) -> Vec<u8> {
    let is_offered = request.windows(offered.len()).any(|part| part == offered);
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 1, 0, 0, 0];
    // A secondary address, `135` and a zero, and padding to a multiple of four.
    body.extend(*b"\x04\x00135\0\0\0");
    body.extend([1, 0, 0, 0]);
    if is_offered {
        body.extend([0; 4]);
        body.extend(NDR);
        body.extend([2, 0, 0, 0]);
    } else {
        body.extend([2, 0, 1, 0]);
        body.extend([0; 20]);
    }
    pdu(request, BIND_ACK, &body)
}

fn response(request: &[u8], stub: &[u8]) -> Vec<u8> {
    let hint = u32::try_from(stub.len()).expect("a stub is short");
    let mut body = hint.to_le_bytes().to_vec();
    body.extend([0; 4]);
    body.extend(stub);
    pdu(request, RESPONSE, &body)
}

/// The results of ept_map with one tower, C706 appendices L and O. The address is one that nobody
/// may connect to.
fn mapping(port: u16) -> Vec<u8> {
    let mut tower = 5_u16.to_le_bytes().to_vec();
    for (uuid, version) in [(NETLOGON, 1_u16), (NDR, 2)] {
        let mut left = vec![0x0d];
        left.extend(uuid);
        left.extend(version.to_le_bytes());
        floor(&mut tower, &left, &[0, 0]);
    }
    floor(&mut tower, &[0x0b], &[0, 0]);
    floor(&mut tower, &[0x07], &port.to_be_bytes());
    floor(&mut tower, &[0x09], &[192, 0, 2, 1]);

    let length = u32::try_from(tower.len()).expect("a tower has 75 bytes");
    let mut stub = vec![0; 20];
    for number in [1, 4, 0, 1, 3, length, length] {
        stub.extend(number.to_le_bytes());
    }
    stub.extend(tower);
    stub.resize(stub.len().next_multiple_of(4), 0);
    stub.extend([0; 4]);
    stub
}

fn floor(tower: &mut Vec<u8>, left: &[u8], right: &[u8]) {
    for side in [left, right] {
        let length = u16::try_from(side.len()).expect("a side of a floor is short");
        tower.extend(length.to_le_bytes());
        tower.extend(side);
    }
}

/// No towers, and the status 0x16c9a0d6.
fn unregistered() -> Vec<u8> {
    let mut stub = vec![0; 20];
    for number in [0_u32, 4, 0, 0, 0x16c9_a0d6] {
        stub.extend(number.to_le_bytes());
    }
    stub
}
