//! The ways in and out of Tally: every request passes here, on real sockets, and some it does not outlive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::life::Life;
use super::trap::{Moment, Step, crossing};

/// The largest head and body that pass.
const REQUEST_MAX: usize = 1024 * 1024;

/// What a server says to who takes too long to ask.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408";

/// Which way something crosses, and where to.
#[derive(Debug, Clone)]
pub enum Way {
    /// To Tally.
    In,
    /// To what listens there.
    Out(String),
}

/// A way. Closed when dropped.
#[derive(Debug)]
pub struct Toll {
    address: String,
    task: JoinHandle<()>,
}

impl Toll {
    /// Opens a way.
    pub async fn open(life: &Arc<Life>, way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let task = tokio::spawn(lead(listener, Arc::clone(life), way));
        Self { address, task }
    }

    /// Where it begins.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Toll {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(listener: TcpListener, life: Arc<Life>, way: Way) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (life, way) = (Arc::clone(&life), way.clone());
        tokio::spawn(async move {
            let Some(request) = request(&mut near).await else { return };
            let passing = Passing::begin(&life);
            let answer = match &way {
                Way::In => come_in(&life, &request).await,
                Way::Out(to) => go_out(&life, &request, to).await,
            };
            // What is dropped unanswered is, for who asked, a connection that breaks off.
            if let Some(answer) = answer {
                drop(near.write_all(&answer).await);
                drop(near.shutdown().await);
            }
            drop(passing);
        });
    }
}

/// A call to Tally. One that only reads is no step.
async fn come_in(life: &Arc<Life>, request: &Request) -> Option<Vec<u8>> {
    let to = life.address()?;
    let (name, reads) = (&request.crossing, request.crossing.starts_with("GET "));
    let nth = if reads { None } else { life.trap().enters(name) };
    let Some(nth) = nth else {
        let answer = forwarded(&request.bytes, &to).await;
        return answer.filter(|answer| !answer.starts_with(TOO_SLOW));
    };
    let step = |moment| Step { crossing: name.clone(), nth, moment };
    let handed = life.trap().reaches(step(Moment::Handed));
    if handed {
        let within = life.within(GRACE_MAX);
        tokio::select! {
            _ = forwarded(&request.bytes, &to) => {}
            () = sleep(within) => {}
        }
        life.kill().await;
        return None;
    }
    let answer = forwarded(&request.bytes, &to).await?;
    // The clock was moved under a connection that had just begun: as if it had not been answered.
    if answer.starts_with(TOO_SLOW) {
        return None;
    }
    let answered = life.trap().reaches(step(Moment::Answered));
    if answered {
        life.kill().await;
    }
    Some(answer)
}

/// A call of Tally's.
async fn go_out(life: &Arc<Life>, request: &Request, to: &str) -> Option<Vec<u8>> {
    let name = &request.crossing;
    let nth = life.trap().enters(name);
    let Some(nth) = nth else { return forwarded(&request.bytes, to).await };
    let step = |moment| Step { crossing: name.clone(), nth, moment };
    let arrived = life.trap().reaches(step(Moment::Arrived));
    if arrived {
        life.kill().await;
        return None;
    }
    let answer = forwarded(&request.bytes, to).await;
    let done = life.trap().reaches(step(Moment::Done));
    if done {
        life.kill().await;
        return None;
    }
    answer
}

/// One request.
pub(super) struct Request {
    pub(super) crossing: String,
    /// As it came, but that the connection is not kept.
    bytes: Vec<u8>,
    body_at: usize,
}

impl Request {
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }
}

/// One whole request. `None`: there is none.
pub(super) async fn request(from: &mut TcpStream) -> Option<Request> {
    let mut raw = vec![];
    let head_end = loop {
        if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if raw.len() > REQUEST_MAX || from.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    };
    let head = std::str::from_utf8(&raw[..head_end]).ok()?.to_owned();
    let named = |line: &&str, name: &str| {
        line.split_once(':').is_some_and(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let length = head.lines().find(|line| named(line, "content-length"));
    let length = length.and_then(|line| line.split_once(':')?.1.trim().parse::<usize>().ok());
    let whole = head_end + 4 + length.unwrap_or(0);
    while raw.len() < whole {
        if whole > REQUEST_MAX || from.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    }
    let kept: Vec<&str> = head.lines().filter(|line| !named(line, "connection")).collect();
    let mut bytes = format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n")).into_bytes();
    let body_at = bytes.len();
    bytes.extend_from_slice(&raw[head_end + 4..whole]);
    Some(Request { crossing: crossing(&head), bytes, body_at })
}

/// What is answered there. `None`: nothing.
async fn forwarded(request: &[u8], to: &str) -> Option<Vec<u8>> {
    let mut far = TcpStream::connect(to).await.ok()?;
    far.write_all(request).await.ok()?;
    let mut answer = vec![];
    // What broke off is passed on as far as it came.
    drop(far.read_to_end(&mut answer).await);
    (!answer.is_empty()).then_some(answer)
}

/// Something that is between both ends.
struct Passing(Arc<Life>);

impl Passing {
    fn begin(life: &Arc<Life>) -> Self {
        life.passing.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(life))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.passing.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many are under way.
pub type Passings = AtomicU64;

/// The longest that a call which was handed over may take before the kill.
const GRACE_MAX: Duration = Duration::from_millis(4);
