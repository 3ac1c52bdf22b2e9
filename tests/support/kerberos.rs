//! The KDC on port 88 and the password service on port 464 (RFC 4120, RFC 3244).

use std::sync::Arc;

use super::behaviour::{Answer, Protocol};
use super::ber;
use super::says::Says;

/// The KDC. `framed` is TCP, with a length of four bytes in front.
pub(crate) struct Kdc {
    pub(crate) says: Arc<Says>,
    pub(crate) framed: bool,
}

/// The password service.
pub(crate) struct Kpasswd {
    pub(crate) says: Arc<Says>,
    pub(crate) framed: bool,
}

impl Protocol for Kdc {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = take(received, self.framed)?;
        let realm = self.says.realm();
        let is_ours = request
            .windows(realm.len())
            .any(|part| part == realm.as_bytes());
        let code = if is_ours { self.says.kdc.code } else { 68 };
        let error = error(&self.says, code, self.says.kdc.text.as_deref(), None);
        Some(Answer::new(frame(error, self.framed)))
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        huge_length(self.framed)
    }

    fn endless(&self, _request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        endless(self.framed)
    }
}

impl Protocol for Kpasswd {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let _request = take(received, self.framed)?;
        // Result code 2, a hard error, as Samba answers a ticket of zeros.
        let error = error(&self.says, 60, None, Some(b"\0\x02no such ticket"));
        let length = u16::try_from(error.len() + 6).expect("an error is short");
        let mut message = length.to_be_bytes().to_vec();
        message.extend([0, 1, 0, 0]);
        message.extend(error);
        Some(Answer::new(frame(message, self.framed)))
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        huge_length(self.framed)
    }

    fn endless(&self, _request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        endless(self.framed)
    }
}

fn huge_length(framed: bool) -> Vec<u8> {
    if framed {
        vec![0x7f, 0xff, 0xff, 0xff]
    } else {
        vec![0x7e, 0x84, 0xff, 0xff, 0xff, 0xff]
    }
}

/// The longest message that is allowed, of which more and more comes.
fn endless(framed: bool) -> (Vec<u8>, Vec<u8>) {
    let head = if framed {
        vec![0, 1, 0, 0, 0x7e, 0x82, 0xff, 0xf0]
    } else {
        vec![0x7e, 0x82, 0xff, 0xf0]
    };
    (head, vec![0; 4096])
}

fn take(received: &mut Vec<u8>, framed: bool) -> Option<Vec<u8>> {
    if !framed {
        return (!received.is_empty()).then(|| std::mem::take(received));
    }
    let (length, rest) = received.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).expect("lengths fit this machine");
    let message = rest.get(..length)?.to_vec();
    received.drain(..4 + length);
    Some(message)
}

fn frame(message: Vec<u8>, framed: bool) -> Vec<u8> {
    if !framed {
        return message;
    }
    let length = u32::try_from(message.len()).expect("an answer is short");
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

/// KRB-ERROR, RFC 4120 §5.9.1, with the clock of the controller.
fn error(says: &Says, code: i32, text: Option<&str>, data: Option<&[u8]>) -> Vec<u8> {
    let realm = says.realm();
    let general = |text: &str| ber::short(ber::GENERAL_STRING, text.as_bytes());
    let service = ber::all(
        ber::SEQUENCE,
        &[
            field(0, ber::number(ber::INTEGER, 2)),
            field(
                1,
                ber::all(ber::SEQUENCE, &[general("krbtgt"), general(&realm)]),
            ),
        ],
    );
    let time = says.generalized_time();
    let micros = i32::try_from(says.now().1).expect("below a million");
    let mut fields = vec![
        field(0, ber::number(ber::INTEGER, 5)),
        field(1, ber::number(ber::INTEGER, 30)),
        field(4, ber::short(ber::GENERALIZED_TIME, time.as_bytes())),
        field(5, ber::number(ber::INTEGER, micros)),
        field(6, ber::number(ber::INTEGER, code)),
        field(9, general(&realm)),
        field(10, service),
    ];
    fields.extend(text.map(|text| field(11, general(text))));
    fields.extend(data.map(|data| field(12, ber::short(ber::OCTET_STRING, data))));
    ber::short(0x7e, &ber::all(ber::SEQUENCE, &fields))
}

fn field(number: u8, value: Vec<u8>) -> Vec<u8> {
    ber::short(0xa0 | number, &value)
}
