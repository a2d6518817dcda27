//! The service as a whole: built in order (store, engine, server), stopped in the other.

mod start_error;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web;
use tally_actors::cashier::Cashier;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::Rules;
use tally_actors::engine::{Engine, Options};
use tally_actors::error::EngineError;
use tally_actors::gateway::Gateway;
use tally_actors::payer::Desk;
use tally_actors::ports::Store;
use tally_actors::recovery::Recovery;
use tally_sandbox::Sandbox;
use tally_storage::{Books, Place, folder};
use tally_wechat::{Client, Config};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Handle, Runtime};

pub use self::start_error::StartError;
use crate::account;
use crate::admin_key::AdminKey;
use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::limits;
use crate::logins::Logins;
use crate::look_ups::LookUps;
use crate::practice;
use crate::reconcile::Reconciler;
use crate::restores::Restores;
use crate::service::{Service, Turns};
use crate::sessions::Sessions;
use crate::settings::{Counterpart, OnOff, PublicUrl, Settings};
use crate::web::routes;
use crate::web::server::serve;
use crate::webhooks::{Post, Webhooks};
use crate::wechat_gateway::WechatGateway;
use crate::workers::Workers;

/// The service, ready to run.
pub struct App {
    address: SocketAddr,
    admin_key: AdminKey,
    place: Place,
    /// Whether there was an admin key at the start, but no database.
    books_missing: bool,
    server: Server,
    workers: Workers,
    engine: Engine,
    store: Arc<dyn Books>,
    restores: Arc<Restores>,
    sandbox: Option<Sandbox>,
    runtime: StoreRuntime,
}

/// Said where a server ran before and its books are not there: the name or the place of the file may be wrong.
const BOOKS_MISSING: &str = "T H E  B O O K S  A R E  N E W: there is an admin.key of an earlier start, but there was no \
    database. If books were deleted or are elsewhere, stop now and put them back, or set TALLY_DATABASE_URL.";

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
    /// Opens the store, binds the address, starts the sandbox where there is one, then the engine. Called inside an actix `System`.
    pub async fn build(settings: &Settings) -> Result<Self, StartError> {
        let counterpart = settings.counterpart()?;
        tally_wechat::tls::install_provider();
        let data_dir = &settings.data.data_dir;
        folder::make(data_dir)
            .map_err(|error| StartError::DataDir { path: data_dir.clone(), error })?;
        let threads = store_threads()?;
        let handle = threads.handle().clone();
        let runtime = StoreRuntime(Some(threads));
        let place = settings.data.place();
        let books_missing = settings.data.books_missing();
        if books_missing {
            tracing::warn!(%place, "{BOOKS_MISSING}");
        }
        let (opened, on) = (place.clone(), handle.clone());
        let opening = handle.spawn_blocking(move || on.block_on(opened.open()));
        let store = opening.await.map_err(std::io::Error::other)??;
        account::check(&store, &counterpart, &handle).await??;
        // Only now: whoever has the store has the data directory, so no two starts make a key at once.
        let admin_key =
            AdminKey::find_or_make(settings.admin_key.as_ref(), &settings.data.admin_key_file())?;
        let restores = Restores::start(&store, &handle).await?.map_err(StartError::Restores)?;
        let keyring = Keyring::load(Arc::clone(&store), handle.clone(), admin_key.secret()).await?;
        // Before the sandbox starts: what it sends at once waits here until the server takes it.
        let (listener, address) = bind(settings.listen)?;
        let (sandbox, config) = match counterpart {
            Counterpart::Sandbox => {
                let (sandbox, config) = practice::start(settings, admin_key.secret()).await?;
                (Some(sandbox), config)
            }
            Counterpart::Wechat(config) => (None, *config),
        };
        let gateway = gateway(settings, config, address)?;
        let sessions = Arc::new(Sessions::start(&settings.sessions, &handle).await?);
        let options = Options {
            transfers_open: gateway.can_transfer(),
            freeze: restores.freeze(),
            ..Options::new(handle.clone()).freezing_on(settings.freeze_on.0)
        };
        let engine = Engine::start(Arc::clone(&store) as Arc<dyn Store>, options);
        let parts = Parts {
            engine: engine.clone(),
            store: Arc::clone(&store),
            keyring,
            restores: Arc::clone(&restores),
            gateway,
            sessions,
            post: post(settings)?,
            sandbox: sandbox.is_some(),
        };
        let (service, desk) = service(settings, parts, handle);
        register_default(&service).await?;
        let workers = Workers::start(settings, &service, desk);
        let server = serve(web::Data::new(service), listener, routes)
            .map_err(|error| StartError::Listen { address: settings.listen, error })?;
        Ok(Self {
            address,
            admin_key,
            place,
            books_missing,
            server,
            workers,
            engine,
            store,
            restores,
            sandbox,
            runtime,
        })
    }

    /// Where it listens; the port that was picked, where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the sandbox listens, if one plays WeChat.
    pub fn sandbox_address(&self) -> Option<SocketAddr> {
        self.sandbox.as_ref().map(Sandbox::address)
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
        // A closed standard output is no reason not to serve.
        drop(std::io::stdout().write_all(self.lines().as_bytes()));
    }

    fn lines(&self) -> String {
        let address = self.address;
        let (key, header) = match &self.admin_key {
            AdminKey::Set(_) => ("TALLY_ADMIN_KEY".to_owned(), "$TALLY_ADMIN_KEY".to_owned()),
            AdminKey::Kept(_, path) => {
                (path.display().to_string(), format!("$(cat {})", path.display()))
            }
        };
        let curl = format!("curl -H \"Authorization: Bearer {header}\"");
        let mut lines = format!(
            "Tally listens on http://{address}\n\
             books     {}\n\
             admin key {key}\n\
             try       {curl} http://{address}/v1/merchants\n",
            self.place,
        );
        if let Some(sandbox) = self.sandbox_address() {
            lines.push_str(&format!(
                "\n    S A N D B O X :  N O  R E A L  M O N E Y\n\n\
                 A sandbox on http://{sandbox} plays WeChat, as no credentials are set (TALLY_WECHAT_…).\n\
                 next      tally sandbox login       a customer's code for POST /login/\n\
                 \x20         tally sandbox pay ORDER   the customer pays\n",
            ));
        }
        if let Some(warning) = self.restores.warning() {
            lines.push_str(&format!("\n    {warning}\n"));
        }
        if self.books_missing {
            lines.push_str(&format!("\n    {BOOKS_MISSING}\n"));
        }
        lines
    }

    /// Serves until it is told to stop, then ends the engine, and the store last.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, workers, engine, store, sandbox, runtime, .. } = self;
        let served = server.await;
        workers.stop().await;
        engine.stop().await;
        store.close().await;
        if let Some(sandbox) = sandbox {
            sandbox.stop().await;
        }
        drop(runtime);
        tracing::info!("stopped");
        served
    }
}

/// The default merchant exists from the first start on; whatever rules it has since been given, it keeps.
async fn register_default(service: &Service) -> Result<(), StartError> {
    let merchant = service.default_merchant;
    let rules = Rules::new(merchant.as_str());
    service.look_for_platform().await;
    match service.engine.register(merchant, rules, service.now()).await {
        Ok(_) | Err(EngineError::Refused(Refusal::MerchantExists)) => Ok(()),
        Err(error) => Err(StartError::DefaultMerchant(error)),
    }
}

/// What a service is put together of, beside what it makes itself.
struct Parts {
    engine: Engine,
    store: Arc<dyn Books>,
    keyring: Keyring,
    restores: Arc<Restores>,
    gateway: Arc<WechatGateway>,
    sessions: Arc<Sessions>,
    post: Post,
    sandbox: bool,
}

fn gateway(
    settings: &Settings,
    config: Config,
    address: SocketAddr,
) -> Result<Arc<WechatGateway>, StartError> {
    let client = Client::new(config)?;
    if !client.config().can_transfer() {
        tracing::warn!(
            "TALLY_WECHAT_CERT is not set: transfers and refunds are refused with certificate_missing"
        );
    }
    let public_url = settings.public_url.clone().unwrap_or_else(|| PublicUrl::of_address(address));
    Ok(Arc::new(WechatGateway::new(client, public_url)))
}

fn post(settings: &Settings) -> Result<Post, StartError> {
    let private = settings.webhook_private == Some(OnOff::On);
    Post::new(private, limits::WEBHOOK_WAIT_MAX).map_err(StartError::Webhooks)
}

/// The service, and the desk of those who pay out.
fn service(settings: &Settings, parts: Parts, runtime: Handle) -> (Service, Desk) {
    let Parts { engine, store, keyring, restores, gateway, sessions, post, sandbox } = parts;
    let clock = Clock::ahead(&settings.clock_ahead);
    let logins =
        Logins::new(Arc::clone(&gateway), Arc::clone(&sessions), runtime.clone(), clock.clone());
    let channel = Arc::clone(&gateway) as Arc<dyn Gateway>;
    let desk = Desk {
        engine: engine.clone(),
        gateway: Arc::clone(&channel),
        now: clock.as_now(),
        steady: clock.as_steady(),
        ladder: settings.transfer_query_seconds.0.clone(),
    };
    let cashier = Cashier::new(engine.clone(), channel, runtime.clone(), clock.as_now());
    let recovery = Recovery::new(desk.clone(), cashier.clone());
    let webhooks = Webhooks::new(Arc::clone(&store), runtime.clone(), post, engine.refunds_open());
    let beside = (&clock, &runtime);
    let turns = Turns::new(engine.store());
    let service = Service {
        reconciler: Reconciler::new(settings, &engine, &store, &gateway, beside),
        engine,
        runtime,
        store,
        turns,
        keyring,
        clock,
        default_merchant: settings.default_merchant,
        order_ms: settings.order_minutes * 60_000,
        gateway,
        cashier,
        restores,
        recovery,
        webhooks,
        sessions,
        logins,
        look_ups: LookUps::default(),
        proxies: settings.trusted_proxies.clone(),
        sandbox,
        unheeded_notices: AtomicU64::new(0),
        turned_away: AtomicU64::new(0),
    };
    (service, desk)
}

fn store_threads() -> std::io::Result<Runtime> {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(limits::STORE_THREADS).thread_name("store").enable_all().build()
}

fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = || {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?; // a start right after a stop finds the port free
        socket.bind(listen)?;
        let listener = socket.listen(limits::BACKLOG_MAX)?.into_std()?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound().map_err(|error| StartError::Listen { address: listen, error })
}

/// A service on the books in a folder, for tests of its parts. Nobody plays WeChat.
#[cfg(test)]
pub(crate) async fn service_in(folder: &std::path::Path) -> Service {
    let (settings, runtime) = (Settings::in_folder(folder), Handle::current());
    let store = settings.data.place().open().await.unwrap();
    let admin = "an-admins-own-key".parse().unwrap();
    let keyring = Keyring::load(Arc::clone(&store), runtime.clone(), &admin).await.unwrap();
    let (_, config) = practice::start(&settings, &admin).await.unwrap();
    let gateway = gateway(&settings, config, settings.listen).unwrap();
    let sessions = Arc::new(Sessions::start(&settings.sessions, &runtime).await.unwrap());
    let port = Arc::clone(&store) as Arc<dyn Store>;
    let engine = Engine::start(port, Options::new(runtime.clone()));
    let restores = Restores::start(&store, &runtime).await.unwrap().unwrap();
    let post = post(&settings).unwrap();
    let parts = Parts { engine, store, keyring, restores, gateway, sessions, post, sandbox: false };
    service(&settings, parts, runtime).0
}

#[cfg(test)]
#[path = "app_tests.rs"]
mod tests;
