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

/// How far a message's clock may be behind its merchant's newest event. Messages wait and nodes' clocks differ a little; one
/// that is a day behind is wrong, or an earlier one was, and nothing is recorded by it.
pub const CLOCK_BEHIND_MAX_MS: i64 = 86_400_000;
