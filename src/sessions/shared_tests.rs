//! What only a store that is shared must do: keep secrets from who reads it, stay apart, fail soon, and recover.

use tally_proof::servers::redis_server::{PASSWORD, READER, Redis, RedisServer, Said, USER};
use tally_proof::servers::{free_port, local};

use super::conformance::{at, begin, found, key, settings, until};
use super::*;
use crate::clock::Clock;

fn now() -> At {
    Clock::start().now()
}

async fn begins(sessions: &Sessions) -> Result<String, NotNow> {
    sessions.begin("alice", key([1; 16]), now()).await
}

#[actix_web::test]
async fn what_is_stored_is_no_way_in_and_ends_with_the_session() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = at(&settings(redis.url(Some(USER)))).await.unwrap();
    until("what the start wrote is gone", async || redis.keys().is_empty()).await;
    let token = begin(&sessions, "alice", 1).await;
    let keys = redis.keys();
    assert_eq!(keys, ["tally:customer:alice", &format!("tally:token:{}", hash(&token).to_hex())]);
    for key in keys {
        let value = redis.ask(&["GET", &key]).text();
        assert!(!key.contains(&token) && !value.contains(&token), "{key}: {value}");
        assert_eq!(found(&sessions, key.rsplit(':').next().unwrap()).await, None);
        let Said::Number(left_ms) = redis.ask(&["PTTL", &key]) else { panic!("no number") };
        assert!((1..=sessions.life_ms).contains(&left_ms), "{key} is kept for {left_ms} ms");
    }
}

#[actix_web::test]
async fn a_value_of_an_unknown_format_is_nobodys_until_the_next_login() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = at(&settings(redis.url(Some(USER)))).await.unwrap();
    let token = begin(&sessions, "alice", 1).await;
    let of_token = format!("tally:token:{}", hash(&token).to_hex());
    for (key, value) in [
        (of_token.as_str(), "2alice"),
        (&of_token, ""),
        ("tally:customer:alice", "2AAAAAAAAAAAAAAAAAAAAAA=="),
        ("tally:customer:alice", "1AAAA"),
    ] {
        let before = redis.ask(&["GET", key]).text();
        redis.ask(&["SET", key, value]);
        assert_eq!(found(&sessions, &token).await, None, "{key} {value}");
        redis.ask(&["SET", key, &before]);
        assert!(found(&sessions, &token).await.is_some());
    }
    redis.ask(&["DEL", "tally:customer:alice"]);
    assert_eq!(found(&sessions, &token).await, None);
    begin(&sessions, "alice", 2).await;
    assert_eq!(found(&sessions, &token).await, Some(("alice".into(), key([2; 16]))));
}

#[actix_web::test]
async fn sessions_are_good_where_server_database_and_prefix_are_the_same() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let prefixed = |url: &str, prefix: &str| {
        let mut settings = settings(format!("{}{url}", redis.url(None)));
        settings.redis_prefix = prefix.parse().unwrap();
        settings
    };
    let token = begin(&at(&prefixed("/1", "shop:")).await.unwrap(), "alice", 1).await;
    for (url, prefix, good) in [
        ("/1", "shop:", true),
        ("/1", "tally:", false),
        ("/1", "", false),
        ("/0", "shop:", false),
        ("", "shop:", false),
    ] {
        let sessions = at(&prefixed(url, prefix)).await.unwrap();
        assert_eq!(found(&sessions, &token).await.is_some(), good, "{url} {prefix}");
    }
}

#[actix_web::test]
async fn a_redis_that_refuses_the_settings_stops_the_start_with_a_line_without_the_password() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let refused = "refuses the user or the password";
    for (url, why) in [
        (redis.url(Some(("tally", "wrong-hush"))), refused),
        (redis.url(Some(("nobody", "few-hush"))), refused),
        (redis.url(Some(("", "wrong-hush"))), refused),
        (format!("redis://{}", local(redis.port())), "asks for a password"),
        (redis.url(Some(READER)), "lacks rights"),
        (format!("{}/99", redis.url(None)), "refuses the number of the database"),
        (format!("{}/first", redis.url(None)), "is not a Redis URL"),
        ("redis://:hush@".into(), "is not a Redis URL"),
    ] {
        let fault = at(&settings(url.clone())).await.err().expect(&url).to_string();
        assert!(fault.starts_with("TALLY_REDIS_URL") && fault.contains(why), "{url}: {fault}");
        for secret in ["hush", "pass%23", PASSWORD, READER.1] {
            assert!(!fault.contains(secret), "{fault}");
        }
    }
}

#[actix_web::test]
async fn a_redis_that_is_gone_fails_at_once_and_is_used_again_once_it_is_back() {
    let Some(mut redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = at(&settings(redis.url(Some(USER)))).await.unwrap();
    let token = begins(&sessions).await.unwrap();
    redis.kill();
    for _ in 0..100 {
        let why = begins(&sessions).await.unwrap_err().to_string();
        assert!(why.starts_with("Redis is not reached: "), "{why}");
        assert!(!why.contains(USER.1), "{why}");
        assert_eq!(sessions.customer(&token, now()).await.unwrap_err().to_string(), why);
        assert_eq!(sessions.check().await.unwrap_err().to_string(), why);
    }
    redis.restart();
    until("sessions begin again", async || begins(&sessions).await.is_ok()).await;
    assert_eq!(found(&sessions, &token).await, None, "it keeps nothing on disk");
}

#[actix_web::test]
async fn a_redis_that_hangs_is_not_waited_for_and_is_used_again_once_it_goes_on() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = Arc::new(at(&settings(redis.url(Some(USER)))).await.unwrap());
    let token = begins(&sessions).await.unwrap();
    redis.freeze();
    // Far more than one connection's queue holds, so that nobody is left waiting in it.
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let sessions = Arc::clone(&sessions);
        asked.spawn(async move { begins(&sessions).await });
    }
    for begun in asked.join_all().await {
        assert_eq!(begun.unwrap_err().to_string(), "Redis does not answer in time");
    }
    redis.thaw();
    until("sessions begin again", async || begins(&sessions).await.is_ok()).await;
    assert!(found(&sessions, &token).await.is_some());
}

#[actix_web::test]
async fn a_connection_that_redis_closed_is_replaced_without_anybody_noticing() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = at(&settings(redis.url(Some(USER)))).await.unwrap();
    let token = begins(&sessions).await.unwrap();
    for _ in 0..20 {
        redis.ask(&["CLIENT", "KILL", "USER", USER.0]);
        assert!(found(&sessions, &token).await.is_some());
        redis.ask(&["CLIENT", "KILL", "USER", USER.0]);
        begins(&sessions).await.unwrap();
    }
}

#[actix_web::test]
async fn a_redis_without_room_refuses_logins_and_keeps_the_sessions_it_has() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let sessions = at(&settings(redis.url(Some(USER)))).await.unwrap();
    let token = begins(&sessions).await.unwrap();
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..10 {
        assert_eq!(begins(&sessions).await.unwrap_err().to_string(), "Redis answers OOM");
        assert!(found(&sessions, &token).await.is_some());
    }
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    begins(&sessions).await.unwrap();
}

#[actix_web::test]
async fn a_start_goes_on_without_a_redis_that_is_not_there() {
    let sessions = at(&settings(format!("redis://{}", local(free_port())))).await.unwrap();
    assert!(sessions.check().await.is_err());
}

#[actix_web::test]
async fn tls_is_spoken_with_who_the_own_authority_vouches_for_and_with_nobody_else() {
    let Some(redis) = Redis::find_with_tls().map(RedisServer::start) else { return };
    tally_wechat::tls::install_provider();
    let with_ca =
        |url: String, ca: Option<PathBuf>| SessionSettings { redis_ca: ca, ..settings(url) };
    let sessions = at(&with_ca(redis.tls_url(), Some(redis.ca()))).await.unwrap();
    let token = begin(&sessions, "alice", 1).await;
    assert!(found(&sessions, &token).await.is_some());
    for (url, ca, why) in [
        (redis.tls_url(), None, "TALLY_REDIS_URL: Redis is not reached: invalid peer certificate"),
        (
            redis.tls_url().replace("127.0.0.1", "127.0.0.2"),
            Some(redis.ca()),
            "TALLY_REDIS_URL: Redis is not reached: invalid peer certificate",
        ),
        (redis.tls_url(), Some(redis.folder().join("redis.key")), "TALLY_REDIS_CA: "),
    ] {
        let fault = at(&with_ca(url, ca)).await.err().expect(why).to_string();
        assert!(fault.starts_with(why) && !fault.contains(USER.1), "{fault}");
    }
}
