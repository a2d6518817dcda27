//! Who finds a place, who does not, and who holds none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use actix_web::{App, rt};

use super::*;
use crate::app::service_in;
use crate::limits::REQUESTS_MAX;
use crate::web::request::around;
use crate::web::routes;
use crate::web::server::serve;

/// What must happen takes far less.
const SOON: Duration = Duration::from_secs(60);

fn all(service: &Service) -> OwnedSemaphorePermit {
    let all = u32::try_from(REQUESTS_MAX).unwrap();
    Arc::clone(&service.turns.requests).try_acquire_many_owned(all).expect("all are free")
}

#[actix_web::test]
async fn what_is_asked_beyond_the_bound_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Data::new(service_in(folder.path()).await);
    let app = App::new().app_data(Data::clone(&service)).wrap(from_fn(around));
    let app = init_service(app.configure(routes)).await;
    let ask = async |method, path: &str| {
        let request = TestRequest::with_uri(path).method(method).to_request();
        let response = call_service(&app, request).await;
        let status = response.status().as_u16();
        let again = response.headers().contains_key(header::RETRY_AFTER);
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        (status, again, body)
    };
    let taken = all(&service);
    let (status, _, body) = ask(Method::POST, "/notify/default/payment").await;
    assert!(status == 200 && body.contains("FAIL") && body.contains("busy"), "{body}");
    assert_eq!(service.unheeded_notices.load(Ordering::Relaxed), 1);
    for path in ["/v1/merchants", "/pay/", "/nowhere"] {
        let (status, again, body) = ask(Method::POST, path).await;
        assert!(status == 429 && again && body.contains("\"busy\""), "{path}: {body}");
    }
    assert_eq!(service.turned_away.load(Ordering::Relaxed), 4);
    assert_eq!(ask(Method::GET, "/healthz").await.0, 200);
    assert_eq!(ask(Method::GET, "/readyz").await.0, 200);
    drop(taken);
    assert_eq!(ask(Method::POST, "/nowhere").await.0, 404);
    assert_eq!(ask(Method::POST, "/v1/merchants").await.0, 401);
    let (_, _, body) = ask(Method::POST, "/notify/default/payment").await;
    assert!(body.contains("FAIL") && !body.contains("busy"), "{body}");
    assert_eq!(service.turned_away.load(Ordering::Relaxed), 4);
    drop(all(&service));
}

/// A server of these routes in a thread of its own kind, as production sets it up.
async fn listening(service: &Data<Service>) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rt::spawn(serve(Data::clone(service), listener, routes).unwrap());
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, waited).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[actix_web::test]
async fn a_client_that_is_slow_with_its_body_holds_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let service = Data::new(service_in(folder.path()).await);
    let mut stream = listening(&service).await;
    let head = "POST /notify/default/payment HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // Once its head was read it has been through the door; whenever that is, no place is missing for long.
    for _ in 0..10 {
        until("all places are free", || service.turns.requests.available_permits() == REQUESTS_MAX)
            .await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // All places taken when its body comes: it is told, and its connection goes on.
    let taken = all(&service);
    stream.write_all(b"abcd").unwrap();
    let mut answer = [0; 2_048];
    let mut stream = rt::task::spawn_blocking(move || {
        let read = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.contains("FAIL") && answer.contains("too much"), "{answer}");
        stream
    })
    .await
    .unwrap();
    drop(taken);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answer = rt::task::spawn_blocking(move || {
        let mut answer = [0; 2_048];
        let read = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[actix_web::test]
async fn a_client_that_never_ends_its_head_loses_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    let service = Data::new(service_in(folder.path()).await);
    let mut stream = listening(&service).await;
    stream.write_all(b"POST /notify/default/payment HTTP/1.1\r\nHost: ").unwrap();
    let ended = rt::task::spawn_blocking(move || {
        let mut answer = vec![];
        stream.read_to_end(&mut answer).map(|_| String::from_utf8_lossy(&answer).into_owned())
    });
    let answer = ended.await.unwrap().expect("it is closed, and not for us to end");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}
