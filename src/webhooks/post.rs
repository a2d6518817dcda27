//! A delivery on the wire: one POST, bounded in time, no redirect, no proxy, no repeat.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use tally_actors::domain::time::At;
use tally_storage::webhooks::Webhook;

use super::address::{self, PublicOnly};
use super::event::EventId;
use super::sign;
use crate::limits::ERROR_CHARS_MAX;

/// The client that deliveries are sent by.
pub(crate) struct Post {
    client: reqwest::Client,
    private_allowed: bool,
    wait: Duration,
}

impl Post {
    /// A client that waits so long for an answer, and connects to public addresses alone, unless private ones are allowed.
    pub(crate) fn new(private_allowed: bool, wait: Duration) -> Result<Self, reqwest::Error> {
        let mut builder = tally_wechat::tls::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(wait);
        if !private_allowed {
            builder = builder.dns_resolver(PublicOnly::shared());
        }
        Ok(Self { client: builder.build()?, private_allowed, wait })
    }

    /// Whether a URL may be a webhook's; else what is wrong with it.
    pub(crate) fn check(&self, url: &str) -> Result<(), &'static str> {
        address::check(url, self.private_allowed).map(drop)
    }

    /// Sends one delivery. The error is for people, and says nothing of the URL, in which a secret may be.
    pub(super) async fn send(
        &self,
        to: &Webhook,
        id: &EventId,
        at: At,
        body: String,
    ) -> Result<(), String> {
        // Looked at each time: what is allowed may have changed since it was made.
        let url = address::check(&to.url, self.private_allowed)?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("Tally/", env!("CARGO_PKG_VERSION")))
            .header("Tally-Event-Id", id.to_string())
            .header(sign::HEADER, sign::header(&to.secret, at, &body));
        let answer = request.body(body).send().await.map_err(|error| self.why(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let redirect = if status.is_redirection() { "; redirects are not followed" } else { "" };
        Err(format!("answered {}{redirect}", status.as_u16()))
    }

    /// Why there was no answer: the innermost cause, as the outer ones name the URL.
    fn why(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} s", self.wait.as_secs());
        }
        let mut cause = error.source();
        while let Some(inner) = cause.and_then(Error::source) {
            cause = Some(inner);
        }
        let cause = cause.map_or("the connection broke".to_owned(), ToString::to_string);
        format!("not reached: {cause}").chars().take(ERROR_CHARS_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::Receiver;
    use super::*;
    use tally_actors::domain::chain::{Hash, Seq};

    fn webhook(url: String) -> Webhook {
        Webhook {
            webhook_id: "w1".parse().unwrap(),
            url,
            kinds: vec![],
            merchant: None,
            secret: "whsec_0123456789abcdef0123456789abcdef".into(),
            created_at: At::default(),
        }
    }

    async fn sent(post: &Post, url: String) -> Result<(), String> {
        let id = EventId::of("m1".parse().unwrap(), Seq(1), &Hash::default());
        post.send(&webhook(url), &id, At::from_ms(1_000), "{}".into()).await
    }

    fn post(private_allowed: bool, ms: u64) -> Post {
        tally_wechat::tls::install_provider();
        Post::new(private_allowed, Duration::from_millis(ms)).unwrap()
    }

    #[tokio::test]
    async fn only_a_2xx_in_time_is_a_success_and_a_redirect_is_not_followed() {
        let receiver = Receiver::start().await;
        let post = post(true, 60_000);
        for (status, told) in [
            (200, Ok(())),
            (204, Ok(())),
            (500, Err("answered 500".to_owned())),
            (404, Err("answered 404".to_owned())),
            (302, Err("answered 302; redirects are not followed".to_owned())),
            (307, Err("answered 307; redirects are not followed".to_owned())),
        ] {
            receiver.answer(status);
            let before = receiver.hits();
            assert_eq!(sent(&post, receiver.url()).await, told);
            assert_eq!(receiver.hits(), before + 1, "{status} was asked once");
        }
        receiver.answer(0);
        let impatient = self::post(true, 50);
        assert_eq!(sent(&impatient, receiver.url()).await, Err("no answer within 0 s".into()));
        let gone = receiver.url();
        receiver.stop().await;
        let why = sent(&post, gone).await.unwrap_err();
        assert!(why.starts_with("not reached: ") && !why.contains("token"), "{why}");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let receiver = Receiver::start().await;
        let strict = post(false, 60_000);
        let named = receiver.url().replace("http://127.0.0.1", "https://localhost");
        let why = sent(&strict, named.clone()).await.unwrap_err();
        assert!(why.contains("no public address"), "{why}");
        assert!(strict.check(&named).is_ok(), "the name alone does not tell");
        let literal = receiver.url().replace("http://", "https://");
        let why = sent(&strict, literal).await.unwrap_err();
        assert!(why.contains("no public address"), "{why}");
        assert_eq!(receiver.connections(), 0);
        let lax = post(true, 200);
        drop(sent(&lax, named).await.unwrap_err()); // it speaks no TLS, but it was reached
        assert_eq!(receiver.connections(), 1);
    }
}
