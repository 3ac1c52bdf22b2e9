//! The question of the endpoint mapper and its answer: ept_map, C706 appendix O.

use super::{Interface, NDR, REQUEST, align, pdu};
use crate::Malformed;
use crate::cursor::Cursor;

/// Number of the operation ept_map.
const EPT_MAP: u16 = 3;
/// As many towers are asked for; a controller has one or two for an interface.
const TOWERS_MAX: u32 = 4;

/// Protocols of the floors of a tower, C706 appendix I.
const FLOOR_UUID: u8 = 0x0d;
const FLOOR_CONNECTION_ORIENTED: u8 = 0x0b;
pub(super) const FLOOR_TCP: u8 = 0x07;
const FLOOR_IP: u8 = 0x09;

/// Asks on which port `interface` is served over TCP.
#[must_use]
pub fn map_request(interface: &Interface, call_id: u32) -> Vec<u8> {
    let tower = tower(interface);
    let length = u32::try_from(tower.len()).expect("a tower has 75 bytes");
    let mut stub = Vec::new();
    // A pointer to the nil UUID, for no object in particular, and a pointer to the tower.
    stub.extend(1_u32.to_le_bytes());
    stub.extend([0; 16]);
    stub.extend(2_u32.to_le_bytes());
    stub.extend(length.to_le_bytes());
    stub.extend(length.to_le_bytes());
    stub.extend(tower);
    stub.resize(stub.len().next_multiple_of(4), 0);
    // The handle of a lookup that begins.
    stub.extend([0; 20]);
    stub.extend(TOWERS_MAX.to_le_bytes());

    let hint = u32::try_from(stub.len()).expect("the arguments have 132 bytes");
    let mut body = Vec::new();
    body.extend(hint.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(EPT_MAP.to_le_bytes());
    body.extend(stub);
    pdu(REQUEST, call_id, &body)
}

/// A protocol tower, C706 appendix L: interface, encoding, RPC, TCP and IP. Port and address are
/// the mapper's to fill in; the port of the mapper is what clients put there.
pub(super) fn tower(interface: &Interface) -> Vec<u8> {
    let mut tower = 5_u16.to_le_bytes().to_vec();
    tower.extend(uuid_floor(interface));
    tower.extend(uuid_floor(&NDR));
    tower.extend(floor(&[FLOOR_CONNECTION_ORIENTED], &[0; 2]));
    tower.extend(floor(&[FLOOR_TCP], &135_u16.to_be_bytes()));
    tower.extend(floor(&[FLOOR_IP], &[0; 4]));
    tower
}

fn uuid_floor(interface: &Interface) -> Vec<u8> {
    let mut left = vec![FLOOR_UUID];
    left.extend(interface.uuid);
    left.extend(interface.major.to_le_bytes());
    floor(&left, &interface.minor.to_le_bytes())
}

fn floor(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut floor = Vec::new();
    for side in [left, right] {
        let length = u16::try_from(side.len()).expect("a side of a floor has up to 19 bytes");
        floor.extend(length.to_le_bytes());
        floor.extend(side);
    }
    floor
}

/// What the mapper knows about an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// TCP ports, each once, in the order of the answer. The addresses beside them are left out:
    /// they are 0.0.0.0 or those behind a NAT.
    pub ports: Vec<u16>,
    /// 0 if there are towers, 0x16c9a0d6 if the interface is not registered.
    pub status: u32,
}

/// Reads the results of ept_map, the content of a [`Response`](super::Pdu::Response).
///
/// # Errors
/// If a count or a length does not fit the bytes, or if there are more towers than were asked for.
pub fn parse_map(stub: &[u8]) -> Result<Mapping, Malformed> {
    let mut results = Cursor::new(stub);
    let _handle = results.array::<20>("a lookup handle")?;
    let _towers = results.u32_le("a number of towers")?;
    let _capacity = results.u32_le("the capacity of an array")?;
    let _offset = results.u32_le("the offset of an array")?;
    let before = results;
    let count = results.u32_le("the length of an array")?;
    if count > TOWERS_MAX {
        return Err(before.malformed("as many towers as were asked for at most"));
    }
    let mut pointers = 0;
    for _ in 0..count {
        if results.u32_le("a pointer to a tower")? != 0 {
            pointers += 1;
        }
    }
    let mut ports = Vec::new();
    for _ in 0..pointers {
        align(&mut results, 0)?;
        let capacity = results.size_le("the length of a tower")?;
        let before = results;
        let length = results.size_le("the length of a tower")?;
        if length != capacity {
            return Err(before.malformed("the same length of a tower twice"));
        }
        let port = tcp_port(results.part(length, "a tower")?)?;
        ports.extend(port.filter(|port| !ports.contains(port)));
    }
    align(&mut results, 0)?;
    let status = results.u32_le("the status of a lookup")?;
    Ok(Mapping { ports, status })
}

/// The port of a tower that leads over TCP; others lead over a named pipe, UDP or HTTP.
pub(super) fn tcp_port(mut tower: Cursor<'_>) -> Result<Option<u16>, Malformed> {
    let mut port = None;
    for _ in 0..tower.u16_le("a number of floors")? {
        let left_length = tower.u16_le("the length of a floor's left side")?;
        let left = tower.take(left_length.into(), "a floor's left side")?;
        let right_length = tower.u16_le("the length of a floor's right side")?;
        let mut right = tower.part(right_length.into(), "a floor's right side")?;
        if left == [FLOOR_TCP] {
            port = Some(right.u16_be("a port")?);
            right.end("a port of two bytes")?;
        }
    }
    // Nothing can be connected to at port 0.
    Ok(port.filter(|&port| port != 0))
}
