//! Couriers beside a receiver, with a clock that the test holds.

use std::collections::BTreeMap;

use tally_actors::domain::command::{Command, OpenOrder, Pay};
use tally_actors::domain::event::PaymentSource;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::At;
use tally_actors::ports::{Page, Store, Work};
use tally_storage::webhooks::{Delivery, DeliveryStatus};

use super::super::receiver::Receiver;
use super::*;
use crate::app::service_in;
use crate::service::Service;
use crate::webhooks::Webhooks;

const START: i64 = 1_700_000_000_000;

struct World {
    service: Service,
    receiver: Receiver,
    clock: Arc<Mutex<At>>,
    webhook: Webhook,
    post: Arc<Post>,
    _folder: tempfile::TempDir,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(raw: &str) -> T {
    raw.parse().unwrap()
}

fn fen(fen: u64) -> Money {
    Money::from_fen(fen).unwrap()
}

impl World {
    /// A merchant m1, and a webhook that was made before it.
    async fn new() -> Self {
        tally_wechat::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let service = service_in(folder.path()).await;
        let receiver = Receiver::start().await;
        let webhook = Webhook {
            webhook_id: id("w1"),
            url: receiver.url(),
            kinds: vec![],
            merchant: None,
            secret: "whsec_0123456789abcdef0123456789abcdef".into(),
            created_at: At::from_ms(START),
        };
        service.store.keep_webhook(webhook.clone()).await.unwrap();
        let clock = Arc::new(Mutex::new(At::from_ms(START)));
        let post = Arc::new(Post::new(true, std::time::Duration::from_secs(60)).unwrap());
        let world = Self { service, receiver, clock, webhook, post, _folder: folder };
        world.ask(Command::Register(Rules::new("a shop"))).await;
        world
    }

    async fn ask(&self, command: Command) {
        let now = *self.clock.lock().unwrap();
        self.service.engine.ask(id("m1"), command, now).await.unwrap();
    }

    fn go_on(&self, ms: i64) {
        let mut clock = self.clock.lock().unwrap();
        *clock = clock.plus_ms(ms);
    }

    fn set(&self, at: At) {
        *self.clock.lock().unwrap() = at;
    }

    /// A courier as the next start would make it: it knows what the store does.
    fn courier(&self) -> Arc<Courier> {
        let clock = Arc::clone(&self.clock);
        let store = Arc::clone(&self.service.store);
        let desk = Desk {
            claims: Claims::new(Arc::clone(&store) as Arc<dyn Store>, Work::Webhooks),
            store,
            post: Arc::clone(&self.post),
            now: Arc::new(move || *clock.lock().unwrap()),
            refunds_open: true,
        };
        let courier = Courier::new(Arc::new(desk), self.webhook.clone());
        courier.hear(id("m1"));
        Arc::new(courier)
    }

    async fn open(&self, order_no: &str) {
        self.ask(Command::OpenOrder(OpenOrder {
            order_no: id(order_no),
            idempotency_key: None,
            amount: fen(100),
            description: "tea".into(),
            channel: Channel::External,
            expires_at: At::from_ms(START + 86_400_000_000),
        }))
        .await;
    }

    async fn pay(&self, order_no: &str) {
        self.ask(Command::Pay(Pay {
            signed: None,
            order_no: id(order_no),
            transaction_id: id(&format!("T{order_no}")),
            amount: fen(100),
            booked: fen(100),
            paid_at: At::from_ms(START),
            source: PaymentSource::Notice,
        }))
        .await;
    }

    async fn paid(&self, order_no: &str) {
        self.open(order_no).await;
        self.pay(order_no).await;
    }

    async fn deliveries(&self) -> Vec<Delivery> {
        let page = Page { limit: 200, cursor: None };
        let mut items = self.service.store.deliveries(id("w1"), None, page).await.unwrap().items;
        items.sort_by_key(|delivery| delivery.seq);
        items
    }

    /// What was told: kind and order, in order.
    fn told(&self) -> Vec<String> {
        let text = |body: &serde_json::Value, field: &str| body[field].as_str().unwrap().to_owned();
        let of = |body: &serde_json::Value| {
            let data = &body["data"];
            let order = data.get("facts").unwrap_or(data);
            format!("{} {}", text(body, "kind"), text(order, "order_no"))
        };
        self.receiver.bodies().iter().map(of).collect()
    }
}

#[actix_web::test]
async fn what_fails_is_tried_sixteen_times_in_a_day_then_set_aside_and_told_when_asked_for() {
    let world = World::new().await;
    let courier = world.courier();
    world.receiver.answer(500);
    world.paid("A0001").await;
    courier.round().await.unwrap();
    for tries in 1..16 {
        let [waits] = &world.deliveries().await[..] else { panic!("one waits") };
        assert_eq!((waits.tries, waits.status), (tries, DeliveryStatus::Waiting));
        assert_eq!(waits.error, "answered 500");
        assert_eq!(world.receiver.hits(), tries as usize);
        world.set(waits.next_at.plus_ms(-1));
        assert!(!courier.retry().await.unwrap(), "it is not due");
        assert_eq!(world.receiver.hits(), tries as usize);
        world.set(waits.next_at);
        assert!(courier.retry().await.unwrap());
    }
    let [aside] = &world.deliveries().await[..] else { panic!("it is there") };
    assert_eq!((aside.tries, aside.status), (16, DeliveryStatus::SetAside));
    let hours = (aside.changed_at.ms() - START) / 3_600_000;
    assert!((21..=26).contains(&hours), "{hours}");
    world.go_on(86_400_000);
    assert!(!courier.retry().await.unwrap(), "nobody asked for it");
    assert_eq!(world.receiver.hits(), 16);
    let ids = world.receiver.bodies().into_iter().map(|body| (body["id"].to_string(), ()));
    assert_eq!(ids.collect::<BTreeMap<_, _>>().len(), 1, "its name stays the same");

    let now = *world.clock.lock().unwrap();
    let runtime = world.service.runtime.clone();
    let post = Post::new(true, std::time::Duration::from_secs(60)).unwrap();
    let webhooks = Webhooks::new(Arc::clone(&world.service.store), runtime, post, true);
    let event: crate::webhooks::EventId = id(&aside.event_id);
    let again = webhooks.replay(world.webhook.clone(), event, now).await.unwrap().unwrap();
    assert_eq!((again.tries, again.status), (0, DeliveryStatus::Waiting));
    world.receiver.answer(200);
    assert!(courier.retry().await.unwrap());
    let [made] = &world.deliveries().await[..] else { panic!("it is there") };
    assert_eq!((made.status, made.error.as_str()), (DeliveryStatus::Delivered, ""));
    assert_eq!(world.receiver.hits(), 17);
}

#[actix_web::test]
async fn a_failure_holds_back_what_follows_of_its_own_order_alone() {
    let world = World::new().await;
    let courier = world.courier();
    world.receiver.answer(503);
    world.open("A0001").await;
    world.ask(Command::CloseOrder(id("A0001"))).await;
    courier.round().await.unwrap();
    world.receiver.answer(200);
    // Its money comes late: two more events of the same order, and one of another.
    world.pay("A0001").await;
    world.paid("A0002").await;
    for _ in 0..2 {
        let courier = world.courier(); // also after a start
        courier.round().await.unwrap();
        assert_eq!(world.told(), ["order.closed A0001", "order.paid A0002"]);
        assert!(!courier.retry().await.unwrap(), "the first is not due");
    }
    let waits = world.deliveries().await;
    assert_eq!(waits.iter().map(|one| one.tries).collect::<Vec<_>>(), [1, 0, 0]);
    world.set(waits[0].next_at);
    while courier.retry().await.unwrap() {}
    assert_eq!(world.told()[2..], ["order.closed A0001", "order.paid A0001", "case.opened A0001"]);
    let all = world.deliveries().await;
    assert!(all.iter().all(|one| one.status == DeliveryStatus::Delivered), "{all:?}");
}

#[actix_web::test]
async fn what_ends_between_success_and_cursor_is_told_again_and_none_is_lost() {
    let world = World::new().await;
    world.paid("A0001").await;
    let killed = world.courier();
    killed.tell_of(id("m1")).await.unwrap();
    assert_eq!(world.told(), ["order.paid A0001"]);
    drop(killed); // before its cursor is kept
    world.paid("A0002").await;
    world.courier().round().await.unwrap();
    let mut told = world.told();
    told[1..].sort();
    assert_eq!(told, ["order.paid A0001", "order.paid A0001", "order.paid A0002"]);
    let bodies = world.receiver.bodies();
    let twice = bodies.iter().filter(|body| body["id"] == bodies[0]["id"]);
    assert_eq!(twice.count(), 2, "the receiver can tell that it is the same");
    world.courier().round().await.unwrap();
    assert_eq!(world.told().len(), 3, "now the cursor is kept");
}

#[actix_web::test]
async fn a_webhook_is_told_of_what_happens_from_its_creation_on() {
    let world = World::new().await;
    for n in 1..=20 {
        world.go_on(1_000);
        world.paid(&format!("A{n:04}")).await;
    }
    for (name, ms, first) in [("w2", 0, 1), ("w3", 1_001, 2), ("w4", 7_000, 7), ("w5", 20_001, 21)]
    {
        let created_at = At::from_ms(START + ms);
        let webhook = Webhook { webhook_id: id(name), created_at, ..world.webhook.clone() };
        world.service.store.keep_webhook(webhook.clone()).await.unwrap();
        let before = world.told().len();
        let desk = Arc::clone(&world.courier().desk);
        let courier = Arc::new(Courier::new(desk, webhook));
        courier.hear(id("m1"));
        courier.round().await.unwrap();
        let mut told = world.told().split_off(before);
        told.sort();
        let expected = (first..=20).map(|n| format!("order.paid A{n:04}"));
        assert_eq!(told, expected.collect::<Vec<_>>(), "{name}");
    }
}

#[actix_web::test]
async fn with_too_much_waiting_nothing_new_is_begun_and_the_journal_holds_it() {
    let world = World::new().await;
    world.paid("A0001").await;
    let other: MerchantId = id("m2");
    let one = Delivery {
        webhook_id: id("w1"),
        merchant: other,
        seq: Seq(1),
        event_id: "m2-1-000000000000".into(),
        kind: "order.paid".into(),
        thing: "order:B0001".into(),
        at: At::from_ms(START),
        made_at: At::from_ms(START),
        status: DeliveryStatus::Waiting,
        tries: 1,
        next_at: At::from_ms(START + 1),
        changed_at: At::from_ms(START),
        error: String::new(),
    };
    for seq in 1..=WEBHOOK_WAITING_MAX {
        let waits = Delivery { seq: Seq(seq), ..one.clone() };
        world.service.store.add_delivery(waits).await.unwrap();
    }
    let courier = world.courier();
    courier.round().await.unwrap();
    assert_eq!(world.receiver.hits(), 0);
    let first = Delivery { status: DeliveryStatus::SetAside, ..one };
    world.service.store.keep_delivery(first).await.unwrap();
    courier.round().await.unwrap();
    assert_eq!(world.told(), ["order.paid A0001"]);
}
