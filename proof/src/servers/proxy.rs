//! A connection that fails where a test says: between a client and a private server, at the message that holds some words.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::local;

/// How long a fault is waited for before the test gives up.
const FAULT_MAX: Duration = Duration::from_secs(60);

/// What becomes of the message, and of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server never hears of it, and both sides lose the connection.
    CutBefore,
    /// The server answers it, the client does not hear that, and both sides lose the connection.
    CutAfter,
    /// The server never hears of it, and nobody hears of the other any more, nor that it is gone.
    HoldBefore,
    /// The server answers it, and nobody hears of the other any more, nor that it is gone.
    HoldAfter,
}

/// A port that leads to a server.
pub struct Proxy {
    port: u16,
    fault: Arc<Armed>,
    server: Arc<Mutex<Option<u16>>>,
}

#[derive(Default)]
struct Armed {
    next: Mutex<Option<(Vec<u8>, Fault)>>,
    struck: Condvar,
}

impl Proxy {
    /// Leads to this port of 127.0.0.1, from a port of its own.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind(local(0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let fault = Arc::new(Armed::default());
        let server = Arc::new(Mutex::new(Some(server)));
        let (armed, leads) = (Arc::clone(&fault), Arc::clone(&server));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(server) = *leads.lock().unwrap_or_else(PoisonError::into_inner) else {
                    continue;
                };
                let armed = Arc::clone(&armed);
                // Nobody answers while the server is down: the client sees its connection end.
                let Ok(server) = TcpStream::connect(local(server)) else { continue };
                thread::spawn(move || carry(&client, &server, &armed));
            }
        });
        Self { port, fault, server }
    }

    /// Its port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next message from a client that holds these words meets the fault; all others pass.
    pub fn arm(&self, words: &str, fault: Fault) {
        *self.fault.next() = Some((words.as_bytes().to_vec(), fault));
    }

    /// Leads new clients to this port; `None`: turns them away. Those that are connected stay where they are.
    pub fn lead(&self, server: Option<u16>) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Waits until the fault has struck.
    pub fn struck(&self) {
        let wait = self
            .fault
            .struck
            .wait_timeout_while(self.fault.next(), FAULT_MAX, |next| next.is_some());
        let waited = wait.unwrap_or_else(PoisonError::into_inner).1;
        assert!(!waited.timed_out(), "no message met the fault");
    }
}

impl Armed {
    fn next(&self) -> std::sync::MutexGuard<'_, Option<(Vec<u8>, Fault)>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meets(&self, message: &[u8]) -> Option<Fault> {
        let next = self.next();
        let (words, fault) = next.as_ref()?;
        message.windows(words.len()).any(|part| part == words).then_some(*fault)
    }

    fn has_struck(&self) {
        *self.next() = None;
        self.struck.notify_all();
    }
}

/// Whether answers are passed on.
type Passes = Arc<Mutex<bool>>;

/// Carries both ways until one side closes. A message comes in one piece, as those that tests name are short.
fn carry(client: &TcpStream, server: &TcpStream, armed: &Armed) {
    let passes = Passes::new(Mutex::new(true));
    let (answered, first_answer) = std::sync::mpsc::channel();
    let back = {
        let (server, client, passes) = (twin(server), twin(client), Arc::clone(&passes));
        thread::spawn(move || answers(&server, &client, &passes, &answered))
    };
    let mut bytes = vec![0; 1 << 16];
    while let Some(message) = read(client, &mut bytes) {
        let fault = armed.meets(message);
        if fault.is_some() {
            *passes.lock().unwrap_or_else(PoisonError::into_inner) = false;
            while first_answer.try_recv().is_ok() {} // those to earlier messages
        }
        if !matches!(fault, Some(Fault::CutBefore | Fault::HoldBefore))
            && send(server, message).is_none()
        {
            break;
        }
        let Some(fault) = fault else { continue };
        if matches!(fault, Fault::CutAfter | Fault::HoldAfter) {
            let _ = first_answer.recv_timeout(FAULT_MAX);
        }
        armed.has_struck();
        if matches!(fault, Fault::HoldBefore | Fault::HoldAfter) {
            while read(client, &mut bytes).is_some() {}
            let _ = back.join(); // the server does not hear that the client is gone
        }
        break;
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

fn answers(
    server: &TcpStream,
    client: &TcpStream,
    passes: &Passes,
    answered: &std::sync::mpsc::Sender<()>,
) {
    let mut bytes = vec![0; 1 << 16];
    while let Some(message) = read(server, &mut bytes) {
        let passed = *passes.lock().unwrap_or_else(PoisonError::into_inner);
        if passed && send(client, message).is_none() {
            break;
        }
        let _ = answered.send(());
    }
    let passed = *passes.lock().unwrap_or_else(PoisonError::into_inner);
    if passed {
        let _ = client.shutdown(Shutdown::Both);
    }
}

fn twin(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second handle")
}

/// What comes next; `None`: nothing any more.
fn read<'b>(mut from: &TcpStream, bytes: &'b mut [u8]) -> Option<&'b [u8]> {
    match from.read(bytes) {
        Ok(0) | Err(_) => None,
        Ok(length) => Some(&bytes[..length]),
    }
}

fn send(mut to: &TcpStream, message: &[u8]) -> Option<()> {
    to.write_all(message).ok()
}
