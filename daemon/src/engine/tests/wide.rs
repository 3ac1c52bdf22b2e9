use super::*;

/// How often hosts were asked within so many seconds.
async fn asked(site: &Site, seconds: u64) -> u64 {
    let count = || {
        let runs = site.world.runs.lock().expect("not poisoned");
        runs.get("https").copied().unwrap_or_default()
    };
    let before = count();
    site.passes(seconds).await;
    count() - before
}

#[tokio::test(start_paused = true)]
async fn what_stays_broken_costs_no_more_than_what_works() {
    let site = Site::new();
    site.passes(1800).await;
    let usual = asked(&site, 3600).await;
    site.world.breaks("https", Reason::TlsIntercepted);
    let lately = asked(&site, 900).await;
    assert!(lately > usual, "{lately} in a quarter, {usual} in an hour");
    site.passes(900).await;
    let later = asked(&site, 3600).await;
    assert!(later <= usual + usual / 10, "{later} after {usual}");
}

/// Breaks the Internet for so long, at some moment between two turns of its hosts; what happened.
async fn without_internet(offset: u64) -> Vec<String> {
    let mut site = Site::new();
    site.passes(600 + offset).await;
    assert_eq!(site.verdict(), Verdict::Ready);
    site.world.breaks("topic: Internet", Reason::DnsTimeout);
    site.world.breaks("Host {", Reason::ConnectTimeout);
    site.world.breaks("TimeSource", Reason::ReadTimeout);
    site.passes(180).await;
    let mut all = site.events();
    site.world.heals();
    site.passes(120).await;
    all.push("healed".to_owned());
    all.extend(site.events());
    assert_eq!(site.verdict(), Verdict::Ready, "at {offset}: {all:?}");
    site.passes(900).await;
    all.extend(site.events());
    all
}

#[tokio::test(start_paused = true)]
async fn the_internet_as_a_whole_is_one_incident_whichever_host_is_asked_first() {
    for offset in (0..300).step_by(23) {
        let happened = without_internet(offset).await;
        let wanted = [
            "opened internet_unreachable",
            "healed",
            "closed internet_unreachable",
        ];
        assert_eq!(happened, wanted, "at {offset}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_comes_and_goes_makes_no_storm() {
    let site = Site::new();
    site.passes(600).await;
    let runs = |site: &Site| site.world.runs.lock().expect("not poisoned")["link"];
    let before = runs(&site);
    for _ in 0..60 {
        site.world.breaks("Host {", Reason::ConnectTimeout);
        site.passes(5).await;
        site.world.heals();
        site.passes(5).await;
    }
    // Twice a minute in its turn, and at most three times beside it for each kind of news.
    let extra = runs(&site) - before;
    assert!(extra <= 20 + 90, "{extra}");
}

#[tokio::test(start_paused = true)]
async fn a_single_host_is_an_incident_within_seven_minutes_and_over_within_two() {
    for offset in (0..300).step_by(41) {
        let mut site = Site::new();
        site.passes(600 + offset).await;
        let host = "Host { name: \"login.microsoftonline.com\"";
        site.world.breaks(host, Reason::ConnectTimeout);
        site.passes(420).await;
        assert_eq!(
            site.events(),
            ["opened endpoint_unreachable"],
            "at {offset}"
        );
        site.world.heals();
        site.passes(120).await;
        assert_eq!(
            site.events(),
            ["closed endpoint_unreachable"],
            "at {offset}"
        );
        assert_eq!(site.verdict(), Verdict::Ready);
    }
}
