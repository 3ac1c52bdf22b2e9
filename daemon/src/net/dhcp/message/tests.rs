use proptest::prelude::*;

use super::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const XID: u32 = 0x5157_a001;

/// The asker that the stored answer is for.
const ASKER: Asker = Asker {
    hardware: [2, 0, 0, 0, 0, 1],
    address: Some(Ipv4Addr::new(192, 0, 2, 30)),
};

/// The answer that the vectors have.
pub(in crate::net::dhcp) fn stored() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/wire/dhcp-ack-114-252.hex"
    );
    let text = std::fs::read_to_string(path).expect("the vector is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<char> = lines.flat_map(str::chars).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal"))
        .collect()
}

fn read_as(bytes: &[u8]) -> Option<DhcpAnswer> {
    read(bytes, SERVER, ASKER, |_| XID)
}

/// The stored answer with other options: `code, length, value` one behind the other.
fn with_options(options: &[&[u8]]) -> Vec<u8> {
    let mut bytes = stored();
    bytes.truncate(FIXED);
    bytes.extend(options.concat());
    bytes.push(255);
    bytes
}

#[test]
fn the_stored_answer_is_read_and_what_stands_behind_its_script_is_cut_off() {
    let answer = read_as(&stored()).expect("an answer to us");
    let expected = DhcpAnswer {
        routers: vec![SERVER],
        resolvers: vec![Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 11)],
        domain: Some("corp.example.test".into()),
        proxy_script_url: Some("http://wpad.corp.example.test/wpad.dat".into()),
        portal_api_url: Some("https://portal.example.test/capport/api".into()),
        ..DhcpAnswer::new(SERVER, DhcpKind::Ack)
    };
    assert_eq!(answer, expected);
}

#[test]
fn what_answers_somebody_else_is_no_answer() {
    let bytes = stored();
    assert_eq!(read(&bytes, SERVER, ASKER, |_| XID ^ 1), None);
    let other = Asker {
        hardware: [2, 0, 0, 0, 0, 2],
        ..ASKER
    };
    assert_eq!(read(&bytes, SERVER, other, |_| XID), None);
    for (place, value) in [
        (0, 1),   // a question
        (2, 255), // an address longer than its field
        (2, 16),
        (2, 0),
        (236, 0),   // no magic number
        (242, 6),   // a refusal
        (242, 1),   // a question
        (242, 255), // nothing that there is
    ] {
        let mut bytes = bytes.clone();
        bytes[place] = value;
        assert_eq!(read_as(&bytes), None, "{place}: {value}");
    }
    // The type says to which question it belongs, and each has a transaction of its own.
    let xid_of = |question| u32::from(question == Question::Inform) * XID;
    assert!(read(&bytes, SERVER, ASKER, xid_of).is_some());
    let mut offer = bytes;
    offer[242] = 2;
    assert_eq!(read(&offer, SERVER, ASKER, xid_of), None);
    let offer = read_as(&offer).expect("an offer");
    assert_eq!(offer.kind, DhcpKind::Offer);
    assert_eq!(offer.offered, Some(Ipv4Addr::new(192, 0, 2, 30)));
}

#[test]
fn an_option_that_makes_no_sense_costs_no_other() {
    let answer = read_as(&with_options(&[
        &[53, 1, 5],
        &[1, 3, 255, 255, 255],      // a mask of three bytes
        &[3, 5, 10, 0, 0, 1, 9],     // one address and a piece
        &[15, 2, 0xff, 0xfe],        // no text
        &[119, 2, 0xc0, 0x00],       // a name that points to itself
        &[51, 2, 0, 1],              // half a number
        &[114, 3, b'\n', b' ', 0],   // nothing but white space
        &[252, 4, b'h', b':', 0, 0], // two NUL
        &[54, 4, 10, 0, 0, 9],
    ]));
    let expected = DhcpAnswer {
        domain: Some("\u{fffd}\u{fffd}".into()),
        proxy_script_url: Some("h:".into()),
        ..DhcpAnswer::new(Ipv4Addr::new(10, 0, 0, 9), DhcpKind::Ack)
    };
    assert_eq!(answer, Some(expected));
}

#[test]
fn an_option_in_pieces_and_one_in_the_field_of_a_file_are_read() {
    let mut bytes = with_options(&[
        &[53, 1, 2],
        &[252, 4, b'h', b't', b't', b'p'],
        &[51, 4, 0, 0, 14, 16],
        &[252, 4, b':', b'/', b'/', b'w'],
        &[
            119, 14, 4, b'c', b'o', b'r', b'p', 7, b'e', b'x', b'a', b'm', b'p', b'l', b'e', 0,
        ],
        &[119, 4, 1, b'x', 0xc0, 5],
        &[52, 1, 1],
    ]);
    bytes[FILE.start..FILE.start + 7].copy_from_slice(&[3, 4, 10, 0, 0, 1, 255]);
    let answer = read_as(&bytes).expect("an offer");
    assert_eq!(answer.proxy_script_url.as_deref(), Some("http://w"));
    assert_eq!(answer.search, ["corp.example", "x.example"]);
    assert_eq!(answer.routers, [Ipv4Addr::new(10, 0, 0, 1)]);
    assert_eq!(answer.lease, Some(Duration::from_secs(3600)));
}

#[test]
fn a_list_without_an_end_is_cut() {
    let many: Vec<u8> = [[3, 252].as_slice(), &[10; 252]].concat();
    let roots: Vec<u8> = [[119, 255].as_slice(), &[0; 255]].concat();
    let names: Vec<u8> = [[119, 200].as_slice(), &[1, b'a', 0, 0xc0].repeat(50)].concat();
    let answer = read_as(&with_options(&[&[53, 1, 5], &many, &roots, &names]));
    let answer = answer.expect("an answer");
    assert_eq!(answer.routers.len(), MOST);
    assert!(answer.search.len() <= MOST);
}

#[test]
fn a_question_says_who_asks_and_takes_no_lease() {
    let bytes = write(Question::Inform, XID, ASKER).expect("it is ours");
    let bytes = bytes.expect("it has an address");
    assert_eq!(bytes.len(), MIN_PACKET_SIZE);
    let message = borrowed::Message::new(&bytes).expect("a message");
    assert_eq!(message.xid(), XID);
    assert_eq!(message.chaddr(), ASKER.hardware);
    assert_eq!(Some(message.ciaddr()), ASKER.address);
    assert!(!message.flags().broadcast());
    let found = options(&bytes);
    assert_eq!(found[&53], [8]);
    assert_eq!(found[&55], WANTED);
    assert_eq!(found[&60], VENDOR_CLASS);
    let bytes = write(Question::Discover, XID, ASKER).expect("it is ours");
    let bytes = bytes.expect("it needs no address");
    let message = borrowed::Message::new(&bytes).expect("a message");
    assert_eq!(message.ciaddr(), Ipv4Addr::UNSPECIFIED);
    assert!(message.flags().broadcast());
    assert_eq!(options(&bytes)[&53], [1]);
    let nobody = Asker {
        address: None,
        ..ASKER
    };
    assert!(matches!(write(Question::Inform, XID, nobody), Ok(None)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_bytes_end_the_process(
        changes in prop::collection::vec((0_usize..400, any::<u8>()), 0..24),
        length in 0_usize..400,
        tail in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut bytes = stored();
        for (place, value) in changes {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        let _whole = read_as(&bytes);
        bytes.truncate(length);
        bytes.extend(tail);
        let _cut = read_as(&bytes);
    }
}
