//! The known defects of this field, to be built in on purpose and caught by the proof (feature `mutants`).
//!
//! A mutant is chosen for a thread at run time. Without the feature none is ever on, and the compiler removes what stands
//! behind the question. While one is on, what backs the rules up (the constraints of records and heads) is off: the proof
//! must catch the defect itself, and not the belt over it.

use crate::domain::event::Event;
use crate::domain::head::Head;
use crate::domain::money::Balance;
use crate::domain::refusal::Refusal;
use crate::domain::settlement::Bucket;
use crate::ports::Row;

/// Names the mutants, and says what each does.
macro_rules! mutants {
    (
        engine { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }
        payout { $($(#[doc = $pdoc:literal])+ $pvariant:ident = $pname:literal,)+ }
    ) => {
        /// A defect, by what goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $variant,)+
            $($(#[doc = $pdoc])+ $pvariant,)+
        }

        impl Mutant {
            /// Those that the simulator must catch.
            pub const ENGINE: &[Self] = &[$(Self::$variant,)+];

            /// Those of paying a withdrawal out, which the model check must catch.
            pub const PAYOUT: &[Self] = &[$(Self::$pvariant,)+];

            /// The mutant of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ENGINE.iter().chain(Self::PAYOUT).copied().find(|one| one.name() == name)
            }

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    $(Self::$pvariant => $pname,)+
                }
            }
        }
    };
}

mutants! {
    engine {
        /// A settlement adds up what was paid before the newest event, and marks what is paid now.
        SumThenMark = "sum-then-mark",
        /// A settlement's window of `paid_seq` was read before the newest event; its sums were not.
        WindowReadOutside = "window-read-outside",
        /// The same payment, told twice, is credited twice.
        CreditWithoutUniqueNumber = "credit-without-unique-number",
        /// A withdrawal compares with the balance as it was before the newest event.
        BalanceReadBeforeLock = "balance-read-before-lock",
        /// An answer leaves before what it rests on is durable.
        AnswerBeforeDurable = "answer-before-durable",
        /// Closing an order changes memory alone.
        ApplyWithoutAppend = "apply-without-append",
        /// What rests on memory is not confirmed, although others write to the store as well.
        StaleOwnerRead = "stale-owner-read",
        /// A withdrawal of more than there is freezes the money, and is refused.
        FreezeAlthoughRefused = "freeze-although-refused",
        /// A payment for a closed order makes it paid, as though it had been open.
        LateSuccessOverwritesClosed = "late-success-overwrites-closed",
        /// A payment is known again by its order, and not by its transaction.
        DuplicateByOrderOnly = "duplicate-by-order-only",
        /// When a batch is cut up, those who are not at fault are told that they are stored.
        BatchCutWrongly = "batch-cut-wrongly",
        /// The store does not compare what a run follows with what it has.
        ChainNotChecked = "chain-not-checked",
        /// A new incarnation is let in while rows of the one before are in flight, and hears of their end as of its own.
        WaiterOfAnotherIncarnation = "waiter-of-another-incarnation",
        /// A record is dropped before it is stored, and the next decision rests on what was read instead.
        LookupBeforeMemory = "lookup-before-memory",
        /// A commit in doubt is told as one that did not happen.
        DoubtSaidAsFailure = "doubt-said-as-failure",
        /// The number made for a caller's key is not found again.
        KeyForgotten = "key-forgotten",
        /// A refund that is sent again goes out under a new number.
        RefundRenumbered = "refund-renumbered",
        /// The fee on what is refunded stays with the platform.
        RefundKeepsFee = "refund-keeps-fee",
        /// What a refund takes beyond what is available is forgotten.
        DebtForgotten = "debt-forgotten",
        /// A refund that failed gives nothing back.
        FailedRefundKept = "failed-refund-kept",
        /// A refund is taken from available money although its order is not settled.
        RefundFromAvailable = "refund-from-available",
        /// A refund that failed goes back to the pending money of its order, which was settled meanwhile.
        RefundToClosedBucket = "refund-to-closed-bucket",
        /// A frozen merchant's withdrawal goes out.
        FreezeIgnored = "freeze-ignored",
        /// One admin says twice what became of a transfer, and that ends it.
        AttestedAlone = "attested-alone",
        /// A withdrawal that is in a bank run is put in another.
        PutInTwoRuns = "put-in-two-runs",
        /// What stands in suspense, or left it, is booked for its order as well.
        HeldAndBooked = "held-and-booked",
        /// Who asked for an adjustment decides about it.
        AdjustedAlone = "adjusted-alone",
        /// An adjustment that is approved once more moves money once more.
        AdjustedTwice = "adjusted-twice",
        /// A remedy credits what the customer paid, coupons included, and not what came in.
        CouponCredited = "coupon-credited",
    }
    payout {
        /// A success that comes late overwrites a withdrawal that was given back.
        LateSuccessOverwrites = "late-success-overwrites",
        /// A transfer that the channel does not know yet has failed.
        MissingIsFailed = "missing-is-failed",
        /// An error code alone gives the money back.
        FailedByErrorCode = "failed-by-error-code",
        /// A transfer goes out although its `sending` may not be durable.
        SentBeforeDurable = "sent-before-durable",
        /// A transfer goes out however long its `sending` took.
        SentLate = "sent-late",
        /// A transfer that may have moved money is sent again.
        SentAgainInDoubt = "sent-again-in-doubt",
        /// An answer about a try is taken as one about the newest.
        AnswerOfAnOlderTry = "answer-of-an-older-try",
        /// When the channel was asked is told by the wall clock alone.
        WallClockAlone = "wall-clock-alone",
        /// A transfer that is too old for the channel to tell of has failed.
        MissingForEver = "missing-for-ever",
        /// A transfer found as `sending` after a crash is never asked about.
        PayoutAbandoned = "payout-abandoned",
    }
}

#[cfg(feature = "mutants")]
std::thread_local! {
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Chooses the mutant of this thread; `None`: the engine as it is.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

/// Whether this mutant was chosen for this thread.
#[cfg(feature = "mutants")]
pub(crate) fn on(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// No mutant is on.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}

/// Whether the constraints that back the rules up are off.
#[cfg(feature = "mutants")]
pub(crate) fn lax() -> bool {
    CHOSEN.get().is_some()
}

/// Constraints hold.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn lax() -> bool {
    false
}

/// Whether an event changes memory alone.
#[cfg(feature = "mutants")]
pub(crate) fn forgets(event: &Event) -> bool {
    on(Mutant::ApplyWithoutAppend) && matches!(event, Event::OrderClosed { .. })
}

/// Every event is appended.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn forgets(_: &Event) -> bool {
    false
}

/// The refusal that is told although these rows are recorded.
#[cfg(feature = "mutants")]
pub(crate) fn refusal_beside(rows: &[Row], head: Option<&Head>) -> Option<Refusal> {
    let Event::WithdrawalRequested { amount, .. } = rows.last()?.event() else { return None };
    let after = head?.available;
    let available = after.plus(*amount)?;
    let refused = on(Mutant::FreezeAlthoughRefused) && after < Balance::ZERO;
    refused.then_some(Refusal::BalanceInsufficient { available })
}

/// What is recorded is not refused.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn refusal_beside(_: &[Row], _: Option<&Head>) -> Option<Refusal> {
    None
}

/// The head before the newest event: what somebody reads who reads too early.
#[derive(Debug, Clone, Default)]
pub(crate) struct Earlier {
    #[cfg(feature = "mutants")]
    head: Option<Box<Head>>,
}

#[cfg(feature = "mutants")]
impl Earlier {
    /// Another event is about to be applied.
    pub(crate) fn keep(&mut self, head: Option<&Head>) {
        if lax() {
            self.head = head.cloned().map(Box::new);
        }
    }

    /// What a settlement records as moved.
    pub(crate) fn moved(&self, now: Bucket, due: impl FnOnce(&Head) -> Bucket) -> Bucket {
        let early = self.head.as_deref().map(due).unwrap_or_default();
        if on(Mutant::SumThenMark) {
            let Bucket { gross, refunded, fee, .. } = early;
            return Bucket { gross, refunded, fee, ..now };
        }
        if on(Mutant::WindowReadOutside) && early.orders > 0 {
            let Bucket { first_paid_seq, last_paid_seq, .. } = early;
            return Bucket { first_paid_seq, last_paid_seq, ..now };
        }
        now
    }

    /// What a withdrawal takes for available.
    pub(crate) fn available(&self, now: Balance) -> Balance {
        match &self.head {
            Some(early) if on(Mutant::BalanceReadBeforeLock) => early.available,
            Some(_) | None => now,
        }
    }
}

#[cfg(not(feature = "mutants"))]
impl Earlier {
    pub(crate) fn keep(&mut self, _: Option<&Head>) {}

    pub(crate) fn moved(&self, now: Bucket, _: impl FnOnce(&Head) -> Bucket) -> Bucket {
        now
    }

    pub(crate) fn available(&self, now: Balance) -> Balance {
        now
    }
}
