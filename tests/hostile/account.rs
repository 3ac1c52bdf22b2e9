//! A controller that has shown a good certificate, and then answers a bind as nobody may.

use std::time::Instant;

use sightline_model::{State, Verdict};

use super::{GRACE, TIMEOUT};
use crate::scenarios::{look, network};
use crate::support::ldap::{entry, message, result};
use crate::support::{Setting, World, ber};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_the_place_of_an_answer_to_a_bind_costs_that_check_and_nothing_else() {
    let bound = || message(1, &result(0x61, 0, ""));
    let done = |id| message(id, &result(0x65, 0, ""));
    for (name, bytes) in [
        (
            "the seven bytes that stop ldap3",
            b"\x30\x05\x02\x01\x01\x67\x00".to_vec(),
        ),
        ("8000 levels", ber::nested(8000)),
        (
            "another protocol",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        ),
        ("an entry", message(1, &entry(&[]))),
        ("the end of a search", done(1)),
        (
            "an answer to another request",
            message(2, &result(0x61, 0, "")),
        ),
        ("two answers", [bound(), bound()].concat()),
        (
            "two answers, the second to the search",
            [bound(), message(2, &result(0x61, 0, ""))].concat(),
        ),
        (
            "an answer and half of one",
            [bound(), bound()[..7].to_vec()].concat(),
        ),
        ("4 GiB", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("nothing", Vec::new()),
        (
            "a disconnection",
            b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00".to_vec(),
        ),
    ] {
        let mut setting = Setting::healthy(1);
        setting.account = Some(("Hush-Hush-1!", false));
        setting.says().account.bind_bytes = Some(bytes);
        let world = World::start(&setting);
        let begun = Instant::now();
        let checked = look(&world).await;
        assert!(begun.elapsed() < 2 * TIMEOUT + GRACE, "{name}");
        let network = network(&checked);
        let scp = network
            .stages
            .iter()
            .flat_map(|stage| &stage.probes)
            .find(|probe| probe.probe == "scp")
            .unwrap_or_else(|| panic!("{name}: it was not asked"));
        assert_eq!(scp.state, State::Fail, "{name}: {scp:?}");
        // Nothing was read, and nothing is wrong with the network.
        assert_eq!(network.verdict, Verdict::Ready, "{name}");
        assert!(network.domain_controllers[0].usable, "{name}");
    }
}
