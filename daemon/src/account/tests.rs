use std::os::unix::fs::PermissionsExt;

use super::*;

const DOMAIN: &str = "corp.example";
const PASSWORD: &str = "Hush-Hush-1!";

struct Box {
    directory: tempfile::TempDir,
}

impl Box {
    fn new() -> Self {
        let made = Self {
            directory: tempfile::tempdir().expect("a scratch directory"),
        };
        made.lay(format!("{PASSWORD}\n"));
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn lay(&self, password: impl AsRef<[u8]>) {
        std::fs::write(self.path("password"), password).expect("written");
    }

    fn account(&self, name: &str) -> Account {
        Account::new(name.to_owned(), self.path("password"), self.path("store"))
    }
}

async fn open(account: &Account) -> Result<Attempt<'_>, Closed> {
    account.open(DOMAIN, Duration::ZERO).await
}

fn unusable(closed: Result<Attempt<'_>, Closed>) -> String {
    match closed {
        Err(Closed::Unusable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_fits_a_directory_and_a_kdc() {
    let of = |name: &str| Account::new(name.to_owned(), PathBuf::new(), PathBuf::new());
    for (name, bind, client) in [
        ("canary", "canary@corp.example", "canary"),
        ("canary@CORP.example", "canary@CORP.example", "canary"),
        (
            "canary@contoso.com",
            "canary@contoso.com",
            "canary@contoso.com",
        ),
    ] {
        assert_eq!(of(name).in_domain(DOMAIN), bind);
        assert_eq!(of(name).client(DOMAIN), client);
    }
}

#[tokio::test]
async fn a_line_end_is_no_part_of_the_password() {
    let place = Box::new();
    for (laid, password) in [
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a", "a"),
        (" a b ", " a b "),
        ("ü\n", "ü"),
    ] {
        place.lay(laid);
        let account = place.account("canary");
        let attempt = open(&account).await.expect(laid);
        assert_eq!(attempt.password().expose(), password);
    }
}

#[tokio::test]
async fn what_is_no_password_is_refused_with_the_name_of_the_file_and_nothing_of_its_content() {
    let place = Box::new();
    for (laid, why) in [
        (b"".to_vec(), "empty"),
        (b"\n".to_vec(), "empty"),
        (b"Hush\nHush\n".to_vec(), "more than one line"),
        (b"Hush\0".to_vec(), "control characters"),
        (b"Hush\xff".to_vec(), "not UTF-8"),
        ([b'H'; LONGEST_PASSWORD + 1].to_vec(), "longer than"),
        ([b'H'; 1 << 20].to_vec(), "longer than"),
    ] {
        place.lay(laid);
        let account = place.account("canary");
        let said = unusable(open(&account).await);
        assert!(said.contains(why), "{said}");
        let file = place.path("password");
        assert!(said.contains(&file.display().to_string()), "{said}");
        assert!(!said.contains("Hush"), "{said}");
    }
    std::fs::remove_file(place.path("password")).expect("removed");
    let account = place.account("canary");
    assert!(unusable(open(&account).await).contains("No such file"));
    std::fs::create_dir(place.path("password")).expect("made");
    assert!(unusable(open(&account).await).contains("it is no file"));
}

#[tokio::test]
async fn nothing_prints_the_password() {
    let place = Box::new();
    let account = place.account("canary");
    let attempt = open(&account).await.expect("opened");
    let shown = format!("{account:?} {attempt:?} {:?}", attempt.password());
    assert!(!shown.contains("Hush"), "{shown}");
    let told = attempt.refused("dc1", "49");
    assert!(!told.contains("Hush"), "{told}");
    let stored = std::fs::read(place.path("store/account.json")).expect("remembered");
    assert!(!String::from_utf8_lossy(&stored).contains("Hush"));
    let mode = std::fs::metadata(place.path("store/account.json")).expect("there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn after_one_refusal_nothing_is_tried_until_the_configuration_changes() {
    let place = Box::new();
    let account = place.account("canary");
    let attempt = open(&account).await.expect("nobody has refused it");
    let told = attempt.refused("dc1.corp.example", "24 KDC_ERR_PREAUTH_FAILED");
    assert!(
        told.starts_with("dc1.corp.example refused canary: 24 "),
        "{told}"
    );
    assert!(told.contains("`touch` is enough"), "{told}");
    // The same process, and the next one.
    for again in [&account, &place.account("canary")] {
        let Err(Closed::Refused(why)) = open(again).await else {
            panic!("it was tried again");
        };
        assert!(why.contains("refused by dc1.corp.example at 20"), "{why}");
        assert!(why.contains("24 KDC_ERR_PREAUTH_FAILED"), "{why}");
    }
    assert!(open(&place.account("other")).await.is_ok());
    let elsewhere = place.account("canary");
    assert!(
        elsewhere
            .open("other.example", Duration::ZERO)
            .await
            .is_ok()
    );
    place.lay("Better-Now-1!\n");
    assert!(open(&place.account("canary")).await.is_ok());
    // This process too: it is about what was refused, not about the process.
    assert!(open(&account).await.is_ok());
}

#[tokio::test]
async fn a_file_that_was_only_touched_counts_as_changed() {
    let place = Box::new();
    let account = place.account("canary");
    let _told = open(&account).await.expect("opened").refused("dc1", "49");
    assert!(open(&account).await.is_err());
    let file = File::options()
        .write(true)
        .open(place.path("password"))
        .expect("there");
    let later = std::time::SystemTime::now() + Duration::from_secs(1);
    file.set_modified(later).expect("touched");
    assert!(open(&account).await.is_ok());
}

#[tokio::test]
async fn without_a_place_for_its_memory_the_account_is_not_used() {
    let place = Box::new();
    std::fs::write(place.path("store"), "a file in the place of the directory").expect("written");
    let said = unusable(open(&place.account("canary")).await);
    assert!(said.contains("store.path"), "{said}");
    std::fs::remove_file(place.path("store")).expect("removed");
    std::fs::create_dir_all(place.path("store/account.json")).expect("made");
    let said = unusable(open(&place.account("canary")).await);
    assert!(said.contains("account.json"), "{said}");
}

#[tokio::test]
async fn a_damaged_memory_is_no_memory_and_is_written_anew() {
    let place = Box::new();
    let file = place.path("store/account.json");
    std::fs::create_dir(place.path("store")).expect("made");
    let future = r#"{"version":2,"refused":null,"more":1}"#;
    for damage in [
        b"".to_vec(),
        b"{\"version\":1,".to_vec(),
        vec![0; 20_000],
        vec![b'['; 100_000],
        future.as_bytes().to_vec(),
    ] {
        std::fs::write(&file, damage).expect("written");
        let account = place.account("canary");
        let attempt = open(&account).await.expect("no memory");
        let _told = attempt.refused("dc1", "49");
        let again = place.account("canary");
        assert!(matches!(open(&again).await, Err(Closed::Refused(_))));
    }
}

#[tokio::test]
async fn a_refusal_in_any_words_fits_into_its_file() {
    let place = Box::new();
    let account = place.account("canary");
    let words = "\u{1b}\"\\\u{202e}".repeat(5000);
    let told = open(&account).await.expect("opened").refused("dc1", &words);
    assert!(
        told.contains("not tried again"),
        "{}",
        &told[told.len() - 300..]
    );
    assert!(open(&place.account("canary")).await.is_err());
}

#[tokio::test]
async fn two_processes_do_not_use_it_at_the_same_time() {
    let place = Box::new();
    let (one, other) = (place.account("canary"), place.account("canary"));
    let attempt = open(&one).await.expect("opened");
    assert!(unusable(open(&other).await).contains("in use by another sightline"));
    let waiting = other.open(DOMAIN, Duration::from_secs(5));
    let told = async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        attempt.refused("dc1", "49")
    };
    let (waited, _told) = tokio::join!(waiting, told);
    assert!(matches!(waited, Err(Closed::Refused(_))), "{waited:?}");
}

#[test]
fn a_credential_of_systemd_is_known_by_its_place() {
    let laid = |path: &str, directory: Option<&str>| {
        is_credential(Path::new(path), directory.map(OsString::from))
    };
    assert!(laid("/run/credentials/sightline.service/canary", None));
    assert!(laid(
        "/run/user/7/credentials/x/canary",
        Some("/run/user/7/credentials/x")
    ));
    assert!(!laid("/etc/sightline/canary", None));
    assert!(!laid("/etc/sightline/canary", Some("")));
}
