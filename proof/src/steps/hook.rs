//! The platform's own server: takes every webhook, and remembers what it was told.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::toll;

/// It. Gone when dropped.
#[derive(Debug)]
pub struct Hook {
    address: String,
    told: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Hook {
    /// Listens.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let its = Arc::clone(&told);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let Some(request) = toll::request(&mut near).await else { continue };
                let body = serde_json::from_slice(request.body()).unwrap_or_default();
                its.lock().unwrap_or_else(PoisonError::into_inner).push(body);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                drop(near.write_all(answer).await);
            }
        });
        Self { address, told, task }
    }

    /// Where.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// All that it was told, in that order.
    pub fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}
