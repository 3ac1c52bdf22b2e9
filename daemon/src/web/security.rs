//! Who is let in and how: the web file, read anew when it changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::bucket::{Bucket, Pace};
use super::connection::Peer;
use super::passwords::{Admission, Gate, Passwords};
use super::routes;
use super::tls::Tls;
use crate::config::Errors;
use crate::config::Problem;
use crate::config::web_file::WebFile;
use crate::engine::Command;

/// The files are looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Whoever asks for these is not asked for a password: they tell a balancer or a watcher very little.
const OPEN: [&str; 3] = ["/-/healthy", "/-/ready", "/site-ready"];

/// Who is let in, and how. Without a web file everybody is, without TLS.
#[derive(Clone, Debug)]
pub struct Security(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Option<PathBuf>,
    rules: watch::Sender<Arc<Rules>>,
    gate: Arc<Gate>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    /// Why the file that is there now is not in use.
    trouble: Option<String>,
    /// What was said of that.
    told: Option<String>,
}

/// By what a file differs from the one before: device, inode, size, and when it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp([i64; 3], [u64; 3]);

/// What is in force.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) tls: Option<Tls>,
    headers: Vec<(HeaderName, HeaderValue)>,
    passwords: Option<Arc<Passwords>>,
    pace: Option<(Pace, Mutex<Bucket>)>,
}

impl Security {
    /// Reads the web file, if there is to be one.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn open(file: Option<&Path>) -> Result<Self, Errors> {
        let gate = Arc::<Gate>::default();
        let (rules, stamps) = match file {
            Some(file) => read(file, &gate)?,
            None => (Rules::default(), Vec::new()),
        };
        Ok(Self(Arc::new(Inner {
            file: file.map(Path::to_owned),
            rules: watch::Sender::new(Arc::new(rules)),
            gate,
            seen: Mutex::new(Seen {
                stamps,
                ..Seen::default()
            }),
        })))
    }

    /// The web file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Whether everything goes over TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.0.rules.borrow().tls.is_some()
    }

    /// Whether whoever comes over an address has to show who he is.
    #[must_use]
    pub fn asks_who(&self) -> bool {
        let rules = self.0.rules.borrow();
        let by_certificate = rules.tls.as_ref().is_some_and(|tls| tls.proves_clients);
        by_certificate || rules.passwords.is_some()
    }

    /// Reads the web file anew. One that is not good changes nothing.
    ///
    /// # Errors
    /// What is wrong with it, as sentences. Whoever calls this tells somebody.
    pub fn reread(&self) -> Result<(), String> {
        let done = self.try_again();
        let mut seen = self.seen();
        seen.told = seen.trouble.clone();
        done
    }

    fn try_again(&self) -> Result<(), String> {
        let Some(file) = self.file() else {
            return Ok(());
        };
        match read(file, &self.0.gate) {
            Ok((rules, stamps)) => {
                self.0.rules.send_replace(Arc::new(rules));
                let mut seen = self.seen();
                seen.stamps = stamps;
                seen.trouble = None;
                Ok(())
            }
            Err(errors) => {
                let problems = errors.problems().iter();
                let sentences: Vec<_> = problems.map(ToString::to_string).collect();
                let why = sentences.join("; ");
                self.seen().trouble = Some(why.clone());
                Err(why)
            }
        }
    }

    /// Looks whether the files have changed, and says what is to be told of it, if something is.
    fn look(&self) -> Option<Option<String>> {
        let (stamps, is_troubled) = {
            let seen = self.seen();
            (seen.stamps.clone(), seen.trouble.is_some())
        };
        // A file that was refused may be good now because another is there that it names.
        if is_troubled || stamps.iter().any(|(file, known)| stamp(file) != *known) {
            let _kept = self.try_again();
        }
        let mut seen = self.seen();
        if seen.trouble == seen.told {
            return None;
        }
        seen.told = seen.trouble.clone();
        Some(seen.trouble.clone())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the files until it is stopped.
    pub(super) async fn follow(
        self,
        commands: mpsc::Sender<Command>,
        mut stopped: watch::Receiver<bool>,
    ) {
        while self.file().is_some() {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            let looking = self.clone();
            // A disk that hangs holds up nobody else.
            let news = match tokio::task::spawn_blocking(move || looking.look()).await {
                Ok(news) => news,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            let Some(trouble) = news else { continue };
            match &trouble {
                Some(why) => tracing::error!(
                    "the web file is not good, and the one before stays in force: {why}"
                ),
                None => tracing::info!("the web file is good again, and in use"),
            }
            // The engine is gone only while everything ends.
            let _ending = commands.send(Command::WebFile(trouble)).await;
        }
        let _stopped = stopped.wait_for(|stopped| *stopped).await;
    }

    /// What is in force now, and when that changes.
    pub(super) fn rules(&self) -> (Arc<Rules>, watch::Receiver<Arc<Rules>>) {
        let mut changes = self.0.rules.subscribe();
        let rules = Arc::clone(&changes.borrow_and_update());
        (rules, changes)
    }
}

/// What a request shows at the door.
pub(super) struct Shown {
    wants_little: bool,
    authorization: Option<HeaderValue>,
}

impl Shown {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            wants_little: OPEN.contains(&request.uri().path()),
            authorization: request.headers().get(AUTHORIZATION).cloned(),
        }
    }
}

impl Rules {
    /// Lets a request in, with what is known of whoever sends it then; or answers it.
    pub(super) async fn admit(
        &self,
        peer: Peer,
        shown: Shown,
    ) -> Result<Peer, Box<Response<Body>>> {
        let Peer::Net { address, is_known } = peer else {
            return Ok(peer);
        };
        if let Some((pace, bucket)) = &self.pace {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(wait) = bucket.take(*pace, Instant::now()) {
                return Err(later("There are too many requests.\n", wait));
            }
        }
        let Some(passwords) = &self.passwords else {
            return Ok(peer);
        };
        if shown.wants_little {
            return Ok(Peer::Net { address, is_known });
        }
        let authorization = shown.authorization.as_ref();
        match passwords.admit(authorization, address.ip()).await {
            Admission::Known => Ok(Peer::Net {
                address,
                is_known: true,
            }),
            Admission::Unknown => Err(unknown()),
            Admission::TooMany(wait) => Err(later(
                "There were too many wrong passwords from this address.\n",
                wait,
            )),
            Admission::Busy => {
                let mut response = routes::plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many passwords wait to be checked.\n",
                );
                let headers = response.headers_mut();
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
                Err(Box::new(response))
            }
        }
    }

    /// Adds the headers that the web file wants.
    pub(super) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}

fn unknown() -> Box<Response<Body>> {
    let mut response = routes::plain(StatusCode::UNAUTHORIZED, "This takes a password.\n");
    let asked = HeaderValue::from_static("Basic realm=\"sightline\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, asked);
    Box::new(response)
}

fn later(why: &'static str, wait: Duration) -> Box<Response<Body>> {
    let mut response = routes::plain(StatusCode::TOO_MANY_REQUESTS, why);
    let seconds = HeaderValue::from(wait.as_secs() + 1);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    Box::new(response)
}

type Stamps = Vec<(PathBuf, Option<Stamp>)>;

fn read(file: &Path, gate: &Arc<Gate>) -> Result<(Rules, Stamps), Errors> {
    // Which files there are is known only after reading. What changes while it is read is seen then: the
    // stamps are of before the second time.
    let stamps = WebFile::read(file)?
        .files
        .into_iter()
        .map(|file| {
            let stamp = stamp(&file);
            (file, stamp)
        })
        .collect();
    let read = WebFile::read(file)?;
    let wrong = |why: String| Problem {
        place: None,
        what: format!("{}: {why}", file.display()),
        help: None,
    };
    let mut headers = Vec::new();
    for (name, value) in read.headers {
        let value = HeaderValue::try_from(value)
            .map_err(|error| wrong(format!("the header {name}: {error}")))?;
        headers.push((HeaderName::from_static(name), value));
    }
    let tls = read.tls.as_ref().map(Tls::new).transpose().map_err(wrong)?;
    let has_users = !read.users.is_empty();
    let rules = Rules {
        tls,
        headers,
        passwords: has_users.then(|| Arc::new(Passwords::new(read.users, Arc::clone(gate)))),
        pace: read.rate.map(|rate| {
            let pace = Pace {
                interval: rate.interval,
                burst: rate.burst,
            };
            (pace, Mutex::new(Bucket::new(Instant::now())))
        }),
    };
    Ok((rules, stamps))
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some(Stamp(
        [found.mtime(), found.ctime(), found.ctime_nsec()],
        [found.dev(), found.ino(), found.len()],
    ))
}
