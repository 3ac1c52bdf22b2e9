//! What an answer over HTTP means, beside what is documented of it. Pure.

use sightline_model::{Finding, Reason, Severity};

use crate::endpoints::{Endpoint, Expected, Protocol};
use crate::net::http::Answer;
use crate::net::proxy;
use crate::probe::sts;
use crate::run::Run;
use crate::text;

/// Network Authentication Required (RFC 6585 §6): only what stands in between says so.
const NETWORK_AUTHENTICATION_REQUIRED: u16 = 511;

/// Over a plain connection these are never an answer of the host that was asked: the switch to another
/// protocol that nobody asked for, and a proxy's demand (RFC 9110 §15.2.2, §15.5.8).
const NEVER_OF_THE_HOST: [u16; 2] = [101, 407];

/// What is wrong with an answer: why, how bad, and what came, as the end of a sentence that begins
/// with the request. `None` means that it is as it should be.
///
/// Over a chain that is good nobody but the host itself answers. So a redirect there is its own
/// decision, and not compared with what is documented.
pub(super) fn judge(endpoint: &Endpoint, answer: &Answer) -> Option<(Reason, Severity, String)> {
    let is_plain = endpoint.protocol == Protocol::Http;
    let is_known_page = matches!(endpoint.expected, Expected::Body { .. });
    let came = came(answer);
    if endpoint.is_sign_in_service() && sts::is_off(answer.status) {
        let said = format!("{came}: the metadata are switched off");
        return Some((Reason::StsUnreachable, Severity::Blocking, said));
    }
    let is_portal = is_plain && is_known_page && answer.status == NETWORK_AUTHENTICATION_REQUIRED;
    let is_of_another = is_plain && NEVER_OF_THE_HOST.contains(&answer.status);
    if (answer.status >= 500 && !is_portal) || is_of_another {
        return Some((Reason::HttpStatus, Severity::Blocking, came));
    }
    let (is_as_expected, wanted) = compare(&endpoint.expected, answer);
    if !is_as_expected && (is_plain || !is_redirect(answer)) {
        // A page in the place of the known one is a portal's; a refusal is that of a filter.
        let reason = if is_portal || (is_plain && is_known_page && answer.status < 400) {
            Reason::CaptivePortal
        } else {
            Reason::ContentMismatch
        };
        let said = format!("{came}, where {wanted} is documented");
        return Some((reason, weight(endpoint), said));
    }
    // Other statuses say nothing about ranges, as there is no content.
    (endpoint.needs_range && answer.status == 200).then(|| {
        (
            Reason::RangeUnsupported,
            Severity::Degrading,
            format!("for a part {came}, which is the whole, where 206 was due"),
        )
    })
}

/// What a proxy says over plain HTTP in the place of the host, as far as it can be told from what a host
/// says.
pub(super) fn of_proxy(run: &Run, path: &str, answer: &Answer) -> Option<Finding> {
    let is_refusal = answer.status == 403 && answer.is_of_proxy;
    let is_of_proxy = is_refusal || answer.status == 407 || proxy::is_from_beyond(answer.status);
    is_of_proxy.then(|| {
        let asked = format!("GET {}", text::foreign(path));
        proxy::refusal(run, &asked, answer.status, &answer.offered)
    })
}

/// The finding for something else than documented.
pub(super) fn differing(run: &Run, endpoint: &Endpoint, detail: String) -> Finding {
    match weight(endpoint) {
        Severity::Info => run.info(Reason::ContentMismatch, detail),
        _ => run.fail(Reason::ContentMismatch, detail),
    }
}

/// What another answer than the expected one means: nothing, where the list may be the one that is
/// mistaken.
fn weight(endpoint: &Endpoint) -> Severity {
    if endpoint.expected_basis.is_firm() {
        Severity::Blocking
    } else {
        Severity::Info
    }
}

/// Whether the body must be read to know.
pub(super) fn is_in_body(expected: &Expected) -> bool {
    match expected {
        Expected::Body { .. } | Expected::Json { .. } | Expected::Xml { .. } => true,
        Expected::AnyStatus
        | Expected::Status { .. }
        | Expected::Addresses { .. }
        | Expected::Reply => false,
    }
}

pub(super) fn is_redirect(answer: &Answer) -> bool {
    (300..400).contains(&answer.status)
}

/// Whether the answer is the expected one, and what that is in words.
fn compare(expected: &Expected, answer: &Answer) -> (bool, String) {
    match expected {
        Expected::AnyStatus | Expected::Addresses { .. } | Expected::Reply => (true, String::new()),
        Expected::Status { status, .. } => (answer.status == *status, format!("{status}")),
        Expected::Body { status, text } => (
            answer.status == *status && !answer.is_cut && answer.body == text.as_bytes(),
            format!("{status} with `{text}`"),
        ),
        Expected::Json {
            status,
            key,
            values,
        } => (
            answer.status == *status && is_json(&answer.body, key.as_deref(), values),
            match key {
                Some(key) => format!("{status} with JSON that has `{key}`"),
                None => format!("{status} with JSON"),
            },
        ),
        Expected::Xml { status } => (
            answer.status == *status && is_xml(&answer.body),
            format!("{status} with XML"),
        ),
    }
}

/// Whether it is a JSON object with `key`, whose value is one of `values`.
fn is_json(body: &[u8], key: Option<&str>, values: &[String]) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(body) else {
        return false;
    };
    key.is_none_or(|key| {
        object.get(key).is_some_and(|found| {
            values.is_empty()
                || found
                    .as_str()
                    .is_some_and(|found| values.iter().any(|value| value == found))
        })
    })
}

/// The GUID of the tenant that a JSON answer about it names, in lower case: by the addresses that the
/// discovery of device registration gives, or by the issuer of an OpenID configuration.
pub(super) fn tenant(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let known = [
        "/TenantInfo/TenantId",
        "/AuthenticationService/OAuth2/AuthCodeEndpoint",
        "/issuer",
    ];
    let values = known
        .iter()
        .filter_map(|place| json.pointer(place)?.as_str());
    let mut parts = values.flat_map(|value| value.split('/'));
    parts
        .find(|part| text::is_guid(part))
        .map(str::to_ascii_lowercase)
}

/// Whether it begins as XML does and HTML does not. The document may be cut off.
fn is_xml(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begin: String = text.chars().take(16).collect();
    let begin = begin.to_ascii_lowercase();
    begin.starts_with('<') && !begin.starts_with("<!doctype html") && !begin.starts_with("<html")
}

/// What came, for people: `gave 302 to http://portal.example/`.
fn came(answer: &Answer) -> String {
    /// Bytes of a body that are shown.
    const SHOWN: usize = 80;

    let mut said = format!("gave {}", answer.status);
    if let Some(location) = &answer.location {
        said.push_str(&format!(" to {}", text::foreign(location)));
    } else if !answer.body.is_empty() {
        let begin = answer.body.get(..SHOWN).unwrap_or(&answer.body);
        let begin = text::foreign(String::from_utf8_lossy(begin).trim());
        let more = if answer.body.len() > SHOWN { "…" } else { "" };
        said.push_str(&format!(" with `{begin}{more}`"));
    }
    for (key, word) in [("server", "server"), ("via", "via")] {
        if let Some(value) = answer.headers.get(key) {
            said.push_str(&format!(" ({word} {value})"));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::tests::listing;

    fn endpoint(id: &str) -> Endpoint {
        let all = listing(None, "domain.tenant = \"contoso.com\"", 0).endpoints;
        all.into_iter()
            .find(|endpoint| endpoint.id == id)
            .unwrap_or_else(|| panic!("no {id}"))
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.into(),
            ..Answer::default()
        }
    }

    fn redirect(to: &str) -> Answer {
        Answer {
            status: 302,
            location: Some(to.to_owned()),
            ..Answer::default()
        }
    }

    #[test]
    fn a_tenant_is_known_by_the_guid_in_its_documents() {
        let id = "3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5";
        let upper = id.to_ascii_uppercase();
        for (json, found) in [
            (
                format!(r#"{{"issuer":"https://sts.windows.net/{id}/"}}"#),
                true,
            ),
            (
                format!(r#"{{"issuer":"https://login.microsoftonline.com/{upper}/v2.0"}}"#),
                true,
            ),
            (
                format!(
                    r#"{{"AuthenticationService":{{"OAuth2":{{"AuthCodeEndpoint":"https://login.microsoftonline.com/{id}/oauth2/authorize"}}}}}}"#
                ),
                true,
            ),
            (format!(r#"{{"TenantInfo":{{"TenantId":"{id}"}}}}"#), true),
            (
                r#"{"issuer":"https://sts.windows.net/{tenantid}/"}"#.to_owned(),
                false,
            ),
            (format!(r#"{{"issuer":["{id}"]}}"#), false),
            (format!(r#"["{id}"]"#), false),
            ("no JSON".to_owned(), false),
        ] {
            assert_eq!(
                tenant(json.as_bytes()),
                found.then(|| id.to_owned()),
                "{json}"
            );
        }
    }

    #[test]
    fn an_answer_is_compared_with_what_is_documented_and_with_nothing_else() {
        use Reason as R;
        use Severity::{Blocking, Degrading, Info};
        let ncsi = "Microsoft Connect Test";
        for (id, answer, wrong) in [
            ("ncsi-web-v4", answer(200, ncsi), None),
            (
                "ncsi-web-v4",
                answer(200, "Microsoft Connect Test\r\n"),
                Some((R::CaptivePortal, Blocking)),
            ),
            (
                "ncsi-web-v4",
                answer(200, ""),
                Some((R::CaptivePortal, Blocking)),
            ),
            (
                "ncsi-web-v4",
                answer(204, ""),
                Some((R::CaptivePortal, Blocking)),
            ),
            (
                "ncsi-web-v4",
                answer(511, ncsi),
                Some((R::CaptivePortal, Blocking)),
            ),
            (
                "ncsi-web-v4",
                answer(503, ""),
                Some((R::HttpStatus, Blocking)),
            ),
            (
                "ncsi-web-v4",
                answer(403, ""),
                Some((R::ContentMismatch, Blocking)),
            ),
            (
                "ncsi-web-v4",
                redirect("http://a.example/"),
                Some((R::CaptivePortal, Blocking)),
            ),
            // Known from the community only.
            (
                "ncsi-web-v6",
                redirect("http://a.example/"),
                Some((R::CaptivePortal, Info)),
            ),
            // Nothing is documented, and there is no TLS.
            ("crl-microsoft", answer(404, ""), None),
            ("crl-microsoft", redirect("http://a.example/"), None),
            (
                "crl-microsoft",
                answer(407, ""),
                Some((R::HttpStatus, Blocking)),
            ),
            (
                "crl-microsoft",
                answer(101, ""),
                Some((R::HttpStatus, Blocking)),
            ),
            (
                "crl-microsoft",
                answer(511, ""),
                Some((R::HttpStatus, Blocking)),
            ),
            // Nothing is documented.
            ("ap-ztd", answer(200, ""), None),
            ("ap-ztd", answer(401, ""), None),
            ("ap-ztd", redirect("https://a.example/"), None),
            ("ap-ztd", answer(500, ""), Some((R::HttpStatus, Blocking))),
            ("ap-ztd", answer(511, ""), Some((R::HttpStatus, Blocking))),
            // JSON by a script of Microsoft's.
            ("entra-drs", answer(200, "{}"), None),
            (
                "entra-drs",
                answer(200, "[]"),
                Some((R::ContentMismatch, Blocking)),
            ),
            (
                "entra-drs",
                answer(200, "<html>"),
                Some((R::ContentMismatch, Blocking)),
            ),
            (
                "entra-drs",
                answer(404, "{}"),
                Some((R::ContentMismatch, Blocking)),
            ),
            ("entra-drs", redirect("https://a.example/"), None),
            // JSON with a key, known from the community.
            (
                "entra-realm",
                answer(200, r#"{"NameSpaceType":"Federated"}"#),
                None,
            ),
            (
                "entra-realm",
                answer(200, r#"{"NameSpaceType":"Unknown"}"#),
                Some((R::ContentMismatch, Info)),
            ),
            (
                "entra-realm",
                answer(200, r#"{"NameSpaceType":["Managed"]}"#),
                Some((R::ContentMismatch, Info)),
            ),
            (
                "entra-realm",
                answer(200, "{}"),
                Some((R::ContentMismatch, Info)),
            ),
            // A status after redirects.
            ("entra-device-login", answer(200, ""), None),
            (
                "entra-device-login",
                answer(404, ""),
                Some((R::ContentMismatch, Blocking)),
            ),
            ("entra-device-login", redirect("https://a.example/"), None),
            // Parts of content.
            ("wu-content", answer(206, ""), None),
            ("wu-content", answer(416, ""), None),
            ("wu-content", answer(404, ""), None),
            (
                "wu-content",
                answer(200, ""),
                Some((R::RangeUnsupported, Degrading)),
            ),
        ] {
            let judged = judge(&endpoint(id), &answer);
            let judged = judged.map(|(reason, severity, _)| (reason, severity));
            assert_eq!(judged, wrong, "{id}: {answer:?}");
        }
    }

    #[test]
    fn what_came_is_told_in_short_and_in_safety() {
        let mut portal = answer(200, &format!("<title>\u{1b}[2J{}", "x".repeat(200)));
        portal.headers.insert("server", "portal/1".to_owned());
        let (_, _, said) = judge(&endpoint("ncsi-web-v4"), &portal).expect("no answer of NCSI");
        assert!(
            said.starts_with("gave 200 with `<title>\\u{1b}[2Jxxx"),
            "{said}"
        );
        assert!(
            said.ends_with(
                "x…` (server portal/1), where 200 with `Microsoft Connect Test` is documented"
            ),
            "{said}"
        );
        assert!(said.len() < 250, "{said}");
    }

    #[test]
    fn metadata_in_xml_is_told_from_a_page() {
        for (body, is) in [
            ("\u{feff}<?xml version=\"1.0\"?><wsdl:definitions/>", true),
            ("  <EntityDescriptor>", true),
            ("<!DOCTYPE HTML><html>", false),
            ("<HTML>", false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(is_xml(body.as_bytes()), is, "{body}");
        }
    }
}
