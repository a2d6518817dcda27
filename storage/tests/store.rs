//! Stores, tested through their port. What is in `conformance` holds for every store.

#[path = "support/databases.rs"]
mod databases;
mod support;

#[path = "store/account.rs"]
mod account;
#[path = "store/away.rs"]
mod away;
#[path = "store/backup.rs"]
mod backup;
#[path = "store/claims.rs"]
mod claims;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/constraints.rs"]
mod constraints;
#[path = "store/copying.rs"]
mod copying;
#[path = "store/damaged_source.rs"]
mod damaged_source;
#[path = "store/failover.rs"]
mod failover;
#[path = "store/full_disk.rs"]
mod full_disk;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/own_commits.rs"]
mod own_commits;
#[path = "store/reconciliations.rs"]
mod reconciliations;
#[path = "store/refunds.rs"]
mod refunds;
#[path = "store/restore.rs"]
mod restore;
#[path = "store/restores.rs"]
mod restores;
#[path = "store/waiting.rs"]
mod waiting;
#[path = "store/webhooks.rs"]
mod webhooks;
