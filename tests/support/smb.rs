//! The file service on port 445, as far as a client negotiates ([MS-SMB2] 2.2.4).

use std::sync::Arc;

use super::behaviour::{Answer, Protocol};
use super::says::{Says, Smb};

/// TCP 445.
pub(crate) struct FileService(pub(crate) Arc<Says>);

impl Protocol for FileService {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let length = received
            .first_chunk::<4>()
            .copied()
            .map(u32::from_be_bytes)?;
        let length = 4 + usize::try_from(length).expect("lengths fit this machine");
        if received.len() < length {
            return None;
        }
        received.drain(..length);
        let message = match self.0.smb {
            Smb::Dialect(dialect) => self.negotiated(dialect),
            Smb::Refused(status) => {
                let mut message = header(status);
                message.extend([9, 0, 0, 0, 0, 0, 0, 0, 0]);
                message
            }
            Smb::Version1 => {
                let mut message = b"\xffSMB\x72".to_vec();
                message.resize(39, 0);
                message
            }
        };
        Some(Answer::new(frame(&message)))
    }

    /// Turns it into an answer to another command.
    fn mistake_id(&self, answer: &mut [u8]) {
        if let Some(command) = answer.get_mut(4 + 12) {
            *command ^= 0x01;
        }
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        vec![0, 0xff, 0xff, 0xff, 0xfe, b'S', b'M', b'B']
    }

    fn endless(&self, _request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (
            vec![0, 1, 0, 0, 0xfe, b'S', b'M', b'B', 64, 0],
            vec![0; 4096],
        )
    }
}

impl FileService {
    fn negotiated(&self, dialect: u16) -> Vec<u8> {
        let mut message = header(0);
        // Signing enabled and required, as on every controller.
        message.extend([65, 0, 3, 0]);
        message.extend(dialect.to_le_bytes());
        message.extend([0, 0]);
        message.extend([7; 16]);
        for number in [7_u32, 0x80_0000, 0x80_0000, 0x80_0000] {
            message.extend(number.to_le_bytes());
        }
        message.extend(self.file_time().to_le_bytes());
        message.extend([0; 8]);
        // An empty security buffer behind the fixed part, and no contexts.
        message.extend([0x80, 0, 0, 0, 0, 0, 0, 0]);
        message
    }

    /// Hundreds of nanoseconds since 1601 ([MS-DTYP] 2.3.3).
    fn file_time(&self) -> u64 {
        const WINDOWS_EPOCH: i64 = 11_644_473_600;
        let (seconds, micros) = self.0.now();
        let since = u64::try_from(seconds + WINDOWS_EPOCH).expect("after 1601");
        since * 10_000_000 + u64::from(micros) * 10
    }
}

/// The header of an answer to NEGOTIATE, [MS-SMB2] 2.2.1.2.
fn header(status: u32) -> Vec<u8> {
    let mut header = b"\xfeSMB\x40\0\0\0".to_vec();
    header.extend(status.to_le_bytes());
    header.extend([0, 0, 1, 0, 1, 0, 0, 0]);
    header.resize(64, 0);
    header
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("an answer is short");
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(message);
    framed
}
