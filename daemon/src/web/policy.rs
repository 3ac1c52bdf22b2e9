//! What a browser may do with the status page: use its own style and script, and nothing else.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::surface::page;

/// The content security policy of the page (CSP level 3): style and script by their hashes.
///
/// # Errors
/// None in practice: a hash in Base64 fits into a header.
pub(super) fn of_the_page() -> Result<HeaderValue, axum::http::header::InvalidHeaderValue> {
    HeaderValue::try_from(format!(
        "default-src 'self'; img-src 'self' data:; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(page::STYLE),
        hash(page::SCRIPT)
    ))
}

fn hash(text: &str) -> String {
    BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_browsers_read_them() {
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
