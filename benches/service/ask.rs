//! Single calls beside the load: plain HTTP, a connection each.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Asks, and gives the body of an answer that must be one of success; who is told `busy` asks again.
pub(crate) fn ask(address: &str, method: &str, path: &str, key: &str, body: &Value) -> String {
    loop {
        let answer = once(address, method, path, key, body);
        if answer.starts_with("HTTP/1.1 429") {
            std::thread::sleep(PAUSE);
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        return answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    }
}

/// How long who was told `busy` waits.
const PAUSE: Duration = Duration::from_millis(100);

fn once(address: &str, method: &str, path: &str, key: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let asked = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(asked.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// The same, where the answer is JSON.
pub(crate) fn ask_json(address: &str, method: &str, path: &str, key: &str, body: &Value) -> Value {
    serde_json::from_str(&ask(address, method, path, key, body)).expect("JSON")
}
