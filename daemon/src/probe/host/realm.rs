//! What the answer about the realm of a domain says: whether Microsoft Entra signs its users in
//! itself, or the company does, and where. Pure.
//!
//! The interface is not documented; the keys are those that clients have been seen to read. Nothing
//! is taken from the answer that is not a host name, a port and a path.

use hyper::Uri;
use sightline_model::{Finding, Reason, SignInService};

use crate::endpoints::{Endpoint, Expected, SignInService as Configured, host_name};
use crate::net::http::Answer;
use crate::run::Run;

/// The key that says of which kind the realm is.
const KIND: &str = "NameSpaceType";

/// Longer addresses are none, in bytes.
const LONGEST_ADDRESS: usize = 2048;

/// Addresses at the sign-in service, the most telling first. Of the first the path counts too: it is
/// that of the metadata.
const ADDRESSES: [&str; 3] = [
    "federation_metadata_url",
    "federation_active_auth_url",
    "AuthURL",
];

/// The realm of a domain.
#[derive(Debug, PartialEq, Eq)]
enum Realm {
    Managed,
    /// With the service, if the answer names one.
    Federated(Option<SignInService>),
}

/// Reads the answer, where it is one about a realm, and keeps what it says of the sign-in service.
/// A finding tells where that and the configuration do not go together.
pub(super) fn read(
    run: &Run,
    endpoint: &Endpoint,
    answer: &Answer,
    configured: &Configured,
) -> Option<Finding> {
    let is_about_realm =
        matches!(&endpoint.expected, Expected::Json { key: Some(key), .. } if key == KIND);
    if !is_about_realm || answer.status != 200 {
        return None;
    }
    let realm = of(&answer.body)?;
    let whom = run.whom();
    match &realm {
        Realm::Managed => run.keep("realm", "Managed"),
        Realm::Federated(_) => run.keep("realm", "Federated"),
    }
    if let Realm::Federated(Some(service)) = &realm {
        run.keep("sign_in_service", service.host.as_str());
    }
    let differs = |said: String| Some(run.info(Reason::ContentMismatch, said));
    let not_tested = |said: String| Some(run.info(Reason::NotTested, said));
    match (realm, configured) {
        (Realm::Managed, Configured::Configured(host)) => differs(format!(
            "{whom}: the realm is Managed, and the configuration names the sign-in service {host} in `tenant.sts`; devices do not ask it"
        )),
        (Realm::Managed, _) => None,
        (Realm::Federated(Some(service)), Configured::Configured(host)) => {
            (service.host != *host).then(|| {
                run.info(
                    Reason::ContentMismatch,
                    format!(
                        "{whom}: the realm leads to the sign-in service {}, and the configuration names {host} in `tenant.sts`; the latter is asked",
                        service.host
                    ),
                )
            })
        }
        (Realm::Federated(None), Configured::Configured(_)) => None,
        (Realm::Federated(Some(service)), Configured::ToBeLearned(_)) => {
            run.read_sign_in_service(service);
            None
        }
        (Realm::Federated(None), Configured::ToBeLearned(_)) => not_tested(format!(
            "the company's own sign-in service: {whom} says that the domain is federated, and names no host that could be asked; name it in `tenant.sts`"
        )),
        (Realm::Federated(_), Configured::LeftOut) => not_tested(format!(
            "the company's own sign-in service: {whom} says that the domain is federated, and the configuration leaves the endpoint `fed-sts` out"
        )),
    }
}

/// The realm that a body tells of; `None` where it does not say.
fn of(body: &[u8]) -> Option<Realm> {
    let serde_json::Value::Object(said) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    match said.get(KIND)?.as_str()? {
        "Managed" => Some(Realm::Managed),
        "Federated" => Some(Realm::Federated(ADDRESSES.iter().find_map(|key| {
            let (host, port, path) = place(said.get(*key)?.as_str()?)?;
            Some(SignInService {
                host,
                port,
                metadata: (*key == ADDRESSES[0]).then_some(path),
            })
        }))),
        _ => None,
    }
}

/// Host, port and path of an address over HTTPS.
fn place(address: &str) -> Option<(String, u16, String)> {
    if address.len() > LONGEST_ADDRESS {
        return None;
    }
    let uri: Uri = address.parse().ok()?;
    let authority = uri.authority()?;
    if uri.scheme_str() != Some("https") || authority.as_str().contains('@') {
        return None;
    }
    let host = host_name(authority.host())?;
    let port = match authority.port() {
        Some(port) => Some(port.as_u16()).filter(|port| *port > 0)?,
        None if authority.as_str().len() == authority.host().len() => 443,
        None => return None,
    };
    Some((host, port, uri.path_and_query()?.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str, port: u16, metadata: Option<&str>) -> Realm {
        Realm::Federated(Some(SignInService {
            host: host.to_owned(),
            port,
            metadata: metadata.map(str::to_owned),
        }))
    }

    #[test]
    fn a_realm_tells_its_kind_and_where_to_sign_in() {
        let mex = "/adfs/services/trust/mex";
        for (body, realm) in [
            (
                r#"{"NameSpaceType":"Managed","AuthURL":"https://sts.contoso.com/"}"#,
                Some(Realm::Managed),
            ),
            (
                r#"{"NameSpaceType":"Federated"}"#,
                Some(Realm::Federated(None)),
            ),
            (
                r#"{"NameSpaceType":"Federated","federation_metadata_url":"https://STS.contoso.com/adfs/services/trust/mex","AuthURL":"https://other.contoso.com/"}"#,
                Some(service("sts.contoso.com", 443, Some(mex))),
            ),
            (
                r#"{"NameSpaceType":"Federated","AuthURL":"https://sts.contoso.com:8443/adfs/ls/?a=b"}"#,
                Some(service("sts.contoso.com", 8443, None)),
            ),
            // The first that is of use counts.
            (
                r#"{"NameSpaceType":"Federated","federation_metadata_url":["https://a.contoso.com/"],"federation_active_auth_url":"https://b.contoso.com/x"}"#,
                Some(service("b.contoso.com", 443, None)),
            ),
            (r#"{"NameSpaceType":"Unknown"}"#, None),
            (r#"{"NameSpaceType":["Federated"]}"#, None),
            (r#"["Federated"]"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(of(body.as_bytes()), realm, "{body}");
        }
    }

    #[test]
    fn nothing_but_a_whole_host_name_over_https_is_a_place() {
        let far = format!("https://sts.contoso.com/{}", "x".repeat(3000));
        for bad in [
            "",
            "sts.contoso.com",
            "//sts.contoso.com/",
            "http://sts.contoso.com/",
            "https://sts/",
            "https://203.0.113.1/",
            "https://[2001:db8::1]/",
            "https://user@sts.contoso.com/",
            "https://login.contoso.com@sts.example/",
            "https://sts.contoso.com:0/",
            "https://sts.contoso.com:/",
            "https://sts.contoso.com:99999/",
            "https://sts contoso.com/",
            "https://sts..contoso.com/",
            "https://sts.contoso.com\r\nx: y/",
            far.as_str(),
        ] {
            assert_eq!(place(bad), None, "{bad}");
        }
        let (host, port, path) = place("https://sts.contoso.com").expect("a place");
        assert_eq!(
            (host.as_str(), port, path.as_str()),
            ("sts.contoso.com", 443, "/")
        );
    }
}
