//! Server-sent events, as a browser hears them.

use super::*;

/// Somebody who listens.
struct Ear {
    stream: TcpStream,
    heard: String,
}

impl Ear {
    async fn new(served: &Served) -> Self {
        let mut stream = TcpStream::connect(served.address)
            .await
            .expect("it listens");
        let request = b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.expect("it reads");
        Self {
            stream,
            heard: String::new(),
        }
    }

    /// Listens until something is heard; whether it was, before the end.
    async fn hears(&mut self, what: &str) -> bool {
        let listen = async {
            while !self.heard.contains(what) {
                let mut bytes = [0; 4096];
                match self.stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => return false,
                    Ok(length) => {
                        let text = String::from_utf8_lossy(&bytes[..length]);
                        self.heard.push_str(&text);
                    }
                }
            }
            true
        };
        let heard = tokio::time::timeout(Duration::from_secs(10), listen).await;
        heard.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_hears_at_once_how_it_stands_and_then_what_changes() {
    let served = Served::new(snapshot(false)).await;
    let mut ear = Ear::new(&served).await;
    assert!(ear.hears("\"verdict\":\"ready\"").await, "{}", ear.heard);
    assert!(ear.heard.contains("content-type: text/event-stream"));
    assert!(ear.heard.contains("retry: 3000\n\n"));
    assert!(ear.heard.contains("event: status\nid: "));
    served.snapshots.send_replace(Arc::new(snapshot(true)));
    let changed = "\"verdict\":\"not_ready\"";
    assert!(ear.hears(changed).await, "{}", ear.heard);
    assert_eq!(ear.heard.matches("event: status").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_may_listen_and_they_keep_nobody_out() {
    let served = Served::new(snapshot(false)).await;
    let mut ears = Vec::new();
    for _ in 0..64 {
        let mut ear = Ear::new(&served).await;
        assert!(ear.hears("event: status").await, "{}", ear.heard);
        ears.push(ear);
    }
    let mut late = Ear::new(&served).await;
    assert!(late.hears("HTTP/1.1 503").await, "{}", late.heard);
    assert_eq!(served.get("/api/v1/status").await.code, 200);
    drop(ears);
    for _ in 0..50 {
        let mut next = Ear::new(&served).await;
        if next.hears("HTTP/1.1 ").await && next.heard.contains("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the places of those who have gone stay taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_listen_are_told_when_it_stops() {
    let mut served = Served::new(snapshot(false)).await;
    let mut ear = Ear::new(&served).await;
    assert!(ear.hears("event: status").await);
    let begun = std::time::Instant::now();
    drop(served.stop.take());
    // The last, empty chunk: the answer has ended, and was not cut off.
    assert!(ear.hears("\r\n0\r\n\r\n").await, "{}", ear.heard);
    served.server.await.expect("it ends");
    assert!(begun.elapsed() < Duration::from_millis(900));
}
