//! Users and passwords.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// A web file with one user, `ops`, whose password is `good`.
fn users() -> String {
    // As cheap as possible: what is tested is not the hash.
    let hash = bcrypt::hash_with_salt("good", 4, [7; 16]).expect("a hash");
    format!("basic_auth_users:\n  ops: {hash}\n")
}

async fn ask(served: &Served, line: &str, pair: Option<&str>) -> Answer {
    let shown =
        pair.map(|pair| format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(pair)));
    let headers = format!("x-requested-with: test\r\n{}", shown.unwrap_or_default());
    served.ask(line, &headers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_knows_the_password_is_let_in_and_may_command() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(true), scratch.open(&users())).await;
    for pair in [
        None,
        Some("ops:bad"),
        Some("nobody:good"),
        Some("ops"),
        Some(":"),
    ] {
        for line in [
            "GET /metrics",
            "GET /",
            "POST /api/v1/check",
            "GET /nothing",
        ] {
            let answer = ask(&served, line, pair.filter(|_| line == "GET /")).await;
            assert_eq!(answer.code, 401, "{line} {pair:?}");
            let asked = answer.header("www-authenticate").expect("it asks");
            assert!(asked.starts_with("Basic realm="), "{asked}");
        }
    }
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:good")).await.code,
        200
    );
    let command = ask(&served, "POST /api/v1/check", Some("ops:good")).await;
    assert_eq!(command.code, 202);
    // From a name that is not the box's own, too; but not for a page of another site.
    let shown = BASE64_STANDARD.encode("ops:good");
    let head =
        format!("POST /-/reload HTTP/1.1\r\nhost: {BOX}\r\nauthorization: Basic {shown}\r\n");
    let foreign =
        "origin: https://evil.example\r\nx-requested-with: x\r\nconnection: close\r\n\r\n";
    assert_eq!(served.raw(&format!("{head}{foreign}")).await.code, 403);
    let page = format!(
        "GET / HTTP/1.1\r\nhost: {BOX}\r\nauthorization: Basic {shown}\r\nconnection: close\r\n\r\n"
    );
    assert!(served.raw(&page).await.body.contains("id=\"check\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_needs_no_password_to_hear_whether_it_stands() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(false), scratch.open(&users())).await;
    for path in ["/-/healthy", "/-/ready", "/site-ready"] {
        assert_eq!(served.get(path).await.code, 200, "{path}");
    }
    for path in ["/-/healthy/", "//-/healthy", "/-/reload", "/%2d/healthy"] {
        assert_eq!(served.get(path).await.code, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_wrong_passwords_are_not_even_checked_and_known_ones_go_on() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(true), scratch.open(&users())).await;
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:good")).await.code,
        200
    );
    let mut codes = Vec::new();
    for number in 0..12 {
        let pair = format!("{}:wrong", if number % 2 == 0 { "ops" } else { "nobody" });
        let answer = ask(&served, "GET /metrics", Some(&pair)).await;
        if answer.code == 429 {
            assert!(answer.header("retry-after").is_some());
        }
        codes.push(answer.code);
    }
    assert_eq!(codes[..6], [401; 6]);
    assert_eq!(codes[6..], [429; 6]);
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:good")).await.code,
        200
    );
    assert_eq!(served.get("/-/healthy").await.code, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_guess_at_once_do_not_use_up_the_box() {
    let scratch = Scratch::new();
    let hash = bcrypt::hash_with_salt("good", 9, [7; 16]).expect("a hash");
    let security = scratch.open(&format!("basic_auth_users:\n  ops: {hash}\n"));
    let served = Served::secured(snapshot(true), security).await;
    let guesses = (0..60).map(|number| {
        let served = &served;
        async move {
            ask(served, "GET /metrics", Some(&format!("ops:{number}")))
                .await
                .code
        }
    });
    let codes = futures_util::future::join_all(guesses).await;
    let checked = codes.iter().filter(|code| **code == 401).count();
    assert!(checked <= 6, "{codes:?}");
    assert!(
        codes.iter().all(|code| [401, 429, 503].contains(code)),
        "{codes:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_counts_once_the_file_is_read_again() {
    let scratch = Scratch::new();
    let security = scratch.open(&users());
    let served = Served::secured(snapshot(true), security.clone()).await;
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:good")).await.code,
        200
    );
    let hash = bcrypt::hash_with_salt("better", 4, [8; 16]).expect("a hash");
    scratch.write("web.yml", &format!("basic_auth_users:\n  ops: {hash}\n"));
    security.reread().expect("a good file");
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:good")).await.code,
        401
    );
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:better")).await.code,
        200
    );
    scratch.write("web.yml", "basic_auth_users:\n  ops: better\n");
    let why = security.reread().expect_err("no hash");
    assert!(
        why.contains("web.yml:2:8") && !why.contains("better"),
        "{why}"
    );
    assert_eq!(
        ask(&served, "GET /metrics", Some("ops:better")).await.code,
        200
    );
}
