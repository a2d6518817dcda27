//! The HTTP server around the routes: who may connect, how many, for how long.

use std::net::TcpListener;
use std::thread::available_parallelism;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::request;
use crate::limits;
use crate::service::Service;

/// Serves these routes on a listener.
pub(crate) fn serve(
    service: web::Data<Service>,
    listener: TcpListener,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let app = move || {
        let app = App::new().app_data(service.clone());
        app.wrap(from_fn(request::around)).configure(routes.clone())
    };
    let server = HttpServer::new(app)
        .workers(available_parallelism().map_or(1, std::num::NonZero::get))
        .max_connections(limits::WORKER_CONNECTIONS_MAX)
        .keep_alive(limits::KEEP_ALIVE)
        .client_request_timeout(limits::HEAD_WAIT_MAX)
        .client_disconnect_timeout(limits::DISCONNECT_WAIT_MAX)
        .shutdown_timeout(limits::STOP_WAIT_MAX.as_secs())
        // A client that hangs up is not answered: its handler is dropped, and what it was reading ends.
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}
