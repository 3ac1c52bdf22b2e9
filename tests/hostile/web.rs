//! Hostile answers over HTTP, with and without TLS: each costs the host that gave it one failed
//! check, and nothing else.

use futures_util::StreamExt;
use sightline_model::{NetworkStatus, Reason, State};

use super::{GRACE, TIMEOUT, peak};
use crate::scenarios::{look, network};
use crate::support::behaviour::Behaviour;
use crate::support::tls::Shown;
use crate::support::web::{Host, Page};
use crate::support::{Setting, World};

/// Asked over TLS for any status, and nothing more.
const ANY: &str = "ztd.dds.microsoft.com";
/// Asked over TLS for a JSON document.
const JSON: &str = "enterpriseregistration.windows.net";
/// Asked over TLS, and redirects are followed.
const FOLLOWED: &str = "device.login.microsoftonline.com";
/// Asked without TLS for a text that is known.
const TEXT: &str = "www.msftconnecttest.com";
/// Asked over TLS for a part.
const PART: &str = "swda01-mscdn.manage.microsoft.com";
/// Asked without TLS for any status.
const PLAIN: &str = "crl.microsoft.com";

/// One host that does harm, and what its check may be called.
struct Harm {
    host: &'static str,
    does: fn(&mut Host),
    reasons: &'static [Reason],
}

const fn harm(host: &'static str, does: fn(&mut Host), reasons: &'static [Reason]) -> Harm {
    Harm {
        host,
        does,
        reasons,
    }
}

fn says(host: &mut Host, bytes: impl Into<Vec<u8>>) {
    host.behaviour = Behaviour::Custom(bytes.into());
}

/// In each group a host does one thing, so that they stand in one world.
const GROUPS: [&[Harm]; 5] = {
    use Reason as R;
    const CUT: &[Reason] = &[R::ClosedEarly];
    const NO_HTTP: &[Reason] = &[R::ProtocolError];
    const LATE: &[Reason] = &[R::ReadTimeout];
    const OTHER: &[Reason] = &[R::ContentMismatch];
    [
        &[
            harm(ANY, |host| host.page = Page::EndlessHead, NO_HTTP),
            harm(JSON, |host| host.page = Page::EndlessBody, OTHER),
            harm(
                TEXT,
                |host| host.page = Page::EndlessBody,
                &[R::CaptivePortal],
            ),
            harm(PART, |host| host.page = Page::EndlessPreliminary, NO_HTTP),
            harm(FOLLOWED, |host| host.behaviour = Behaviour::SlowBytes, LATE),
            harm(PLAIN, |host| host.behaviour = Behaviour::SlowBytes, LATE),
        ],
        &[
            harm(
                ANY,
                |host| {
                    let bomb = "X-More: and more\r\n".repeat(4000);
                    says(host, format!("HTTP/1.1 200 OK\r\n{bomb}\r\n"));
                },
                NO_HTTP,
            ),
            harm(JSON, |host| host.page = Page::EndlessChunks, OTHER),
            harm(TEXT, |host| host.page = Page::EndlessHead, NO_HTTP),
            harm(
                PART,
                |host| {
                    says(
                        host,
                        format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(2_000_000)),
                    );
                },
                NO_HTTP,
            ),
            harm(
                FOLLOWED,
                |host| host.page = Page::Redirect("/common/oauth2"),
                OTHER,
            ),
            harm(PLAIN, |host| host.page = Page::EndlessPreliminary, NO_HTTP),
        ],
        &[
            harm(
                ANY,
                |host| host.certificate = Shown::Huge,
                &[R::TlsHandshake],
            ),
            harm(
                JSON,
                |host| {
                    let nested = "[".repeat(40_000);
                    says(
                        host,
                        format!("HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n{nested}"),
                    );
                },
                OTHER,
            ),
            harm(TEXT, |host| host.behaviour = Behaviour::HugeLength, NO_HTTP),
            harm(
                PART,
                |host| host.behaviour = Behaviour::Garbage,
                &[R::TlsHandshake],
            ),
            harm(
                FOLLOWED,
                |host| {
                    let far = "x".repeat(60_000);
                    let to = format!("Location: https://portal.example/\u{1}{far}");
                    says(host, format!("HTTP/1.1 302 Found\r\n{to}\r\n\r\n"));
                },
                NO_HTTP,
            ),
            harm(PLAIN, |host| host.behaviour = Behaviour::Truncated(20), CUT),
        ],
        &[
            harm(ANY, |host| host.behaviour = Behaviour::Reset, CUT),
            harm(
                JSON,
                |host| {
                    says(
                        host,
                        "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n{",
                    );
                },
                CUT,
            ),
            harm(TEXT, |host| says(host, b"\0\x01\x02\x03".to_vec()), NO_HTTP),
            harm(
                PART,
                |host| {
                    says(
                        host,
                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                    );
                },
                NO_HTTP,
            ),
            harm(FOLLOWED, |host| host.behaviour = Behaviour::CloseEarly, CUT),
            harm(
                PLAIN,
                |host| says(host, "HTTP/1.1 99999 Odd\r\n\r\n"),
                NO_HTTP,
            ),
        ],
        &[
            harm(ANY, |host| host.behaviour = Behaviour::Truncated(20), CUT),
            harm(
                JSON,
                |host| {
                    says(
                        host,
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                    );
                },
                NO_HTTP,
            ),
            harm(
                TEXT,
                |host| says(host, "HTTP/1.1 200 OK\r\n\r\nMicrosoft Connect Test\r\n"),
                &[R::CaptivePortal],
            ),
            harm(PART, |host| says(host, "HTTP/2 200\r\n\r\n"), NO_HTTP),
            harm(FOLLOWED, |host| says(host, "SSH-2.0-portal\r\n"), NO_HTTP),
            harm(PLAIN, |host| says(host, "<html>no head</html>"), NO_HTTP),
        ],
    ]
};

#[test]
fn a_hostile_host_costs_one_failed_check_of_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let wrong: Vec<String> = runtime.block_on(async {
        futures_util::stream::iter(GROUPS)
            .map(|group| async move {
                let mut setting = Setting::online(1);
                for harm in group {
                    setting.host(harm.host, harm.does);
                }
                let world = World::start(&setting);
                let checked = look(&world).await;
                let mut wrong: Vec<String> = wrong(network(&checked), group);
                if checked.took > TIMEOUT + GRACE {
                    wrong.push(format!("the check took {:?}", checked.took));
                }
                wrong
            })
            .buffer_unordered(3)
            .flat_map(futures_util::stream::iter)
            .collect()
            .await
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The hosts whose check is not what it should be.
fn wrong(network: &NetworkStatus, group: &[Harm]) -> Vec<String> {
    let probes = network.stages.iter().flat_map(|status| &status.probes);
    probes
        .filter(|probe| matches!(probe.probe, "http" | "https"))
        .filter_map(|probe| {
            let harm = group.iter().find(|harm| harm.host == probe.target.host);
            let is_right = match harm {
                Some(harm) => {
                    probe.state == State::Fail
                        && probe
                            .reason
                            .is_some_and(|reason| harm.reasons.contains(&reason))
                }
                None => probe.state == State::Pass,
            };
            let expected = harm.map(|harm| harm.reasons);
            (!is_right).then(|| {
                format!(
                    "{}: expected {expected:?}, got {:?}: {:?}",
                    probe.target, probe.reason, probe.detail
                )
            })
        })
        .collect()
}

#[test]
fn hostile_hosts_cost_no_memory() {
    /// Kilobytes that one hostile host may cost, beyond the healthy one: what is kept of head and
    /// body, and once more as it was read.
    const EACH: u64 = 256;

    let mut hosts = 0;
    Setting::online(1).each_host(|_| hosts += 1);
    let usual = peak(&Setting::online(1));
    let bound = usual + EACH * hosts;
    for page in [
        Page::EndlessHead,
        Page::EndlessBody,
        Page::EndlessChunks,
        Page::EndlessPreliminary,
    ] {
        let mut setting = Setting::online(1);
        setting.each_host(|host| host.page = page.clone());
        let hostile = peak(&setting);
        assert!(
            hostile <= bound,
            "{page:?}: {hostile} kB, and {usual} kB in the healthy world"
        );
    }
}
