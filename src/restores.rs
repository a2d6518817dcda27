//! Books that were put back from an earlier state: what this process knows of it, and the look-up of what they may lack.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::At;
use tally_actors::freeze::Freeze;
use tally_actors::ports::ReadError;
use tally_actors::recovery::{Left, Progress, Recovery};
use tally_storage::Books;
use tally_storage::restores::{Release, Restore, mark_if_backup, of_all};
use tokio::runtime::Handle;
use tokio::sync::{Mutex as Turn, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::keyring::unmade;
use crate::limits::{RESTORES_BELIEVED_FOR, RESTORES_READ_EVERY};
use crate::web::error::ApiError;

/// What this process knows of restores.
pub(crate) struct Restores {
    store: Arc<dyn Books>,
    freeze: Arc<Freeze>,
    /// Held from a question to the store until its answer is taken: the newer answer must be taken last.
    reading: Turn<()>,
    /// Of the newest look-up of this process.
    progress: Mutex<Arc<Progress>>,
}

impl Restores {
    /// What the store says; nothing is served before. A backup's own file is marked as restored by being served.
    async fn load(store: Arc<dyn Books>, now: At) -> Result<Self, ReadError> {
        mark_if_backup(store.as_ref(), now).await?;
        let believed_for = store.shared().then_some(RESTORES_BELIEVED_FOR);
        let freeze = Arc::new(Freeze::unknown(believed_for));
        let (reading, progress) = (Turn::default(), Mutex::default());
        let this = Self { store, freeze, reading, progress };
        this.read().await?;
        Ok(this)
    }

    /// The same, asked on the runtime that the store lives on.
    pub(crate) async fn start(
        store: &Arc<dyn Books>,
        on: &Handle,
    ) -> io::Result<Result<Arc<Self>, ReadError>> {
        let (store, now) = (Arc::clone(store), Clock::start().now());
        let loading = on.spawn(async move { Self::load(store, now).await.map(Arc::new) });
        loading.await.map_err(io::Error::other)
    }

    /// What the engine goes by.
    pub(crate) fn freeze(&self) -> Arc<Freeze> {
        Arc::clone(&self.freeze)
    }

    /// All restores, the newest first. To be asked on the runtime that the store lives on.
    pub(crate) async fn read(&self) -> Result<Vec<Restore>, ReadError> {
        let _turn = self.reading.lock().await;
        let asked = Instant::now();
        let all = self.store.restores().await?;
        self.freeze.learn(of_all(&all), asked);
        Ok(all)
    }

    /// How much is still to be looked up, as far as this process knows.
    pub(crate) fn left(&self) -> Option<Left> {
        self.progress().left()
    }

    /// Why no money goes out, if none does.
    pub(crate) fn warning(&self) -> Option<String> {
        let (restored, sure) = self.freeze.now();
        let restored = restored.filter(|restored| restored.frozen)?;
        Some(if sure {
            format!(
                "no money goes out: the books were put back at {} to what they were at {}; GET /v1/restores says what to do",
                restored.at, restored.since
            )
        } else {
            "no money goes out: whether the books were restored could not be read lately".into()
        })
    }

    /// Ends the freeze, if all that the books have open was looked up. A repeat is a success. To be asked on the runtime that the
    /// store lives on.
    pub(crate) async fn release(&self, release: Release) -> Result<Vec<Restore>, ApiError> {
        let all = self.read().await?;
        if all.is_empty() {
            return Err(ApiError::refused(Refusal::NotRestored));
        }
        let frozen: Vec<&Restore> = all.iter().filter(|restore| restore.is_frozen()).collect();
        if frozen.iter().any(|restore| restore.looked_up_at.is_none()) {
            return Err(ApiError::NotLookedUp(self.left()));
        }
        for restore in frozen {
            let released = self.store.release(restore.restored_at, release.clone()).await;
            released.map_err(unmade)?;
        }
        Ok(self.read().await?)
    }

    fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks up all that the books have open, and remembers that it was.
    async fn look_up(&self, recovery: &Recovery, restores: &[Restore], clock: &Clock) {
        let progress = Arc::<Progress>::default();
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&progress);
        recovery.look_up_all(&progress).await;
        for restore in restores.iter().filter(|restore| restore.looked_up_at.is_none()) {
            match self.store.looked_up(restore.restored_at, clock.now()).await {
                Ok(()) => tracing::warn!(
                    restored_at = %restore.restored_at,
                    "what the restored books have open was looked up; hand in what came after the backup, and release"
                ),
                Err(error) => {
                    tracing::error!(%error, "that all was looked up could not be kept; it is looked up again")
                }
            }
        }
    }
}

/// Whoever looks up after a restore, and reads again what other processes did about one.
pub(crate) struct Watch {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Starts on the runtime that the store lives on.
    pub(crate) fn start(
        restores: Arc<Restores>,
        recovery: Recovery,
        clock: Clock,
        runtime: &Handle,
    ) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = runtime.spawn(async move {
            tokio::select! {
                () = watch_over(restores, recovery, clock) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        Self { stop, task }
    }

    /// Stops; what was looked up is booked, what was not is looked up after the next start.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

/// Reads what is known of restores, and has one look-up under way while there is one to make.
async fn watch_over(restores: Arc<Restores>, recovery: Recovery, clock: Clock) {
    let mut look_up = JoinSet::new();
    loop {
        // Before the reading: one that has ended is known to the store by then.
        while look_up.try_join_next().is_some() {}
        match restores.read().await {
            Ok(all) if all.iter().any(|restore| restore.looked_up_at.is_none()) => {
                if look_up.is_empty() {
                    let (restores, recovery, clock) =
                        (Arc::clone(&restores), recovery.clone(), clock.clone());
                    look_up.spawn(async move { restores.look_up(&recovery, &all, &clock).await });
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "whether the books were restored could not be read; it is read again");
            }
        }
        tokio::time::sleep(RESTORES_READ_EVERY).await;
    }
}
