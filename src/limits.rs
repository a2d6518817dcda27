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

/// Requests in hand at once, of all connections: what is asked beyond is answered `busy` at once, and FAIL to WeChat, which repeats its
/// notices. Only whether the process is alive and ready is told whatever is in hand.
pub(crate) const REQUESTS_MAX: usize = 2_048;

/// How long requests in hand may take to finish once the process is to stop.
pub(crate) const STOP_WAIT_MAX: Duration = Duration::from_secs(20);

/// How long the engine or the store may take to answer a request. The engine gives up before.
pub(crate) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Lists that are read at once: the store has few connections for them, and a rush of lists must not make a queue there.
pub(crate) const LISTS_MAX: usize = 8;

/// Single things that are read at once: each takes no time, so a queue of them is short.
pub(crate) const SINGLES_MAX: usize = 64;

/// Balances of the past that are worked out at once: each reads thousands of events, or a whole journal where no checkpoint
/// helps.
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

/// Events that `tally replay` shows without being asked for more.
pub(crate) const REPLAY_NEWEST: usize = 10;

/// Events looked through for one page of entries.
pub(crate) const ENTRIES_EVENTS_MAX: u32 = 2_000;

/// How far the wall clock may leave the monotonic one (`design.md` 3.2).
pub(crate) const CLOCK_DRIFT_MAX: Duration = Duration::from_secs(10);

/// How many merchants one round of a search asks, and how many one search at the most; the rest is for the next.
pub(crate) const SEARCH_MERCHANTS_AT_ONCE: u32 = 200;
pub(crate) const SEARCH_MERCHANTS_MAX: usize = 10_000;

/// How many days before its end `tally doctor` warns of a certificate.
pub(crate) const CERTIFICATE_DAYS_MIN: i64 = 30;

/// How far in the future a caller's `paid_at` may lie: clocks differ.
pub(crate) const PAID_AT_AHEAD_MAX: Duration = Duration::from_secs(60);

/// Characters of a key's name.
pub(crate) const KEY_NAME_CHARS_MAX: usize = 64;

/// How long a key is believed to be as it was last read, where other processes may remove it.
pub(crate) const KEY_BELIEVED_FOR: Duration = Duration::from_secs(2);

/// Keys that this process does not know and asks the store for at once, where other processes may have made them.
pub(crate) const KEYS_ASKED_FOR_MAX: usize = 16;

/// How often it is read whether the books were restored, or released: other processes may have done either.
pub(crate) const RESTORES_READ_EVERY: Duration = Duration::from_secs(2);

/// For how long that is believed where other processes share the store. Then no money goes out.
pub(crate) const RESTORES_BELIEVED_FOR: Duration = Duration::from_secs(6);

/// Numbers that may be handed in at once after a restore.
pub(crate) const LOST_NUMBERS_MAX: usize = 1_000;

/// How many of them are looked up at once.
pub(crate) const LOST_NUMBERS_AT_ONCE: usize = 8;

/// How long a call that hands numbers in may take; what was not looked up by then is unknown.
pub(crate) const LOST_NUMBERS_WAIT_MAX: Duration = Duration::from_secs(8);

/// Characters of a reason that a person gives.
pub(crate) const REASON_CHARS_MAX: usize = 256;

/// Characters of a bank run's reference.
pub(crate) const REFERENCE_CHARS_MAX: usize = 64;

/// Withdrawals of one bank run.
pub(crate) const BANK_RUN_MAX: u32 = 1_000;

/// Withdrawals of a bank run that are put in or confirmed at once.
pub(crate) const BANK_RUN_AT_ONCE: u32 = 100;

/// The largest file of a bank's results, in bytes.
pub(crate) const BANK_RESULTS_BYTES_MAX: usize = 1024 * 1024;

/// How long the confirmations of one file may take. What was not reached by then is told.
pub(crate) const BANK_RESULTS_WAIT: Duration = Duration::from_secs(8);

/// Characters of a request id that a caller may choose.
pub(crate) const REQUEST_ID_CHARS_MAX: usize = 64;

/// Characters of a reason in an answer: a caller's own mistake is not sent back at length.
pub(crate) const ANSWER_REASON_CHARS_MAX: usize = 200;

/// Characters of a field's name in an answer, for the same reason.
pub(crate) const ANSWER_FIELD_CHARS_MAX: usize = 64;

/// Characters of an admin key that is given by a setting, at the least.
pub(crate) const ADMIN_KEY_CHARS_MIN: usize = 16;

/// Minutes until an unpaid order expires (`TALLY_ORDER_MINUTES`).
pub(crate) const ORDER_MINUTES: std::ops::RangeInclusive<i64> = 5..=1_440;

/// Threads of the runtime that the store lives on.
pub(crate) const STORE_THREADS: usize = 2;

/// Hours that a session may live (`TALLY_SESSION_HOURS`).
pub(crate) const SESSION_HOURS: std::ops::RangeInclusive<i64> = 1..=8_760;

/// Sessions kept at once in memory; the oldest goes when one more comes.
pub(crate) const SESSIONS_MAX: usize = 500_000;

/// How long Redis may take for one step of a session, connecting included; then the page is told to come again.
pub(crate) const SESSION_WAIT_MAX: Duration = Duration::from_secs(1);

/// After Redis could not be reached: how long pages are told so at once, without trying again.
pub(crate) const REDIS_PAUSE: Duration = Duration::from_millis(250);

/// How often the log repeats what is wrong with Redis.
pub(crate) const REDIS_TELL_EVERY: Duration = Duration::from_secs(60);

/// Bytes of what the keys in Redis begin with (`TALLY_REDIS_PREFIX`).
pub(crate) const REDIS_PREFIX_BYTES_MAX: usize = 64;

/// Logins under way at WeChat at once.
pub(crate) const LOGINS_MAX: usize = 256;

/// Steps of a ladder, and the longest one in seconds.
pub(crate) const LADDER_STEPS_MAX: usize = 32;
pub(crate) const LADDER_SECONDS_MAX: u64 = 86_400;

/// Seconds that a call to WeChat may take (`TALLY_WECHAT_TIMEOUT_SECONDS`).
pub(crate) const WECHAT_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;

/// How long a notice may take to be answered: WeChat gives up after 5 s, `api.md` 2 says 4.
pub(crate) const NOTICE_WAIT_MAX: Duration = Duration::from_millis(3_500);

/// How often one order is looked up at WeChat because its page asks, in milliseconds (`api.md` 1).
pub(crate) const LOOK_UP_EVERY_MS: i64 = 3_000;

/// Orders whose last look-up is remembered for that.
pub(crate) const LOOK_UPS_MAX: usize = 100_000;

/// How long a page that asks for its order waits for WeChat; then it is told what is known here.
pub(crate) const LOOK_UP_WAIT_MAX: Duration = Duration::from_secs(3);

/// Hops of X-Forwarded-For that are looked at.
pub(crate) const FORWARDED_HOPS_MAX: usize = 32;

/// How long the command line waits for the sandbox, and for a notice to be taken.
pub(crate) const SANDBOX_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often it looks.
pub(crate) const SANDBOX_LOOK: Duration = Duration::from_millis(50);

/// Webhooks at the most: each has a courier.
pub(crate) const WEBHOOKS_MAX: usize = 32;

/// Characters of a webhook's URL.
pub(crate) const WEBHOOK_URL_CHARS_MAX: usize = 512;

/// How long a webhook may take to answer.
pub(crate) const WEBHOOK_WAIT_MAX: Duration = Duration::from_secs(10);

/// Deliveries to one webhook at once.
pub(crate) const WEBHOOK_AT_ONCE: usize = 8;

/// Merchants whose events are told to one webhook at once, and those taken in hand in one round.
pub(crate) const WEBHOOK_MERCHANTS_AT_ONCE: usize = 4;
pub(crate) const WEBHOOK_MERCHANTS_A_ROUND: usize = 64;

/// Events of a merchant read at once to tell of them.
pub(crate) const WEBHOOK_EVENTS_PAGE: u32 = 256;

/// The time between the beginnings of two rounds: cursors are kept once a round.
pub(crate) const WEBHOOK_ROUND_EVERY: Duration = Duration::from_millis(100);

/// Deliveries of one webhook that wait, about; with as many it is told nothing new, and the journal holds what comes.
pub(crate) const WEBHOOK_WAITING_MAX: u64 = 1_000;

/// Merchants of whom one webhook has something to be told, as far as that is remembered; the scan finds the rest.
pub(crate) const WEBHOOK_DUE_MAX: usize = 4_096;

/// How often deliveries that wait are looked at, and how many are tried in one round.
pub(crate) const WEBHOOK_RETRY_EVERY: Duration = Duration::from_secs(1);
pub(crate) const WEBHOOK_RETRIES_A_ROUND: u32 = 64;

/// How often it is read which webhooks there are: other processes may have made or removed some.
pub(crate) const WEBHOOKS_READ_EVERY: Duration = Duration::from_secs(2);

/// The time between two scans for what webhooks were not told, merchants on a page, and the time between two pages.
pub(crate) const WEBHOOK_SCAN_EVERY: Duration = Duration::from_secs(10);
pub(crate) const WEBHOOK_SCAN_PAGE: u32 = 1_000;
pub(crate) const WEBHOOK_SCAN_PAGES_APART: Duration = Duration::from_millis(50);

/// How often old deliveries are removed, and how long those that were made are shown, in milliseconds.
pub(crate) const WEBHOOK_TIDY_EVERY: Duration = Duration::from_secs(3_600);
pub(crate) const WEBHOOK_DELIVERED_KEPT_MS: i64 = 7 * 86_400_000;

/// Characters of what is kept of why a delivery failed.
pub(crate) const ERROR_CHARS_MAX: usize = 200;

/// What WeChat takes as an order's `body`, in bytes.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 127;

/// From when on after a Beijing day's beginning its bill can be asked for, in milliseconds: 10:00 of the next.
pub(crate) const BILL_READY_MS: i64 = (24 + 10) * 3_600_000;

/// How long a request waits for a day to be compared. Then it goes on without it.
pub(crate) const RECONCILE_WAIT: Duration = Duration::from_secs(8);

/// Parts on disk in which both sides of a comparison are kept apart: of a million payments one holds 16,000.
pub(crate) const RECONCILE_PARTS: u64 = 64;

/// Records that a comparison asks for, or keeps, at once.
pub(crate) const RECONCILE_AT_ONCE: usize = 200;

/// Cases that one run opens at the most. Where there are more differences, something else is wrong than single payments.
pub(crate) const RECONCILE_CASES_MAX: u64 = 10_000;

/// How often it is looked whether a day is due.
pub(crate) const RECONCILE_EVERY: Duration = Duration::from_secs(60);

/// How long a day that fails waits at the most before it is tried again.
pub(crate) const RECONCILE_AGAIN_MAX: Duration = Duration::from_secs(3_600);

/// How many days that were missed are made up for: WeChat keeps a bill for three months.
pub(crate) const RECONCILE_DAYS_BACK: u32 = 88;

/// How many merchants that can't be read a report names.
pub(crate) const RECONCILE_UNREAD_SHOWN: usize = 100;

/// Payments this close to midnight may stand in the bill of the day beside theirs, in milliseconds.
pub(crate) const MIDNIGHT_MS: i64 = 10 * 60_000;

/// How much earlier than WeChat's clock ours may book a payment, in milliseconds.
pub(crate) const BOOKED_EARLY_MS: i64 = 10 * 60_000;

/// Differences in one CSV file.
pub(crate) const CSV_ROWS_MAX: usize = 100_000;

/// How long `tally reconcile` waits for an answer, and how often it asks while the day is being compared.
pub(crate) const RECONCILE_COMMAND_WAIT: Duration = Duration::from_secs(60);
pub(crate) const RECONCILE_LOOK: Duration = Duration::from_secs(1);
