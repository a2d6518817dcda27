//! The README's walk-through, run as it stands there.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tally_proof::crash::server::Server;

/// What stands for the server's address in the README.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// What stands for the binary.
const BINARY: &str = "cargo run --release --quiet --";

#[test]
fn the_walk_through_of_the_readme_works_as_pasted_once_and_once_more() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("the README");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let walk = blocks.filter(|block| block.contains("call POST")).collect::<Vec<_>>().concat();
    for part in [ADDRESS, BINARY, "data/admin.key"] {
        assert_eq!(walk.matches(part).count(), 1, "the walk-through names {part} once");
    }
    let site = support::site();
    let server = Server::start(&site);
    let walk = walk
        .replace(ADDRESS, &format!("http://{}", server.address()))
        .replace(BINARY, &format!("'{}'", env!("CARGO_BIN_EXE_tally")));

    let sandbox = server.sandbox_address();
    let first = paste(&walk, site.path(), &sandbox);
    assert!(!first.contains("\"code\":1"), "a page was refused:\n{first}");
    assert!(first.contains("\"openId\":\"oXiaoman\"") && first.contains("🌾"), "{first}");
    let balance = support::run(server.api().get("merchants/tea1/balance")).body;
    let expected = json!({
        "pending_fen": 0, "available_fen": 0, "in_transit_fen": 0, "withdrawn_fen": 12_723,
        "paid_fen": 12_800, "paid_orders": 1, "refunded_fen": 0, "fee_fen": 77,
    });
    for (field, fen) in expected.as_object().expect("an object") {
        assert_eq!(&balance[field], fen, "{field} after the walk-through:\n{first}");
    }
    let second = paste(&walk, site.path(), &sandbox);
    assert_eq!(second.matches("\"code\":10").count(), 1, "the order was paid:\n{second}");
    let again = support::run(server.api().get("merchants/tea1/balance")).body;
    for line in server.log().lines() {
        assert!(
            line.matches("key_id").count() <= 1,
            "a line of the log names its key twice: {line}"
        );
    }
    assert!(server.log().contains("key_id"), "the log does not name the keys that were shown");
    assert_eq!(balance["seq"], again["seq"], "the second time recorded something:\n{second}");
}

/// Pastes the text into a shell in `folder`, which is told where the sandbox is. Every call must succeed, and so must the last
/// command, the audit.
fn paste(text: &str, folder: &Path, sandbox: &str) -> String {
    let script = folder.join("pasted");
    fs::write(&script, text).expect("a file");
    let shell = Command::new("bash")
        .arg(&script)
        .current_dir(folder)
        .env("TALLY_SANDBOX_LISTEN", sandbox)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let out = String::from_utf8(shell.stdout).expect("text");
    let err = String::from_utf8_lossy(&shell.stderr);
    assert!(shell.status.success() && err.is_empty(), "{}\n{out}\n{err}", shell.status);
    assert!(!out.contains("\"code\":\""), "a call was refused:\n{out}");
    out
}
