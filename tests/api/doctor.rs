//! `tally doctor`: nothing is wrong beside a running service, and each thing that is, is named with its remedy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::helpers::{TestApp, spawn_app, tally};

/// What the doctor says with these flags, and whether nothing is wrong.
async fn doctor(folder: &Path, flags: &[&str]) -> (String, bool) {
    let output = tally(folder, &[&["doctor", "--log", "off"], flags].concat()).await;
    let code = output.status.code();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(matches!(code, Some(0 | 1)), "{said}");
    for line in said.lines() {
        let starts = ["ok ", "warning ", "WRONG ", "left out "];
        let last = line.ends_with("wrong");
        assert!(last || starts.iter().any(|start| line.starts_with(start)), "{line}");
    }
    (said, code == Some(0))
}

/// The line about one thing.
fn about<'s>(said: &'s str, what: &str) -> &'s str {
    let named = |line: &&str| line.get(10..).is_some_and(|rest| rest.starts_with(what));
    said.lines().find(named).unwrap_or_else(|| panic!("nothing about {what}: {said}"))
}

/// The address of somebody who answers every request with this.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    format!("http://{address}")
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What speaks to the app's sandbox as if that were WeChat; the app itself is the service at the public URL.
struct Credentials(Vec<(&'static str, String)>);

impl Credentials {
    fn of(app: &TestApp) -> Self {
        let secret = |what: &str| {
            let hash = blake3::Hash::from_bytes(blake3::derive_key(what, app.admin.as_bytes()));
            hash.to_hex()[..32].to_owned()
        };
        let sandbox = format!("http://{}", app.sandbox.unwrap());
        Self(vec![
            ("--wechat-app-id", "wx00005a4db0c5ad01".into()),
            ("--wechat-app-secret", secret("tally 2026 sandbox app secret")),
            ("--wechat-mch-id", "1900000109".into()),
            ("--wechat-api-key", secret("tally 2026 sandbox api key")),
            ("--wechat-api-url", sandbox.clone()),
            ("--wechat-pay-url", sandbox),
        ])
    }

    /// The flags, with one of them otherwise.
    fn with<'c>(&'c self, flag: &str, value: &'c str) -> Vec<&'c str> {
        let pairs = self.0.iter().map(|(name, usual)| (*name, usual.as_str()));
        let changed = pairs.map(|(name, usual)| [name, if name == flag { value } else { usual }]);
        changed.flatten().collect()
    }
}

fn flags_of(app: &TestApp) -> Vec<String> {
    let listen = app.base.strip_prefix("http://").unwrap().to_owned();
    let sandbox = app.sandbox.unwrap().to_string();
    vec!["--listen".into(), listen, "--sandbox-listen".into(), sandbox]
}

#[actix_web::test]
async fn beside_a_running_service_nothing_is_wrong() {
    let app = spawn_app().await;
    let folder = Path::new(&app.file("")).to_owned();
    let flags = flags_of(&app);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (said, well) = doctor(&folder, &flags).await;
    assert!(well, "{said}");
    for what in [
        "settings",
        "clock",
        "certificate",
        "API key",
        "signature",
        "log-ins",
        "notices",
        "database",
        "account",
        "Redis",
    ] {
        assert!(about(&said, what).starts_with("ok "), "{said}");
    }
    assert!(!said.contains(&app.admin), "{said}");
    app.finish().await;
}

#[actix_web::test]
async fn what_wechat_does_not_take_is_named_with_the_setting() {
    let app = spawn_app().await;
    let good = Credentials::of(&app);
    let elsewhere = tempfile::tempdir().unwrap();
    let other_key = "0123456789abcdef0123456789abcdef";
    let nobody = format!("http://{}", nobody());
    let late = answering(
        "HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2026 02:00:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    for (flag, value, what, words) in [
        ("--wechat-api-key", other_key, "signature", "TALLY_WECHAT_API_KEY is not the key"),
        ("--wechat-api-key", "short", "API key", "has 5 characters"),
        ("--wechat-mch-id", "1900000999", "signature", "TALLY_WECHAT_MCH_ID"),
        ("--wechat-app-id", "wx1", "signature", "bind the app id"),
        ("--wechat-app-id", "wx1", "log-ins", "TALLY_WECHAT_APP_ID"),
        ("--wechat-app-secret", other_key, "log-ins", "TALLY_WECHAT_APP_SECRET"),
        ("--wechat-pay-url", &nobody, "signature", "can't be reached"),
        ("--wechat-api-url", &nobody, "log-ins", "TALLY_WECHAT_API_URL"),
        ("--wechat-pay-url", &late, "clock", "ahead"),
        ("--wechat-app-id", "", "settings", "TALLY_WECHAT_APP_ID is not set"),
        ("", "", "notices", "TALLY_PUBLIC_URL is not set"),
    ] {
        let (said, well) = doctor(elsewhere.path(), &good.with(flag, value)).await;
        let line = about(&said, what);
        assert!(line.contains(words) && !line.starts_with("ok "), "{flag}: {line}\n{said}");
        assert!(!well, "{said}");
        let secrets =
            good.0.iter().filter(|(name, _)| name.ends_with("secret") || name.ends_with("key"));
        for secret in secrets.map(|(_, secret)| secret.as_str()).chain([other_key]) {
            assert!(!said.contains(secret), "{said}");
        }
    }
    let (said, _) = doctor(elsewhere.path(), &good.with("", "")).await;
    for what in ["signature", "log-ins", "clock", "certificate"] {
        assert!(about(&said, what).starts_with("ok "), "{said}");
    }
    // The app's own books are practice books.
    let (said, _) = doctor(Path::new(&app.file("")), &good.with("", "")).await;
    assert!(about(&said, "account").starts_with("WRONG "), "{said}");
    app.finish().await;
}

#[actix_web::test]
async fn a_way_that_notices_do_not_find_is_named() {
    let app = spawn_app().await;
    let (usual, good) = (flags_of(&app), Credentials::of(&app));
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    let folder = Path::new(&app.file("")).to_owned();
    let nobody = format!("http://{}", nobody());
    let health_only = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\nConnection: close\r\n\r\n{\"status\":\"alive\"}",
    );
    let stranger = answering(
        "HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    for (url, words) in [
        (nobody.as_str(), "nobody answers"),
        (&health_only, "not on /notify/"),
        (&stranger, "something else than tally answers at TALLY_PUBLIC_URL (status 301"),
    ] {
        let (said, well) = doctor(&folder, &[&usual[..], &["--public-url", url]].concat()).await;
        let line = about(&said, "notices");
        assert!(line.starts_with("WRONG ") && line.contains(words) && !well, "{line}");
    }
    let (said, _) = doctor(&folder, &[&usual[..], &["--public-url", &app.base]].concat()).await;
    assert!(about(&said, "notices").starts_with("ok "), "{said}");
    // For WeChat itself it must lead here from outside.
    for (url, words) in [
        (app.base.as_str(), "leads to 127.0.0.1, which is a private address"),
        ("https://10.1.2.3", "private address"),
    ] {
        let flags = [&good.with("", "")[..], &["--public-url", url]].concat();
        let (said, _) = doctor(&folder, &flags).await;
        let line = about(&said, "notices");
        assert!(line.starts_with("WRONG ") && line.contains(words), "{line}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn stores_that_are_not_there_or_not_right_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (said, well) = doctor(folder.path(), &[]).await;
    assert!(well, "{said}");
    assert!(
        about(&said, "database").contains("is not there yet: the first start makes it"),
        "{said}"
    );
    assert!(about(&said, "settings").contains("start tally, then ask again"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
    std::fs::write(folder.path().join("tally.db"), [7; 4096]).unwrap();
    let redis = format!("redis://user:hush@{}", nobody());
    let (said, well) = doctor(folder.path(), &["--redis-url", &redis]).await;
    assert!(about(&said, "database").starts_with("WRONG ") && !well, "{said}");
    let line = about(&said, "Redis");
    assert!(line.starts_with("WRONG ") && line.contains("TALLY_REDIS_URL"), "{line}");
    assert!(!said.contains("hush"), "{said}");
    let (said, _) =
        doctor(folder.path(), &["--database-url", "postgres://u:hush@127.0.0.1:1/t"]).await;
    assert!(about(&said, "database").starts_with("WRONG ") && !said.contains("hush"), "{said}");
}

#[actix_web::test]
async fn a_certificate_that_can_not_serve_is_named() {
    let app = spawn_app().await;
    let made = |name: &str, subject: &str, days: &str| {
        let [cert, key] = ["cert", "key"].map(|kind| app.file(&format!("{name}.{kind}.pem")));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", days, "-subj", subject, "-keyout", &key, "-out", &cert]);
        let ran = openssl.output().is_ok_and(|output| output.status.success());
        assert!(ran || std::env::var_os("CI").is_none(), "openssl must be installed");
        ran.then_some([cert, key])
    };
    let ours = "/O=Tally/CN=1900000109";
    let (Some(good), Some(others), Some(brief)) = (
        made("good", ours, "365"),
        made("other", "/CN=1900000999", "365"),
        made("brief", ours, "3"),
    ) else {
        println!("left out: openssl is not installed");
        return;
    };
    let credentials = Credentials::of(&app);
    let elsewhere = tempfile::tempdir().unwrap();
    let garbage = app.file("garbage.pem");
    std::fs::write(&garbage, "no PEM").unwrap();
    for (cert, key, what, start, words) in [
        (&good[0], &good[1], "certificate", "ok ", "is good until"),
        (&brief[0], &brief[1], "certificate", "warning ", "make a new one"),
        (&others[0], &others[1], "certificate", "WRONG ", "is of 1900000999"),
        (&good[0], &others[1], "certificate", "WRONG ", "fits the certificate"),
        (&garbage, &good[1], "certificate", "WRONG ", "must be a PEM file"),
        (&app.file("none.pem"), &good[1], "settings", "WRONG ", "TALLY_WECHAT_CERT: the file"),
    ] {
        let files = ["--wechat-cert", cert, "--wechat-cert-key", key];
        let (said, _) =
            doctor(elsewhere.path(), &[&credentials.with("", "")[..], &files].concat()).await;
        let line = about(&said, what);
        assert!(line.starts_with(start) && line.contains(words), "{line}");
        if what == "certificate" {
            assert!(about(&said, "signature").starts_with("ok "), "{said}");
        }
    }
    app.finish().await;
}
