//! The servers that Tally is held against, each a process of its own: actix-web as Tally sets it up, with less behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::channel_no::read_out_trade_no;
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::time::At;
use tally_proof::crash::world::API_KEY;
use tally_storage::Place;
use tally_storage::naive::Naive;
use tally_storage::one_each::OneEach;
use tally_wechat::notice::{PaymentNotice, SUCCESS, Told, failure};
use tally_wechat::{Keys, Secret, SignType};
use tokio::runtime::{Handle, Runtime};

use super::bare::Bare;
use super::support::{fen, merchant_id, order_no};

/// How often the three statements settle.
const SETTLES_EVERY: Duration = Duration::from_millis(20);

/// What is behind the same HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Baseline {
    /// Nothing: a body that is always the same.
    Fixed,
    /// The notice is parsed and verified, and not stored.
    Verified,
    /// A transaction for each notice, in a file or on a server.
    OneEach { place: Books, at_once: u32, locked: bool, merchants: usize, orders: usize },
    /// The three statements that lose money, while they settle again and again.
    Naive { file: PathBuf, orders: usize },
    /// The rows that Tally writes, in the batches that come by themselves, without rules.
    Bare { file: PathBuf, merchants: usize },
}

/// Where a baseline keeps what it keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Books {
    File(PathBuf),
    Server(String),
}

impl Books {
    fn place(self) -> Place {
        match self {
            Self::File(file) => Place::File(file),
            Self::Server(url) => Place::Server(url.parse().expect("a server's URL")),
        }
    }
}

/// What keeps a payment.
#[derive(Clone)]
enum Keeper {
    Nobody,
    OneEach(OneEach, bool),
    Naive(Naive),
    Bare(Arc<Bare>),
}

/// What a notice told of a payment.
pub(crate) struct Paid {
    pub(crate) of: MerchantId,
    pub(crate) order_no: OrderNo,
    pub(crate) transaction_id: String,
    pub(crate) fen: u64,
    pub(crate) paid_at: At,
}

#[derive(Clone)]
struct State {
    keys: Arc<Keys>,
    keeper: Keeper,
    stores: Handle,
}

/// A baseline's whole life: it says where it listens, and serves until it is killed.
pub(crate) fn serve(baseline: &str) {
    let baseline: Baseline = serde_json::from_str(baseline).expect("a baseline");
    let stores = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let fixed = matches!(baseline, Baseline::Fixed);
    let keeper = keeper(&stores, baseline);
    let keys = Arc::new(Keys { current: Secret::new(API_KEY), old: None });
    let state = State { keys, keeper, stores: stores.handle().clone() };
    let served = actix_web::rt::System::new().block_on(async move {
        let app = move || {
            let payment = if fixed { web::post().to(answer) } else { web::post().to(notice) };
            App::new()
                .app_data(web::Data::new(state.clone()))
                .route("/notify/{merchant_id}/payment", payment)
                .route("/lost", web::get().to(lost))
        };
        let server = HttpServer::new(app)
            .workers(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
            .max_connections(10_000)
            .backlog(2_048)
            .keep_alive(Duration::from_secs(60))
            .bind("127.0.0.1:0")?;
        println!("listens on {}", server.addrs()[0]);
        server.run().await
    });
    served.expect("it serves");
}

/// Opens what a baseline keeps its payments in, and fills it with open orders.
fn keeper(stores: &Runtime, baseline: Baseline) -> Keeper {
    stores.block_on(async {
        match baseline {
            Baseline::Fixed | Baseline::Verified => Keeper::Nobody,
            Baseline::OneEach { place, at_once, locked, merchants, orders } => {
                let each = OneEach::open(&place.place(), at_once).await.expect("it opens");
                let numbers: Vec<OrderNo> = (0..orders).map(order_no).collect();
                for n in 0..merchants {
                    each.open_orders(&merchant_id(n), &numbers, fen(100)).await.expect("orders");
                }
                Keeper::OneEach(each, locked)
            }
            Baseline::Naive { file, orders } => Keeper::Naive(naive(&file, orders).await),
            Baseline::Bare { file, merchants } => {
                Keeper::Bare(Arc::new(Bare::open(&file, merchants).await))
            }
        }
    })
}

async fn naive(file: &Path, orders: usize) -> Naive {
    let naive = Naive::open(file).await.expect("it opens");
    let of = merchant_id(0);
    for n in 0..orders {
        naive.open_order(&of, &order_no(n), fen(100)).await.expect("an order");
    }
    let settles = naive.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SETTLES_EVERY).await;
            settles.settle(&of).await.expect("it settles");
        }
    });
    naive
}

/// The fixed answer. The body is read, or the connection would not be kept.
async fn answer(_: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("text/xml").body(SUCCESS)
}

/// Parses and verifies, then keeps.
async fn notice(state: web::Data<State>, body: web::Bytes) -> HttpResponse {
    let kept = match read(&state, &body) {
        Some(paid) => keep(&state, paid).await,
        None => false,
    };
    let answer = if kept { SUCCESS.to_owned() } else { failure("not kept") };
    HttpResponse::Ok().content_type("text/xml").body(answer)
}

fn read(state: &State, body: &[u8]) -> Option<Paid> {
    let notice = PaymentNotice::read(body, SignType::Md5, &state.keys).ok()?;
    let (of, order_no) = read_out_trade_no(&notice.out_trade_no)?;
    let Told::Paid(payment) = notice.told else { return None };
    let (fen, paid_at) = (payment.total_fee, At::from_ms(payment.time_end_ms));
    Some(Paid { of, order_no, transaction_id: payment.transaction_id, fen, paid_at })
}

async fn keep(state: &State, paid: Paid) -> bool {
    let Paid { of, order_no, fen: amount, .. } = paid;
    match state.keeper.clone() {
        Keeper::Nobody => true,
        Keeper::OneEach(each, locked) => {
            let kept = state.stores.spawn(async move {
                if locked {
                    each.pay_locked(&of, &order_no, fen(amount)).await
                } else {
                    each.pay(&of, &order_no, fen(amount)).await
                }
            });
            matches!(kept.await, Ok(Ok(true)))
        }
        Keeper::Naive(naive) => {
            let kept = state.stores.spawn(async move { naive.pay(&of, &order_no).await });
            matches!(kept.await, Ok(Ok(())))
        }
        Keeper::Bare(bare) => bare.keep(paid).await,
    }
}

/// What the three statements lost by now, in fen.
async fn lost(state: web::Data<State>) -> String {
    let Keeper::Naive(naive) = state.keeper.clone() else { return "0".to_owned() };
    let books = state.stores.spawn(async move { naive.books(&merchant_id(0)).await });
    books.await.expect("a task").expect("the books").lost_fen().to_string()
}
