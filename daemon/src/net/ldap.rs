//! LDAP over a stream of ours: ldap3 behind a guard.
//!
//! ldap3 reads BER by recursion and panics on some well-formed answers, so that whoever answers on
//! port 389 could end the process. Every byte of the peer passes [`sightline_wire::ldap::Guard`]
//! first, which bounds size and depth and lets only the expected shapes through.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::OnceLock;

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, StdStream,
};
use sightline_model::{Finding, Phase, Reason};
use sightline_wire::ldap::{Guard, StartTls, parse_start_tls, start_tls_request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::tls::{self, Session, Trusted};
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
pub async fn root_dse<S>(run: &Run, stream: S, attributes: &[&str]) -> Result<Attributes, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let found = speak(run, stream, Guard::default(), |mut ldap| async move {
        read(&mut ldap, "", attributes).await
    })
    .await?;
    found.map_err(|refusal| {
        let detail = format!("{}: {refusal}", run.doing());
        run.fail(Reason::LdapResult, detail)
    })
}

/// Begins TLS on a connection of its own to the run's target (RFC 4511 §4.14). What came together with
/// the consent is dropped: anyone on the way may have put it there. `Err` inside is a refusal.
///
/// # Errors
/// What the network said, bytes that are no LDAP, or why no session could be made.
pub async fn start_tls(run: &Run) -> Result<Result<Session<TcpStream>, StartTls>, Finding> {
    let mut stream = exchange::connect(run).await?;
    run.enter(Phase::Bind);
    let answer = exchange::ask(run, &mut stream, &start_tls_request(1), |bytes| {
        parse_start_tls(bytes).map_err(|error| exchange::malformed(run, &error, bytes))
    })
    .await?;
    if answer.code != 0 {
        return Ok(Err(answer));
    }
    let session = tls::handshake(run, stream, &run.target().host, None).await?;
    Ok(Ok(session))
}

/// The message id that ldap3 gives the first request of a connection.
const FIRST_ID: i32 = 1;

/// What a server says against a request: its result code (RFC 4511 Appendix A) and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// resultCode.
    pub code: u32,
    /// Its words, fit for people.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "result {} {}", self.code, self.text)
    }
}

/// What became of a session that begins with a bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The server does not take the account.
    Refused(Refusal),
    /// The server takes it, and the read gave this.
    Read(Result<Attributes, Refusal>),
}

/// Makes the name of an object from the attributes of the rootDSE.
pub type NameOf = fn(&Attributes) -> Option<String>;

/// Binds with a name and a password, and reads attributes of one object, whose name `base` makes from
/// those of the rootDSE (RFC 4513 §5.1.3).
///
/// # Errors
/// What the network said, bytes that are no LDAP, or a rootDSE that does not lead to the object.
pub async fn read_bound<S>(
    run: &Run,
    session: Trusted<S>,
    (name, password): (&str, &str),
    (contexts, base): (&[&str], NameOf),
    attributes: &[&str],
) -> Result<Bound, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let guard = Guard::binding(FIRST_ID);
    speak(run, session.into_stream(), guard, |mut ldap| async move {
        if let Some(refusal) = refusal(&ldap.simple_bind(name, password).await?) {
            return Ok(Bound::Refused(refusal));
        }
        let root = match read(&mut ldap, "", contexts).await? {
            Ok(root) => root,
            Err(refusal) => return Ok(Bound::Read(Err(refusal))),
        };
        let Some(base) = base(&root) else {
            let text = "the rootDSE names no partition for the configuration".to_owned();
            return Ok(Bound::Read(Err(Refusal { code: 0, text })));
        };
        Ok(Bound::Read(read(&mut ldap, &base, attributes).await?))
    })
    .await
}

/// Attributes of one object, or the server's result code; of an object that nobody may see there are
/// none.
async fn read(
    ldap: &mut Ldap,
    base: &str,
    attributes: &[&str],
) -> Result<Result<Attributes, Refusal>, LdapError> {
    let found = ldap.search(base, Scope::Base, "(objectClass=*)", attributes);
    let answer = found.await?;
    if let Some(refusal) = refusal(&answer.1) {
        return Ok(Err(refusal));
    }
    Ok(Ok(answer
        .0
        .into_iter()
        .flat_map(|entry| SearchEntry::construct(entry).attrs)
        .map(|(name, values)| (name.to_ascii_lowercase(), values))
        .collect()))
}

fn refusal(result: &LdapResult) -> Option<Refusal> {
    (result.rc != 0).then(|| Refusal {
        code: result.rc,
        text: text::foreign(result.text.trim_end_matches('\0')),
    })
}

/// Lets `talk` speak over `stream`, behind `guard`, and unbinds.
async fn speak<S, F, T>(
    run: &Run,
    mut stream: S,
    guard: Guard,
    talk: impl FnOnce(Ldap) -> F + Send,
) -> Result<T, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    F: Future<Output = Result<T, LdapError>> + Send,
    T: Send,
{
    run.enter(Phase::Request);
    let ours = |error: &dyn fmt::Display| run.blind(Reason::InternalError, error.to_string());
    let (near, far) = UnixStream::pair().map_err(|error| fault::finding(run, &error))?;
    let near = near
        .into_std()
        .map_err(|error| fault::finding(run, &error))?;
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
    let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
        .await
        .map_err(|error| ours(&error))?;
    let cut = OnceLock::new();
    let mut talk = Box::pin(talk(ldap));
    let said = tokio::select! {
        biased;
        // The answer first: what the peer does after it changes nothing.
        result = &mut talk => result,
        end = pump(run, &mut stream, far, guard, &cut) => return Err(end),
        // Without its session the talk ends too, with the answer if that came before.
        end = connection.drive() => talk.await.map_err(|error| end.err().unwrap_or(error)),
    };
    // One packet; whether it arrives changes nothing.
    let _goodbye = stream.write_all(&GOODBYE).await;
    let _goodbye = stream.flush().await;
    let said = said.map_err(|error| {
        cut.into_inner()
            .unwrap_or_else(|| run.fail(Reason::ProtocolError, format!("{}: {error}", run.doing())))
    })?;
    run.enter(Phase::Response);
    Ok(said)
}

/// Carries bytes between the peer and ldap3: the peer's through the guard, ours as they are. Ends
/// only with a finding. Where the peer ends, so does what ldap3 reads, and the finding is left in
/// `cut`: the answer may have come before.
async fn pump<S>(
    run: &Run,
    stream: &mut S,
    mut far: UnixStream,
    mut guard: Guard,
    cut: &OnceLock<Finding>,
) -> Finding
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
