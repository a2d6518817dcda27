//! The client: one method for each call. It never repeats a call by itself and follows no redirect; what to do after an
//! unknown outcome is decided above.

mod bills;
mod refunds;

pub use bills::{Download, DownloadFault};

use reqwest::{RequestBuilder, Url};

use crate::answer::{Verified, read_signed, read_unsigned};
use crate::close_order::{self, CloseRefusal, Closed};
use crate::config::Config;
use crate::errors::{Code, Doubt, Outcome};
use crate::fields::Fields;
use crate::limits::LOGIN_CODE_BYTES_MAX;
use crate::login::{self, LoginRefusal, Session};
use crate::notice::{NoticeFault, PaymentNotice};
use crate::order_query::{self, OrderState, QueryRefusal};
use crate::pay_params::{PayParams, ToPay};
use crate::profile::{Owner, Profile, ProfileFault, Sealed};
use crate::secret::Secret;
use crate::sign::{SignType, nonce, sign};
use crate::transfer::{self, Transfer, TransferRefusal, TransferState, Transferred};
use crate::transport::{self, receive};
use crate::unified_order::{self, OrderRefusal, Prepaid, UnifiedOrder};
use crate::xml;

/// Why there is no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// Not a URL with a host.
    #[error("the WeChat API URL must be http:// or https:// with a host and nothing else")]
    ApiUrl,
    /// Not a URL with a host.
    #[error("the WeChat pay URL must be http:// or https:// with a host and nothing else")]
    PayUrl,
    /// Not a PEM file with a certificate.
    #[error("the WeChat client certificate must be a PEM file (apiclient_cert.pem)")]
    Certificate,
    /// Not the certificate's key.
    #[error(
        "the WeChat client certificate's key must be a PEM file that fits the certificate (apiclient_key.pem)"
    )]
    CertificateKey,
    /// The HTTP client could not be made.
    #[error("the HTTP client for WeChat could not be made")]
    Http,
}

/// Speaks to WeChat, or to the sandbox.
#[derive(Debug, Clone)]
pub struct Client {
    config: Config,
    api_url: Url,
    pay_url: Url,
    api: reqwest::Client,
    pay: reqwest::Client,
}

impl Client {
    /// Makes a client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigFault`] for an address or a certificate that can't be used.
    pub fn new(config: Config) -> Result<Self, ConfigFault> {
        let api_url = base(&config.api_url).ok_or(ConfigFault::ApiUrl)?;
        let pay_url = base(&config.pay_url).ok_or(ConfigFault::PayUrl)?;
        let api = transport::client(config.timeout, None)?;
        let pay = transport::client(config.timeout, config.certificate.as_ref())?;
        Ok(Self { config, api_url, pay_url, api, pay })
    }

    /// What the client was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `code2Session`: turns a login code, good for one call, into a session.
    pub async fn code_to_session(&self, code: &str) -> Outcome<Session, LoginRefusal> {
        if code.is_empty() || code.len() > LOGIN_CODE_BYTES_MAX {
            let what = Code::new("40029", "invalid code");
            return Outcome::Refused(LoginRefusal::CodeInvalid(what));
        }
        let mut url = self.api_url.clone();
        url.set_path("/sns/jscode2session");
        url.query_pairs_mut()
            .append_pair("appid", &self.config.app_id)
            .append_pair("secret", self.config.app_secret.expose())
            .append_pair("js_code", code)
            .append_pair("grant_type", "authorization_code");
        match receive(self.api.get(url).send().await).await {
            Ok(body) => login::read(&body),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// Decrypts a profile, and checks that it is of our mini-program and of this openid.
    ///
    /// # Errors
    ///
    /// [`ProfileFault`].
    pub fn profile(
        &self,
        session_key: &login::SessionKey,
        sealed: Sealed<'_>,
        openid: &str,
    ) -> Result<Profile, ProfileFault> {
        Profile::open(session_key, sealed, Owner { app_id: &self.config.app_id, openid })
    }

    /// `unifiedorder`, the first time and every time after.
    pub async fn unified_order(&self, order: &UnifiedOrder) -> Outcome<Prepaid, OrderRefusal> {
        let fields = self.common(order.fields().clone());
        match self.post_signed("/pay/unifiedorder", fields, order.sign_type()).await {
            Ok(answer) => unified_order::outcome(answer),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// What `wx.requestPayment` needs for an order that WeChat took. `at_ms` is now.
    pub fn pay_params(&self, prepay_id: &str, sign_type: SignType, at_ms: i64) -> PayParams {
        let order = ToPay { app_id: &self.config.app_id, prepay_id, sign_type };
        PayParams::new(order, at_ms, self.key())
    }

    /// `orderquery`, by our number.
    pub async fn order_query(&self, out_trade_no: &str) -> Outcome<OrderState, QueryRefusal> {
        let fields = self.typed(order_query::request(out_trade_no));
        match self.post_signed("/pay/orderquery", fields, self.config.sign_type).await {
            Ok(answer) => order_query::outcome(answer, out_trade_no),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// `closeorder`, by our number.
    pub async fn close_order(&self, out_trade_no: &str) -> Outcome<Closed, CloseRefusal> {
        let fields = self.typed(close_order::request(out_trade_no));
        match self.post_signed("/pay/closeorder", fields, self.config.sign_type).await {
            Ok(answer) => close_order::outcome(answer),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// Reads a payment notice: shape, signature, content. Whose it is, is for the caller to check.
    ///
    /// # Errors
    ///
    /// [`NoticeFault`]: then nothing in it may be believed.
    pub fn payment_notice(
        &self,
        body: &[u8],
        sign_type: SignType,
    ) -> Result<PaymentNotice, NoticeFault> {
        PaymentNotice::read(body, sign_type, &self.config.keys)
    }

    /// A transfer, the first time and every time after. The answer is not signed.
    pub async fn transfer(&self, transfer: &Transfer) -> Outcome<Transferred, TransferRefusal> {
        if !self.config.can_transfer() {
            return Outcome::Refused(TransferRefusal::CertificateMissing);
        }
        let fields = transfer
            .fields()
            .clone()
            .with("mch_appid", &self.config.app_id)
            .with("mchid", &self.config.mch_id);
        let path = "/mmpaymkttransfers/promotion/transfers";
        match self.post_unsigned(path, fields).await {
            Ok(answer) => transfer::outcome(answer, self.config.account(), transfer.number()),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// `gettransferinfo`: how a transfer stands. The answer is not signed.
    pub async fn transfer_query(
        &self,
        partner_trade_no: &str,
    ) -> Outcome<TransferState, TransferRefusal> {
        if !self.config.can_transfer() {
            return Outcome::Refused(TransferRefusal::CertificateMissing);
        }
        let fields = self.common(transfer::query_request(partner_trade_no));
        match self.post_unsigned("/mmpaymkttransfers/gettransferinfo", fields).await {
            Ok(answer) => transfer::query_outcome(answer, self.config.account(), partner_trade_no),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    fn key(&self) -> &Secret {
        &self.config.keys.current
    }

    fn common(&self, fields: Fields) -> Fields {
        fields.with("appid", &self.config.app_id).with("mch_id", &self.config.mch_id)
    }

    fn typed(&self, fields: Fields) -> Fields {
        self.common(fields).with("sign_type", self.config.sign_type.as_str())
    }

    async fn post_signed(
        &self,
        path: &str,
        fields: Fields,
        sign_type: SignType,
    ) -> Result<Verified, Doubt> {
        let body = self.post(path, fields, sign_type).await?;
        read_signed(&body, sign_type, &self.config.keys, self.config.account())
    }

    /// The calls about transfers know MD5 only.
    async fn post_unsigned(&self, path: &str, fields: Fields) -> Result<Verified, Doubt> {
        read_unsigned(&self.post(path, fields, SignType::Md5).await?)
    }

    /// Signs the very fields that are written, as the last step, and sends them.
    async fn post(
        &self,
        path: &str,
        fields: Fields,
        sign_type: SignType,
    ) -> Result<Vec<u8>, Doubt> {
        receive(self.send(path, fields, sign_type).send().await).await
    }

    fn send(&self, path: &str, fields: Fields, sign_type: SignType) -> RequestBuilder {
        let fields = fields.with("nonce_str", nonce());
        let signature = sign(&fields, sign_type, self.key());
        let document = xml::write(&fields.with("sign", signature));
        let mut url = self.pay_url.clone();
        url.set_path(path);
        let request = self.pay.post(url).header("content-type", "text/xml; charset=utf-8");
        request.body(document)
    }
}

/// A base address: scheme, host, port.
fn base(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    plain.then_some(url)
}
