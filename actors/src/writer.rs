//! The writer: a task around a [`Batcher`], which commits one batch after the other; as many of them as the store has lanes,
//! each with merchants of its own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::Recipient;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::batcher::{Batcher, Effect, Incarnation, Input};
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::doubts::Doubts;
use crate::inbox::FromStore;
use crate::limits::BATCH_EVENTS_MAX;
use crate::news::News;
use crate::pipeline::Input as Heard;
use crate::ports::{Batch, Commit, Row, Store};

/// Called with the reason when the process must end: what is stored can't be trusted, or nothing is stored any more.
pub type Fatal = Arc<dyn Fn(&str) + Send + Sync>;

enum Message {
    Open(MerchantId, Incarnation, Recipient<FromStore>),
    Append(MerchantId, Incarnation, Vec<Row>, Box<Head>),
    Close(MerchantId, Incarnation),
    Stop(oneshot::Sender<()>),
}

/// What the writer handed to the store since it started.
#[derive(Debug, Default)]
pub struct Written {
    /// Batches.
    pub batches: AtomicU64,
    /// Events in them.
    pub events: AtomicU64,
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    /// One for each lane of the store.
    inboxes: Arc<[mpsc::UnboundedSender<Message>]>,
    written: Arc<Written>,
    doubts: Doubts,
    news: Arc<News>,
}

impl Writer {
    /// Starts the writer's tasks on the store's runtime. When one ends unasked, `fatal` is called.
    pub(crate) fn start(runtime: &Handle, store: &Arc<dyn Store>, fatal: &Fatal) -> Self {
        let written = Arc::<Written>::default();
        let doubts = Doubts::default();
        let news = Arc::<News>::default();
        let lane = |_| {
            let (sender, inbox) = mpsc::unbounded_channel();
            let task = Task {
                store: Arc::clone(store),
                written: Arc::clone(&written),
                doubts: doubts.clone(),
                news: Arc::clone(&news),
                inbox,
                fatal: Arc::clone(fatal),
                batcher: Batcher::new(BATCH_EVENTS_MAX),
                owners: HashMap::new(),
                flight: None,
            };
            watch(runtime, "writer", task.run(), Arc::clone(fatal));
            sender
        };
        let inboxes = (0..store.lanes().max(1)).map(lane).collect();
        Self { inboxes, written, doubts, news }
    }

    /// What was handed to the store so far.
    pub(crate) fn written(&self) -> &Written {
        &self.written
    }

    /// Whose events were just committed.
    pub(crate) fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// Merchants of whom something is in doubt.
    pub(crate) fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// An incarnation begins; its address hears [`FromStore::Opened`] once it may read its head.
    pub(crate) fn open(
        &self,
        merchant: MerchantId,
        incarnation: Incarnation,
        owner: Recipient<FromStore>,
    ) {
        self.send(&merchant, Message::Open(merchant, incarnation, owner));
    }

    /// Makes events durable, together or not at all.
    pub(crate) fn append(
        &self,
        merchant: MerchantId,
        incarnation: Incarnation,
        rows: Vec<Row>,
        head: Box<Head>,
    ) {
        self.send(&merchant, Message::Append(merchant, incarnation, rows, head));
    }

    /// An incarnation is gone.
    pub(crate) fn close(&self, merchant: MerchantId, incarnation: Incarnation) {
        self.send(&merchant, Message::Close(merchant, incarnation));
    }

    /// Ends the tasks after the batches in flight.
    pub(crate) async fn stop(&self) {
        let stop = |inbox: &mpsc::UnboundedSender<Message>| {
            let (done, stopped) = oneshot::channel();
            drop(inbox.send(Message::Stop(done))); // a task that has ended has stopped
            stopped
        };
        let stopping: Vec<_> = self.inboxes.iter().map(stop).collect();
        for stopped in stopping {
            drop(stopped.await);
        }
    }

    /// Sends to the lane of a merchant. Fails only when the task has ended; then the process is about to end as well.
    fn send(&self, of: &MerchantId, message: Message) {
        drop(self.inboxes[lane(of, self.inboxes.len())].send(message));
    }
}

/// Which of so many lanes a merchant's rows go: always the same, as their order counts.
fn lane(of: &MerchantId, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let lanes = lanes as u64;
    usize::try_from(hasher.finish() % lanes).expect("less than a usize")
}

/// Runs a task that the engine can't be without. When it ends other than by being told to, `fatal` is called.
pub(crate) fn watch(
    runtime: &Handle,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
    fatal: Fatal,
) {
    let running = runtime.spawn(task);
    runtime.spawn(async move {
        if let Err(ended) = running.await {
            fatal(&format!("the {name} ended: {ended}"));
        }
    });
}

struct Task {
    store: Arc<dyn Store>,
    written: Arc<Written>,
    doubts: Doubts,
    news: Arc<News>,
    inbox: mpsc::UnboundedReceiver<Message>,
    fatal: Fatal,
    batcher: Batcher,
    owners: HashMap<Incarnation, Recipient<FromStore>>,
    flight: Option<(Arc<Batch>, JoinHandle<Commit>)>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let stop = match &mut self.flight {
                None => match self.inbox.recv().await {
                    Some(message) => self.receive(message),
                    None => return,
                },
                Some((_, flight)) => tokio::select! {
                    landed = flight => {
                        self.land(landed.unwrap_or_else(|panic| Commit::Fatal(panic.to_string())));
                        None
                    }
                    Some(message) = self.inbox.recv() => self.receive(message),
                },
            };
            if let Some(stop) = stop.or_else(|| self.receive_what_waits()) {
                return self.stop(stop).await;
            }
            if let Some(effect) = self.batcher.write() {
                self.perform(effect);
            }
        }
    }

    fn receive_what_waits(&mut self) -> Option<oneshot::Sender<()>> {
        while let Ok(message) = self.inbox.try_recv() {
            if let Some(stop) = self.receive(message) {
                return Some(stop);
            }
        }
        None
    }

    fn receive(&mut self, message: Message) -> Option<oneshot::Sender<()>> {
        let input = match message {
            Message::Open(merchant, incarnation, owner) => {
                self.owners.insert(incarnation, owner);
                Input::Open(merchant, incarnation)
            }
            Message::Append(merchant, incarnation, rows, head) => {
                Input::Append(merchant, incarnation, rows, head)
            }
            Message::Close(merchant, incarnation) => {
                self.owners.remove(&incarnation);
                Input::Close(merchant, incarnation)
            }
            Message::Stop(done) => return Some(done),
        };
        self.take(input);
        None
    }

    fn land(&mut self, commit: Commit) {
        if let Some((batch, _)) = self.flight.take() {
            self.doubts.hear(&batch, &commit);
            if commit == Commit::Committed {
                self.news.hear(&batch);
            }
        }
        match &commit {
            Commit::Committed | Commit::Refused(_) | Commit::Fatal(_) => {}
            Commit::Conflict(merchants) => {
                tracing::warn!(
                    ?merchants,
                    "another owner changed these merchants: starting them again"
                );
            }
            Commit::NotDone(trouble) => tracing::warn!(%trouble, "a batch was not written"),
            Commit::Doubt(what) => {
                tracing::error!(what, "whether a batch was written is not known")
            }
        }
        self.take(Input::Done(commit));
    }

    fn take(&mut self, input: Input) {
        for effect in self.batcher.take(input) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Opened(incarnation) => self.tell(incarnation, FromStore::Opened),
            Effect::Write(batch) => {
                let events = batch.runs.iter().map(|run| run.rows.len()).sum::<usize>();
                self.written.batches.fetch_add(1, Ordering::Relaxed);
                self.written
                    .events
                    .fetch_add(u64::try_from(events).unwrap_or(0), Ordering::Relaxed);
                let store = Arc::clone(&self.store);
                let committing = Arc::clone(&batch);
                let task = tokio::spawn(async move { store.commit(committing).await });
                self.flight = Some((batch, task));
            }
            Effect::Committed(incarnation, through) => {
                self.tell(incarnation, FromStore::Told(Heard::Committed(through)))
            }
            Effect::Failed(incarnation, failure) => {
                self.tell(incarnation, FromStore::Told(Heard::Failed(failure)))
            }
            Effect::Alarm(bad) => tracing::error!(
                merchant = %bad.merchant, seq = bad.seq.0, constraint = bad.constraint,
                "the schema refused an event that the rules had allowed: this is a bug, please report it"
            ),
            Effect::Fatal(what) => (self.fatal)(&format!("the store can't be trusted: {what}")),
        }
    }

    fn tell(&self, incarnation: Incarnation, what: FromStore) {
        // An owner that is gone has answered for itself.
        if let Some(owner) = self.owners.get(&incarnation) {
            owner.do_send(what);
        }
    }

    async fn stop(mut self, done: oneshot::Sender<()>) {
        if let Some((batch, flight)) = self.flight.take() {
            let commit = flight.await.unwrap_or_else(|panic| Commit::Fatal(panic.to_string()));
            self.doubts.hear(&batch, &commit);
            self.take(Input::Done(commit));
        }
        // Who asked may have gone.
        let _ = done.send(());
    }
}
