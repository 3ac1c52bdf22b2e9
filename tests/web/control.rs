//! The control socket: the same surface, for whoever may open a file.

use std::path::Path;

use sightline::web::Control;
use tokio::net::UnixStream;

use super::*;

async fn ask(file: &Path, line: &str) -> Answer {
    let mut stream = UnixStream::connect(file).await.expect("it listens");
    let request = format!("{line} HTTP/1.1\r\nhost: sightline\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    Answer::read(&mut stream).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_open_the_file_sees_everything_and_commands() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("run/control.sock");
    let control = Control::bind(&file).await.expect("it listens");
    let mut served = Served::also_at(snapshot(true), Some(Listener::Control(control))).await;

    assert_eq!(ask(&file, "GET /-/ready").await.code, 200);
    let over_both = [
        ask(&file, "GET /api/v1/status").await.body,
        served.get("/api/v1/status").await.body,
    ];
    assert_eq!(over_both[0], over_both[1]);
    assert!(ask(&file, "GET /").await.body.contains("id=\"check\""));
    assert_eq!(ask(&file, "POST /api/v1/check").await.code, 202);
    assert!(matches!(served.commands.try_recv(), Ok(Command::CheckNow)));
    // The pace is one for all.
    assert_eq!(ask(&file, "POST /api/v1/check").await.code, 429);

    drop(served.stop.take());
    served.server.await.expect("it ends");
    assert!(!file.exists(), "the file outlives the daemon");
}
