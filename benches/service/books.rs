//! Books with open orders, made once and copied for each server that pays them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tally_actors::domain::channel_no::out_trade_no;
use tally_actors::domain::order::Channel;
use tally_actors::domain::time::At;
use tally_actors::ports::Run;
use tally_storage::SqliteStore;
use tally_wechat::SignType;
use tally_wechat::unified_order::{NewOrder, UnifiedOrder};

use super::support::{Seeder, merchant_id, order_no, write};

/// Orders that are opened in one transaction.
const ORDERS_AT_ONCE: usize = 2_500;

/// How old the orders are. Tally looks up at WeChat those that are five minutes or two hours old, and those older than a day: none of
/// these, as there is nobody to ask.
const OLD_MS: i64 = 12 * 3_600_000;

/// A file of so many merchants, each with so many open orders that WeChat was told of.
#[derive(Debug, Clone)]
pub(crate) struct Filled {
    file: PathBuf,
    pub(crate) merchants: usize,
    pub(crate) each: usize,
}

impl Filled {
    pub(crate) async fn make(folder: &Path, merchants: usize, each: usize) -> Self {
        let file = folder.join(format!("{merchants}-{each}.db"));
        let store = SqliteStore::open(&file).await.expect("it opens");
        let channel = channel();
        let from = wall().plus_ms(-OLD_MS);
        let mut seeders: Vec<Seeder> = vec![];
        let at_once = (ORDERS_AT_ONCE / each).max(1);
        for n in 0..merchants.div_ceil(at_once) {
            let mut runs: Vec<Run> = vec![];
            for merchant in n * at_once..merchants.min((n + 1) * at_once) {
                let (seeder, run) = Seeder::registered_at(merchant_id(merchant), from);
                seeders.push(seeder);
                runs.push(run);
            }
            write(&store, runs).await;
            for first in (0..each).step_by(ORDERS_AT_ONCE) {
                let count = ORDERS_AT_ONCE.min(each - first);
                let opened =
                    seeders.iter_mut().map(|seeder| seeder.announce(first, count, &channel));
                write(&store, opened.collect()).await;
            }
            seeders.clear();
        }
        store.close().await;
        Self { file, merchants, each }
    }

    /// How many orders there are.
    pub(crate) fn orders(&self) -> usize {
        self.merchants * self.each
    }

    /// A copy that may be written to.
    pub(crate) fn copy(&self, to: &Path) {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(&self.file, to).expect("there is room");
        // Or the first flushes that are measured would write the copy.
        let copy = std::fs::File::open(to).expect("it was just made");
        copy.sync_all().expect("there is room");
    }
}

/// The channel of an order as `/pay/` makes it: with the whole request that WeChat was sent.
fn channel() -> Channel {
    let openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
    let out_trade_no = out_trade_no(&merchant_id(0), &order_no(0));
    let request = UnifiedOrder::new(NewOrder {
        out_trade_no: &out_trade_no,
        body: "apples",
        total_fee: 100,
        payer_ip: IpAddr::from([10, 0, 0, 1]),
        openid,
        notify_url: "https://pay.example.com/notify/m000000/payment",
        starts_at_ms: wall().ms(),
        expires_at_ms: wall().plus_ms(7_200_000).ms(),
        sign_type: SignType::Md5,
    });
    let request = request.expect("an order");
    let fields = request.fields().iter().filter(|(name, _)| *name != "out_trade_no");
    Channel::Wechat {
        openid: openid.into(),
        request: fields.map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

/// The time on the wall: the servers that are measured read it too.
#[allow(clippy::disallowed_methods, reason = "a benchmark is at the edge")]
pub(crate) fn wall() -> At {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    At::from_ms(i64::try_from(since.expect("after 1970").as_millis()).expect("before 2081"))
}
