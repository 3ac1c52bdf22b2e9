//! What a service does with a client, and how it is done on a socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::tls::Certificate;

/// What a service does with everybody who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// What it is there for.
    Serve,
    /// As behind a firewall that drops: no connection, no answer.
    Silent,
    /// As if nothing listened.
    Refuse,
    /// Connections are taken and nothing is ever said.
    AcceptAndSilent,
    /// The connection is reset once a request has come.
    Reset,
    /// The connection is closed once a request has come.
    CloseEarly,
    /// Only the first bytes of the answer, then the end.
    Truncated(usize),
    /// Bytes of another protocol.
    Garbage,
    /// The beginning of something well-formed that never ends.
    Endless,
    /// The answer, a byte every 200 ms.
    SlowBytes,
    /// The answer to somebody else's request.
    WrongId,
    /// The answer, later.
    Delay(Duration),
    /// A length of 4 GiB, or the largest that the protocol can say, and then nothing.
    HugeLength,
    /// Elements in elements, so many levels deep.
    Nested(usize),
    /// Names that point at themselves.
    CompressionLoop,
    /// These bytes in place of the answer.
    Custom(Vec<u8>),
    /// Questions and answers of more bytes are lost on the way.
    Fits(usize),
}

/// What is said in place of every protocol.
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: portal\r\nContent-Length: 0\r\n\r\n";

/// How a protocol answers, and how it would lie.
pub(crate) trait Protocol: Send + Sync {
    /// Takes one request off the front of `received` and answers it. `None` waits for more.
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer>;

    /// Makes the answer one to another request.
    fn mistake_id(&self, answer: &mut [u8]) {
        if let Some(byte) = answer.first_mut() {
            *byte ^= 0x55;
        }
    }

    /// The beginning of a message that says to be as long as can be said.
    fn huge_length(&self, request: &[u8]) -> Vec<u8> {
        let _any = request;
        vec![0xff; 16]
    }

    /// What [`Behaviour::Endless`] begins with, and what it repeats from then on.
    fn endless(&self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (self.huge_length(request), vec![0; 4096])
    }

    /// An answer with names that point at themselves, where the protocol compresses names.
    fn compression_loop(&self, request: &[u8]) -> Vec<u8> {
        let _any = request;
        GARBAGE.to_vec()
    }
}

/// What is sent, and how it goes on.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

/// How a connection goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// With the next request.
    Continue,
    /// With TLS.
    Tls,
    /// Not at all.
    Close,
}

impl Answer {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            then: Then::Continue,
        }
    }
}

/// A protocol behind a door, in the way that it behaves there.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) behaviour: Behaviour,
    /// The certificate that is shown; with `tls_at_once` from the first byte on.
    pub(crate) certificate: Option<Certificate>,
    pub(crate) tls_at_once: bool,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Serves a listener until the task is ended from outside.
pub(crate) async fn serve_tcp(listener: TcpListener, offer: Offer) {
    while let Ok((stream, _)) = listener.accept().await {
        let offer = offer.clone();
        // Ends with the client, or with the runtime of the world.
        tokio::spawn(async move {
            // A client that goes away is no fault of a peer.
            let _gone = connection(stream, &offer).await;
        });
    }
}

async fn connection(mut stream: TcpStream, offer: &Offer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 4096];
    match offer.behaviour {
        Behaviour::AcceptAndSilent | Behaviour::Silent | Behaviour::Refuse => {
            return swallow(&mut stream).await;
        }
        Behaviour::Reset => {
            let _request = stream.read(&mut request).await?;
            return socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        Behaviour::CloseEarly => {
            let _request = stream.read(&mut request).await?;
            return Ok(());
        }
        // Whoever speaks another protocol does not begin with TLS either.
        Behaviour::Garbage => {
            let _request = stream.read(&mut request).await?;
            stream.write_all(GARBAGE).await?;
            return swallow(&mut stream).await;
        }
        _ => {}
    }
    match &offer.certificate {
        Some(certificate) if offer.tls_at_once => {
            let mut stream = certificate.accept(stream).await?;
            session(&mut stream, offer).await.map(|_| ())
        }
        certificate => match (session(&mut stream, offer).await?, certificate) {
            (Then::Tls, Some(certificate)) => {
                let mut stream = certificate.accept(stream).await?;
                session(&mut stream, offer).await.map(|_| ())
            }
            _ => Ok(()),
        },
    }
}

/// Answers until the client goes, or until an answer ends the session.
async fn session(stream: &mut dyn Stream, offer: &Offer) -> std::io::Result<Then> {
    let mut received = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = stream.read(&mut chunk).await?;
        if length == 0 {
            return Ok(Then::Close);
        }
        received.extend_from_slice(&chunk[..length]);
        let request = received.clone();
        while let Some(answer) = offer.protocol.answer(&mut received) {
            let then = deliver(stream, offer, &request, answer).await?;
            if then != Then::Continue {
                return Ok(then);
            }
        }
    }
}

async fn deliver(
    stream: &mut dyn Stream,
    offer: &Offer,
    request: &[u8],
    mut answer: Answer,
) -> std::io::Result<Then> {
    match &offer.behaviour {
        Behaviour::Truncated(length) => {
            answer.bytes.truncate(*length);
            stream.write_all(&answer.bytes).await?;
            stream.shutdown().await?;
            return Ok(Then::Close);
        }
        Behaviour::Endless => {
            let (head, repeated) = offer.protocol.endless(request);
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&repeated).await?;
            }
        }
        Behaviour::SlowBytes => {
            for byte in answer.bytes {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            return Ok(answer.then);
        }
        Behaviour::Delay(delay) => tokio::time::sleep(*delay).await,
        Behaviour::HugeLength => answer.bytes = offer.protocol.huge_length(request),
        Behaviour::CompressionLoop => answer.bytes = offer.protocol.compression_loop(request),
        Behaviour::WrongId => offer.protocol.mistake_id(&mut answer.bytes),
        Behaviour::Nested(levels) => answer.bytes = super::ber::nested(*levels),
        Behaviour::Custom(bytes) => answer.bytes.clone_from(bytes),
        Behaviour::Fits(length) if request.len().max(answer.bytes.len()) > *length => {
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    stream.write_all(&answer.bytes).await?;
    stream.flush().await?;
    if offer.behaviour == Behaviour::HugeLength {
        // The rest of the 4 GiB is never sent, and the connection stands.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
    }
    Ok(answer.then)
}

async fn swallow(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut swallowed = [0; 4096];
    while stream.read(&mut swallowed).await? > 0 {}
    Ok(())
}

/// Serves datagrams until the task is ended from outside.
pub(crate) async fn serve_udp(socket: UdpSocket, offer: Offer) {
    let socket = Arc::new(socket);
    let mut buffer = vec![0; 64 * 1024];
    // An error is the answer to a datagram of ours whose receiver is gone.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let mut request = buffer[..length].to_vec();
        let whole = request.clone();
        let (socket, offer) = (Arc::clone(&socket), offer.clone());
        tokio::spawn(async move {
            let answer = offer.protocol.answer(&mut request);
            for bytes in datagrams(&offer, &whole, answer).await {
                let _gone = socket.send_to(&bytes, from).await;
                tokio::task::yield_now().await;
            }
        });
    }
}

/// What goes back for one datagram.
async fn datagrams(offer: &Offer, request: &[u8], answer: Option<Answer>) -> Vec<Vec<u8>> {
    /// Endless for a datagram: more than anybody reads who counts, less than what stops a machine.
    const MANY: usize = 3000;

    let protocol = &offer.protocol;
    match &offer.behaviour {
        Behaviour::Garbage => return vec![GARBAGE.to_vec()],
        Behaviour::HugeLength => return vec![protocol.huge_length(request)],
        Behaviour::Nested(levels) => {
            // A datagram ends at 64 KiB, and six bytes make a level.
            return vec![super::ber::nested((*levels).min(10_000))];
        }
        Behaviour::CompressionLoop => return vec![protocol.compression_loop(request)],
        Behaviour::Custom(bytes) => return vec![bytes.clone()],
        _ => {}
    }
    let Some(mut answer) = answer else {
        return Vec::new();
    };
    match &offer.behaviour {
        Behaviour::Serve => vec![answer.bytes],
        Behaviour::Fits(length) if request.len() <= *length => vec![answer.bytes],
        Behaviour::Delay(delay) => {
            tokio::time::sleep(*delay).await;
            vec![answer.bytes]
        }
        Behaviour::WrongId => {
            protocol.mistake_id(&mut answer.bytes);
            vec![answer.bytes]
        }
        Behaviour::Truncated(length) => {
            answer.bytes.truncate(*length);
            vec![answer.bytes]
        }
        Behaviour::SlowBytes => answer.bytes.into_iter().map(|byte| vec![byte]).collect(),
        Behaviour::Endless => {
            let (head, mut datagram) = protocol.endless(request);
            datagram.truncate(1400);
            std::iter::once(head)
                .chain(std::iter::repeat_n(datagram, MANY))
                .collect()
        }
        _ => Vec::new(),
    }
}
