//! The WeChat protocol: documents, signatures, ciphers, and a client. It knows no merchant of ours.
//!
//! A call comes to an [`Outcome`]: certainly done, certainly refused, or unknown. What WeChat signs is believed only as
//! [`sign::Signed`]; what it does not sign (transfers, refund notices) says so. Amounts are whole fen, times are
//! milliseconds since 1970-01-01T00:00:00Z.

pub mod answer;
pub mod bill;
pub mod certificate;
mod cipher;
pub mod client;
pub mod close_order;
pub mod config;
pub mod errors;
pub mod fields;
pub mod limits;
pub mod login;
pub mod notice;
pub mod notice_sender;
pub mod order_query;
pub mod pay_params;
pub mod payment;
pub mod profile;
pub mod refund;
pub mod refund_notice;
pub mod refund_query;
pub mod secret;
pub mod sign;
pub mod time;
pub mod tls;
pub mod transfer;
mod transport;
pub mod unified_order;
pub mod xml;

pub use answer::Account;
pub use client::Client;
pub use config::{Certificate, Config};
pub use errors::{Doubt, Outcome};
pub use fields::Fields;
pub use secret::Secret;
pub use sign::{Keys, SignType};
