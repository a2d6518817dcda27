//! The WeChat account that books are kept with. Another account, or the sandbox, says of every transfer of theirs that there is
//! none, and ten minutes later its money would be back with the merchant, who has it already.

use std::fmt;

use tally_actors::domain::time::At;
use tally_actors::ports::{
    OpenOrder, Page, ReadError, RefundUnderWay, Trouble, WithdrawalUnderWay,
};

use crate::books::Books;
use crate::keys::nobody;
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::lists::fetch;
use crate::sql::rows::Fields;
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;

/// Who plays the payment channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    /// WeChat itself: real money.
    Wechat,
    /// A sandbox: practice.
    Sandbox,
}

/// An account at the payment channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose account it is.
    pub player: Player,
    /// The mini-program's app id, by which customers and receivers are known.
    pub app_id: String,
    /// The merchant number.
    pub mch_id: String,
}

/// The account of some books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The account.
    pub account: Account,
    /// Since when they are kept with it.
    pub since: At,
}

/// Why books are not served with an account, or do not get another.
#[derive(Debug, thiserror::Error)]
pub enum AccountFault {
    /// Practice books, and a real account.
    #[error(
        "{place} holds practice books, kept with the sandbox, and TALLY_WECHAT_… name a real account: play money must not be \
         paid out; name other books (TALLY_DATA_DIR or TALLY_DATABASE_URL), or unset TALLY_WECHAT_… to go on practising"
    )]
    Practice {
        /// The books.
        place: String,
    },
    /// Real books, and the sandbox.
    #[error(
        "{place} holds books of {kept}, and the sandbox knows nothing of their orders and transfers: set TALLY_WECHAT_…, or \
         name other books to practise on (TALLY_DATA_DIR or TALLY_DATABASE_URL)"
    )]
    Real {
        /// The books.
        place: String,
        /// Their account.
        kept: Account,
    },
    /// Books of another account.
    #[error(
        "{place} holds books of {kept}, and TALLY_WECHAT_… name {ours}, which knows nothing of their orders and transfers: set \
         TALLY_WECHAT_APP_ID and TALLY_WECHAT_MCH_ID to the former, or, if the platform has moved, run tally account --set"
    )]
    Other {
        /// The books.
        place: String,
        /// Their account.
        kept: Account,
        /// The one that is set.
        ours: Account,
    },
    /// A move while the former account is still needed.
    #[error(
        "{what}, and only {kept} can tell what becomes of it: start tally with that account, wait until nothing is open any \
         more, stop it, and run the same again"
    )]
    StillOpen {
        /// What is.
        what: String,
        /// The account that knows.
        kept: Account,
    },
    /// It can't be read or written.
    #[error("the WeChat account of {place} can't be read or kept: {error}")]
    Store {
        /// The books.
        place: String,
        /// Why.
        error: ReadError,
    },
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.player {
            Player::Wechat => {
                write!(f, "the WeChat account {} with app id {}", self.mch_id, self.app_id)
            }
            Player::Sandbox => f.write_str("the sandbox"),
        }
    }
}

impl Player {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Sandbox => "sandbox",
        }
    }
}

/// Whether books may be served with an account: theirs, or, where they have none yet, the first that comes, which is theirs
/// from then on.
///
/// # Errors
///
/// [`AccountFault`], in one line with the remedy.
pub async fn must_be_kept_with(
    books: &dyn Books,
    ours: &Account,
    now: At,
) -> Result<(), AccountFault> {
    let failed = |error| AccountFault::Store { place: books.place(), error };
    let mut kept = books.account().await.map_err(failed)?;
    if kept.is_none() {
        let first = Kept { account: ours.clone(), since: now };
        let begun = books.begin_account(first).await.map_err(|trouble| failed(trouble.into()));
        // Of two that start at once, one was first.
        kept = books.account().await.map_err(failed)?;
        if kept.is_none() {
            begun?;
            return Err(failed(Trouble::Unavailable("it was not kept".into()).into()));
        }
    }
    match kept {
        Some(Kept { account, .. }) if account != *ours => {
            Err(differs(books.place(), account, ours))
        }
        Some(_) | None => Ok(()),
    }
}

fn differs(place: String, kept: Account, ours: &Account) -> AccountFault {
    match (kept.player, ours.player) {
        (Player::Sandbox, Player::Wechat) => AccountFault::Practice { place },
        (Player::Wechat, Player::Sandbox) => AccountFault::Real { place, kept },
        (Player::Wechat, Player::Wechat) | (Player::Sandbox, Player::Sandbox) => {
            AccountFault::Other { place, kept, ours: ours.clone() }
        }
    }
}

/// Gives books another account, once nothing of theirs is open at the former. Practice books stay practice books. Nobody serves
/// the books meanwhile. Says what the former was.
///
/// # Errors
///
/// [`AccountFault`]; then nothing was changed.
pub async fn change(
    books: &dyn Books,
    to: Account,
    now: At,
) -> Result<Option<Account>, AccountFault> {
    let failed = |error| AccountFault::Store { place: books.place(), error };
    let former = books.account().await.map_err(failed)?.map(|kept| kept.account);
    if let Some(kept) = &former {
        if *kept == to {
            return Ok(former);
        }
        if kept.player != to.player {
            return Err(differs(books.place(), kept.clone(), &to));
        }
        if let Some(what) = still_open(books).await.map_err(failed)? {
            return Err(AccountFault::StillOpen { what, kept: kept.clone() });
        }
    }
    let kept = books.keep_account(Kept { account: to, since: now }).await;
    kept.map_err(|trouble| failed(trouble.into()))?;
    Ok(former)
}

/// Something that only the account can tell the outcome of, in words. Restored books that nobody released may have more of it
/// than they know.
async fn still_open(books: &dyn Books) -> Result<Option<String>, ReadError> {
    let first = || Page { limit: 1, cursor: None };
    let frozen = books.restores().await?.iter().any(crate::restores::Restore::is_frozen);
    if frozen {
        return Ok(Some("the books were restored and are not released".into()));
    }
    let open = books.open_orders(At::default(), At::from_ms(i64::MAX), first()).await?;
    match open.items.first() {
        Some(Ok(OpenOrder { merchant, order })) => {
            return Ok(Some(format!("order {} of merchant {merchant} is open", order.order_no)));
        }
        Some(Err(damaged)) => return Err(damaged.why.clone()),
        None => {}
    }
    let out = books.withdrawals_under_way(first()).await?;
    match out.items.first() {
        Some(Ok(WithdrawalUnderWay { merchant, withdrawal })) => {
            let withdrawal_no = withdrawal.withdrawal_no;
            let what = format!("withdrawal {withdrawal_no} of merchant {merchant} is under way");
            return Ok(Some(what));
        }
        Some(Err(damaged)) => return Err(damaged.why.clone()),
        None => {}
    }
    let back = books.refunds_under_way(first()).await?;
    match back.items.first() {
        Some(Ok(RefundUnderWay { merchant, refund })) => {
            let refund_no = refund.refund_no;
            Ok(Some(format!("refund {refund_no} of merchant {merchant} is under way")))
        }
        Some(Err(damaged)) => Err(damaged.why.clone()),
        None => Ok(None),
    }
}

const COLUMNS: &str = "id, player, app_id, mch_id, since_ms";

/// The account of the books; `None`: no start has kept one.
pub(crate) async fn read(db: &Pool) -> Result<Option<Kept>, ReadError> {
    let sql = "select player, app_id, mch_id, since_ms from channel_account";
    let rows = fetch(db, sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut fields = Fields::new(row, nobody());
    let players = [Player::Wechat, Player::Sandbox];
    let player =
        fields.made(|raw: &str| players.into_iter().find(|player| player.as_str() == raw))?;
    let account = Account { player, app_id: fields.take()?, mch_id: fields.take()? };
    Ok(Some(Kept { account, since: fields.at()? }))
}

/// The statement that keeps the first account and no second, and its values.
pub(crate) fn begin(kept: &Kept) -> (String, Values<'_>) {
    insert(kept, "")
}

/// The statement that keeps an account in place of the one before, and its values.
pub(crate) fn keep(dialect: Dialect, kept: &Kept) -> (String, Values<'_>) {
    insert(kept, &dialect.over("id", COLUMNS))
}

fn insert<'k>(Kept { account, since }: &'k Kept, over: &str) -> (String, Values<'k>) {
    let text = format!("insert into channel_account ({COLUMNS}) values (1, ?, ?, ?, ?) {over}");
    let Account { player, app_id, mch_id } = account;
    let values = [Text(player.as_str()), Text(app_id), Text(mch_id), Integer(since.ms())];
    (text, values.to_vec())
}
