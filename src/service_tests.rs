//! Reading in turn: not too many at once, and not for somebody who is gone.

use std::future::pending;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use actix_web::web;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::*;
use crate::app::service_in;
use crate::web::server::serve;

/// How soon a reading must have begun or ended: it would end by itself after [`ANSWER_WAIT_MAX`].
const SOON: Duration = Duration::from_secs(ANSWER_WAIT_MAX.as_secs() / 2);

/// A reading that says when it began, and by the channel's end when it ended. By itself it never does.
async fn endless(begun: UnboundedSender<()>) -> Result<(), ReadError> {
    begun.send(()).unwrap();
    pending().await
}

async fn next(begun: &mut UnboundedReceiver<()>) -> Option<()> {
    tokio::time::timeout(SOON, begun.recv()).await.expect("it neither began nor ended")
}

#[actix_web::test]
async fn who_finds_all_turns_taken_is_told_busy_and_other_readings_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let service = Arc::new(service_in(folder.path()).await);
    let (sender, mut begun) = mpsc::unbounded_channel();
    let mut readers = vec![];
    for _ in 0..LISTS_MAX {
        let (service, sender) = (Arc::clone(&service), sender.clone());
        let turns = Arc::clone(&service.turns.lists);
        readers.push(tokio::spawn(async move { service.in_turn(&turns, endless(sender)).await }));
        assert_eq!(next(&mut begun).await, Some(()));
    }
    drop(sender);
    let one_more = service.stored(|store| store.merchants(Page::default())).await;
    assert!(matches!(one_more, Err(ApiError::Busy)), "{:?}", one_more.map(drop));
    let nobody = "nobody".parse().unwrap();
    let unknown = service.must_know(nobody).await.unwrap_err();
    assert_eq!(unknown.status_and_code().1, "merchant_unknown", "{unknown}");

    readers.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(next(&mut begun).await, None, "a reading outlived its reader");
    service.stored(|store| store.merchants(Page::default())).await.unwrap();
}

#[actix_web::test]
async fn a_balance_of_the_past_waits_for_one_of_few_turns_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let service = service_in(folder.path()).await;
    let turns = Arc::clone(&service.turns.histories);
    let turns = turns.acquire_many_owned(u32::try_from(HISTORIES_MAX).unwrap()).await.unwrap();
    let of = "nobody".parse().unwrap();
    let point = Point::At(At::from_ms(0));
    let busy = service.head_at(of, point, Seq(0)).await;
    assert!(matches!(busy, Err(ApiError::Busy)), "{busy:?}");
    drop(turns);
    assert_eq!(service.head_at(of, point, Seq(0)).await.unwrap(), None);
}

#[actix_web::test]
async fn a_reading_ends_when_its_client_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let service = web::Data::new(service_in(folder.path()).await);
    let (sender, mut begun) = mpsc::unbounded_channel();
    let sender = web::Data::new(Mutex::new(Some(sender)));
    let routes = move |config: &mut web::ServiceConfig| {
        config.app_data(sender.clone()).route("/", web::get().to(read_endlessly));
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = serve(service, listener, routes).unwrap();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: tally\r\n\r\n").unwrap();
    assert_eq!(next(&mut begun).await, Some(()));
    drop(client);
    assert_eq!(next(&mut begun).await, None, "the reading goes on for nobody");
    handle.stop(false).await;
    running.await.unwrap().unwrap();
}

/// Reads without end for the one client that asks.
async fn read_endlessly(
    service: web::Data<Service>,
    sender: web::Data<Mutex<Option<UnboundedSender<()>>>>,
) -> Result<&'static str, ApiError> {
    let sender = sender.lock().unwrap().take().unwrap();
    service.in_turn(&service.turns.lists, endless(sender)).await.map(|()| "read")
}
