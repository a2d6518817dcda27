//! What a start says.

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
