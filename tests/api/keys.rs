//! Keys: made, shown once, listed, forgotten.

use reqwest::Method;
use serde_json::json;

use crate::helpers::spawn_app;

#[actix_web::test]
async fn a_key_is_shown_once_and_no_longer_opens_anything_once_it_is_deleted() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let made = app.post("/v1/merchants/m1/keys", json!({"name": "a till"})).await.expect(201);
    let (key, key_id) = (made["key"].as_str().unwrap(), made["key_id"].as_str().unwrap());
    let listed = app.get("/v1/merchants/m1/keys").await.expect(200);
    assert_eq!(listed["items"][0]["key_id"], key_id);
    assert!(!listed.to_string().contains(key));
    let see = || app.call(Method::GET, "/v1/merchants/m1", key, None);
    assert_eq!(see().await.status, 200);

    let path = format!("/v1/merchants/m1/keys/{key_id}");
    assert_eq!(app.delete(&format!("/v1/merchants/default/keys/{key_id}")).await.status, 404);
    assert_eq!(see().await.status, 200);
    assert_eq!(app.delete(&path).await.status, 204);
    assert_eq!(see().await.refusal(), (401, "not_authorized"));
    assert_eq!(app.delete(&path).await.refusal(), (404, "not_found"));
    app.finish().await;
}

#[actix_web::test]
async fn another_admin_may_do_what_the_first_may() {
    let app = spawn_app().await;
    let made = app.post("/v1/keys", json!({"name": "night shift"})).await.expect(201);
    let key = made["key"].as_str().unwrap();
    let list = app.call(Method::GET, "/v1/keys", key, None).await.expect(200);
    assert_eq!(list["items"][0]["name"], "night shift");
    let new = Some(json!({"merchant_id": "m1", "name": "A shop"}));
    app.call(Method::POST, "/v1/merchants", key, new).await.expect(201);
    let path = format!("/v1/keys/{}", made["key_id"].as_str().unwrap());
    assert_eq!(app.delete(&path).await.status, 204);
    assert_eq!(app.call(Method::GET, "/v1/keys", key, None).await.status, 401);
    app.finish().await;
}
