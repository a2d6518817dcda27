//! Holds what a server has against all that was ever acknowledged.

use super::api::Api;
use super::books::Books;
use super::history;
use super::ledger::Ledger;
use super::server::Server;
use super::site::Site;
use super::traffic::{MERCHANTS, RULES};
use crate::auditor;
use crate::history::Rules;
use crate::random::Random;

/// Gives every call a final answer, asks some again, then judges the books. What must not be.
pub async fn examine(server: &Server, ledger: &mut Ledger, random: &mut Random) -> Vec<String> {
    ledger.ask_again(server.api()).await;
    ledger.ask_twice(server.api(), random).await;
    ledger.ask_again(server.api()).await;
    let mut faults = std::mem::take(&mut ledger.faults);
    faults.extend(compare(server.api(), ledger).await);
    faults
}

/// Puts all that was asked and heard, and what is stored, before the auditor. Call it when nothing is under way.
pub async fn audit(site: &Site, ledger: &Ledger) -> Vec<String> {
    let rules = |(fee_bp, settle_after_days): (u16, Option<u8>)| Rules {
        fee_bp: fee_bp.into(),
        settle_after_days,
        ..Rules::default()
    };
    let merchants: Vec<_> = MERCHANTS.into_iter().zip(RULES.map(rules)).collect();
    let history = history::of(site, &merchants, &ledger.transcript).await;
    auditor::judge(&history).iter().map(ToString::to_string).collect()
}

/// Judges the books before anybody asks again: whether they agree with themselves, and hold all that was acknowledged.
pub async fn missing(api: &Api, ledger: &Ledger) -> Vec<String> {
    judged(api, |books| ledger.missing(books)).await
}

/// Judges the books as they are: whether they agree with themselves and with the ledger, which must have no call that may
/// have been taken and got no answer.
pub async fn compare(api: &Api, ledger: &Ledger) -> Vec<String> {
    judged(api, |books| ledger.faults_of(books)).await
}

/// Whether processes that share a database tell the same of each merchant, while nothing is under way.
pub async fn agree(servers: &[Server]) -> Vec<String> {
    let mut faults = vec![];
    for merchant in MERCHANTS {
        let mut told = vec![];
        for server in servers {
            let mut balance = server.api().get(&format!("merchants/{merchant}/balance")).await.body;
            balance["as_of"].take(); // when it was asked
            told.push(balance);
        }
        if told.windows(2).any(|pair| pair[0] != pair[1]) {
            faults.push(format!("the processes do not agree on {merchant}: {told:?}"));
        }
    }
    faults
}

async fn judged(api: &Api, judge: impl Fn(&Books) -> Vec<String>) -> Vec<String> {
    let mut faults = vec![];
    for merchant in MERCHANTS {
        let books = Books::read(api, merchant).await;
        faults.extend(books.faults());
        faults.extend(judge(&books));
    }
    faults
}
