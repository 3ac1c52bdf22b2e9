//! The report as an archive: `tar` within `gzip`.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use sightline_model::Timestamp;

use super::routes::{Desk, plain};
use super::views::View;
use crate::surface::report::{self, File};

/// Everything that is known, as one file.
pub(super) async fn report(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let name = report::name(&snapshot.status.site, now.wall);
    let shown = (&snapshot, now);
    let write = || {
        let files = report::files(&snapshot, now, desk.own());
        packed(&name, &files, now.wall)
    };
    let Ok(archive) = desk.views.bytes(View::Report, shown, write).await else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The report cannot be written.\n",
        );
    };
    let mut response = Response::new(Body::from(archive));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
    let disposition = format!("attachment; filename=\"{name}.tar.gz\"");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

fn packed(name: &str, files: &[File], now: Timestamp) -> io::Result<Bytes> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(now.unix_millis() / 1000).unwrap_or_default());
        let path = format!("{name}/{}", file.name);
        archive.append_data(&mut header, path, file.text.as_bytes())?;
    }
    let mut gzip = archive.into_inner()?;
    gzip.flush()?;
    Ok(Bytes::from(gzip.finish()?))
}
