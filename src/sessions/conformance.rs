//! What every store of sessions must do: the same tests for memory and for Redis.

use std::collections::HashMap;
use std::time::Duration;

use tally_proof::servers::redis_server::{Redis, RedisServer, USER};
use tokio::task::JoinSet;

use super::*;
use crate::clock::Clock;

/// Long enough for nothing to end in a test.
const LONG_MS: i64 = 3_600_000;

/// How long something that must become true is waited for.
const UNTIL_MAX: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// The settings of a Redis, for a user who may do no more than is needed.
pub(super) fn settings(url: String) -> SessionSettings {
    SessionSettings { redis_url: Some(url.parse().unwrap()), ..SessionSettings::default() }
}

/// Sessions there.
pub(super) async fn at(settings: &SessionSettings) -> Result<Sessions, SessionsFault> {
    Sessions::start(settings, &Handle::current()).await
}

/// Sixteen bytes as WeChat gives them.
pub(super) fn key(bytes: [u8; 16]) -> SessionKey {
    SessionKey::parse(&tally_wechat::profile::base64(bytes)).unwrap()
}

/// Logs in; the token.
pub(super) async fn begin(sessions: &Sessions, openid: &str, n: u8) -> String {
    sessions.begin(openid, key([n; 16]), Clock::start().now()).await.unwrap()
}

/// Whose token it is.
pub(super) async fn found(sessions: &Sessions, token: &str) -> Option<(String, SessionKey)> {
    let customer = sessions.customer(token, Clock::start().now()).await.unwrap()?;
    Some((customer.openid.to_string(), (*customer.session_key).clone()))
}

/// Waits for something that must become true.
pub(super) async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let became = async {
        while !is_true().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(UNTIL_MAX, became).await.expect(what);
}

/// Runs a test on each store.
async fn on_each(test: impl AsyncFn(Sessions)) {
    let in_memory = Sessions::start(&SessionSettings::default(), &Handle::current()).await;
    test(in_memory.unwrap()).await;
    let Some(redis) = Redis::find() else { return };
    let redis = RedisServer::start(redis);
    test(at(&settings(redis.url(Some(USER)))).await.unwrap()).await;
}

#[actix_web::test]
async fn a_new_login_replaces_the_key_and_older_tokens_stay_good() {
    on_each(async |sessions| {
        let first = begin(&sessions, "alice", 1).await;
        let other = begin(&sessions, "bob", 9).await;
        let second = begin(&sessions, "alice", 2).await;
        assert_ne!(first, second);
        assert_eq!(first.len(), 64);
        for token in [&first, &second] {
            assert_eq!(found(&sessions, token).await, Some(("alice".into(), key([2; 16]))));
        }
        assert_eq!(found(&sessions, &other).await, Some(("bob".into(), key([9; 16]))));
    })
    .await;
}

#[actix_web::test]
async fn only_the_token_itself_is_good() {
    on_each(async |sessions| {
        let token = begin(&sessions, "alice", 1).await;
        let hashed = hash(&token).to_hex().to_string();
        let others = [&token.to_uppercase(), &token[1..], &format!("{token} "), &hashed, "", "*"];
        for other in others {
            assert_eq!(found(&sessions, other).await, None, "{other}");
        }
        assert!(found(&sessions, &token).await.is_some());
    })
    .await;
}

#[actix_web::test]
async fn a_session_ends_with_its_life_and_no_other_does() {
    on_each(async |mut sessions| {
        let long = begin(&sessions, "alice", 1).await;
        sessions.life_ms = 50;
        let short = begin(&sessions, "bob", 2).await;
        until("the session ends", async || found(&sessions, &short).await.is_none()).await;
        assert!(found(&sessions, &long).await.is_some());
        sessions.life_ms = LONG_MS;
        let again = begin(&sessions, "bob", 3).await;
        assert_eq!(found(&sessions, &again).await, Some(("bob".into(), key([3; 16]))));
        assert_eq!(found(&sessions, &short).await, None);
    })
    .await;
}

#[actix_web::test]
async fn openids_and_keys_come_back_bit_for_bit() {
    on_each(async |sessions| {
        let long = "x".repeat(128);
        let openids =
            ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", &long, "a:b", "token:*", "小满👨‍👩‍👧", "a\r\nb\0c", "1"];
        let mut tokens = vec![];
        for (n, openid) in openids.into_iter().enumerate() {
            let first = u8::try_from(n * 41).unwrap();
            let key = key(std::array::from_fn(|at| first.wrapping_add(u8::try_from(at).unwrap())));
            let now = Clock::start().now();
            let token = sessions.begin(openid, key.clone(), now).await.unwrap();
            tokens.push((token, openid, key));
        }
        for (token, openid, key) in tokens {
            let (found_openid, found_key) = found(&sessions, &token).await.expect(openid);
            assert_eq!((found_openid.as_str(), found_key.expose()), (openid, key.expose()));
        }
    })
    .await;
}

#[actix_web::test]
async fn many_at_once_get_tokens_of_their_own() {
    on_each(async |sessions| {
        let sessions = Arc::new(sessions);
        let mut logins = JoinSet::new();
        for n in 0..400_u16 {
            let sessions = Arc::clone(&sessions);
            logins.spawn(async move {
                let openid = format!("customer-{}", n % 100);
                let [low, high] = n.to_le_bytes();
                let begun = sessions.begin(&openid, key([low; 16]), Clock::start().now()).await;
                let token = begun.unwrap();
                let (found, _) = found(&sessions, &token).await.expect("good at once");
                assert_eq!(found, openid, "{high}");
                (token, openid)
            });
        }
        let tokens: HashMap<String, String> = logins.join_all().await.into_iter().collect();
        assert_eq!(tokens.len(), 400);
        for (token, openid) in tokens {
            assert_eq!(found(&sessions, &token).await.expect("still good").0, openid);
        }
    })
    .await;
}
