//! What a start says.

use tally_storage::account::AccountFault;

use super::*;

#[actix_web::test]
async fn books_that_are_missing_are_told_in_large_letters_and_new_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::in_folder(folder.path());
    for (start, told) in [("first", false), ("second", false), ("without books", true)] {
        if told {
            std::fs::remove_file(settings.data.place().file().unwrap()).unwrap();
        }
        let app = App::build(&settings).await.unwrap();
        assert_eq!(app.lines().contains("T H E  B O O K S  A R E  N E W"), told, "{start}");
        let handle = app.handle();
        let running = actix_web::rt::spawn(app.run());
        handle.stop(true).await;
        running.await.unwrap().unwrap();
    }
}

#[actix_web::test]
async fn practice_books_are_not_served_with_a_real_account() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::in_folder(folder.path());
    let app = App::build(&settings).await.unwrap();
    let handle = app.handle();
    let running = actix_web::rt::spawn(app.run());
    handle.stop(true).await;
    running.await.unwrap().unwrap();
    let hidden = |text: &str| Some(text.parse().unwrap());
    settings.wechat.app_id = Some("wx1".into());
    settings.wechat.mch_id = Some("191".into());
    settings.wechat.app_secret = hidden("a-secret-of-the-app-that-is-long");
    settings.wechat.api_key = hidden("a-key-of-32-characters-in-length");
    let refused = App::build(&settings).await.err().expect("they are practice books");
    assert!(refused.to_string().contains("holds practice books"), "{refused}");
    let StartError::Account(fault) = refused else { panic!("{refused}") };
    assert!(matches!(*fault, AccountFault::Practice { .. }), "{fault}");
}

/// A rush of connections is not turned away by the kernel before the server comes to take them: each would try again after a second.
#[actix_web::test]
async fn a_rush_of_connections_waits_to_be_accepted() {
    let known = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    let system: usize = known.trim().parse().unwrap_or(0);
    let rush = 1_000.min(limits::BACKLOG_MAX as usize);
    if system <= rush {
        println!("left out: the system lets {system} connections wait");
        return;
    }
    let (_listener, address) = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let wait = std::time::Duration::from_secs(5);
    let connect = |_| std::net::TcpStream::connect_timeout(&address, wait);
    let connected: Vec<_> = (0..rush).map_while(|n| connect(n).ok()).collect();
    assert_eq!(connected.len(), rush);
}
