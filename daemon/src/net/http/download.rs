//! Content that is counted and not kept.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use sightline_model::{Finding, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Question, READ_MAX, exchange};
use crate::run::Run;

/// How much is downloaded at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The time until the answer begins.
    pub answer: Duration,
    /// Bytes of the content.
    pub bytes: usize,
    /// The time from then on.
    pub body: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// The status.
    pub status: u16,
    /// Bytes of the content that came.
    pub bytes: u64,
    /// From the begin of the answer to the last byte that counts.
    pub took: Duration,
    /// Whether there was more when the time was up.
    pub is_late: bool,
}

/// Downloads within bounds. The connection is not used again.
///
/// # Errors
/// What the network said before the answer began, or that it did not begin in time.
pub async fn download<S>(
    run: &Run,
    stream: S,
    question: &Question<'_>,
    bounds: Bounds,
) -> Result<Download, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let most = bounds.bytes.saturating_add(READ_MAX);
    let begins_by = Instant::now() + bounds.answer;
    let (told, mut begun) = tokio::sync::oneshot::channel();
    let mut whole = std::pin::pin!(exchange(run, stream, question, most, |response| {
        let _nobody_waits = told.send(());
        count(response, bounds)
    }));
    tokio::select! {
        got = &mut whole => got,
        () = tokio::time::sleep_until(begins_by) => match begun.try_recv() {
            Ok(()) => whole.await,
            Err(_not_yet) => Err(run.fail(
                Reason::ReadTimeout,
                format!("{}: nothing within {}", run.doing(), crate::text::duration(bounds.answer)),
            )),
        },
    }
}

async fn count(mut response: Response<Incoming>, bounds: Bounds) -> hyper::Result<Download> {
    let begun = Instant::now();
    let most = u64::try_from(bounds.bytes).unwrap_or(u64::MAX);
    let mut got = Download {
        status: response.status().as_u16(),
        bytes: 0,
        took: Duration::ZERO,
        is_late: false,
    };
    // Only content is worth the traffic.
    while matches!(got.status, 200 | 206) && got.bytes < most {
        let next = response.body_mut().frame();
        let Ok(frame) = tokio::time::timeout_at(begun + bounds.body, next).await else {
            got.is_late = true;
            got.took = bounds.body;
            break;
        };
        // What broke off counts as far as it came.
        let Some(Ok(frame)) = frame else { break };
        if let Some(bytes) = frame.data_ref() {
            got.bytes += u64::try_from(bytes.len()).unwrap_or_default();
            got.took = begun.elapsed();
        }
    }
    Ok(got)
}
