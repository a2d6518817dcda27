//! Starts and stops the sandbox: a thread with the server and the notifier, and a thread that writes the file.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::rt::{System, spawn};
use actix_web::web::{self, Bytes, Data, JsonConfig, PayloadConfig, ServiceConfig};
use actix_web::{App, HttpServer, error};
use tally_wechat::notice_sender::NoticeSender;
use tokio::sync::{mpsc, oneshot};

use crate::desk::{Desk, Due, Parts};
use crate::faults::Kind;
use crate::journal::{Journal, JournalFault};
use crate::limits::{BODY_BYTES_MAX, KEEP_ALIVE, WORKERS};
use crate::settings::Settings;
use crate::{control, control_pay, control_refunds, notifier, protocol};

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// Its file.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// Its address.
    #[error("the sandbox can't listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Its threads, or its HTTP client.
    #[error("the sandbox can't start: {0}")]
    Start(String),
}

/// A running sandbox. Dropping it stops it at once; what it had answered is in its file.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    server: ServerHandle,
    ended: Option<oneshot::Receiver<()>>,
}

impl Sandbox {
    /// Reads its file, listens, and sends the notices that are still owed.
    ///
    /// # Errors
    ///
    /// [`StartFault`], which names the file or the address.
    pub async fn start(settings: Settings) -> Result<Self, StartFault> {
        let listen = settings.listen;
        let unheard = |error| StartFault::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let sender = NoticeSender::new(settings.notify.timeout)
            .map_err(|fault| StartFault::Start(fault.to_string()))?;
        let (journal, books, writer) = Journal::open(&settings.data_file)?;
        let (notices, due) = mpsc::unbounded_channel();
        let stopper = journal.clone();
        let desk = Data::new(Desk::new(Parts { settings, sender, books, journal, notices }));
        let (ready, started) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(move || {
            let ran = System::new().block_on(run(listener, desk, due, ready));
            if let Err(error) = ran {
                tracing::error!(%error, "the sandbox's server ended");
            }
            close(&stopper, writer);
            let _ = done.send(());
        });
        thread.map_err(|error| StartFault::Start(error.to_string()))?;
        let server = started.await.map_err(|_| StartFault::Start("its server ended".into()))?;
        Ok(Self { address, server, ended: Some(ended) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `Config::api_url` and `Config::pay_url` want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it, and waits until its file is free.
    pub async fn stop(mut self) {
        self.server.stop(false).await;
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The order to stop is given by the call; the future only waits for it to be done.
        drop(self.server.stop(false));
    }
}

async fn run(
    listener: TcpListener,
    desk: Data<Desk>,
    due: mpsc::UnboundedReceiver<Due>,
    ready: oneshot::Sender<ServerHandle>,
) -> io::Result<()> {
    let server = listen(listener, desk.clone())?;
    if ready.send(server.handle()).is_err() {
        return Ok(());
    }
    let notifier = spawn(notifier::run(desk, due));
    let ended = server.await;
    notifier.abort();
    ended
}

fn listen(listener: TcpListener, desk: Data<Desk>) -> io::Result<Server> {
    let app = move || App::new().app_data(desk.clone()).configure(routes);
    let server = HttpServer::new(app).workers(WORKERS).keep_alive(KEEP_ALIVE).disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Lets the writer finish what it has, and frees the file.
fn close(journal: &Journal, writer: JoinHandle<()>) {
    journal.stop();
    if writer.join().is_err() {
        tracing::error!("the sandbox's journal panicked");
    }
}

/// Every route.
fn routes(config: &mut ServiceConfig) {
    let json = JsonConfig::default().limit(BODY_BYTES_MAX).content_type_required(false);
    let json = json.error_handler(|fault, _| {
        let answer = control::problem(StatusCode::BAD_REQUEST, &fault.to_string());
        error::InternalError::from_response(fault, answer).into()
    });
    config.app_data(PayloadConfig::new(BODY_BYTES_MAX)).app_data(json);
    config.route("/sns/jscode2session", web::get().to(protocol::login));
    for (path, kind) in [
        ("/pay/unifiedorder", Kind::UnifiedOrder),
        ("/pay/orderquery", Kind::OrderQuery),
        ("/pay/closeorder", Kind::CloseOrder),
        ("/secapi/pay/refund", Kind::Refund),
        ("/pay/refundquery", Kind::RefundQuery),
        ("/mmpaymkttransfers/promotion/transfers", Kind::Transfer),
        ("/mmpaymkttransfers/gettransferinfo", Kind::TransferQuery),
    ] {
        let call = move |desk: Data<Desk>, body: Bytes| protocol::call(desk, kind, body);
        let resource = web::resource(path).route(web::post().to(call));
        config.service(resource.default_service(web::to(protocol::post_only)));
    }
    for (path, kind) in
        [("/pay/downloadbill", Kind::TradeBill), ("/pay/downloadfundflow", Kind::FundFlow)]
    {
        let call = move |desk: Data<Desk>, body: Bytes| protocol::bill(desk, kind, body);
        let resource = web::resource(path).route(web::post().to(call));
        config.service(resource.default_service(web::to(protocol::post_only)));
    }
    config
        .route("/sandbox/refunds", web::get().to(control_refunds::refunds))
        .route("/sandbox/refunds/{out_refund_no}/notice", web::post().to(control_refunds::again))
        .route("/sandbox/orders/{out_trade_no}/refund", web::post().to(control_refunds::by_hand))
        .route("/sandbox/balance", web::post().to(control_refunds::set_balance))
        .route("/sandbox/login", web::post().to(control::login))
        .route("/sandbox/pay", web::post().to(control_pay::by_params))
        .route("/sandbox/orders", web::get().to(control::orders))
        .route("/sandbox/orders/{out_trade_no}", web::get().to(control::order))
        .route("/sandbox/orders/{out_trade_no}/pay", web::post().to(control_pay::by_number))
        .route("/sandbox/orders/{out_trade_no}/notice", web::post().to(control_pay::notice_again))
        .route("/sandbox/transfers", web::get().to(control::transfers))
        .route("/sandbox/books", web::get().to(control::totals))
        .route("/sandbox/faults", web::get().to(control::faults))
        .route("/sandbox/faults", web::put().to(control::set_faults))
        .route("/sandbox/clock", web::post().to(control::advance));
}
