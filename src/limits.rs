//! Every bound of the service, in one place.

use std::time::Duration;

/// The largest body of a request, in bytes (`api.md`, opening).
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a client may take to send a body.
pub(crate) const BODY_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a client may take to send a request's head.
pub(crate) const HEAD_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a connection may be idle between requests.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long a client may take to close a connection that we close.
pub(crate) const DISCONNECT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Connections of one worker; more wait in the backlog.
pub(crate) const WORKER_CONNECTIONS_MAX: usize = 10_000;

/// Connections that wait to be accepted.
pub(crate) const BACKLOG_MAX: u32 = 2_048;

/// How long requests in hand may take to finish once the process is to stop.
pub(crate) const STOP_WAIT_MAX: Duration = Duration::from_secs(20);

/// How long the engine or the store may take to answer a request. The engine gives up before.
pub(crate) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Lists that are read at once: the store has few connections for them, and a rush of lists must not make a queue there.
pub(crate) const LISTS_MAX: usize = 8;

/// Single things that are read at once: each takes no time, so a queue of them is short.
pub(crate) const SINGLES_MAX: usize = 64;

/// Balances of the past that are worked out at once: each may read a whole journal.
pub(crate) const HISTORIES_MAX: usize = 2;

/// How long a read may wait for its turn before the answer is `busy`.
pub(crate) const TURN_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long the store may take before the node counts as not ready.
pub(crate) const READY_WAIT_MAX: Duration = Duration::from_secs(2);

/// When to ask again after `busy`, `unavailable` or `outcome_unknown`, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 1;

/// Items of a list, where the caller does not say.
pub(crate) const PAGE_DEFAULT: u32 = 50;

/// Items of a list at the most.
pub(crate) const PAGE_MAX: u32 = 200;

/// Events read at once to work out what was.
pub(crate) const HISTORY_PAGE: u32 = 1_000;

/// Events looked through for one page of entries.
pub(crate) const ENTRIES_EVENTS_MAX: u32 = 2_000;

/// How far the wall clock may leave the monotonic one (`design.md` 3.2).
pub(crate) const CLOCK_DRIFT_MAX: Duration = Duration::from_secs(10);

/// How far in the future a caller's `paid_at` may lie: clocks differ.
pub(crate) const PAID_AT_AHEAD_MAX: Duration = Duration::from_secs(60);

/// Characters of a key's name.
pub(crate) const KEY_NAME_CHARS_MAX: usize = 64;

/// Characters of a reason that a person gives.
pub(crate) const REASON_CHARS_MAX: usize = 256;

/// Characters of a bank run's reference.
pub(crate) const REFERENCE_CHARS_MAX: usize = 64;

/// Characters of a request id that a caller may choose.
pub(crate) const REQUEST_ID_CHARS_MAX: usize = 64;

/// Characters of a reason in an answer: a caller's own mistake is not sent back at length.
pub(crate) const ANSWER_REASON_CHARS_MAX: usize = 200;

/// Characters of an admin key that is given by a setting, at the least.
pub(crate) const ADMIN_KEY_CHARS_MIN: usize = 16;

/// Minutes until an unpaid order expires (`TALLY_ORDER_MINUTES`).
pub(crate) const ORDER_MINUTES: std::ops::RangeInclusive<i64> = 5..=1_440;

/// Threads of the runtime that the store lives on.
pub(crate) const STORE_THREADS: usize = 2;
