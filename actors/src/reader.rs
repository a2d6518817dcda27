//! The reader: a task that gathers heads and lookups like appends, one round of statements for whatever waits.

use std::collections::HashMap;
use std::sync::Arc;

use actix::Recipient;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::domain::books::{Key, Record};
use crate::domain::chain::Link;
use crate::domain::ids::MerchantId;
use crate::inbox::FromStore;
use crate::limits::{HEADS_MAX, LOOKUP_KEYS_MAX, READ_ROUNDS_MAX};
use crate::ports::{HeadRead, ReadError, Store};

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
    /// Starts the reader's task on the store's runtime.
    pub(crate) fn start(runtime: &Handle, store: Arc<dyn Store>) -> Self {
        let (sender, inbox) = mpsc::unbounded_channel();
        runtime.spawn(run(store, inbox));
        Self(sender)
    }

    /// Reads a head; the asker hears [`FromStore::Head`].
    pub(crate) fn head(&self, merchant: MerchantId, asker: Recipient<FromStore>) {
        self.send(merchant, Question::Head, asker);
    }

    /// Reads a head's place and hash; the asker hears [`FromStore::Confirmed`].
    pub(crate) fn confirm(&self, merchant: MerchantId, asker: Recipient<FromStore>) {
        self.send(merchant, Question::Confirm, asker);
    }

    /// Looks records up; the asker hears [`FromStore::Found`] or [`FromStore::NotFound`].
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
            round.ask(&*store).await;
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

    async fn ask(self, store: &dyn Store) {
        tokio::join!(read_heads(store, self.heads), look_up(store, self.lookups));
    }
}

async fn read_heads(store: &dyn Store, messages: Vec<Message>) {
    if messages.is_empty() {
        return;
    }
    let read = store.heads(messages.iter().map(|message| message.merchant).collect()).await;
    let heads: Vec<HeadRead> = match read {
        Ok(heads) => heads,
        Err(trouble) => vec![Err(ReadError::Trouble(trouble)); messages.len()],
    };
    for (message, head) in messages.into_iter().zip(heads) {
        message.asker.do_send(match message.question {
            Question::Confirm => FromStore::Confirmed(
                head.map(|head| head.map_or_else(Link::default, |head| head.link)),
            ),
            Question::Head | Question::Lookup(_) => {
                FromStore::Head(head.map(|head| head.map(Box::new)))
            }
        });
    }
}

async fn look_up(store: &dyn Store, messages: Vec<Message>) {
    let asked: Vec<(MerchantId, Key)> = messages.iter().flat_map(wanted).collect();
    if asked.is_empty() {
        return;
    }
    let found = store.lookup(asked).await;
    let mut records = found.map(Vec::into_iter);
    // What one incarnation is told at once costs its actor one message.
    let mut answers: HashMap<Recipient<FromStore>, Vec<(Key, Option<Record>)>> = HashMap::new();
    for message in messages {
        let keys = wanted(&message).map(|(_, key)| key);
        match &mut records {
            Ok(records) => {
                answers.entry(message.asker.clone()).or_default().extend(keys.zip(records))
            }
            Err(error) => {
                message.asker.do_send(FromStore::NotFound(keys.collect(), error.clone()));
            }
        }
    }
    for (asker, found) in answers {
        asker.do_send(FromStore::Found(found));
    }
}

fn wanted(message: &Message) -> impl Iterator<Item = (MerchantId, Key)> {
    let keys = match &message.question {
        Question::Lookup(keys) => keys.as_slice(),
        Question::Head | Question::Confirm => &[],
    };
    keys.iter().map(|key| (message.merchant, *key))
}
