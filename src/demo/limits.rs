//! Every bound of the demo, and how often its sandbox fails.

use std::ops::Range;
use std::time::Duration;

/// How long the server may take to be ready.
pub(super) const START_MAX: Duration = Duration::from_secs(30);

/// How often a condition that is waited for is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// How long owed notices, orders to be looked up and transfers under way are waited for at the end.
pub(super) const CATCH_UP_MAX: Duration = Duration::from_secs(60);

/// How long an answer is waited for.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How often a call without a final answer is made before the demo counts it as a fault.
pub(super) const ASK_MAX: u32 = 60;

/// How long a customer or merchant waits before asking again, in milliseconds.
pub(super) const ASK_AGAIN_MS: Range<u64> = 50..250;

/// How long a customer looks around between two purchases, in milliseconds.
pub(super) const LOOK_AROUND_MS: Range<u64> = 20..200;

/// How long a merchant works between two settlements or withdrawals, in milliseconds.
pub(super) const WORK_MS: Range<u64> = 30..150;

/// The amounts of orders, in fen.
pub(super) const AMOUNT_FEN: Range<u64> = 1..100_000;

/// Faults that are told one by one; the others are counted.
pub(super) const FAULTS_SHOWN: usize = 20;

/// Items of a page of a list.
pub(super) const PAGE: usize = 200;

/// How late a late notice is, in milliseconds.
pub(super) const LATE_MS: u64 = 700;

/// How often the sandbox fails: what is hit, how, and in how many of a thousand cases.
pub(super) const SANDBOX_FAULTS: [(&str, &str, u16); 8] = [
    ("notice", "lost", 100),
    ("notice", "doubled", 100),
    ("notice", "late", 100),
    ("unified_order", "system_error", 10),
    ("unified_order", "answer_lost", 10),
    ("order_query", "system_error", 20),
    ("transfer", "answer_lost", 30),
    ("transfer", "failed", 30),
];

/// When the sandbox sends a notice again that was not taken, in milliseconds after the try before.
pub(super) const NOTICE_LADDER_MS: [u64; 8] =
    [3_000, 3_000, 3_000, 5_000, 5_000, 10_000, 10_000, 20_000];

/// How long a call hangs that the sandbox lets time out.
pub(super) const HANG: Duration = Duration::from_secs(2);

/// When Tally looks up an order whose notice did not come (`TALLY_QUERY_SECONDS`).
pub(super) const QUERY_SECONDS: &str = "1,3,10,30";

/// When Tally asks about a transfer whose outcome is not known (`TALLY_TRANSFER_QUERY_SECONDS`).
pub(super) const TRANSFER_QUERY_SECONDS: &str = "1,2,4,8";
