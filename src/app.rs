//! The service as a whole: built in order (store, engine, server), stopped in the other.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App as WebApp, HttpServer, web};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::Rules;
use tally_actors::engine::{Engine, Options};
use tally_actors::error::EngineError;
use tally_actors::ports::{ReadError, Store};
use tally_storage::{OpenError, SqliteStore};
use tokio::runtime::{Builder, Runtime};

use crate::admin_key::{AdminKey, AdminKeyError};
use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::limits;
use crate::service::{Service, Turns};
use crate::settings::Settings;
use crate::web::{request, routes};

/// The service, ready to run.
pub struct App {
    address: SocketAddr,
    admin_key: AdminKey,
    file: PathBuf,
    server: Server,
    engine: Engine,
    store: Arc<SqliteStore>,
    runtime: StoreRuntime,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be made.
    #[error("the data directory {path}: {error}; make it writable, or set TALLY_DATA_DIR")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// There is no admin key.
    #[error(transparent)]
    AdminKey(#[from] AdminKeyError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}; stop what listens there, or set TALLY_LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// The keys can't be read.
    #[error("the keys can't be read: {0}")]
    Keys(#[from] ReadError),
    /// The default merchant can't be registered.
    #[error("the merchant TALLY_DEFAULT_MERCHANT can't be registered: {0}")]
    DefaultMerchant(EngineError),
    /// The system gives no threads or sockets.
    #[error("the system does not give what a server needs: {0}")]
    System(#[from] std::io::Error),
}

/// The runtime that the store lives on. It may be dropped anywhere: what it still does is not waited for.
struct StoreRuntime(Option<Runtime>);

impl Drop for StoreRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl App {
    /// Opens the store, starts the engine, binds the address. Called inside an actix `System`.
    pub async fn build(settings: &Settings) -> Result<Self, StartError> {
        let data_dir = &settings.data.data_dir;
        std::fs::create_dir_all(data_dir)
            .map_err(|error| StartError::DataDir { path: data_dir.clone(), error })?;
        let threads = Builder::new_multi_thread()
            .worker_threads(limits::STORE_THREADS)
            .thread_name("store")
            .enable_all()
            .build()?;
        let handle = threads.handle().clone();
        let runtime = StoreRuntime(Some(threads));
        let file = settings.data.file();
        let path = file.clone();
        let on = handle.clone();
        let opening = handle.spawn_blocking(move || on.block_on(SqliteStore::open(&path)));
        let store = Arc::new(opening.await.map_err(std::io::Error::other)??);
        // Only now: whoever has the store has the data directory, so no two starts make a key at once.
        let admin_key =
            AdminKey::find_or_make(settings.admin_key.as_ref(), &settings.data.admin_key_file())?;
        let keyring = Keyring::load(Arc::clone(&store), handle.clone(), admin_key.secret()).await?;
        let engine =
            Engine::start(Arc::clone(&store) as Arc<dyn Store>, Options::new(handle.clone()));
        let service = Service {
            engine: engine.clone(),
            runtime: handle,
            store: Arc::clone(&store),
            turns: Turns::new(),
            keyring,
            clock: Clock::start(),
            default_merchant: settings.default_merchant,
            order_ms: settings.order_minutes * 60_000,
        };
        register_default(&service).await?;
        let (server, address) = serve(web::Data::new(service), settings.listen, routes)?;
        Ok(Self { address, admin_key, file, server, engine, store, runtime })
    }

    /// Where it listens; the port that was picked, where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin's key.
    pub fn admin_key(&self) -> &str {
        self.admin_key.secret().expose()
    }

    /// Stops the service: it takes no more requests, and those in hand may finish.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Says where things are, and what to try.
    pub fn print(&self) {
        let address = self.address;
        let (key, header) = match &self.admin_key {
            AdminKey::Set(_) => ("TALLY_ADMIN_KEY".to_owned(), "$TALLY_ADMIN_KEY".to_owned()),
            AdminKey::Kept(_, path) => {
                (path.display().to_string(), format!("$(cat {})", path.display()))
            }
        };
        let lines = format!(
            "Tally listens on http://{address}\n\
             books     {}\n\
             admin key {key}\n\
             try       curl -H \"Authorization: Bearer {header}\" http://{address}/v1/merchants\n",
            self.file.display(),
        );
        // A closed standard output is no reason not to serve.
        drop(std::io::stdout().write_all(lines.as_bytes()));
    }

    /// Serves until it is told to stop, then ends the engine, and the store last.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, engine, store, runtime, .. } = self;
        let served = server.await;
        engine.stop().await;
        store.close().await;
        drop(runtime);
        tracing::info!("stopped");
        served
    }
}

/// The default merchant exists from the first start on; whatever rules it has since been given, it keeps.
async fn register_default(service: &Service) -> Result<(), StartError> {
    let merchant = service.default_merchant;
    let rules = Rules::new(merchant.as_str());
    match service.engine.register(merchant, rules, service.now()).await {
        Ok(_) | Err(EngineError::Refused(Refusal::MerchantExists)) => Ok(()),
        Err(error) => Err(StartError::DefaultMerchant(error)),
    }
}

/// Binds the address, and serves these routes on it.
pub(crate) fn serve(
    service: web::Data<Service>,
    listen: SocketAddr,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<(Server, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { address: listen, error };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let app = move || {
        let app = WebApp::new().app_data(service.clone());
        app.wrap(from_fn(request::around)).configure(routes.clone())
    };
    let server = HttpServer::new(app)
        .workers(available_parallelism().map_or(1, std::num::NonZero::get))
        .backlog(limits::BACKLOG_MAX)
        .max_connections(limits::WORKER_CONNECTIONS_MAX)
        .keep_alive(limits::KEEP_ALIVE)
        .client_request_timeout(limits::HEAD_WAIT_MAX)
        .client_disconnect_timeout(limits::DISCONNECT_WAIT_MAX)
        .shutdown_timeout(limits::STOP_WAIT_MAX.as_secs())
        // A client that hangs up is not answered: its handler is dropped, and what it was reading ends.
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
    Ok((server, address))
}
