//! The running daemon, asked by other commands of the program: HTTP over its control socket. Who may open the
//! socket may command.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// The daemon has so long for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// An answer is not longer, in octets.
const MOST: usize = 64 << 20;

/// The daemon of this box.
#[derive(Clone, Debug)]
pub struct Control {
    socket: PathBuf,
}

/// What the daemon said.
#[derive(Clone, Debug)]
pub struct Said {
    /// The status of HTTP.
    pub status: StatusCode,
    /// The answer.
    pub body: Bytes,
    /// The name under which a file is to be kept (RFC 6266), where the answer is one.
    pub file_name: Option<String>,
}

impl Control {
    /// The one that listens at a socket.
    #[must_use]
    pub const fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Asks for one thing, a path with its query.
    ///
    /// # Errors
    /// A sentence, where nobody answers.
    pub async fn ask(&self, method: Method, what: &str) -> Result<Said, String> {
        match tokio::time::timeout(PATIENCE, self.exchange(method, what)).await {
            Ok(said) => said,
            Err(_elapsed) => Err(format!(
                "the daemon has taken the question at {} and does not answer within {}",
                self.socket.display(),
                crate::text::duration(PATIENCE)
            )),
        }
    }

    async fn exchange(&self, method: Method, what: &str) -> Result<Said, String> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| refused(&self.socket, &error))?;
        let broken = |error: &dyn std::fmt::Display| {
            format!(
                "{} is no socket of sightline, or its daemon has just ended: {error}",
                self.socket.display()
            )
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(what)
            .header("host", "localhost")
            .header("x-requested-with", "sightline")
            .body(Empty::<Bytes>::new())
            .map_err(|error| format!("this cannot be asked: {error}"))?;
        let exchange = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| broken(&error))?;
            let status = answer.status();
            let file_name = answer
                .headers()
                .get(CONTENT_DISPOSITION)
                .and_then(file_name);
            let body = Limited::new(answer.into_body(), MOST)
                .collect()
                .await
                .map_err(|error| broken(&error))?;
            Ok(Said {
                status,
                body: body.to_bytes(),
                file_name,
            })
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            said = &mut exchange => said,
            // Its last words may have come with the end.
            _ended = connection => exchange.await,
        }
    }
}

/// A plain name in quotes; what would lead elsewhere is none.
fn file_name(header: &HeaderValue) -> Option<String> {
    let (_, rest) = header.to_str().ok()?.split_once("filename=\"")?;
    let (name, _) = rest.split_once('"')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = !name.starts_with('.') && !name.is_empty() && name.bytes().all(is_plain);
    is_name.then(|| name.to_owned())
}

fn refused(socket: &Path, error: &io::Error) -> String {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "no daemon of sightline listens at {socket}; `systemctl status sightline` tells about it, and \
             `sightline check` looks without one"
        ),
        io::ErrorKind::ConnectionRefused => format!(
            "the daemon that listened at {socket} is gone; `systemctl status sightline` tells about it"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("{socket} may not be opened by this user; try it as root")
        }
        _ => format!("connecting to the daemon at {socket}: {error}"),
    }
}
