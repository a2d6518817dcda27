//! The mini-program's calls, and every code that they answer.

use reqwest::Client;
use serde_json::{Value, json};

use crate::helpers::{open, read};
use crate::stage::Stage;

#[actix_web::test]
async fn a_page_written_for_the_usual_tutorial_backend_works_unchanged() {
    let stage = Stage::new().await;
    let login = stage.code_of("alice").await;
    let (code, data) = stage.code("/login/", json!({"code": login["code"]})).await;
    let token = &data["token"];
    assert_eq!((code, token.as_str().unwrap().len()), (0, 64));
    let sealed =
        json!({"iv": login["iv"], "encryptedData": login["encryptedData"], "token": token});
    let (code, profile) = stage.code("/getinfo/", sealed).await;
    assert_eq!((code, &profile["openId"]), (0, &json!("alice")));
    assert_eq!(profile["nickName"], "小满🌾👨‍👩‍👧");
    assert!(!profile.to_string().contains("session_key"));

    let (code, params) = stage.code("/pay/", json!({"money": 1, "token": token})).await;
    assert_eq!(code, 0);
    let texts = params.as_object().unwrap();
    assert_eq!(texts.len(), 6);
    assert!(texts.values().all(Value::is_string), "{params}");
    let mut handed = params.clone();
    let order_no = handed.as_object_mut().unwrap().remove("order_no").unwrap();
    stage.play("pay", handed).await;
    let asked = json!({"token": token, "order_no": order_no});
    let (code, order) = stage.code("/order/", asked).await;
    assert_eq!((code, &order["status"], &order["amount_fen"]), (0, &json!("paid"), &json!(1)));
    assert_eq!(stage.app.balance("default").await["paid_fen"], 1);
    stage.finish().await;
}

#[actix_web::test]
async fn forms_and_paths_without_a_slash_mean_the_same() {
    let stage = Stage::new().await;
    let post = |path: &str, fields: &[(&str, &str)]| {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let request = stage.app.http.post(format!("{}{path}", stage.app.base));
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        read(request.header("Content-Type", kind).body(fields.join("&")))
    };
    let login = stage.code_of("alice").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let answer = post("/login", &[("code", &text(&login["code"]))]).await.expect(200);
    let token = text(&answer["data"]["token"]);
    let (iv, sealed) = (text(&login["iv"]), text(&login["encryptedData"]));
    let fields = [("iv", iv.as_str()), ("encryptedData", &sealed), ("token", &token), ("x", "1")];
    let profile = post("/getinfo", &fields).await.expect(200);
    assert_eq!((&profile["code"], &profile["data"]["openId"]), (&json!(0), &json!("alice")));
    let fields = [("money", "12"), ("token", token.as_str()), ("order_no", "A0001"), ("body", "")];
    assert_eq!(post("/pay", &fields).await.expect(200)["code"], 0);
    let fields = [("token", token.as_str()), ("order_no", "A0001")];
    let order = post("/order", &fields).await.expect(200);
    assert_eq!(
        (&order["data"]["status"], &order["data"]["amount_fen"]),
        (&json!("open"), &json!(12))
    );
    stage.finish().await;
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[actix_web::test]
async fn what_is_missing_or_malformed_has_its_code_and_names_its_field() {
    let stage = Stage::new().await;
    let token = stage.page("alice").await.token;
    let pay = |field: &str, value: Value| {
        let mut body = json!({"money": 100, "token": token, "order_no": "A0001"});
        body[field] = value;
        body
    };
    let long = "商".repeat(43);
    for (path, body, code, field) in [
        ("/login/", json!({}), 1, "code"),
        ("/login/", json!({"code": ""}), 1, "code"),
        ("/login/", json!({"code": 7}), 3, "code"),
        ("/getinfo/", json!({"encryptedData": "x", "token": token}), 1, "iv"),
        ("/getinfo/", json!({"iv": "x", "token": token}), 1, "encryptedData"),
        ("/getinfo/", json!({"iv": "x", "encryptedData": "x"}), 1, "token"),
        ("/pay/", pay("money", json!(null)), 1, "money"),
        ("/pay/", pay("token", json!("")), 1, "token"),
        ("/pay/", pay("money", json!(0)), 3, "money"),
        ("/pay/", pay("money", json!(1.5)), 3, "money"),
        ("/pay/", pay("money", json!("1.00")), 3, "money"),
        ("/pay/", pay("money", json!(1_000_000_001)), 3, "money"),
        ("/pay/", pay("body", json!(long)), 3, "body"),
        ("/pay/", pay("body", json!("\r\n")), 3, "body"),
        ("/pay/", pay("order_no", json!("x")), 3, "order_no"),
        ("/pay/", pay("merchant_id", json!("a-b")), 3, "merchant_id"),
        ("/pay/", pay("merchant_id", json!("nobody")), 3, "merchant_id"),
        ("/order/", json!({"token": token}), 1, "order_no"),
        ("/order/", json!({"token": token, "order_no": "x"}), 3, "order_no"),
        (
            "/order/",
            json!({"token": token, "order_no": "A0001", "merchant_id": "nobody"}),
            3,
            "merchant_id",
        ),
        ("/order/", json!([]), 3, "body"),
    ] {
        let answer = stage.call(path, body.clone()).await.expect(200);
        let start = if code == 1 { "缺少参数" } else { "参数错误" };
        let msg = answer["msg"].as_str().unwrap();
        assert_eq!(answer["code"], code, "{path} {body}: {answer}");
        assert!(msg.starts_with(start) && msg.contains(field), "{path} {body}: {msg}");
    }
    assert_eq!(stage.seq().await, 1, "nothing was recorded");
    stage.finish().await;
}

#[actix_web::test]
async fn a_token_that_nobody_has_is_refused_everywhere() {
    let stage = Stage::new().await;
    let token = "0".repeat(64);
    for (path, body) in [
        ("/getinfo/", json!({"iv": "x", "encryptedData": "x", "token": token})),
        ("/pay/", json!({"money": 1, "token": token})),
        ("/order/", json!({"order_no": "A0001", "token": token})),
    ] {
        let answer = stage.call(path, body).await.expect(200);
        assert_eq!((&answer["code"], &answer["msg"]), (&json!(2), &json!("token无效")), "{path}");
    }
    stage.finish().await;
}

#[actix_web::test]
async fn a_login_code_is_good_once_and_copies_at_once_share_its_session() {
    let stage = Stage::new().await;
    let login = stage.code_of("alice").await;
    let body = json!({"code": login["code"]});
    let answers = at_once((0..8).map(|_| stage.code("/login/", body.clone())).collect()).await;
    let good: Vec<&Value> =
        answers.iter().filter(|(code, _)| *code == 0).map(|(_, data)| &data["token"]).collect();
    assert!(!good.is_empty() && good.iter().all(|token| *token == good[0]), "{answers:?}");
    assert!(answers.iter().all(|(code, _)| [0, 4].contains(code)), "{answers:?}");
    assert_eq!(stage.code("/login/", body).await.0, 4);
    assert_eq!(stage.code("/login/", json!({"code": "never-made"})).await.0, 4);
    stage.faults(&[("login", "time_out")]).await;
    let login = stage.code_of("alice").await;
    assert_eq!(stage.code("/login/", json!({"code": login["code"]})).await.0, 8);
    stage.finish().await;
}

/// All of them at once.
async fn at_once<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls.into_iter().map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(move |context| {
        for (call, answer) in &mut calls {
            if answer.is_none()
                && let std::task::Poll::Ready(value) = call.as_mut().poll(context)
            {
                *answer = Some(value);
            }
        }
        if calls.iter().any(|(_, answer)| answer.is_none()) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(calls.iter_mut().filter_map(|(_, answer)| answer.take()).collect())
    })
    .await
}

#[actix_web::test]
async fn a_profile_that_is_not_the_sessions_is_refused_and_a_new_login_opens_its_own() {
    let stage = Stage::new().await;
    let (alice, bob) = (stage.page("alice").await, stage.page("bob").await);
    let hand = |token: &str, iv: &str, sealed: &str| {
        stage.code("/getinfo/", json!({"iv": iv, "encryptedData": sealed, "token": token}))
    };
    assert_eq!(hand(&alice.token, &bob.iv, &bob.encrypted_data).await.0, 5);
    assert_eq!(hand(&alice.token, "AAAA", &alice.encrypted_data).await.0, 5);
    assert_eq!(hand(&alice.token, &alice.iv, "not base64").await.0, 5);
    assert_eq!(hand(&alice.token, &alice.iv, &alice.encrypted_data).await.0, 0);
    let again = stage.page("alice").await;
    // The session_key is the new login's, for the older token too.
    assert_eq!(hand(&alice.token, &alice.iv, &alice.encrypted_data).await.0, 5);
    assert_eq!(hand(&alice.token, &again.iv, &again.encrypted_data).await.0, 0);
    assert_eq!(hand(&again.token, &again.iv, &again.encrypted_data).await.0, 0);
    stage.finish().await;
}

#[actix_web::test]
async fn paying_again_gives_the_same_order_until_it_is_paid_or_closed() {
    let stage = Stage::new().await;
    let (alice, bob) = (stage.page("alice").await, stage.page("bob").await);
    let first = stage.order(&alice, "A0001", 100).await;
    let again = stage.order(&alice, "A0001", 100).await;
    assert_eq!((&first["package"], &first["order_no"]), (&again["package"], &json!("A0001")));
    assert_ne!(first["nonceStr"], again["nonceStr"]);
    let pay = |token: &str, order_no: &str, money: u64| {
        stage.code("/pay/", json!({"money": money, "token": token, "order_no": order_no}))
    };
    assert_eq!(pay(&alice.token, "A0001", 101).await.0, 7);
    assert_eq!(pay(&bob.token, "A0001", 100).await.0, 7);
    assert!(stage.notify(&stage.notice("A0001", 100)).await);
    assert_eq!(pay(&alice.token, "A0001", 100).await.0, 10);
    stage.order(&alice, "A0002", 100).await;
    let close = stage.app.post("/v1/merchants/default/orders/A0002/close", json!({})).await;
    assert_eq!(close.expect(202)["status"], "open");
    assert_eq!(pay(&alice.token, "A0002", 100).await.0, 11);

    let look = |token: &str, order_no: &str| {
        stage.code("/order/", json!({"token": token, "order_no": order_no}))
    };
    assert_eq!(look(&alice.token, "A0001").await.1["status"], "paid");
    assert_eq!(look(&bob.token, "A0001").await.0, 9);
    assert_eq!(look(&alice.token, "A9999").await.0, 9);
    stage.app.post("/v1/merchants/default/orders", open("E0001", 5)).await.expect(201);
    assert_eq!(look(&alice.token, "E0001").await.0, 9);
    stage.finish().await;
}

#[actix_web::test]
async fn what_wechat_refuses_or_leaves_open_has_its_code_and_the_number_to_ask_again_with() {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    let pay = |order_no: &str| {
        stage.code("/pay/", json!({"money": 100, "token": alice.token, "order_no": order_no}))
    };
    for fault in ["system_error", "answer_lost", "time_out"] {
        stage.faults(&[("unified_order", fault)]).await;
        let (code, data) = pay("A0001").await;
        assert_eq!((code, &data["order_no"]), (8, &json!("A0001")), "{fault}");
    }
    let unnamed = stage.code("/pay/", json!({"money": 100, "token": alice.token})).await;
    assert_eq!((unnamed.0, unnamed.1["order_no"].as_str().unwrap().len()), (8, 15));
    stage.faults(&[]).await;
    let (code, data) = pay("A0001").await;
    assert_eq!((code, &data["order_no"]), (0, &json!("A0001")), "the first request was repeated");
    stage.finish().await;
}

#[actix_web::test]
async fn an_order_that_wechat_refuses_says_why() {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    stage.take_number("default-A0001").await;
    let body = json!({"money": 100, "token": alice.token, "order_no": "A0001"});
    for _ in 0..2 {
        let refused = stage.call("/pay/", body.clone()).await.expect(200);
        let msg = refused["msg"].as_str().unwrap();
        assert_eq!(refused["code"], 6, "{refused}");
        assert!(msg.starts_with("下单失败: ") && msg.contains('_'), "{msg}");
    }
    stage.finish().await;
}

#[actix_web::test]
async fn an_answer_that_can_not_be_verified_leaves_the_order_open() {
    let stage = Stage::with(|settings| {
        settings.wechat.api_key = Some("another-key".parse().unwrap());
    })
    .await;
    let alice = stage.page("alice").await;
    let (code, _) = stage.code("/pay/", json!({"money": 100, "token": alice.token})).await;
    assert_eq!(code, 8);
    stage.finish().await;
}

#[actix_web::test]
async fn a_client_that_goes_away_leaves_an_order_with_its_prepay_id() {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    let body = json!({"money": 100, "token": alice.token, "order_no": "A0001"}).to_string();
    let request = format!(
        "POST /pay/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = stage.app.base.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    drop(stream);
    let http = Client::new();
    let path = format!("{}/v1/merchants/default/events?limit=200", stage.app.base);
    for _ in 0..2_000 {
        let events = read(http.get(&path).bearer_auth(&stage.app.admin)).await.expect(200);
        let kinds = events["items"].as_array().unwrap().iter().map(|event| event["kind"].clone());
        if kinds.into_iter().any(|kind| kind == "order_prepaid") {
            stage.finish().await;
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the order got no prepay id");
}

#[actix_web::test]
async fn what_the_application_never_saw_has_a_status_of_its_own() {
    let stage = Stage::new().await;
    let big = "x".repeat(65 * 1024);
    assert_eq!(stage.call("/pay/", json!({"token": big})).await.status, 413);
    let wrong = read(stage.app.http.get(format!("{}/login/", stage.app.base))).await;
    assert_eq!(wrong.status, 405);
    assert_eq!(stage.call("/login/more", json!({})).await.status, 404);
    stage.finish().await;
}
