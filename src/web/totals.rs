//! The platform's totals: what all merchants' books say together.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use tally_actors::domain::head::Head;
use tally_actors::domain::money::{Balance, Money};
use tally_actors::domain::reserved;
use tally_actors::domain::time::{At, Day};
use tally_actors::ports::Page;

use super::auth::Admin;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, ok};
use crate::limits::PAGE_MAX;
use crate::reconcile::Report;
use crate::service::Service;

/// Sums over all merchants, in fen, wide enough for any number of them.
#[derive(Default, Serialize)]
pub(crate) struct Totals {
    /// How many merchants are summed.
    merchants: u64,
    paid_fen: i128,
    refunded_fen: i128,
    fee_fen: i128,
    adjusted_fen: i128,
    pending_fen: i128,
    available_fen: i128,
    in_transit_fen: i128,
    withdrawn_fen: i128,
    suspense_fen: i128,
    /// What merchants owe: all that is available below zero.
    debt_fen: i128,
    /// What came in less what went out, by whatever way: external orders and withdrawals by hand among it, so WeChat's own balance
    /// differs by these. Refunds count as out from their request on.
    channel_fen: i128,
}

/// The totals, beside what WeChat says.
#[derive(Serialize)]
struct TotalsView {
    #[serde(flatten)]
    totals: Totals,
    as_of: At,
    #[serde(flatten)]
    wechat: WechatBalance,
}

/// What WeChat's bill says that it holds for the platform.
#[derive(Default, Serialize)]
struct WechatBalance {
    /// After the last movement of the newest day that was compared; null where it is not known.
    wechat_balance_fen: Option<i64>,
    /// That day.
    wechat_balance_on: Option<Day>,
    /// Why it is not known.
    wechat_balance_unknown: Option<String>,
}

/// The balance in the newest day's bill of the flow of funds.
async fn wechat_balance(service: &Service) -> Result<WechatBalance, ApiError> {
    let page = Page { limit: 1, cursor: None };
    let newest = service.kept(move |books| books.reconciliations(page)).await?.items.pop();
    let unknown = |why: &str| WechatBalance {
        wechat_balance_unknown: Some(why.to_owned()),
        ..WechatBalance::default()
    };
    let Some(made) = newest else {
        return Ok(unknown("no day was compared with WeChat's bill yet"));
    };
    let Ok(report) = serde_json::from_str::<Report>(&made.report) else {
        return Ok(unknown("what the newest day came to can't be read: compare it again"));
    };
    let Some(balance) = report.flow.as_ref().and_then(|flow| flow.balance_fen) else {
        let why = report.flow_fault.unwrap_or_else(|| "nothing moved on that day".to_owned());
        return Ok(unknown(&format!("{}: {why}", made.day)));
    };
    Ok(WechatBalance {
        wechat_balance_fen: Some(balance),
        wechat_balance_on: Some(made.day),
        wechat_balance_unknown: None,
    })
}

/// `GET /v1/platform/totals`. Read merchant by merchant, each as it stands at that moment, so that no snapshot is held open.
pub(crate) async fn get(_by: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    Query::of(&request)?.end()?;
    let (mut totals, mut cursor) = (Totals::default(), None);
    loop {
        let page = Page { limit: PAGE_MAX, cursor };
        let part = service.stored(move |store| store.merchants(page)).await?;
        part.items.iter().filter(|head| !reserved::is(head)).for_each(|head| totals.add(head));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    let wechat = wechat_balance(&service).await?;
    ok(TotalsView { totals, as_of: service.now(), wechat })
}

impl Totals {
    fn add(&mut self, head: &Head) {
        let fen = |amount: Money| i128::from(amount.fen());
        let balance = |balance: Balance| i128::from(balance.fen());
        self.merchants += 1;
        self.paid_fen += fen(head.paid);
        self.refunded_fen += fen(head.refunded);
        self.fee_fen += fen(head.fee);
        self.adjusted_fen += balance(head.adjusted);
        self.pending_fen += fen(head.pending());
        self.available_fen += balance(head.available);
        self.in_transit_fen += fen(head.in_transit);
        self.withdrawn_fen += fen(head.withdrawn);
        self.suspense_fen += fen(head.suspense);
        self.debt_fen += (-balance(head.available)).max(0);
        self.channel_fen += fen(head.paid) - fen(head.refunded) - fen(head.withdrawn)
            + fen(head.suspense)
            + fen(head.credited);
    }
}
