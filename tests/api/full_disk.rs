//! A disk without room: told to those who write and to whoever asks whether the node is ready; both recover by themselves.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::json;

use crate::helpers::{Answer, TestApp, open, spawn_app_in};
use crate::stage::Stage;

/// A file system of 4 MiB, while it lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path());
        let said = mount.output();
        if said.as_ref().is_ok_and(|said| said.status.success()) {
            return Some(Self(folder));
        }
        assert!(std::env::var_os("CI").is_none(), "CI must be allowed to mount a tmpfs: {said:?}");
        println!("skipped: mounting a tmpfs is not permitted here: {said:?}");
        None
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let full = std::iter::repeat_with(|| ballast.write_all(&[1; 512])).find_map(Result::err);
        assert_eq!(full.map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the small disk stays mounted");
    }
}

/// Opens orders until one is not taken; what the answer was, and the number of that order.
async fn open_until_refused(app: &TestApp) -> (Answer, String) {
    for number in 10_000..30_000 {
        let order_no = number.to_string();
        let answer = app.post("/v1/merchants/m1/orders", open(&order_no, 100)).await;
        if answer.status != 201 {
            return (answer, order_no);
        }
    }
    panic!("the disk never fills");
}

#[actix_web::test]
async fn a_full_disk_is_told_by_writes_and_readiness_and_both_recover_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let app = spawn_app_in(tempfile::TempDir::new_in(disk.path()).unwrap()).await;
    app.merchant("m1", json!({})).await;
    let made = app.post("/v1/merchants/m1/keys", json!({"name": "a till"})).await.expect(201);
    let key = made["key"].as_str().unwrap();
    let see = || app.call(Method::GET, "/v1/merchants/m1", key, None);
    assert_eq!(app.get("/readyz").await.status, 200);
    disk.fill();

    let (mut refused, order_no) = open_until_refused(&app).await;
    for _ in 0..2 {
        assert_eq!(refused.refusal(), (503, "unavailable"), "{}", refused.body);
        assert!(refused.headers.contains_key("retry-after"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("the disk is full: it did not happen"), "{detail}");
        let ready = app.get("/readyz").await;
        assert_eq!((ready.status, &ready.body["reasons"]), (503, &json!(["the disk is full"])));
        refused = app.post("/v1/merchants/m1/orders", open(&order_no, 100)).await;
    }
    assert_eq!(see().await.status, 200, "what is stored can still be read");
    let delete = format!("/v1/merchants/m1/keys/{}", made["key_id"].as_str().unwrap());
    assert_eq!(app.delete(&delete).await.refusal(), (503, "unavailable"));
    assert_eq!(see().await.status, 200, "a key that was certainly not deleted is still known");

    fs::remove_file(disk.ballast()).unwrap();
    assert_eq!(app.get("/readyz").await.expect(200)["reasons"], json!([]));
    app.post("/v1/merchants/m1/orders", open(&order_no, 100)).await.expect(201);
    assert_eq!(app.delete(&delete).await.status, 204);
    assert_eq!(see().await.status, 401);
    app.finish().await;
}

/// `api.md` 2: what can't be made durable now is answered FAIL, so WeChat comes again, and then it counts once.
#[actix_web::test]
async fn a_notice_that_can_not_be_made_durable_is_answered_fail_and_counts_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let folder = tempfile::TempDir::new_in(disk.path()).unwrap();
    let stage = Stage::with(|settings| settings.data.data_dir = folder.path().to_path_buf()).await;
    stage.app.merchant("m1", json!({})).await;
    let page = stage.page("alice").await;
    stage.order(&page, "A001", 500).await;
    let notice = stage.notice("A001", 500);
    disk.fill();

    let (refused, _) = open_until_refused(&stage.app).await;
    assert_eq!(refused.refusal(), (503, "unavailable"), "{}", refused.body);
    assert!(!stage.notify(&notice).await, "SUCCESS for what is not on disk");
    assert_eq!(stage.status("A001").await, "open");

    fs::remove_file(disk.ballast()).unwrap();
    assert!(stage.notify(&notice).await);
    assert!(stage.notify(&notice).await, "a repeat is a success");
    assert_eq!(stage.app.balance("default").await["paid_fen"], 500);
}
