use std::fs;

use super::*;

/// Of `htpasswd -nbB`: the password is `good`.
const HASH: &str = "$2y$05$eDM2z4Wq5uTH5Gv3nr2BGuOYyV1KX7cpyTXmqVhbR5q4m5s6cQ6Zu";

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let made = rcgen::generate_simple_self_signed(["box.example.com".to_owned()]);
        let made = made.expect("a certificate");
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).expect("written");
        };
        write("box.pem", &made.cert.pem());
        write("box.key", &made.signing_key.serialize_pem());
        write("empty.pem", "nothing\n");
        Self(directory)
    }

    fn read(&self, text: &str) -> Result<WebFile, Errors> {
        let file = self.0.path().join("web.yml");
        fs::write(&file, text).expect("written");
        WebFile::read(&file)
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: box.pem\n  key_file: box.key\n";

#[test]
fn a_file_of_the_format_is_read_and_paths_count_from_its_directory() {
    let scratch = Scratch::new();
    let read = scratch.read(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: box.pem\n  \
         client_allowed_sans: [prometheus.example.com]\n  min_version: TLS13\n  \
         cipher_suites:\n  - TLS_AES_128_GCM_SHA256\n  curve_preferences: [CurveP256, X25519]\n  \
         prefer_server_cipher_suites: false\n\
         http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: sameorigin\n\
         basic_auth_users:\n  prometheus: {HASH}\n  other: '{HASH}'\n\
         rate_limit:\n  interval: 100ms\n  burst: 20\n"
    ));
    let read = read.expect("a good file");
    let tls = read.tls.expect("TLS");
    assert_eq!((tls.tls12, tls.tls13, tls.own_order), (false, true, false));
    assert_eq!(
        (tls.suites.len(), tls.groups.len(), tls.names.len()),
        (1, 2, 1)
    );
    assert!(matches!(
        tls.client,
        ClientCertificate::Verified {
            is_required: true,
            ..
        }
    ));
    assert_eq!(read.headers, [("x-frame-options", "sameorigin".to_owned())]);
    assert_eq!(read.users.len(), 2);
    let interval = Duration::from_millis(100);
    assert_eq!(
        read.rate,
        Some(Rate {
            interval,
            burst: 20
        })
    );
    assert_eq!(read.files.len(), 4);
    assert!(!format!("{:?}", read.users).contains("$2y"));
}

#[test]
fn a_file_that_says_nothing_is_good() {
    let scratch = Scratch::new();
    for text in [
        "",
        "# later\n",
        "basic_auth_users:\n",
        "rate_limit:\n  interval: 0\n",
    ] {
        let read = scratch.read(text).expect(text);
        assert!(read.tls.is_none() && read.users.is_empty() && read.rate.is_none());
    }
}

#[test]
fn what_is_wrong_has_its_place_and_is_never_passed_over() {
    let scratch = Scratch::new();
    for (text, place, what) in [
        (
            "tls_server_confg: {}\n",
            "1:1",
            "did you mean `tls_server_config`?",
        ),
        (
            "tls_server_config:\n  cert_file: box.pem\n",
            "1:1",
            "needs `cert_file` and `key_file`",
        ),
        (
            "tls_server_config:\n  cert_file: gone.pem\n  key_file: box.key\n",
            "2:14",
            "gone.pem",
        ),
        (
            "tls_server_config:\n  cert_file: empty.pem\n  key_file: box.key\n",
            "2:14",
            "no certificate",
        ),
        (
            "tls_server_config:\n  cert_file: box.pem\n  key_file: empty.pem\n",
            "3:13",
            "no private key",
        ),
        (
            "tls_server_config: {min_version: TLS11, cert_file: box.pem, key_file: box.key}\n",
            "1:34",
            "not spoken",
        ),
        (
            "tls_server_config: {min_version: TLS13, max_version: TLS12, cert_file: box.pem, key_file: box.key}\n",
            "1:34",
            "above",
        ),
        (
            "tls_server_config: {cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA], cert_file: box.pem, key_file: box.key}\n",
            "1:37",
            "cipher suite",
        ),
        (
            "tls_server_config: {curve_preferences: [CurveP521], cert_file: box.pem, key_file: box.key}\n",
            "1:41",
            "curve",
        ),
        (
            "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, cert_file: box.pem, key_file: box.key}\n",
            "1:39",
            "client_ca_file",
        ),
        (
            "tls_server_config: {client_ca_file: box.pem, cert_file: box.pem, key_file: box.key}\n",
            "1:37",
            "authorities count only",
        ),
        (
            "tls_server_config: {client_auth_type: RequireAnyClientCert, client_allowed_sans: [x], cert_file: box.pem, key_file: box.key}\n",
            "1:61",
            "names count only",
        ),
        (
            "tls_server_config: {client_auth_type: Maybe, cert_file: box.pem, key_file: box.key}\n",
            "1:39",
            "unknown client_auth_type",
        ),
        (
            "tls_server_config: {cert: x, cert_file: box.pem, key_file: box.key}\n",
            "1:30",
            "exclude each other",
        ),
        (
            "http_server_config:\n  http2: true\n",
            "2:10",
            "HTTP/2 is not spoken",
        ),
        (
            "http_server_config:\n  http2: maybe\n",
            "2:10",
            "`true` or `false`",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
            "3:22",
            "deny or sameorigin",
        ),
        (
            "http_server_config:\n  headers:\n    Server: x\n",
            "3:5",
            "unknown header",
        ),
        (
            "http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\n2\"\n",
            "3:23",
            "printable",
        ),
        ("basic_auth_users:\n  a: hunter2\n", "2:6", "no bcrypt hash"),
        (
            "basic_auth_users:\n  \"a:b\": x\n",
            "2:10",
            "without a colon",
        ),
        ("basic_auth_users: [a]\n", "1:19", "keys with their values"),
        ("rate_limit:\n  burst: 1\n", "2:3", "both"),
        (
            "rate_limit:\n  burst: 0\n  interval: 1s\n",
            "2:10",
            "number",
        ),
        (
            "rate_limit:\n  burst: 1\n  interval: soon\n",
            "3:13",
            "duration",
        ),
    ] {
        let errors = scratch.read(text).expect_err(text).to_string();
        assert!(
            errors.contains(&format!("web.yml:{place}: ")),
            "{text}{errors}"
        );
        assert!(errors.contains(what), "{text}{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn a_hash_that_takes_too_long_and_a_file_that_is_too_large_are_refused() {
    let scratch = Scratch::new();
    let dear = HASH.replace("$05$", "$15$");
    let errors = scratch.read(&format!("basic_auth_users:\n  a: {dear}\n"));
    assert!(
        errors
            .expect_err("dear")
            .to_string()
            .contains("has cost 15")
    );
    let large = format!("# {}\n", "x".repeat(LARGEST));
    let errors = scratch.read(&large).expect_err("large").to_string();
    assert!(errors.contains("larger than 64 KiB"), "{errors}");
}

#[test]
fn no_secret_stands_in_what_is_said() {
    let scratch = Scratch::new();
    let key = fs::read_to_string(scratch.0.path().join("box.key")).expect("a key");
    let secret = key.lines().nth(1).expect("a line of the key");
    for text in [
        format!("basic_auth_users: {{a: {HASH}\n"),
        format!("basic_auth_users:\n  a: [{HASH}]\n"),
        format!("tls_server_config: {{cert: x, key: \"{secret}\"}}\n"),
    ] {
        let errors = scratch.read(&text).expect_err("wrong");
        for said in [errors.to_string(), errors.render(false)] {
            assert!(!said.contains("$2y$") && !said.contains(secret), "{said}");
        }
    }
}

#[test]
fn the_example_is_good_as_it_is_and_with_everything_that_it_shows() {
    let scratch = Scratch::new();
    let example = include_str!("../../../../deploy/web.yml");
    let read = scratch.read(example).expect("as it is");
    assert!(read.tls.is_some() && read.users.is_empty());
    fs::copy(
        scratch.0.path().join("box.pem"),
        scratch.0.path().join("clients.pem"),
    )
    .expect("copied");
    // Whether a comment is YAML once its sign is gone, and not a sentence.
    let is_yaml = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        first.ends_with(':') || first == "-"
    };
    let all: Vec<_> = example
        .lines()
        .map(|line| {
            let rest = line.trim_start();
            match rest.strip_prefix("# ") {
                Some(yaml) if is_yaml(yaml) => line.replacen("# ", "", 1),
                _ => line.to_owned(),
            }
        })
        .collect();
    let read = scratch
        .read(&all.join("\n"))
        .unwrap_or_else(|errors| panic!("{errors}\n{}", all.join("\n")));
    let tls = read.tls.expect("TLS");
    assert_eq!(
        (tls.suites.len(), tls.groups.len(), tls.names.len()),
        (2, 4, 1)
    );
    assert_eq!((read.users.len(), read.headers.len()), (1, 1));
    assert!(read.rate.is_some());
}
