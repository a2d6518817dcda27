//! Real processes and real SIGKILLs: the binary under load, and what is known of it outside.
//!
//! | module | what |
//! |---|---|
//! | [`site`], [`server`] | the binary, its folder, a running server |
//! | [`api`] | a client of `/v1` |
//! | [`traffic`], [`load`] | what many clients ask for, from a seed, until there is no answer |
//! | [`ledger`] | every answer that was acknowledged, kept outside of the server |
//! | [`books`] | a merchant's books read back over HTTP, and whether they agree |
//! | [`disk`] | what is on the disk, read past the server |
//! | [`history`] | all that was asked and heard, for the auditor |
//! | [`judge`] | holds the books against the ledger |
//! | [`plan`] | what a run is to do, and what it found |
//! | [`kills`] | kills under the traffic of merchants' systems |
//! | [`channel`] | holds the books against what WeChat knows |
//! | [`notices`] | kills while notices come in and transfers go out |
//! | [`world`] | a WeChat that outlives the server |

pub mod api;
pub mod books;
pub mod channel;
pub mod disk;
pub mod history;
pub mod judge;
pub mod kills;
pub mod ledger;
pub mod load;
pub mod notices;
pub mod plan;
pub mod server;
pub mod site;
pub mod traffic;
pub mod world;
