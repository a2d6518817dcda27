//! Where a replay ended, and whether that can be believed: as one object, for machines as for people.

use serde::Serialize;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Money;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::settlement::Bucket;
use tally_actors::domain::time::{At, Day};

use super::story::{Kind, Told};
use super::why::Number;
use super::{End, Telling};
use crate::web::merchants::BalanceView;

/// All that is said in the end.
#[derive(Serialize)]
pub(super) struct State<'a> {
    pub(super) merchant_id: MerchantId,
    /// How many events were folded: from the first, each with the right hash.
    pub(super) events: u64,
    /// The first row of the journal that is not what Tally wrote, if one was met: what follows it is not told.
    pub(super) flaw: Option<Broken>,
    /// What the stored head is, beside the one that was folded.
    pub(super) stored_head: StoredIs,
    /// What the number that was asked for comes to by its changes, and by the head.
    pub(super) why: Option<Sum>,
    /// Where the merchant stood; none where not even the first event can be believed.
    #[serde(flatten)]
    pub(super) stood: Option<Stood<'a>>,
    pub(super) kinds: Vec<&'a Kind>,
    /// The newest events, oldest first.
    pub(super) newest: Vec<&'a Told>,
}

/// A row of the journal that is not what Tally wrote.
#[derive(Serialize)]
pub(super) struct Broken {
    pub(super) seq: Seq,
    pub(super) what: String,
}

/// The stored head beside the folded one.
#[derive(Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredIs {
    /// The same, bit for bit.
    Same,
    /// Another, and the first column that differs.
    Differs(String),
    /// Not there.
    Missing,
    /// Of a later place, as is right where a point of the past was asked for.
    Later,
    /// Not compared, as the journal could not be folded so far.
    NotCompared,
}

/// A number by its changes, and by the head.
#[derive(Serialize)]
pub(super) struct Sum {
    pub(super) number: Number,
    pub(super) changes_fen: i128,
    pub(super) head_fen: i128,
}

/// A head in plain words.
#[derive(Serialize)]
pub(super) struct Stood<'a> {
    pub(super) hash: String,
    pub(super) at: At,
    pub(super) registered_at: At,
    pub(super) balance: BalanceView,
    /// What is pending, by the first day on which it may be settled; null: at once.
    pub(super) buckets: Vec<BucketView>,
    /// What was asked for in each of the newest days and did not come back.
    pub(super) requested: Vec<RequestedView>,
    pub(super) rules: &'a Rules,
    #[serde(skip)]
    pub(super) head: &'a Head,
}

/// A bucket.
#[derive(Serialize)]
pub(super) struct BucketView {
    pub(super) settle_on: Option<Day>,
    pub(super) orders: u64,
    pub(super) gross_fen: Money,
    pub(super) refunded_fen: Money,
    pub(super) fee_fen: Money,
    pub(super) first_paid_seq: u64,
    pub(super) last_paid_seq: u64,
}

/// What was asked for in a day.
#[derive(Serialize)]
pub(super) struct RequestedView {
    pub(super) day: Day,
    pub(super) requested_fen: Money,
}

impl<'a> State<'a> {
    /// What a telling came to.
    pub(super) fn of(telling: &'a Telling, end: &End) -> Self {
        let Telling { of, replay, story, why, value } = telling;
        let head = replay.head();
        let sum = |(number, head): (Number, &Head)| Sum {
            number,
            changes_fen: *value,
            head_fen: number.of(head),
        };
        let flaw = match end {
            End::Flawed(seq, flaw) => Some(Broken { seq: *seq, what: flaw.to_string() }),
            End::Same | End::Before | End::Differs(_) | End::NoHead => None,
        };
        Self {
            merchant_id: *of,
            events: replay.link().seq.0,
            flaw,
            stored_head: match end {
                End::Same => StoredIs::Same,
                End::Before => StoredIs::Later,
                End::Differs(fault) => StoredIs::Differs(fault.to_string()),
                End::NoHead => StoredIs::Missing,
                End::Flawed(..) => StoredIs::NotCompared,
            },
            why: why.zip(head).map(sum),
            stood: head.map(Stood::of),
            kinds: story.kinds(),
            newest: story.newest.iter().collect(),
        }
    }

    /// Whether nothing that is stored contradicts another.
    pub(super) fn is_well(&self) -> bool {
        let head = match self.stored_head {
            StoredIs::Same | StoredIs::Later => true,
            StoredIs::Differs(_) | StoredIs::Missing | StoredIs::NotCompared => false,
        };
        head && self.flaw.is_none() && self.why.as_ref().is_none_or(Sum::adds_up)
    }
}

impl Sum {
    /// Whether the changes come to what the head says.
    pub(super) fn adds_up(&self) -> bool {
        self.changes_fen == self.head_fen
    }
}

impl<'a> Stood<'a> {
    fn of(head: &'a Head) -> Self {
        let bucket = |(settle_on, bucket): (&Option<Day>, &Bucket)| BucketView {
            settle_on: *settle_on,
            orders: bucket.orders,
            gross_fen: bucket.gross,
            refunded_fen: bucket.refunded,
            fee_fen: bucket.fee,
            first_paid_seq: bucket.first_paid_seq,
            last_paid_seq: bucket.last_paid_seq,
        };
        let requested =
            |(day, sum): (&Day, &Money)| RequestedView { day: *day, requested_fen: *sum };
        Self {
            hash: head.link.hash.to_string(),
            at: head.at,
            registered_at: head.registered_at,
            balance: BalanceView::of(head, head.at),
            buckets: head.buckets.iter().map(bucket).collect(),
            requested: head.requested.iter().map(requested).collect(),
            rules: &head.rules,
            head,
        }
    }
}
