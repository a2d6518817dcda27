//! Reads of the store that fail: what one merchant is told, what the others are, and that nobody waits for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::{Actor, Context, Handler};
use tokio::sync::mpsc;

use super::support::{Scripted, engine, id, now, open, rules, run, until, with_merchant};
use crate::domain::books::Key;
use crate::engine::{Engine, Options};
use crate::error::EngineError;
use crate::inbox::FromStore;
use crate::pipeline::Input;
use crate::ports::{ReadError, Store};
use crate::reader::Reader;

#[test]
fn a_store_that_says_it_is_broken_ends_the_process_without_being_asked() {
    run(async |runtime| {
        let store = Scripted::new(Arc::default(), false);
        let (told, mut fatal) = mpsc::unbounded_channel();
        let options = Options {
            fatal: Arc::new(move |why| drop(told.send(why.to_string()))),
            ..Options::new(runtime.handle().clone())
        };
        let _engine = Engine::start(Arc::<Scripted>::clone(&store), options);
        store.broken.set("the WAL is stuck".into()).unwrap();
        let mut why = None;
        until(|| {
            why = fatal.try_recv().ok();
            why.is_some()
        })
        .await;
        let why = why.unwrap();
        assert_eq!(why, "the store can't be trusted: the WAL is stuck");
    });
}

/// Passes on what the reader tells.
struct Ear(mpsc::UnboundedSender<FromStore>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<FromStore> for Ear {
    type Result = ();

    fn handle(&mut self, told: FromStore, _: &mut Self::Context) {
        drop(self.0.send(told));
    }
}

#[test]
fn an_unreadable_row_of_one_merchant_is_no_trouble_of_the_others_in_its_round() {
    run(async |runtime| {
        let store = Scripted::new(Arc::default(), false);
        store.damage(id("m1"));
        let dyn_store = Arc::<Scripted>::clone(&store) as Arc<dyn Store>;
        let reader = Reader::start(runtime.handle(), dyn_store, Arc::new(|why| panic!("{why}")));
        let (tell_one, mut one) = mpsc::unbounded_channel();
        let (tell_other, mut other) = mpsc::unbounded_channel();
        let ears = [Ear(tell_one), Ear(tell_other)].map(|ear| ear.start().recipient());
        let keys = || vec![Key::Order(id_of("O100")), Key::Order(id_of("O200"))];
        // The runtime has one thread: the reader wakes when both have asked.
        runtime.spawn(async move {
            for (of, ear) in [id("m1"), id("m2")].into_iter().zip(ears) {
                reader.lookup(of, keys(), ear);
            }
        });
        let told = one.recv().await.unwrap();
        let FromStore::Told(Input::NotFound(bad, ReadError::Unreadable { merchant, .. })) = told
        else {
            panic!("m1 is told something else")
        };
        assert_eq!((bad, merchant), (keys(), id("m1")));
        let FromStore::Told(Input::Found(good)) = other.recv().await.unwrap() else {
            panic!("m2 is told something else")
        };
        assert_eq!(good, keys().into_iter().map(|key| (key, None)).collect::<Vec<_>>());
        assert_eq!(store.lookups.load(Ordering::SeqCst), 1, "they were asked in one round");
    });
}

fn id_of<T: std::str::FromStr<Err: std::fmt::Debug>>(raw: &str) -> T {
    raw.parse().unwrap()
}

#[test]
fn a_call_that_needs_an_unreadable_row_is_told_so_and_the_merchant_goes_on() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        store.damage(m);
        let error = open(&engine, m, "O100", 500).await.unwrap_err();
        assert_eq!(error, EngineError::Unavailable("merchant m1: damaged".into()));
        store.damage(id("other"));
        assert!(open(&engine, m, "O100", 500).await.unwrap().fresh);
    });
}

#[test]
fn a_lookup_that_panics_is_made_again_and_nobody_waits_for_ever() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        store.read_panics.store(1, Ordering::SeqCst);
        assert!(open(&engine, m, "O100", 500).await.unwrap().fresh);
        assert_eq!(store.read_panics.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_head_that_is_read_in_a_panic_is_read_again() {
    run(async |runtime| {
        // Where the store is shared, a head is read at the start and again for each answer that rests on memory.
        let store = Scripted::new(Arc::default(), true);
        let engine = engine(runtime, Arc::clone(&store));
        store.read_panics.store(1, Ordering::SeqCst);
        engine.register(id("m1"), rules(), now()).await.unwrap();
        store.read_panics.store(1, Ordering::SeqCst);
        engine.head(id("m1"), now()).await.unwrap();
        assert_eq!(store.read_panics.load(Ordering::SeqCst), 0);
    });
}
