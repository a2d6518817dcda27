//! Where calls go: to one server, or to any of the processes that share a database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::api::Api;
use super::server::Server;
use crate::random::Random;

/// The servers that calls may go to. Clones share them.
#[derive(Debug, Clone)]
pub struct Doors {
    servers: Arc<Mutex<Vec<Api>>>,
    many: bool,
}

impl Doors {
    /// The processes that share a database, all of them or some. Who gets no answer from one asks again at any, and what one
    /// of them acknowledged is looked at through another.
    pub fn of<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Self {
        let servers = servers.into_iter().map(|server| server.api().clone()).collect();
        Self { servers: Arc::new(Mutex::new(servers)), many: true }
    }

    /// One of them was started anew.
    pub fn moved(&self, door: usize, server: &Server) {
        self.servers()[door] = server.api().clone();
    }

    /// Whether there may be another to ask when one gives no answer.
    pub(super) fn are_many(&self) -> bool {
        self.many
    }

    /// One of them, and which; where there is a choice, not that of `but`.
    pub(super) fn one(&self, but: Option<usize>, random: &mut Random) -> (usize, Api) {
        let servers = self.servers();
        let those: Vec<usize> =
            (0..servers.len()).filter(|door| servers.len() == 1 || Some(*door) != but).collect();
        let door = *random.of(&those);
        (door, servers[door].clone())
    }

    fn servers(&self) -> MutexGuard<'_, Vec<Api>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One server alone: when it gives no answer, nobody does.
impl From<&Server> for Doors {
    fn from(server: &Server) -> Self {
        Self { many: false, ..Self::of([server]) }
    }
}
