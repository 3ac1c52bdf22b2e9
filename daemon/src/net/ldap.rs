//! LDAP over a stream of ours: ldap3 behind a guard.
//!
//! ldap3 reads BER by recursion and panics on some well-formed answers, so that whoever answers on
//! port 389 could end the process. Every byte of the peer passes [`sightline_wire::ldap::Guard`]
//! first, which bounds size and depth and lets only the expected shapes through.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ldap3::{LdapConnAsync, LdapConnSettings, Scope, SearchEntry, StdStream};
use sightline_model::{Finding, Phase, Reason};
use sightline_wire::ldap::Guard;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{exchange, fault};
use crate::run::Run;
use crate::text;

/// Attributes and their values, by lower-case name.
pub type Attributes = BTreeMap<String, Vec<String>>;

/// UnbindRequest (RFC 4511 §4.3).
const GOODBYE: [u8; 7] = [0x30, 0x05, 0x02, 0x01, 0x02, 0x42, 0x00];

/// Reads attributes of the rootDSE over `stream` without a bind, and unbinds (RFC 4511; [MS-ADTS]
/// 3.1.1.3.2).
///
/// # Errors
/// What the network said, bytes that are no LDAP, or the server's result code.
pub async fn root_dse<S>(
    run: &Run,
    mut stream: S,
    attributes: &[&str],
) -> Result<Attributes, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    run.enter(Phase::Request);
    let ours = |error: &dyn std::fmt::Display| run.blind(Reason::InternalError, error.to_string());
    let (near, far) = UnixStream::pair().map_err(|error| fault::finding(run, &error))?;
    let near = near
        .into_std()
        .map_err(|error| fault::finding(run, &error))?;
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
        .await
        .map_err(|error| ours(&error))?;
    let cut = OnceLock::new();
    let mut search = Box::pin(ldap.search("", Scope::Base, "(objectClass=*)", attributes));
    let found = tokio::select! {
        biased;
        // The answer first: what the peer does after it changes nothing.
        result = &mut search => result,
        end = pump(run, &mut stream, far, &cut) => return Err(end),
        // Without its session the search ends too, with the answer if that came before.
        end = connection.drive() => search.await.map_err(|error| end.err().unwrap_or(error)),
    };
    // One packet; whether it arrives changes nothing.
    let _goodbye = stream.write_all(&GOODBYE).await;
    let _goodbye = stream.flush().await;
    let answer = found.map_err(|error| {
        cut.into_inner()
            .unwrap_or_else(|| run.fail(Reason::ProtocolError, format!("{}: {error}", run.doing())))
    })?;
    run.enter(Phase::Response);
    if answer.1.rc != 0 {
        return Err(run.fail(
            Reason::LdapResult,
            format!(
                "{}: result {} {}",
                run.doing(),
                answer.1.rc,
                text::foreign(answer.1.text.trim_end_matches('\0'))
            ),
        ));
    }
    Ok(answer
        .0
        .into_iter()
        .flat_map(|entry| SearchEntry::construct(entry).attrs)
        .map(|(name, values)| (name.to_ascii_lowercase(), values))
        .collect())
}

/// Carries bytes between the peer and ldap3: the peer's through the guard, ours as they are. Ends
/// only with a finding. Where the peer ends, so does what ldap3 reads, and the finding is left in
/// `cut`: the answer may have come before.
async fn pump<S>(run: &Run, stream: &mut S, mut far: UnixStream, cut: &OnceLock<Finding>) -> Finding
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_peer, mut to_peer) = tokio::io::split(stream);
    let (mut from_ldap3, mut to_ldap3) = far.split();
    let outwards = async {
        let mut chunk = [0; 4096];
        loop {
            let length = from_ldap3.read(&mut chunk).await?;
            if length == 0 {
                // ldap3 is done; the peer may still be speaking.
                return std::future::pending::<std::io::Result<()>>().await;
            }
            to_peer
                .write_all(chunk.get(..length).unwrap_or_default())
                .await?;
            to_peer.flush().await?;
        }
    };
    let inwards = async {
        let mut guard = Guard::default();
        let mut chunk = [0; 8192];
        loop {
            let end = match from_peer.read(&mut chunk).await {
                Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
                other => other,
            };
            let length = match end {
                Ok(length) => length,
                Err(error) => {
                    let _first = cut.set(fault::finding(run, &error));
                    let _gone = to_ldap3.shutdown().await;
                    return std::future::pending().await;
                }
            };
            let bytes = chunk.get(..length).unwrap_or_default();
            let messages = match guard.push(bytes) {
                Ok(messages) => messages,
                Err(error) => return exchange::malformed(run, &error, bytes),
            };
            for message in messages {
                if let Err(error) = to_ldap3.write_all(&message).await {
                    return run.blind(Reason::InternalError, error);
                }
            }
        }
    };
    tokio::select! {
        finding = inwards => finding,
        result = outwards => match result {
            Ok(()) => run.blind(Reason::InternalError, "the session ended by itself"),
            Err(error) => fault::finding(run, &error),
        },
    }
}
