//! The report as it is downloaded.

use std::collections::BTreeMap;
use std::io::Read;

use super::*;

/// The files of an archive, with what is in them.
fn unpacked(archive: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let entries = archive.entries().expect("an archive");
    let read = entries.map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        (name, text)
    });
    read.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_known_comes_as_one_file_without_secrets() {
    let mut known = snapshot(true);
    let mut status = sightline_model::Status::clone(&known.status);
    for network in &mut status.networks {
        for cause in &mut network.root_causes {
            cause
                .evidence
                .push("asked http://canary:hunter2@proxy:8080/x".to_owned());
        }
    }
    known.status = Arc::new(status);
    let served = Served::new(known).await;
    let mut stream = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    let request = format!(
        "GET /api/v1/report HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        served.address
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(head.contains("content-type: application/gzip"), "{head}");
    let name = "sightline-berlin-02-20261125t094652z.tar.gz";
    assert!(head.contains(&format!("filename=\"{name}\"")), "{head}");
    let files = unpacked(&answer[end + 4..]);
    let names: Vec<_> = files
        .keys()
        .filter_map(|name| name.split('/').nth(1))
        .collect();
    for wanted in [
        "README.txt",
        "status.txt",
        "status.json",
        "incidents.json",
        "metrics.txt",
        "sightline.toml",
    ] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    let all: String = files.into_values().collect();
    assert!(all.contains("http://(left out)@proxy:8080/x"));
    assert!(!all.contains("hunter2"));
}
