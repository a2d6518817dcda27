//! The reader: a task that gathers heads and lookups like appends, one round of statements for whatever waits.

use std::collections::HashMap;
use std::sync::Arc;

use actix::Recipient;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::domain::books::Key;
use crate::domain::ids::MerchantId;
use crate::inbox::FromStore;
use crate::limits::{HEADS_MAX, LOOKUP_KEYS_MAX, READ_ROUNDS_MAX};
use crate::ports::{ReadError, Store, Trouble};
use crate::told::{self, OfLookups};
use crate::writer::{Fatal, watch};

enum Question {
    Head,
    Confirm,
    Lookup(Vec<Key>),
}

struct Message {
    merchant: MerchantId,
    question: Question,
    asker: Recipient<FromStore>,
}

/// The way to the reader.
#[derive(Clone)]
pub(crate) struct Reader(mpsc::UnboundedSender<Message>);

impl Reader {
    /// Starts the reader's task on the store's runtime. When it ends unasked, or the store is broken, `fatal` is called.
    pub(crate) fn start(runtime: &Handle, store: Arc<dyn Store>, fatal: Fatal) -> Self {
        let (sender, inbox) = mpsc::unbounded_channel();
        let broke = Arc::clone(&fatal);
        let task = async move {
            tokio::select! {
                () = run(Arc::clone(&store), inbox) => {}
                what = store.broken() => broke(&format!("the store can't be trusted: {what}")),
            }
        };
        watch(runtime, "reader", task, fatal);
        Self(sender)
    }

    /// Reads a head; the asker hears [`told::of_head`].
    pub(crate) fn head(&self, merchant: MerchantId, asker: Recipient<FromStore>) {
        self.send(merchant, Question::Head, asker);
    }

    /// Reads a head's place and hash; the asker hears [`told::of_confirmation`].
    pub(crate) fn confirm(&self, merchant: MerchantId, asker: Recipient<FromStore>) {
        self.send(merchant, Question::Confirm, asker);
    }

    /// Looks records up; the asker hears [`OfLookups`].
    pub(crate) fn lookup(&self, merchant: MerchantId, keys: Vec<Key>, asker: Recipient<FromStore>) {
        self.send(merchant, Question::Lookup(keys), asker);
    }

    /// Fails only when the task has ended; then the process is about to end as well.
    fn send(&self, merchant: MerchantId, question: Question, asker: Recipient<FromStore>) {
        drop(self.0.send(Message { merchant, question, asker }));
    }
}

async fn run(store: Arc<dyn Store>, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let rounds = Arc::new(Semaphore::new(READ_ROUNDS_MAX));
    while let Some(first) = inbox.recv().await {
        let Ok(turn) = Arc::clone(&rounds).acquire_owned().await else { return };
        let mut round = Round::default();
        round.add(first);
        while !round.is_full() {
            let Ok(message) = inbox.try_recv() else { break };
            round.add(message);
        }
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            round.ask(store).await;
            drop(turn);
        });
    }
}

#[derive(Default)]
struct Round {
    heads: Vec<Message>,
    lookups: Vec<Message>,
    keys: usize,
}

impl Round {
    fn add(&mut self, message: Message) {
        match &message.question {
            Question::Head | Question::Confirm => self.heads.push(message),
            Question::Lookup(keys) => {
                self.keys += keys.len();
                self.lookups.push(message);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.keys >= LOOKUP_KEYS_MAX || self.heads.len() >= HEADS_MAX
    }

    async fn ask(self, store: Arc<dyn Store>) {
        tokio::join!(read_heads(Arc::clone(&store), self.heads), look_up(store, self.lookups));
    }
}

/// Asks the store in a task of its own, so that a panic there is an answer as well: whoever asked must hear something.
async fn heard<T, E>(
    asked: usize,
    read: impl Future<Output = Result<Vec<Result<T, ReadError>>, E>> + Send + 'static,
) -> Vec<Result<T, ReadError>>
where
    T: Clone + Send + 'static,
    E: Into<ReadError> + Send + 'static,
{
    let error = match tokio::spawn(read).await {
        Ok(Ok(answers)) if answers.len() == asked => return answers,
        Ok(Ok(answers)) => unavailable(format!("{} answers to {asked} questions", answers.len())),
        Ok(Err(error)) => error.into(),
        Err(ended) => unavailable(format!("a read ended early: {ended}")),
    };
    vec![Err(error); asked]
}

fn unavailable(bug: String) -> ReadError {
    tracing::error!(bug, "the store can't be read as it should: this is a bug, please report it");
    Trouble::Unavailable(bug).into()
}

async fn read_heads(store: Arc<dyn Store>, messages: Vec<Message>) {
    if messages.is_empty() {
        return;
    }
    let merchants: Vec<MerchantId> = messages.iter().map(|message| message.merchant).collect();
    let heads = heard(merchants.len(), async move { store.heads(merchants).await }).await;
    for (message, head) in messages.into_iter().zip(heads) {
        message.asker.do_send(FromStore::Told(match message.question {
            Question::Confirm => told::of_confirmation(head),
            Question::Head | Question::Lookup(_) => told::of_head(head),
        }));
    }
}

async fn look_up(store: Arc<dyn Store>, messages: Vec<Message>) {
    let asked: Vec<(MerchantId, Key)> = messages.iter().flat_map(wanted).collect();
    if asked.is_empty() {
        return;
    }
    let mut records =
        heard(asked.len(), async move { store.lookup(asked).await }).await.into_iter();
    let mut answers: HashMap<Recipient<FromStore>, OfLookups> = HashMap::new();
    for message in messages {
        let answer = answers.entry(message.asker.clone()).or_default();
        let reads = wanted(&message).zip(&mut records);
        reads.for_each(|((_, key), read)| answer.add(key, read));
    }
    for (asker, answer) in answers {
        answer.inputs().into_iter().for_each(|input| asker.do_send(FromStore::Told(input)));
    }
}

fn wanted(message: &Message) -> impl Iterator<Item = (MerchantId, Key)> {
    let keys = match &message.question {
        Question::Lookup(keys) => keys.as_slice(),
        Question::Head | Question::Confirm => &[],
    };
    keys.iter().map(|key| (message.merchant, *key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_ends_unasked_ends_the_process() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (told, mut fatal) = mpsc::unbounded_channel();
        let fatal_call = Arc::new(move |why: &str| drop(told.send(why.to_owned())));
        watch(runtime.handle(), "reader", async { panic!("as the test says") }, fatal_call);
        let why = runtime.block_on(fatal.recv()).unwrap();
        assert!(why.starts_with("the reader ended"), "{why}");
    }
}
