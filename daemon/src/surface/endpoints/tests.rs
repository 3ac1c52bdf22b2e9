use super::*;
use crate::endpoints::tests::listing;

/// A list that does not change with the one that the program carries.
const LIST: &str = r#"
version = "2026-01-10.1"
date = "2026-01-10"

[[endpoint]]
id = "online-test"
stages = ["internet"]
why = "shows that the Internet is there"
names = ["*.online.example"]
hosts = [{ name = "www.online.example", basis = "documented" }]
ports = ["tcp/80"]
protocol = "http"
requirement = "hard"
inspection = "not_applicable"
clouds = ["worldwide"]
sources = ["page"]

[[endpoint]]
id = "clock"
stages = ["time"]
why = "sets the clock"
names = ["time.example"]
hosts = [{ name = "time.example", basis = "documented" }]
ports = ["udp/123"]
protocol = "ntp"
requirement = "soft"
inspection = "not_applicable"
clouds = ["worldwide"]
sources = ["page"]

[[endpoint]]
id = "apps"
stages = ["device_setup", "account_setup"]
why = "installers"
names = ["one.apps.example", "two.apps.example", "three.apps.example", "four.apps.example"]
hosts = [{ name = "one.apps.example", basis = "documented" }]
ports = ["tcp/443", "tcp/80"]
protocol = "https"
requirement = "conditional"
condition = "office"
inspection = "forbidden"
clouds = ["worldwide"]
needs_range = true
sources = ["page"]

[[endpoint]]
id = "apps-again"
stages = ["device_setup"]
why = "the same installers"
names = ["one.apps.example"]
hosts = [{ name = "one.apps.example", basis = "documented" }]
ports = ["tcp/443"]
protocol = "https"
requirement = "soft"
inspection = "not_stated"
clouds = ["worldwide"]
sources = ["page"]

[[endpoint]]
id = "push"
stages = ["device_setup"]
why = "push"
names = ["push.example"]
hosts = [{ name = "push.example", basis = "documented" }]
ports = ["tcp/443"]
protocol = "https"
requirement = "not_needed"
inspection = "excluded"
clouds = ["worldwide"]
no_proxy = true
sources = ["page"]

[sources]
page = { document = "a page", edition = "1" }
"#;

const TENANT: &str = "[domain]\ntenant = \"contoso.com\"\n";

const WITH_OFFICE: &str = "[domain]\ntenant = \"contoso.com\"\n[tenant]\noffice = true\n";

fn plain(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

#[test]
fn the_table_stands_in_the_order_of_the_flow_and_fits_into_its_width() {
    let expected = "\
Endpoint list 2026-01-10.1, 3 days old; cloud worldwide, domain contoso.com

  need  id           names                                   ports    inspection
S2  Internet
  hard  online-test  *.online.example                        80
                     shows that the Internet is there

S3  Time
  soft  clock        time.example                            123/udp
                     sets the clock

S6  Device setup
  hard  apps         one.apps.example, two.apps.example,     443, 80  forbidden
                     three.apps.example, four.apps.example
                     installers; hard because of tenant.office; also S10
  soft  apps-again   one.apps.example                        443
                     the same installers

    Not needed by the user flow
  -     push         push.example                            443      excluded
                     push; no proxy possible
";
    let text = plain(&table(&listing(Some(LIST), WITH_OFFICE, 3), 80));
    assert_eq!(text.split("\nhard: ").next(), Some(expected), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn the_request_names_each_host_once_in_the_strongest_group() {
    let text = firewall(&listing(Some(LIST), WITH_OFFICE, 3));
    let expected = "
MUST BE OPEN: without one of these the deployment of a device fails

  *.online.example
      tcp/80
      Shows that the Internet is there (online-test)

  one.apps.example
  two.apps.example
  three.apps.example
  four.apps.example
      tcp/443, tcp/80; no TLS inspection; byte ranges
      Installers (apps)

SHOULD BE OPEN: without these it is slower, or something is missing afterwards

  time.example
      udp/123
      Sets the clock (clock)

NOT NEEDED at this step; listed because they are often asked for with the others

  push.example
      tcp/443; exempt from TLS inspection; not through a proxy
      Push (push)
";
    assert!(text.ends_with(expected), "{text}");
    assert!(
        text.contains("endpoint list 2026-01-10.1, 3 days old"),
        "{text}"
    );
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn an_unset_switch_is_said_and_asks_for_less() {
    let listing = listing(Some(LIST), TENANT, 3);
    let text = plain(&table(&listing, 100));
    assert!(text.contains("hard if tenant.office is set"), "{text}");
    let text = firewall(&listing);
    let (must, should) = text.split_once("SHOULD BE OPEN").expect("both groups");
    assert!(!must.contains("apps.example") && should.contains("two.apps.example"));
}

#[test]
fn every_output_says_that_an_old_list_is_old() {
    for (days, is_old) in [(180, false), (181, true)] {
        let listing = listing(Some(LIST), TENANT, days);
        let words = "This list is 181 days old";
        let json = serde_json::to_string(&listing).expect("JSON");
        let table = plain(&table(&listing, 200));
        for text in [&json, &table, &firewall(&listing)] {
            assert_eq!(text.contains(words), is_old, "{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["list"]["stale"], is_old);
        assert_eq!(json["list"]["age_days"], days);
        assert_eq!(json["schema"], "sightline.endpoints/1");
    }
}

#[test]
fn the_embedded_list_fits_into_a_hundred_columns() {
    let listing = listing(None, "", 0);
    let text = plain(&table(&listing, 100));
    for text in [text, firewall(&listing)] {
        let long = text.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None);
    }
}

#[test]
fn a_long_item_has_a_line_for_itself() {
    let lines = wrapped(["a", "b", "a-long-item", "c"], ", ", 6);
    assert_eq!(lines, ["a, b,", "a-long-item,", "c"]);
    assert_eq!(wrapped([], ", ", 6), [""; 0]);
}
