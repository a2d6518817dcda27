//! The other side of a notice: sends one and reads whether it was taken. For whoever plays WeChat.

use std::time::Duration;

use crate::client::ConfigFault;
use crate::errors::Doubt;
use crate::notice::ends_repeats;
use crate::transport::{client, receive};

/// Sends notices as WeChat does: a POST without redirects, that must be answered in time.
#[derive(Debug, Clone)]
pub struct NoticeSender(reqwest::Client);

impl NoticeSender {
    /// A sender that waits this long for each answer; WeChat waits 5 s.
    ///
    /// # Errors
    ///
    /// [`ConfigFault::Http`] when no HTTP client can be made.
    pub fn new(timeout: Duration) -> Result<Self, ConfigFault> {
        client(timeout, None).map(Self)
    }

    /// Sends one document; true when it was answered SUCCESS.
    ///
    /// # Errors
    ///
    /// [`Doubt`] when there was no answer of status 200.
    pub async fn send(&self, url: &str, document: String) -> Result<bool, Doubt> {
        let request = self.0.post(url).header("content-type", "text/xml; charset=utf-8");
        let answer = receive(request.body(document).send().await).await?;
        Ok(ends_repeats(&answer))
    }
}
