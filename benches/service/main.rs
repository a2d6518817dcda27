//! The service over HTTP: the release binary in a process of its own, its load from another, beside its baselines in the same run.
//!
//! | `cargo bench --bench service` | |
//! |---|---|
//! | | payments, reads and pages, open load, overload |
//! | `-- --payments`, `-- --pages`, `-- --open`, `-- --overload` | one of them |
//! | `-- --quick` | shorter, with fewer rows |
//! | `-- --soak` | five minutes of full load, and nothing else; with `--quick` half a minute |

mod ask;
mod bare;
mod baselines;
mod books;
mod calls;
mod generator;
mod open;
mod overload;
mod pages;
mod payments;
mod processes;
mod report;
mod soak;
#[allow(dead_code, reason = "each benchmark needs a part of it")]
#[path = "../support/mod.rs"]
mod support;

use books::Filled;
use payments::Ground;
use processes::{AS_GENERATOR, AS_SANDBOX, AS_SERVER};
use support::stage::Stage;

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// How long a row is measured, in milliseconds.
    pub(crate) ms: u64,
    /// Open orders of the one hot merchant.
    pub(crate) hot_orders: usize,
    /// Many merchants, and the open orders of each.
    pub(crate) merchants: usize,
    pub(crate) orders_each: usize,
    /// Orders of those that take a transaction for each.
    pub(crate) orders_alone: usize,
    /// Notices that are made ready for each second.
    pub(crate) ready_a_second: usize,
    /// How many connections.
    pub(crate) connections: &'static [usize],
    /// How long an open load goes on, in milliseconds, and at which percents of the maximum.
    pub(crate) open_ms: u64,
    pub(crate) open_shares: &'static [u64],
    /// How long a sixth of a minute of the soak is, in milliseconds.
    pub(crate) soak_part_ms: u64,
}

const FULL: Scale = Scale {
    ms: 3_000,
    hot_orders: 250_000,
    merchants: 10_000,
    orders_each: 20,
    orders_alone: 30_000,
    ready_a_second: 80_000,
    connections: &[256, 64],
    open_ms: 6_000,
    open_shares: &[10, 20, 35, 50, 65, 80, 95],
    soak_part_ms: 10_000,
};

const QUICK: Scale = Scale {
    ms: 1_000,
    hot_orders: 60_000,
    merchants: 10_000,
    orders_each: 6,
    orders_alone: 8_000,
    ready_a_second: 80_000,
    connections: &[256],
    open_ms: 1_500,
    open_shares: &[20, 50, 80],
    soak_part_ms: 1_000,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, AS_GENERATOR] => return generator::run(),
        [_, AS_SERVER, baseline] => return baselines::serve(baseline),
        [_, AS_SANDBOX, folder] => return pages::play_wechat(folder),
        _ => {}
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let scale = if has("--quick") { QUICK } else { FULL };
    let folder = tempfile::Builder::new().prefix("service").tempdir_in(support::target());
    let folder = folder.expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    if has("--soak") {
        let rows = soak::table(scale, folder.path(), &runtime);
        return report::keep("soak.json", &serde_json::to_string_pretty(&rows).expect("JSON"));
    }
    let all = !["--payments", "--pages", "--open", "--overload"].into_iter().any(has);
    let wanted = |flag: &str| all || has(flag);
    let mut rows = vec![];
    let hot = runtime.block_on(Filled::make(folder.path(), 1, scale.hot_orders));
    if wanted("--payments") {
        let many = Filled::make(folder.path(), scale.merchants, scale.orders_each);
        let many = runtime.block_on(many);
        let servers = Stage::ALL.into_iter().filter(|name| *name != "sqlite");
        let servers: Vec<Stage> = servers.filter_map(Stage::start).collect();
        let ground = Ground { scale, folder: folder.path(), servers: &servers };
        for books in [&hot, &many] {
            for connections in scale.connections {
                ground.table(books, *connections, &mut rows);
            }
        }
    }
    if wanted("--pages") {
        pages::table(scale, folder.path(), &hot, &mut rows);
    }
    if wanted("--open") {
        open::table(scale, &hot, &mut rows);
    }
    if wanted("--overload") {
        overload::table(scale, &hot, &mut rows);
    }
    report::keep("service.json", &serde_json::to_string_pretty(&rows).expect("JSON"));
}
