//! What only several values of a VPN together can show.

use std::path::PathBuf;

use sightline_model::DIRECT;

use super::super::super::problem::Errors;
use super::super::super::settings::Config;
use super::super::super::source::Step;
use super::super::super::vpn::{KeyUse, Vpn, VpnKind};
use super::{Places, key};

/// Each is asked in every round.
const MOST_VPNS: usize = 8;

/// Adds what is wrong with the VPNs.
pub(super) fn check(config: &Config, places: &Places<'_>, errors: &mut Errors) {
    if config.vpn.len() > MOST_VPNS {
        let what = format!(
            "the list has {} entries; at most {MOST_VPNS} are possible",
            config.vpn.len()
        );
        errors.push(places.problem(&[key("vpn")], false, &what));
        return;
    }
    for (index, vpn) in config.vpn.iter().enumerate() {
        let name = vpn.name.as_str();
        let is_taken = config
            .vpn
            .iter()
            .take(index)
            .any(|other| other.name == vpn.name);
        let wrong = if is_taken {
            Some(("name", format!("another VPN is called `{name}` too")))
        } else if name == DIRECT {
            Some(("name", "the way without a VPN is called so".to_owned()))
        } else {
            stray(vpn)
                .map(|(field, owner)| {
                    let what = format!("only `{owner}` has it, and the kind is `{}`", vpn.kind);
                    (field, what)
                })
                .or_else(|| alone(vpn).map(|(field, what)| (field, what.to_owned())))
                .or_else(|| misplaced(config, index, vpn))
        };
        if let Some((field, what)) = wrong {
            let path = [key("vpn"), Step::Index(index), key(field)];
            errors.push(places.problem(&path, false, &what));
        }
    }
}

/// What does not go together with the other tables.
fn misplaced(config: &Config, index: usize, vpn: &Vpn) -> Option<(&'static str, String)> {
    if let Some(over) = &vpn.network
        && !config.network.iter().any(|network| network.name == *over)
    {
        return Some(("network", format!("no network is called `{over}`")));
    }
    let interface = vpn.interface.as_ref()?;
    if vpn.network.is_none() && config.network.len() > 1 {
        let what = "the box has several networks: it needs `network` beside it, the one that the tunnel runs over";
        return Some(("interface", what.to_owned()));
    }
    let mut before = config.vpn.iter().take(index);
    if let Some(other) = before.find(|other| other.interface.as_ref() == Some(interface)) {
        let what = format!("the tunnel of `{}` ends there", other.name);
        return Some(("interface", what));
    }
    let mut networks = config.network.iter();
    if let Some(network) = networks.find(|network| network.interface.as_ref() == Some(interface)) {
        let what = format!(
            "network `{}` has it, and no tunnel ends there",
            network.name
        );
        return Some(("interface", what));
    }
    (interface.as_str() == "lo").then(|| ("interface", "no tunnel ends there".to_owned()))
}

/// A key that belongs to another kind, and that kind.
fn stray(vpn: &Vpn) -> Option<(&'static str, VpnKind)> {
    [
        ("transport", VpnKind::Openvpn, vpn.transport.is_some()),
        ("key_file", VpnKind::Openvpn, vpn.key_file.is_some()),
        ("key", VpnKind::Openvpn, vpn.key.is_some()),
        (
            "key_direction",
            VpnKind::Openvpn,
            vpn.key_direction.is_some(),
        ),
        ("digest", VpnKind::Openvpn, vpn.digest.is_some()),
        ("handshake_age", VpnKind::Wireguard, vpn.handshake_age),
        (
            "private_key_file",
            VpnKind::Wireguard,
            vpn.private_key_file.is_some(),
        ),
        (
            "peer_public_key",
            VpnKind::Wireguard,
            vpn.peer_public_key.is_some(),
        ),
        (
            "preshared_key_file",
            VpnKind::Wireguard,
            vpn.preshared_key_file.is_some(),
        ),
    ]
    .into_iter()
    .find(|(_, owner, is_there)| *is_there && *owner != vpn.kind)
    .map(|(field, owner, _)| (field, owner))
}

/// A key that means nothing by itself, and what it lacks.
fn alone(vpn: &Vpn) -> Option<(&'static str, &'static str)> {
    let is_auth = vpn.key == Some(KeyUse::TlsAuth);
    let has_keys = vpn.private_key_file.is_some();
    let wrong = [
        (
            "resolvers",
            !vpn.resolvers.is_empty() && vpn.interface.is_none(),
            "they are asked through the tunnel: it needs `interface` beside it",
        ),
        (
            "handshake_age",
            vpn.handshake_age && vpn.interface.is_none(),
            "it needs `interface` beside it",
        ),
        (
            "key_file",
            vpn.key_file.is_some() && vpn.key.is_none(),
            "it needs `key` beside it, \"tls-auth\" or \"tls-crypt\"",
        ),
        (
            "key",
            vpn.key.is_some() && vpn.key_file.is_none(),
            "it needs `key_file` beside it",
        ),
        (
            "key_direction",
            vpn.key_direction.is_some() && !is_auth,
            "it is for key = \"tls-auth\" only",
        ),
        (
            "digest",
            vpn.digest.is_some() && !is_auth,
            "it is for key = \"tls-auth\" only",
        ),
        (
            "private_key_file",
            has_keys && vpn.peer_public_key.is_none(),
            "it needs `peer_public_key` beside it",
        ),
        (
            "peer_public_key",
            !has_keys && vpn.peer_public_key.is_some(),
            "it needs `private_key_file` beside it",
        ),
        (
            "preshared_key_file",
            !has_keys && vpn.preshared_key_file.is_some(),
            "it needs `private_key_file` and `peer_public_key` beside it",
        ),
        (
            "private_key_file",
            has_keys && !cfg!(feature = "wireguard"),
            "this program was built without handshakes of WireGuard",
        ),
    ];
    let is_relative =
        |file: &Option<PathBuf>| file.as_ref().is_some_and(|file| !file.is_absolute());
    let relative = [
        ("key_file", &vpn.key_file),
        ("private_key_file", &vpn.private_key_file),
        ("preshared_key_file", &vpn.preshared_key_file),
    ]
    .into_iter()
    .map(|(field, file)| {
        (
            field,
            is_relative(file),
            "it must be a whole path, from / on",
        )
    });
    wrong
        .into_iter()
        .chain(relative)
        .find(|(_, is_wrong, _)| *is_wrong)
        .map(|(field, _, what)| (field, what))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::problems;

    #[test]
    fn the_keys_of_a_vpn_suit_its_kind_and_each_other() {
        let vpn = |kind: &str, more: &str| {
            format!(
                "[[vpn]]\nname = \"hq\"\nkind = \"{kind}\"\ngateway = \"vpn.example.com\"\n{more}\n"
            )
        };
        let public = "peer_public_key = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\"";
        for (text, problem) in [
            (
                vpn("ikev2", "transport = \"tcp\""),
                "sightline.toml:5:13: vpn[0].transport: only `openvpn` has it, and the kind is `ikev2`",
            ),
            (
                vpn("openvpn", public),
                "sightline.toml:5:19: vpn[0].peer_public_key: only `wireguard` has it, and the kind is `openvpn`",
            ),
            (
                vpn("openvpn", "key_file = \"/k\""),
                "sightline.toml:5:12: vpn[0].key_file: it needs `key` beside it, \"tls-auth\" or \"tls-crypt\"",
            ),
            (
                vpn("openvpn", "key = \"tls-crypt\""),
                "sightline.toml:5:7: vpn[0].key: it needs `key_file` beside it",
            ),
            (
                vpn(
                    "openvpn",
                    "key = \"tls-crypt\"\nkey_file = \"/k\"\ndigest = \"sha256\"",
                ),
                "sightline.toml:7:10: vpn[0].digest: it is for key = \"tls-auth\" only",
            ),
            (
                vpn("openvpn", "key = \"tls-auth\"\nkey_file = \"k\""),
                "sightline.toml:6:12: vpn[0].key_file: it must be a whole path, from / on",
            ),
            (
                vpn("wireguard", public),
                "sightline.toml:5:19: vpn[0].peer_public_key: it needs `private_key_file` beside it",
            ),
            (
                vpn("wireguard", "private_key_file = \"/k\""),
                "sightline.toml:5:20: vpn[0].private_key_file: it needs `peer_public_key` beside it",
            ),
            (
                vpn("wireguard", "peer_public_key = \"MyPrivateKey\""),
                "sightline.toml:5:19: vpn[0].peer_public_key: this is no public key of WireGuard: 44 characters of Base64, the last of them `=`",
            ),
            (
                vpn("ikev2", "").replace("\"hq\"", "\"direct\""),
                "sightline.toml:2:8: vpn[0].name: the way without a VPN is called so",
            ),
            (
                vpn("sstp", "") + &vpn("ikev2", ""),
                "sightline.toml:7:8: vpn[1].name: another VPN is called `hq` too",
            ),
        ] {
            assert_eq!(problems(&text), [problem], "{text}");
        }
        let missing = problems("[[vpn]]\nname = \"hq\"\n");
        assert!(missing[0].contains("missing field `kind`"), "{missing:?}");
    }
}
