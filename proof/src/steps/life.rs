//! Tally's life: the real binary, killed where the trap says so, and started again at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::toll::Passings;
use super::trap::Trap;
use crate::crash::server::Server;
use crate::crash::world::World;
use crate::random::Random;

/// How long a start is waited for.
const START_MAX: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The running server, if it runs, and what kills it.
#[derive(Debug)]
pub struct Life {
    this: Weak<Self>,
    world: Arc<World>,
    settings: OnceLock<Vec<(String, String)>>,
    trap: Mutex<Trap>,
    server: Mutex<Option<Server>>,
    random: Mutex<Random>,
    /// What must not be, such as a start that fails.
    faults: Mutex<Vec<String>>,
    /// Requests that are under way in either direction.
    pub(super) passing: Passings,
}

impl Life {
    /// Nothing runs yet.
    pub fn new(world: &Arc<World>, random: Random) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            world: Arc::clone(world),
            settings: OnceLock::new(),
            trap: Mutex::default(),
            server: Mutex::default(),
            random: Mutex::new(random),
            faults: Mutex::default(),
            passing: Passings::default(),
        })
    }

    /// Starts the server, with these environment variables each time.
    pub async fn begin(&self, settings: Vec<(String, String)>) {
        self.settings.set(settings).expect("begun once");
        self.start().await;
    }

    /// Starts it, as it was begun.
    pub async fn start(&self) {
        let Some(this) = self.this.upgrade() else { return };
        let started = tokio::task::spawn_blocking(move || {
            let settings = this.settings.get().expect("begun").iter();
            let settings: Vec<_> = settings.map(|(name, value)| (&**name, &**value)).collect();
            this.world.serve_at(&this.world.site, &settings)
        });
        match started.await {
            Ok(server) => *lock(&self.server) = Some(server),
            Err(error) => lock(&self.faults).push(format!("it does not start: {error}")),
        }
    }

    /// SIGKILL, and a new start, which is not waited for. One that is about to start is killed when it runs.
    pub async fn kill(&self) {
        let began = Instant::now();
        let server = loop {
            if let Some(server) = lock(&self.server).take() {
                break server;
            }
            if began.elapsed() > START_MAX {
                lock(&self.faults).push("there is nothing to kill".to_owned());
                return;
            }
            sleep(LOOK).await;
        };
        server.kill();
        let Some(this) = self.this.upgrade() else { return };
        tokio::spawn(async move { this.start().await });
    }

    /// SIGKILL, until it is started.
    pub fn end(&self) {
        if let Some(server) = lock(&self.server).take() {
            server.kill();
        }
    }

    /// Where it listens. `None`: it does not run.
    pub fn address(&self) -> Option<String> {
        lock(&self.server).as_ref().map(|server| server.address().to_owned())
    }

    /// Whether it runs and nothing is under way.
    pub fn is_calm(&self) -> bool {
        self.passing.load(Ordering::SeqCst) == 0 && lock(&self.server).is_some()
    }

    /// A random while, up to so long.
    pub fn within(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(lock(&self.random).below(most))
    }

    /// What counts and kills.
    pub fn trap(&self) -> MutexGuard<'_, Trap> {
        lock(&self.trap)
    }

    /// What must not be, so far.
    pub fn faults(&self) -> Vec<String> {
        lock(&self.faults).clone()
    }
}

/// No panic leaves these half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
