//! Every bound of the sandbox, named, with its unit.

use std::time::Duration;

/// The largest body of a request, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The threads that answer.
pub(crate) const WORKERS: usize = 2;
/// How long an idle connection is kept: longer than clients keep theirs, so that none is closed under a request.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The most lines that are written under one fsync.
pub(crate) const BATCH_LINES_MAX: usize = 4_096;
/// How long a login code is good, in milliseconds.
pub(crate) const CODE_LIFE_MS: i64 = 5 * 60_000;
/// How many login codes are remembered before old ones are forgotten.
pub(crate) const LOGINS_MAX: usize = 100_000;
/// How long a prepay_id is good, in milliseconds.
pub(crate) const PREPAY_LIFE_MS: i64 = 2 * 3_600_000;
/// How long an order without `time_expire` lives, in milliseconds.
pub(crate) const ORDER_LIFE_MS: i64 = 7 * 24 * 3_600_000;
/// `time_expire` must be later than this after the first request, in milliseconds.
pub(crate) const EXPIRY_AHEAD_MS: i64 = 60_000;
/// The most items that a list answers.
pub(crate) const LIST_MAX: usize = 10_000;
/// How many a list answers when it is not told.
pub(crate) const LIST_DEFAULT: usize = 1_000;
/// The most copies of a notice that are sent at once on demand.
pub(crate) const COPIES_MAX: u32 = 1_000;
/// The furthest that the clock may be moved at once, in seconds.
pub(crate) const ADVANCE_S_MAX: i64 = 31 * 24 * 3_600;

/// How long WeChat waits after each try of a notice that was not taken: 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h.
pub(crate) const LADDER_S: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];
/// How long WeChat waits for a notice's answer.
pub(crate) const NOTICE_WAIT: Duration = Duration::from_secs(5);
/// An order may be closed when it is this old.
pub(crate) const CLOSE_AFTER: Duration = Duration::from_secs(300);
/// How long a refund is under way.
pub(crate) const REFUND_TAKES: Duration = Duration::from_secs(60);
/// How far two refunds of one order must be apart.
pub(crate) const REFUND_APART: Duration = Duration::from_secs(60);
/// How long after its payment an order may be refunded, in milliseconds.
pub(crate) const REFUND_WITHIN_MS: i64 = 365 * 24 * 3_600_000;
/// The most refunds that an order may have.
pub(crate) const REFUNDS_MAX: usize = 50;
/// The most refunds that a query tells at once.
pub(crate) const REFUNDS_TOLD_MAX: usize = 10;
/// How long after midnight the bill of the day before is begun, in milliseconds: at 9:00.
pub(crate) const BILL_BEGUN_MS: i64 = 9 * 3_600_000;
/// How long after midnight it is there, in milliseconds: at 10:00.
pub(crate) const BILL_READY_MS: i64 = 10 * 3_600_000;
/// How long a trade bill is kept, in milliseconds: three months.
pub(crate) const BILL_KEPT_MS: i64 = 92 * 24 * 3_600_000;
/// How long a call hangs that is to time out.
pub(crate) const HANG: Duration = Duration::from_secs(15);
/// The smallest transfer, in fen.
pub(crate) const TRANSFER_FEN_MIN: u64 = 100;
