//! The client's calls for bills: an answer that is a bill is handed on as it comes, one that is a document is read.

use reqwest::Response;

use super::Client;
use crate::bill::gzip::{Gunzip, GzipFault, MAGIC};
use crate::bill::request::{self, AccountType, BillDay, BillRefusal, BillType};
use crate::errors::{Doubt, Outcome};
use crate::fields::Fields;
use crate::limits::{BILL_BYTES_MAX, BILL_PACKED_BYTES_AT_ONCE, BILL_WAIT_MAX, DOCUMENT_BYTES_MAX};
use crate::sign::SignType;
use crate::transport::{began, chunk};

/// Why a download ended before the bill did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadFault {
    /// The connection, or the time.
    #[error(transparent)]
    Broken(Doubt),
    /// What came does not unpack.
    #[error(transparent)]
    Gzip(#[from] GzipFault),
    /// More than any day can have.
    #[error("the bill is over {BILL_BYTES_MAX} bytes")]
    TooLarge,
}

/// A bill that is coming in: its text, unpacked, in pieces.
#[derive(Debug)]
pub struct Download {
    answer: Response,
    gunzip: Option<Gunzip>,
    /// What came and is not unpacked yet.
    packed: Vec<u8>,
    /// What is to be handed on first.
    ready: Vec<u8>,
    bytes: u64,
}

impl Client {
    /// `downloadbill`: what was traded on a day. `packed`: by gzip on the way.
    pub async fn trade_bill(
        &self,
        day: &BillDay,
        kind: BillType,
        packed: bool,
    ) -> Outcome<Download, BillRefusal> {
        let fields = self.typed(request::trade_request(day, kind, packed));
        self.bill("/pay/downloadbill", fields, self.config.sign_type).await
    }

    /// `downloadfundflow`: what moved on an account on a day. It knows HMAC-SHA256 only.
    pub async fn fund_flow(
        &self,
        day: &BillDay,
        account: AccountType,
        packed: bool,
    ) -> Outcome<Download, BillRefusal> {
        if !self.config.can_transfer() {
            return Outcome::Refused(BillRefusal::CertificateMissing);
        }
        let sign_type = SignType::HmacSha256;
        let fields = self.common(request::fund_request(day, account, packed));
        let fields = fields.with("sign_type", sign_type.as_str());
        self.bill("/pay/downloadfundflow", fields, sign_type).await
    }

    async fn bill(
        &self,
        path: &str,
        fields: Fields,
        sign_type: SignType,
    ) -> Outcome<Download, BillRefusal> {
        let request = self.send(path, fields, sign_type).timeout(BILL_WAIT_MAX);
        let read = async { Download::begin(began(request.send().await)?).await };
        match read.await {
            Ok(Ok(download)) => Outcome::Done(download),
            Ok(Err(refusal)) => Outcome::Refused(refusal),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }
}

impl Download {
    /// Reads as far as is needed to tell a bill from a document.
    async fn begin(answer: Response) -> Result<Result<Self, BillRefusal>, Doubt> {
        let mut download =
            Self { answer, gunzip: None, packed: Vec::new(), ready: Vec::new(), bytes: 0 };
        while download.packed.len() < MAGIC.len()
            && let Some(piece) = chunk(&mut download.answer).await?
        {
            download.packed.extend(piece);
        }
        download.gunzip = download.packed.starts_with(&MAGIC).then(Gunzip::default);
        let mut start = Vec::new();
        let mut document = false;
        while let Some(piece) = download.next().await.map_err(doubt)? {
            start.extend(piece);
            let first =
                start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start().first();
            document = first == Some(&b'<');
            if first.is_some() && !document {
                break;
            }
            if start.len() > DOCUMENT_BYTES_MAX {
                return Err(Doubt::TooLarge);
            }
        }
        if document || start.trim_ascii().is_empty() {
            return request::refusal(&start).map(Err);
        }
        download.ready = start;
        Ok(Ok(download))
    }

    /// The next piece of the text; `None`: all of it came. Feed it to a reader, whose `finish` says whether it was whole.
    ///
    /// # Errors
    ///
    /// [`DownloadFault`]: fetch the bill again.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, DownloadFault> {
        if !self.ready.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ready)));
        }
        loop {
            if self.packed.is_empty() {
                match chunk(&mut self.answer).await.map_err(DownloadFault::Broken)? {
                    Some(piece) => self.packed = piece,
                    None => return self.end(),
                }
            }
            let text = match &mut self.gunzip {
                None => std::mem::take(&mut self.packed),
                Some(gunzip) => {
                    let at_once = self.packed.len().min(BILL_PACKED_BYTES_AT_ONCE);
                    let rest = self.packed.split_off(at_once);
                    gunzip.push(&std::mem::replace(&mut self.packed, rest))?
                }
            };
            if !text.is_empty() {
                return self.counted(text);
            }
        }
    }

    fn end(&mut self) -> Result<Option<Vec<u8>>, DownloadFault> {
        let text = self.gunzip.take().map(Gunzip::finish).transpose()?.unwrap_or_default();
        if text.is_empty() { Ok(None) } else { self.counted(text) }
    }

    fn counted(&mut self, text: Vec<u8>) -> Result<Option<Vec<u8>>, DownloadFault> {
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        if self.bytes > BILL_BYTES_MAX { Err(DownloadFault::TooLarge) } else { Ok(Some(text)) }
    }
}

/// At the start of an answer nothing is known of a bill yet.
fn doubt(fault: DownloadFault) -> Doubt {
    match fault {
        DownloadFault::Broken(doubt) => doubt,
        DownloadFault::Gzip(GzipFault) => Doubt::Broken,
        DownloadFault::TooLarge => Doubt::TooLarge,
    }
}
