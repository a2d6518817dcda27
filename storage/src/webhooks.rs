//! Webhooks: whom Tally tells of what happened, how far, and what waits to be told again. They are no facts about money, so they
//! stand outside of the journal, which is the outbox: what was told at once has no row of its own.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::{MerchantId, WebhookId};
use tally_actors::domain::time::At;
use tally_actors::ports::{Answering, Page, Part, ReadError, Trouble};

use crate::books::Tables;
use crate::sql::webhooks as sql;

/// An endpoint of the platform's own server.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub webhook_id: WebhookId,
    /// Where it is.
    pub url: String,
    /// The kinds that it is told of, by their names; none: of all.
    pub kinds: Vec<String>,
    /// The merchant that it is told of; `None`: of all.
    pub merchant: Option<MerchantId>,
    /// What deliveries are signed with, as it was shown when it was made.
    pub secret: String,
    /// When it was made; it is told of what happens from then on.
    pub created_at: At,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { webhook_id, kinds, merchant, created_at, .. } = self;
        write!(f, "webhook {webhook_id} of {merchant:?} {kinds:?} since {created_at}")
    }
}

/// How far a webhook was told of a merchant: of all up to a place, but for what has a delivery of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Whom.
    pub webhook_id: WebhookId,
    /// Of whom.
    pub merchant: MerchantId,
    /// How far.
    pub seq: Seq,
}

/// How far a merchant's journal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub merchant: MerchantId,
    /// Its newest event.
    pub seq: Seq,
    /// When that was.
    pub at: At,
}

/// How a delivery stands that was not made at the first try, or was asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is tried again, or waits for an earlier one of the same thing.
    Waiting,
    /// It was made.
    Delivered,
    /// It was tried as often as it is, in vain; it is made when somebody asks for it.
    SetAside,
}

impl DeliveryStatus {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::SetAside];

    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::SetAside => "set_aside",
        }
    }
}

/// An event that a webhook is told of, apart from those that were told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whom.
    pub webhook_id: WebhookId,
    /// Of whom.
    pub merchant: MerchantId,
    /// Its place in the merchant's journal.
    pub seq: Seq,
    /// The event's name for the receiver.
    pub event_id: String,
    /// What happened.
    pub kind: String,
    /// What it happened to: all of one thing is told in the order of `seq`.
    pub thing: String,
    /// When it happened.
    pub at: At,
    /// When it got this row.
    pub made_at: At,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next, while it waits.
    pub next_at: At,
    /// When it last changed.
    pub changed_at: At,
    /// Why the last try did not succeed, for people.
    pub error: String,
}

/// What a database keeps of webhooks.
pub trait Outbox: Send + Sync {
    /// All webhooks, the newest first. They are few.
    fn webhooks(&self) -> Answering<'_, Result<Vec<Webhook>, ReadError>>;

    /// Keeps a webhook in place of one of the same name.
    fn keep_webhook(&self, webhook: Webhook) -> Answering<'_, Result<(), Trouble>>;

    /// Removes a webhook. `false`: there is none. What else is kept of it goes with [`Outbox::tidy_webhooks`].
    fn delete_webhook(&self, webhook_id: WebhookId) -> Answering<'_, Result<bool, Trouble>>;

    /// Forgets what is kept of webhooks that are gone, and deliveries that were made before then.
    fn tidy_webhooks(&self, made_before: At) -> Answering<'_, Result<(), Trouble>>;

    /// How far the journals of merchants after this text go, in the order of their ids' bytes, at most so many.
    fn standings_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Standing>, ReadError>>;

    /// All webhooks' cursors of the merchants from one to another, both included.
    fn cursors(
        &self,
        from: MerchantId,
        to: MerchantId,
    ) -> Answering<'_, Result<Vec<Cursor>, ReadError>>;

    /// Moves cursors forward; one that is further stays. No webhook and merchant is there twice, and there is at least one.
    fn move_cursors(&self, cursors: Vec<Cursor>) -> Answering<'_, Result<(), Trouble>>;

    /// Keeps a delivery unless it is there, however it stands.
    fn add_delivery(&self, delivery: Delivery) -> Answering<'_, Result<(), Trouble>>;

    /// Keeps a delivery in place of what was kept of it.
    fn keep_delivery(&self, delivery: Delivery) -> Answering<'_, Result<(), Trouble>>;

    /// A webhook's deliveries, the newest first.
    fn deliveries(
        &self,
        of: WebhookId,
        status: Option<DeliveryStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Delivery>, ReadError>>;

    /// Deliveries that wait and are due, but for those that wait for an earlier one of the same thing; at most so many.
    fn due_deliveries(
        &self,
        of: WebhookId,
        now: At,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Delivery>, ReadError>>;

    /// How many deliveries of a webhook wait.
    fn waiting(&self, of: WebhookId) -> Answering<'_, Result<u64, ReadError>>;

    /// The things of a merchant of which deliveries wait, some of them more than once.
    fn waiting_things(
        &self,
        of: WebhookId,
        merchant: MerchantId,
    ) -> Answering<'_, Result<Vec<String>, ReadError>>;

    /// Deliveries after one, in the order of merchant, webhook and place, at most so many: for copies.
    fn deliveries_after(
        &self,
        after: Option<(MerchantId, WebhookId, Seq)>,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Delivery>, ReadError>>;
}

impl<S: Tables> Outbox for S {
    fn webhooks(&self) -> Answering<'_, Result<Vec<Webhook>, ReadError>> {
        self.reads(sql::all(self.reading()))
    }

    fn keep_webhook(&self, webhook: Webhook) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let kinds = webhook.kinds.join(",");
            let (text, values) = sql::keep(self.reading().dialect(), &webhook, &kinds);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn delete_webhook(&self, webhook_id: WebhookId) -> Answering<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let removed = self.writes(sql::DELETE, &sql::named(&webhook_id)).await?;
            Ok(removed > 0)
        })
    }

    fn tidy_webhooks(&self, made_before: At) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            for text in sql::ORPHANS {
                self.writes(text, &vec![]).await?;
            }
            self.writes(sql::MADE_BEFORE, &sql::made_before(made_before)).await.map(drop)
        })
    }

    fn standings_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Standing>, ReadError>> {
        self.reads(sql::standings_after(self.reading(), after, limit))
    }

    fn cursors(
        &self,
        from: MerchantId,
        to: MerchantId,
    ) -> Answering<'_, Result<Vec<Cursor>, ReadError>> {
        self.reads(sql::cursors(self.reading(), from, to))
    }

    fn move_cursors(&self, cursors: Vec<Cursor>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::move_cursors(self.reading().dialect(), &cursors);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn add_delivery(&self, delivery: Delivery) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::add_delivery(self.reading().dialect(), &delivery);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn keep_delivery(&self, delivery: Delivery) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::keep_delivery(self.reading().dialect(), &delivery);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn deliveries(
        &self,
        of: WebhookId,
        status: Option<DeliveryStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Delivery>, ReadError>> {
        self.reads(sql::deliveries(self.reading(), of, status, page))
    }

    fn due_deliveries(
        &self,
        of: WebhookId,
        now: At,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Delivery>, ReadError>> {
        self.reads(sql::due_deliveries(self.reading(), of, now, limit))
    }

    fn waiting(&self, of: WebhookId) -> Answering<'_, Result<u64, ReadError>> {
        self.reads(sql::waiting(self.reading(), of))
    }

    fn waiting_things(
        &self,
        of: WebhookId,
        merchant: MerchantId,
    ) -> Answering<'_, Result<Vec<String>, ReadError>> {
        self.reads(sql::waiting_things(self.reading(), of, merchant))
    }

    fn deliveries_after(
        &self,
        after: Option<(MerchantId, WebhookId, Seq)>,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Delivery>, ReadError>> {
        self.reads(sql::deliveries_after(self.reading(), after, limit))
    }
}
