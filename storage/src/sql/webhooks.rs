//! The statements about webhooks, their cursors, and their deliveries.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::{MerchantId, WebhookId};
use tally_actors::domain::time::At;
use tally_actors::ports::{Page, Part, ReadError};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::row::Row;
use super::rows::{Fields, integer};
use super::value::Value::{Integer, Text};
use super::value::{Value, Values};
use crate::keys::nobody;
use crate::webhooks::{Cursor, Delivery, DeliveryStatus, Standing, Webhook};

const WEBHOOK: &str = "webhook_id, url, kinds, merchant_id, secret, created_ms";

const DELIVERY: &str = "merchant_id, webhook_id, seq, event_id, kind, thing, at_ms, made_ms, status, tries, next_ms, \
    changed_ms, error";

/// Removes a webhook.
pub(crate) const DELETE: &str = "delete from webhooks where webhook_id = ?";

/// Remove what is kept of webhooks that are gone.
pub(crate) const ORPHANS: [&str; 2] = [
    "delete from webhook_cursors where webhook_id not in (select webhook_id from webhooks)",
    "delete from deliveries where webhook_id not in (select webhook_id from webhooks)",
];

/// Removes deliveries that were made long ago.
pub(crate) const MADE_BEFORE: &str =
    "delete from deliveries where status = 'delivered' and changed_ms < ?";

/// The values of [`DELETE`].
pub(crate) fn named(webhook_id: &WebhookId) -> Values<'_> {
    vec![Text(webhook_id.as_str())]
}

/// The values of [`MADE_BEFORE`].
pub(crate) fn made_before(at: At) -> Values<'static> {
    vec![Integer(at.ms())]
}

/// All webhooks, the newest first.
pub(crate) async fn all(db: &Pool) -> Result<Vec<Webhook>, ReadError> {
    let sql = format!("select {WEBHOOK} from webhooks order by created_ms desc, webhook_id desc");
    let webhook = |row| {
        let mut fields = Fields::new(row, nobody());
        let (webhook_id, url) = (fields.text()?, fields.take()?);
        let kinds: &str = fields.take()?;
        let kinds = kinds.split(',').filter(|kind| !kind.is_empty()).map(Into::into).collect();
        let merchant = fields.made_if_any(|raw: &str| raw.parse().ok())?;
        let (secret, created_at) = (fields.take()?, fields.at()?);
        Ok(Webhook { webhook_id, url, kinds, merchant, secret, created_at })
    };
    fetch(db, &sql, &[]).await?.iter().map(webhook).collect()
}

/// The statement that keeps a webhook, and its values.
pub(crate) fn keep<'w>(
    dialect: Dialect,
    webhook: &'w Webhook,
    kinds: &'w str,
) -> (String, Values<'w>) {
    let over = dialect.over("webhook_id", WEBHOOK);
    let text = format!("insert into webhooks ({WEBHOOK}) values (?, ?, ?, ?, ?, ?) {over}");
    let Webhook { webhook_id, url, merchant, secret, created_at, .. } = webhook;
    let values = vec![
        Text(webhook_id.as_str()),
        Text(url),
        Text(kinds),
        Value::if_any(merchant.as_ref(), |of| Text(of.as_str())),
        Text(secret),
        Integer(created_at.ms()),
    ];
    (text, values)
}

/// How far the journals of merchants after this text go.
pub(crate) async fn standings_after(
    db: &Pool,
    after: String,
    limit: u32,
) -> Result<Vec<Standing>, ReadError> {
    let sql = "select merchant_id, seq, at_ms from heads where merchant_id > ? order by merchant_id limit ?";
    let rows = fetch(db, sql, &[Text(&after), Integer(limit.into())]).await?;
    let standing = |row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(Standing { merchant: fields.of(), seq: fields.seq()?, at: fields.at()? })
    };
    rows.iter().map(standing).collect()
}

/// All webhooks' cursors of the merchants from one to another.
pub(crate) async fn cursors(
    db: &Pool,
    from: MerchantId,
    to: MerchantId,
) -> Result<Vec<Cursor>, ReadError> {
    let sql = "select merchant_id, webhook_id, seq from webhook_cursors where merchant_id >= ? and merchant_id <= ?";
    let rows = fetch(db, sql, &[Text(from.as_str()), Text(to.as_str())]).await?;
    let cursor = |row| {
        let mut fields = Fields::led_by_merchant(row)?;
        let merchant = fields.of();
        Ok(Cursor { merchant, webhook_id: fields.text()?, seq: fields.seq()? })
    };
    rows.iter().map(cursor).collect()
}

/// The statement that moves cursors forward, and its values.
pub(crate) fn move_cursors(dialect: Dialect, cursors: &[Cursor]) -> (String, Values<'_>) {
    let rows = vec!["(?, ?, ?)"; cursors.len()].join(", ");
    let over = match dialect {
        Dialect::Sqlite => {
            "on conflict (merchant_id, webhook_id) do update set seq = max(seq, excluded.seq)"
        }
        Dialect::Postgres => {
            "on conflict (merchant_id, webhook_id) do update set seq = greatest(webhook_cursors.seq, excluded.seq)"
        }
        Dialect::Mysql => "on duplicate key update seq = greatest(seq, values(seq))",
    };
    let text =
        format!("insert into webhook_cursors (merchant_id, webhook_id, seq) values {rows} {over}");
    let values = cursors.iter().flat_map(|cursor| {
        [
            Text(cursor.merchant.as_str()),
            Text(cursor.webhook_id.as_str()),
            Integer(integer(cursor.seq.0)),
        ]
    });
    (text, values.collect())
}

/// The statement that keeps a delivery unless it is there, and its values.
pub(crate) fn add_delivery(dialect: Dialect, delivery: &Delivery) -> (String, Values<'_>) {
    let over = match dialect {
        Dialect::Sqlite | Dialect::Postgres => "on conflict do nothing",
        Dialect::Mysql => "on duplicate key update seq = values(seq)",
    };
    inserted(delivery, over)
}

/// The statement that keeps a delivery in place of what was kept of it, and its values.
pub(crate) fn keep_delivery(dialect: Dialect, delivery: &Delivery) -> (String, Values<'_>) {
    inserted(delivery, &dialect.over("merchant_id, webhook_id, seq", DELIVERY))
}

fn inserted<'d>(delivery: &'d Delivery, over: &str) -> (String, Values<'d>) {
    let values = vec![
        Text(delivery.merchant.as_str()),
        Text(delivery.webhook_id.as_str()),
        Integer(integer(delivery.seq.0)),
        Text(&delivery.event_id),
        Text(&delivery.kind),
        Text(&delivery.thing),
        Integer(delivery.at.ms()),
        Integer(delivery.made_at.ms()),
        Text(delivery.status.as_str()),
        Integer(delivery.tries.into()),
        Integer(delivery.next_at.ms()),
        Integer(delivery.changed_at.ms()),
        Text(&delivery.error),
    ];
    let marks = vec!["?"; values.len()].join(", ");
    (format!("insert into deliveries ({DELIVERY}) values ({marks}) {over}"), values)
}

/// A webhook's deliveries, the newest first.
pub(crate) async fn deliveries(
    db: &Pool,
    of: WebhookId,
    status: Option<DeliveryStatus>,
    page: Page,
) -> Result<Part<Delivery>, ReadError> {
    let (ms, merchant, seq) = cursor::waiting('d', page.cursor.as_deref())?;
    let dialect = db.dialect();
    let only = status.map(|_| "and status = ?").unwrap_or_default();
    let sql = format!(
        "select {DELIVERY} from deliveries where webhook_id = ? {only} and {}
         order by made_ms desc, merchant_id desc, seq desc limit ?",
        dialect.before(&["made_ms", "merchant_id", "seq"])
    );
    let mut values = vec![Text(of.as_str())];
    values.extend(status.map(|status| Text(status.as_str())));
    values.extend(dialect.place(vec![Integer(ms), Text(&merchant), Integer(seq)]));
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &sql, &values).await?;
    let found = rows.iter().map(delivery).collect::<Result<_, _>>()?;
    part(found, &page, |last: &Delivery| {
        cursor::of_waiting('d', last.made_at, &last.merchant, last.seq)
    })
}

/// Deliveries that wait and are due, and wait for none before them.
pub(crate) async fn due_deliveries(
    db: &Pool,
    of: WebhookId,
    now: At,
    limit: u32,
) -> Result<Vec<Delivery>, ReadError> {
    let sql = format!(
        "select {DELIVERY} from deliveries d
         where webhook_id = ? and status = 'waiting' and next_ms <= ? and not exists (
            select 1 from deliveries e where e.merchant_id = d.merchant_id and e.webhook_id = d.webhook_id
                and e.seq < d.seq and e.thing = d.thing and e.status = 'waiting')
         order by next_ms limit ?"
    );
    let values = [Text(of.as_str()), Integer(now.ms()), Integer(limit.into())];
    fetch(db, &sql, &values).await?.iter().map(delivery).collect()
}

/// How many deliveries of a webhook wait.
pub(crate) async fn waiting(db: &Pool, of: WebhookId) -> Result<u64, ReadError> {
    let sql = "select count(*) from deliveries where webhook_id = ? and status = 'waiting'";
    let rows = fetch(db, sql, &[Text(of.as_str())]).await?;
    let count = |row| Fields::new(row, nobody()).made(|count: i64| u64::try_from(count).ok());
    rows.first().map_or(Ok(0), count)
}

/// The things of a merchant of which deliveries wait.
pub(crate) async fn waiting_things(
    db: &Pool,
    of: WebhookId,
    merchant: MerchantId,
) -> Result<Vec<String>, ReadError> {
    let sql = "select thing from deliveries where merchant_id = ? and webhook_id = ? and status = 'waiting'";
    let rows = fetch(db, sql, &[Text(merchant.as_str()), Text(of.as_str())]).await?;
    rows.iter().map(|row| Fields::new(row, merchant).take()).collect()
}

/// Deliveries after one, in the order of their key.
pub(crate) async fn deliveries_after(
    db: &Pool,
    after: Option<(MerchantId, WebhookId, Seq)>,
    limit: u32,
) -> Result<Vec<Delivery>, ReadError> {
    let dialect = db.dialect();
    const KEY: [&str; 3] = ["merchant_id", "webhook_id", "seq"];
    let sql = format!(
        "select {DELIVERY} from deliveries where {} order by {} limit ?",
        dialect.after(&KEY),
        KEY.join(", ")
    );
    let place = match &after {
        Some((of, to, seq)) => vec![Text(of.as_str()), Text(to.as_str()), Integer(integer(seq.0))],
        None => vec![Text(""), Text(""), Integer(0)],
    };
    let mut values = dialect.place(place);
    values.push(Integer(limit.into()));
    fetch(db, &sql, &values).await?.iter().map(delivery).collect()
}

fn delivery(row: &Row) -> Result<Delivery, ReadError> {
    let mut fields = Fields::led_by_merchant(row)?;
    let status = |raw: &str| DeliveryStatus::ALL.into_iter().find(|one| one.as_str() == raw);
    Ok(Delivery {
        merchant: fields.of(),
        webhook_id: fields.text()?,
        seq: fields.seq()?,
        event_id: fields.take()?,
        kind: fields.take()?,
        thing: fields.take()?,
        at: fields.at()?,
        made_at: fields.at()?,
        status: fields.made(status)?,
        tries: fields.made(|tries: i64| u32::try_from(tries).ok())?,
        next_at: fields.at()?,
        changed_at: fields.at()?,
        error: fields.take()?,
    })
}
