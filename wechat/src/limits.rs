//! Every bound of the protocol, named, with its unit.

use std::time::Duration;

/// The largest XML or JSON document that is read or accepted from WeChat, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// The most fields that a document may have.
pub const DOCUMENT_FIELDS_MAX: usize = 1_024;
/// The longest name of a field, in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 64;
/// The longest `body` of an order, in bytes of UTF-8: the stricter of the two figures that WeChat's pages give.
pub const BODY_BYTES_MAX: usize = 127;
/// The shortest `out_trade_no`, in bytes.
pub const OUT_TRADE_NO_BYTES_MIN: usize = 6;
/// The longest `out_trade_no`, in bytes.
pub const OUT_TRADE_NO_BYTES_MAX: usize = 32;
/// The longest `partner_trade_no`, in bytes: what the query takes, which is less than the transfer does.
pub const PARTNER_TRADE_NO_BYTES_MAX: usize = 28;
/// The longest openid in an order, in bytes.
pub const OPENID_BYTES_MAX: usize = 128;
/// The longest openid in a transfer, in bytes.
pub const TRANSFER_OPENID_BYTES_MAX: usize = 64;
/// The longest `notify_url`, in bytes.
pub const NOTIFY_URL_BYTES_MAX: usize = 256;
/// The longest `desc` of a transfer, in bytes.
pub const TRANSFER_DESC_BYTES_MAX: usize = 100;
/// The longest real name in a transfer, in bytes.
pub const REAL_NAME_BYTES_MAX: usize = 64;
/// The longest login code that is passed on, in bytes.
pub const LOGIN_CODE_BYTES_MAX: usize = 256;
/// The longest text of WeChat's that goes into an error of ours, in characters.
pub const MESSAGE_CHARS_MAX: usize = 128;
/// How long a connection may take to stand; the time-out of the call if that is shorter.
pub const CONNECT_WAIT_MAX: Duration = Duration::from_secs(4);
/// An idle connection is closed after this, before the other side does.
pub const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(10);
/// The longest `out_refund_no`, in bytes.
pub const OUT_REFUND_NO_BYTES_MAX: usize = 64;
/// The longest `refund_desc`, in bytes.
pub const REFUND_DESC_BYTES_MAX: usize = 80;
/// The most refunds that one order can have.
pub const REFUNDS_OF_ORDER_MAX: u64 = 50;
/// The most refunds that one answer of `refundquery` tells.
pub const REFUNDS_TOLD_MAX: u64 = 10;
/// The most coupons of one refund that are read.
pub const COUPONS_OF_REFUND_MAX: u64 = 100;
/// The longest line of a bill, in bytes.
pub const BILL_LINE_BYTES_MAX: usize = 16 * 1024;
/// The most columns that a bill may have.
pub const BILL_COLUMNS_MAX: usize = 64;
/// The largest bill that is fetched, unpacked, in bytes.
pub const BILL_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The packed bytes that are unpacked at once: a thousand times as many may come out.
pub const BILL_PACKED_BYTES_AT_ONCE: usize = 2 * 1024;
/// How long the fetching of a bill may take, to its last byte.
pub const BILL_WAIT_MAX: Duration = Duration::from_secs(600);
