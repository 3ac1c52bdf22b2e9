//! The guard cuts the same way wherever the stream is split, and nothing that it lets through
//! panics in ldap3, to whoever searches and to whoever binds first.

#![no_main]

use ldap3::{LdapConnAsync, LdapConnSettings, Scope, SearchEntry, StdStream};
use libfuzzer_sys::fuzz_target;
use sightline_wire::ldap::Guard;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes, Guard::default, false);
    check(bytes, || Guard::binding(1), true);
});

fn check(bytes: &[u8], guard: impl Fn() -> Guard, binds: bool) {
    let at_once = guard().push(bytes);
    let mut guard = guard();
    let mut messages = Vec::new();
    let mut refused = None;
    for byte in bytes {
        match guard.push(&[*byte]) {
            Ok(passed) => messages.extend(passed),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    assert!(bytes.starts_with(&messages.concat()));
    match at_once {
        Ok(passed) => assert_eq!((&passed, None), (&messages, refused)),
        Err(error) => assert_eq!(Some(error), refused),
    }
    if !messages.is_empty() {
        RUNTIME.with(|runtime| runtime.block_on(hand_over(&messages.concat(), binds)));
    }
}

/// Answers a search of ldap3, or a bind and a search, with `answer`, as the daemon does.
async fn hand_over(answer: &[u8], binds: bool) {
    let (near, mut far) = UnixStream::pair().expect("two sockets");
    let near = near.into_std().expect("a socket");
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
        .await
        .expect("a connection over a socket that stands");
    let server = async {
        let mut request = [0; 1024];
        let _length = far.read(&mut request).await;
        let _closed = far.write_all(answer).await;
        let _closed = far.shutdown().await;
        // Nothing more is read; what ldap3 still says ends up nowhere.
        far
    };
    let search = async {
        if binds {
            ldap.simple_bind("canary", "password").await?;
        }
        ldap.search("", Scope::Base, "(objectClass=*)", ["dnsHostName"])
            .await
    };
    let (found, _end, _far) = tokio::join!(search, connection.drive(), server);
    if let Ok(found) = found {
        for entry in found.0 {
            let _entry = SearchEntry::construct(entry);
        }
    }
}
