//! Every bound of the engine, in one place.

use std::time::Duration;

/// Calls in hand for one merchant; above it the answer is `busy` at once.
pub const MERCHANT_CALLS_MAX: usize = 8_192;

/// Events in one batch. A message's events are never parted, so a batch may exceed it by one message.
pub const BATCH_EVENTS_MAX: usize = 2_048;

/// Keys in one round of lookups.
pub const LOOKUP_KEYS_MAX: usize = 4_096;

/// Heads in one round of reads.
pub const HEADS_MAX: usize = 1_024;

/// How long a caller waits for an answer before it hears that nobody knows.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(8);

/// How often the front door asks again after a failure that certainly did not happen.
pub const RETRIES_MAX: u32 = 5;

/// The shortest pause before asking again; each further one is twice as long, with jitter.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(10);

/// An actor that had nothing to do for so long leaves.
pub const IDLE_LEAVE_AFTER: Duration = Duration::from_secs(20);

/// Rounds of reads under way at once: one may wait for the disk while another is answered.
pub const READ_ROUNDS_MAX: usize = 2;

/// A merchant's head is kept as it was about every so many events, so that no point of its past is further from where a fold
/// may begin (`docs/PERFORMANCE.md` says how the number was found).
pub const CHECKPOINT_EVENTS: u64 = 4_096;

/// Events read at once to work out what was.
pub const HISTORY_PAGE: u32 = 1_000;

/// How far a message's clock may be behind its merchant's newest event. Messages wait and nodes' clocks differ a little; one
/// that is a day behind is wrong, or an earlier one was, and nothing is recorded by it.
pub const CLOCK_BEHIND_MAX_MS: i64 = 86_400_000;

/// How long a prepay id is given out again, in milliseconds: WeChat takes it for two hours, and a customer needs time to pay.
pub const PREPAY_REUSE_MS: i64 = 110 * 60_000;

/// How old an order is before it is closed at the channel, in milliseconds: WeChat closes nothing sooner.
pub const CLOSE_AFTER_MS: i64 = 5 * 60_000;

/// Orders looked up at once by the sweeper.
pub const POLLS_AT_ONCE: usize = 8;

/// The time between the beginnings of two polls: 50 in a second.
pub const POLLS_APART: Duration = Duration::from_millis(20);

/// Polls wait while so many customers wait for the channel.
pub const POLLS_WAIT_ABOVE: usize = 16;

/// The longest that customers hold one poll back.
pub const POLL_YIELDS_FOR: Duration = Duration::from_secs(1);

/// How often the sweeper looks which orders have reached a step of the ladder.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How often the payer looks which withdrawals are under way, besides being woken.
pub const PAYER_EVERY: Duration = Duration::from_secs(1);

/// How long a process has the background work of a merchant to itself; when it ends, others wait so long at the most.
pub const CLAIM_TERM: Duration = Duration::from_secs(16);

/// Merchants of whom a follower of the journal is told at once; of more it learns by looking.
pub const NEWS_MAX: usize = 4_096;

/// Items in a part of a list that the sweeper or the payer walks through.
pub const WALK_PART: u32 = 200;

/// Transfers and questions about transfers under way at once.
pub const TRANSFERS_AT_ONCE: usize = 4;

/// Refunds and questions about refunds under way at once.
pub const REFUNDS_AT_ONCE: usize = 4;

/// How long a refund that the channel refused holds up the next: WeChat blocks who sends more than six bad requests a second, and
/// four at once are fewer.
pub const REFUND_REFUSED_APART: Duration = Duration::from_millis(700);

/// Refunds of which somebody told, that wait for the next look; of more the ladder finds out.
pub const REFUND_HINTS_MAX: usize = 4_096;

/// A transfer is not sent any more when so much time has passed since its `sending`, in milliseconds (`design.md` 3.5).
pub const SEND_WITHIN_MS: i64 = 10_000;

/// How long after its last try a transfer that the channel does not know certainly failed, in milliseconds (`design.md` 3.5).
/// Only until then another try may follow.
pub const MISSING_IS_CERTAIN_AFTER_MS: i64 = 10 * 60_000;

/// How long after its last try the channel is believed when it does not know a transfer, in milliseconds: 28 days. WeChat's
/// `gettransferinfo` tells of the last 30 days only; a try's time may be a day ahead ([`CLOCK_BEHIND_MAX_MS`]), and the first
/// try is at most [`RESENDS_MAX`] times ten minutes older than the last.
pub const MISSING_IS_CERTAIN_UNTIL_MS: i64 = 28 * 86_400_000;

/// How long after its last try the channel is believed when it does not know a refund, in milliseconds: 300 days. WeChat takes a
/// refund's number as the same for a year.
pub const REFUND_TOLD_FOR_MS: i64 = 300 * 86_400_000;

/// How long after its last try two admins may say what became of a transfer, in milliseconds: the 30 days of which WeChat tells, and
/// the day that a clock may be ahead.
pub const CHANNEL_TELLS_FOR_MS: i64 = 31 * 86_400_000;

/// How often it is looked whether a day's hour of settlement has come, or what was not settled then can be.
pub const SETTLER_EVERY: Duration = Duration::from_secs(30);

/// Merchants that are settled by themselves at once.
pub const SETTLEMENTS_AT_ONCE: usize = 64;

/// For how long after a restore a withdrawal is asked about before its first try, in milliseconds: its number may have been used
/// by one that was lost, and WeChat tells of transfers for 30 days.
pub const ASKED_FIRST_FOR_MS: i64 = 30 * 86_400_000;

/// After a restore: how long what the channel did not answer waits before it is asked again.
pub const RECOVERY_PAUSE: Duration = Duration::from_secs(5);

/// How often a transfer is sent again after answers that certainly moved nothing. Then it fails, and the money comes back.
pub const RESENDS_MAX: u32 = 5;

/// Facts of one case that are told to people beside its amounts.
pub const CASE_FACTS_MAX: usize = 16;

/// The longest name of such a fact, in characters.
pub const FACT_NAME_MAX: usize = 64;

/// The longest value of such a fact, in characters.
pub const FACT_VALUE_MAX: usize = 500;
