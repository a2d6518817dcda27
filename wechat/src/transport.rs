//! HTTP as it is spoken to WeChat: no redirects, no repeats, no proxy, bounded time, bounded answers.

use std::time::Duration;

use reqwest::Response;

use crate::client::ConfigFault;
use crate::config::Certificate;
use crate::errors::Doubt;
use crate::limits::{CONNECT_WAIT_MAX, DOCUMENT_BYTES_MAX, IDLE_CONNECTION_MAX};
use crate::tls;

/// An HTTP client whose every call ends within `timeout`; a call that is given more time ends when nothing came for so long.
pub(crate) fn client(
    timeout: Duration,
    certificate: Option<&Certificate>,
) -> Result<reqwest::Client, ConfigFault> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(certificate)?)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(timeout)
        .read_timeout(timeout)
        .connect_timeout(timeout.min(CONNECT_WAIT_MAX))
        .pool_idle_timeout(IDLE_CONNECTION_MAX)
        .build()
        .map_err(|_| ConfigFault::Http)
}

/// An answer that is good so far.
pub(crate) fn began(answer: Result<Response, reqwest::Error>) -> Result<Response, Doubt> {
    let answer = answer.map_err(|error| doubt(&error))?;
    match answer.status().as_u16() {
        200 => Ok(answer),
        status => Err(Doubt::Status(status)),
    }
}

/// The next part of its body, whatever its size; `None`: all of it came.
pub(crate) async fn chunk(answer: &mut Response) -> Result<Option<Vec<u8>>, Doubt> {
    let chunk = answer.chunk().await.map_err(|error| doubt(&error))?;
    Ok(chunk.map(Vec::from))
}

/// The body of a good answer, as far as it is allowed to go.
pub(crate) async fn receive(answer: Result<Response, reqwest::Error>) -> Result<Vec<u8>, Doubt> {
    let mut answer = began(answer)?;
    let mut body = Vec::new();
    while let Some(piece) = chunk(&mut answer).await? {
        if body.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(Doubt::TooLarge);
        }
        body.extend(piece);
    }
    Ok(body)
}

/// The error's own text names the URL, and the login's URL holds the secret: so only its kind is kept.
fn doubt(error: &reqwest::Error) -> Doubt {
    if error.is_connect() {
        Doubt::Unreachable
    } else if error.is_timeout() {
        Doubt::TimedOut
    } else {
        Doubt::Broken
    }
}
