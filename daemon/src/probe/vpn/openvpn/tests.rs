use super::*;

fn vector(name: &str) -> Vec<u8> {
    let file = format!(
        "{}/tests/vectors/wire/{name}.hex",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(file).expect("a vector");
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex"))
        .collect()
}

fn seal(key: &str, seals: Seals) -> Seal {
    let key = vector(key).try_into().expect("256 octets");
    Seal { key, seals }
}

const AUTH: Seals = Seals::Auth(KeyDirection::One, KeyDigest::Sha1);

/// The header of the packets of the vectors.
fn header() -> openvpn::Header {
    openvpn::header([0x53, 0x47, 0x48, 0x54, 0, 0, 0, 1])
}

#[test]
fn what_a_server_sealed_is_opened_and_answers_us() {
    for (name, seals) in [("tlsauth", AUTH), ("tlscrypt", Seals::Crypt)] {
        let seal = seal(&format!("openvpn-{name}-statickey"), seals);
        let packet = vector(&format!("openvpn-{name}-rep"));
        let (header, rest) = seal.open(&packet).expect("long enough").expect("our key");
        let answer = openvpn::parse_opened(&header, &rest).expect("a reset");
        assert_eq!(
            answer.to,
            Some([0x53, 0x47, 0x48, 0x54, 0, 0, 0, 1]),
            "{name}"
        );
        for at in 0..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open(&changed), Ok(None), "{name}: octet {at}");
        }
    }
}

#[test]
fn what_we_seal_is_what_a_server_took() {
    let auth = seal("openvpn-tlsauth-statickey", AUTH);
    let sent = vector("openvpn-tlsauth-req");
    let taken = openvpn::open_auth(&sent, 20).expect("long enough");
    let input = openvpn::auth_input(&header(), &taken.replay, &FIRST);
    assert_eq!(
        auth.code(SECOND_HALF + CODES, KeyDigest::Sha1, &input)
            .as_ref(),
        taken.code
    );

    let crypt = seal("openvpn-tlscrypt-statickey", Seals::Crypt);
    let sent = vector("openvpn-tlscrypt-req");
    let taken = openvpn::open_crypt(&sent).expect("long enough");
    let input = openvpn::crypt_input(&header(), &taken.replay, &FIRST);
    let code = crypt.code(SECOND_HALF + CODES, KeyDigest::Sha256, &input);
    assert_eq!(code.as_ref(), taken.code);
    let mut rest = FIRST;
    crypt
        .turn(SECOND_HALF, code.as_ref(), &mut rest)
        .expect("AES");
    assert_eq!(rest.as_slice(), taken.rest);
}

#[test]
fn a_packet_of_ours_has_the_size_of_one_that_a_server_took() {
    let auth = seal("openvpn-tlsauth-statickey", AUTH);
    let crypt = seal("openvpn-tlscrypt-statickey", Seals::Crypt);
    assert_eq!(auth.close(&header()).expect("sealed").len(), 42);
    assert_eq!(crypt.close(&header()).expect("sealed").len(), 54);
}

#[test]
fn both_sides_of_a_key_without_direction_use_the_same_part() {
    assert_eq!(sending(KeyDirection::None), receiving(KeyDirection::None));
    assert_eq!(sending(KeyDirection::One), receiving(KeyDirection::Zero));
    assert_eq!(sending(KeyDirection::Zero), receiving(KeyDirection::One));
}
