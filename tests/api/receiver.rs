//! The platform's own server: takes deliveries, answers as it is told to, and remembers what it was told.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

/// One delivery as it came.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) raw: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct State {
    /// Zero: none at all.
    status: AtomicU16,
    hits: Mutex<Vec<Hit>>,
    /// Requests to where redirects lead.
    strayed: AtomicUsize,
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    port: u16,
    state: web::Data<State>,
    server: ServerHandle,
}

impl Hit {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(given, _)| given == name);
        &found.unwrap_or_else(|| panic!("{name} is missing")).1
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_on(0).await
    }

    pub(crate) async fn start_on(port: u16) -> Self {
        let state = web::Data::from(Arc::<State>::default());
        state.status.store(200, Ordering::SeqCst);
        let its = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(its.clone())
                .route("/hook", web::post().to(take))
                .route("/elsewhere", web::route().to(stray))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .bind(("127.0.0.1", port))
        .unwrap();
        let port = server.addrs()[0].port();
        let running = server.run();
        let server = running.handle();
        actix_web::rt::spawn(running);
        Self { port, state, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Answers with this status from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.state.hits.lock().unwrap().clone()
    }

    pub(crate) fn strayed(&self) -> usize {
        self.state.strayed.load(Ordering::SeqCst)
    }

    /// Stops it, and gives its port.
    pub(crate) async fn stop(self) -> u16 {
        self.server.stop(false).await;
        self.port
    }
}

async fn take(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let raw = String::from_utf8(body.to_vec()).unwrap();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
    let (headers, body) = (headers.collect(), serde_json::from_str(&raw).unwrap());
    state.hits.lock().unwrap().push(Hit { headers, raw, body });
    let status = state.status.load(Ordering::SeqCst);
    if status == 0 {
        return std::future::pending().await;
    }
    let status = StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).insert_header(("location", "/elsewhere")).finish()
}

async fn stray(state: web::Data<State>) -> HttpResponse {
    state.strayed.fetch_add(1, Ordering::SeqCst);
    HttpResponse::Ok().finish()
}
