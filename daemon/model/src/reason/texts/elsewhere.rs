//! What people read about a reason where it stands somewhere else than usual.

use super::super::Fixer::{Box as ThisBox, Network, Vpn};
use super::super::{Reason, Text};
use super::row;

/// A certificate at a host of the Internet is none of the site's own, unless somebody stands between.
pub(in super::super) const fn at_a_host(reason: Reason) -> Option<Text> {
    const FAILS: &str =
        "The step that needs the host fails: Windows does not accept the certificate.";
    const BETWEEN: &str = "Look at the evidence for who issued the certificate: a proxy or portal in between shows its own. If it is the host's own, its owner has to renew it.";
    Some(match reason {
        Reason::TlsExpired => row(
            Network,
            "A host shows an expired certificate: {}.",
            [
                "The certificate that a host of the Internet shows is past its end.",
                FAILS,
                BETWEEN,
            ],
        ),
        Reason::TlsNotYetValid => row(
            Network,
            "A host shows a certificate that is not yet valid: {}.",
            [
                "The certificate that a host of the Internet shows begins in the future.",
                FAILS,
                BETWEEN,
            ],
        ),
        Reason::TlsName => row(
            Network,
            "A host shows a certificate for another name: {}.",
            [
                "Whoever answers in the place of the host has no certificate for it: a proxy, a portal, or a DNS filter that leads elsewhere.",
                FAILS,
                "Find out who answers at this address, and let the name lead to the host itself.",
            ],
        ),
        Reason::TlsUntrusted => row(
            ThisBox,
            "A host shows a certificate of an authority that this box does not know: {}.",
            [
                "The chain ends in an authority that is no public one, at a host where that may be right.",
                "Nothing, as far as this can tell.",
                "If the authority is known to be right, name it in `tls.extra_public_roots`.",
            ],
        ),
        Reason::Slow => row(
            Network,
            "Content comes too slowly for the status page: {}.",
            [
                "One download from a content host was so slow that what a device is expected to download would take longer than the status page waits. It is an estimate of one connection at one moment.",
                "The status page (device setup) ends with a time limit, apps still pending.",
                "Measure again at another time; look for a limit on bandwidth, a busy uplink, or a proxy that scans content. Else give the status page more time and set `tenant.esp_limit` to it, or need fewer apps before it ends (`probe.esp_download_mib`).",
            ],
        ),
        _ => return None,
    })
}

/// A proxy script is the network's own page, and Windows goes on without it.
pub(in super::super) const fn at_a_script(reason: Reason) -> Option<Text> {
    const GOES_DIRECT: &str = "A device that cannot read the script goes without a proxy, where that is open, and waits before it does.";
    const MEND: &str = "Let the announced address give a script with FindProxyForURL as application/x-ns-proxy-autoconfig, or take the announcement (DHCP option 252, the name wpad) away.";
    Some(match reason {
        Reason::EndpointUnreachable => row(
            Network,
            "The announced proxy script cannot be fetched: {}.",
            [
                "The network announces a proxy script, and nothing answers at its address.",
                GOES_DIRECT,
                MEND,
            ],
        ),
        Reason::HttpStatus => row(
            Network,
            "The announced proxy script is not there: {}.",
            [
                "The network announces a proxy script, and the server at its address has none.",
                GOES_DIRECT,
                MEND,
            ],
        ),
        Reason::ContentMismatch => row(
            Network,
            "What is announced as a proxy script is none: {}.",
            [
                "The network announces a proxy script, and its address gives something else.",
                GOES_DIRECT,
                MEND,
            ],
        ),
        _ => return None,
    })
}

/// A VPN client refuses a gateway whose certificate is not right, and nobody can be asked before the
/// sign-in.
pub(in super::super) const fn at_a_gateway(reason: Reason) -> Option<Text> {
    const FAILS: &str = "No tunnel comes up: the VPN client does not accept the certificate.";
    Some(match reason {
        Reason::TlsExpired => row(
            Vpn,
            "The VPN gateway shows an expired certificate: {}.",
            [
                "The certificate of the gateway is past its end.",
                FAILS,
                "Renew the certificate of the gateway.",
            ],
        ),
        Reason::TlsNotYetValid => row(
            Vpn,
            "The VPN gateway shows a certificate that is not yet valid: {}.",
            [
                "The certificate of the gateway begins in the future.",
                FAILS,
                "Check the clock of the CA, and issue the certificate again.",
            ],
        ),
        Reason::TlsName => row(
            Vpn,
            "The VPN gateway shows a certificate for another name: {}.",
            [
                "The certificate does not carry the name that clients are configured with, or the name leads to another machine.",
                FAILS,
                "Issue a certificate with that name, or let the name lead to the gateway.",
            ],
        ),
        Reason::TlsHandshake => row(
            Vpn,
            "No TLS session can be made with the VPN gateway: {}.",
            [
                "Something answers on the port, and the TLS handshake does not succeed.",
                "No tunnel comes up.",
                "Look at the evidence for the protocol's own words; let the gateway offer TLS 1.2 or later on this port.",
            ],
        ),
        Reason::TlsIntercepted => row(
            Network,
            "TLS to the VPN gateway is intercepted, {}.",
            [
                "The certificate leads to no CA that is known here: a proxy or firewall decrypts the connection and signs it anew, or the gateway has a certificate of the company's own CA.",
                FAILS,
                "Exempt the gateway from TLS inspection. If the CA in the evidence is the company's own, name it in `tls.corporate_roots`.",
            ],
        ),
        Reason::ProtocolError => row(
            Vpn,
            "Something else than a VPN gateway answers: {}.",
            [
                "What came back from the gateway's address is not the protocol of the VPN: a web server, a portal or another service has the port.",
                "No tunnel comes up.",
                "Correct protocol, port and name, or find out who answers at this address.",
            ],
        ),
        _ => return None,
    })
}
