//! What the tests of the whole service share: the real server in a folder of its own, the traffic, and the judge of the books.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod api;
pub(crate) mod books;
pub(crate) mod ledger;
pub(crate) mod mutate;
pub(crate) mod random;
pub(crate) mod server;
pub(crate) mod traffic;
pub(crate) mod world;

use std::future::Future;

/// Runs a test on a runtime of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}
