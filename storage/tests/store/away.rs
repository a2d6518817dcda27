//! A server that is away: whoever reads hears it at once, while a caller can still be told that nothing happened.

use tally_actors::ports::{Store, Trouble};
use tally_proof::servers::mariadb::{Mariadb, MariadbServer};
use tally_proof::servers::postgres::{Postgres, PostgresServer};
use tally_proof::servers::{PrivateServer, Program};
use tally_storage::ServerStore;

use crate::support::id;

async fn is_told<P: Program>(mut server: PrivateServer<P>, url: &str) {
    let store = ServerStore::open(&id(url)).await.expect("it opens");
    server.kill();
    let told = store.heads(vec![id("tea")]).await;
    // Its own word, and not that of a pool which waited until its time was over.
    let Err(Trouble::Unavailable(why)) = &told else { panic!("{told:?}") };
    assert!(why.contains("refused"), "{why}");
    server.restart();
    let heads = store.heads(vec![id("tea")]).await.expect("it is back");
    assert_eq!(heads.len(), 1);
}

#[tokio::test]
async fn who_reads_hears_at_once_that_postgresql_is_away() {
    let Some(server) = Postgres::find().map(PostgresServer::start) else { return };
    let url = server.url();
    is_told(server, &url).await;
}

#[tokio::test]
async fn who_reads_hears_at_once_that_mariadb_is_away() {
    let Some(server) = Mariadb::find().map(MariadbServer::start) else { return };
    let url = server.url();
    is_told(server, &url).await;
}
