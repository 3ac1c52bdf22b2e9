//! The account of the box: what it is used for, and when it is not used.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Case, DEGRADED, READY, causes, look, network, run};
use crate::support::tls::Shown;
use crate::support::{Setting, World};

/// In no text of a test but this one.
const PASSWORD: &str = "Hush-Hush-1!";

fn with_account(controllers: u8) -> Setting {
    let mut setting = Setting::healthy(controllers);
    setting.account = Some((PASSWORD, false));
    setting
}

fn with_canary(controllers: u8) -> Setting {
    let mut setting = Setting::healthy(controllers);
    setting.account = Some((PASSWORD, true));
    setting
}

const WRONG: (i32, &str) = (
    49,
    "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 52e, v4563",
);

#[test]
fn what_the_account_finds_is_judged() {
    run(&[
        Case {
            name: "without an account the service connection point is not tested",
            notes: &["info not_tested registration "],
            ..READY
        },
        Case {
            name: "the service connection point is there",
            setting: with_account,
            evidence: &["azureADId:3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5"],
            ..READY
        },
        Case {
            name: "over StartTLS, where there is no LDAPS",
            setting: with_account,
            change: |setting| {
                setting.controllers[0].set(
                    crate::support::Service::Ldaps,
                    &crate::support::behaviour::Behaviour::Refuse,
                );
                setting.says().account.keywords.clear();
            },
            causes: &["degrading scp_missing registration corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the service connection point is not there",
            setting: with_account,
            change: |setting| setting.says().account.keywords.clear(),
            causes: &["degrading scp_missing registration corp.example"],
            evidence: &["result 32 no such object"],
            ..DEGRADED
        },
        Case {
            name: "its keywords name no tenant",
            setting: with_account,
            change: |setting| {
                setting.says().account.keywords = vec!["azureADName:corp.example".to_owned()];
            },
            causes: &["degrading scp_missing registration corp.example"],
            evidence: &["name no tenant by azureADId"],
            ..DEGRADED
        },
        Case {
            name: "the password is wrong",
            setting: with_account,
            change: |setting| setting.says().account.bind = WRONG,
            causes: &["degrading logon_refused registration canary@corp.example"],
            evidence: &["the password is wrong, or there is no such account"],
            ..DEGRADED
        },
        Case {
            name: "a controller that is busy is passed by for the next one",
            controllers: 2,
            setting: with_account,
            change: |setting| {
                setting.controllers[0].says.account.bind = (51, "busy");
                setting.controllers[1].says.account.keywords.clear();
            },
            causes: &["degrading scp_missing registration corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the KDC does not know the account",
            setting: with_canary,
            causes: &["degrading logon_refused sign_in canary@corp.example"],
            evidence: &["there is no such account on this controller"],
            ..DEGRADED
        },
        Case {
            name: "the KDC has no key of the account that could be used",
            setting: with_canary,
            change: |setting| setting.says().kdc.code = 25,
            causes: &["degrading kdc_etype sign_in dc1.corp.example"],
            ..DEGRADED
        },
    ]);
}

async fn binds_and_causes(setting: &Setting, looks: usize) -> (usize, Vec<Vec<String>>, String) {
    let binds = Arc::clone(&setting.controllers[0].says.account.binds);
    let world = World::start(setting);
    let (mut all, mut shown) = (Vec::new(), String::new());
    for _ in 0..looks {
        let checked = look(&world).await;
        all.push(causes(network(&checked)));
        shown.push_str(&serde_json::to_string(&checked.status).expect("JSON"));
    }
    if let Ok(remembered) = std::fs::read_to_string(world.store().join("account.json")) {
        shown.push_str(&remembered);
    }
    (binds.load(Ordering::SeqCst), all, shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_is_tried_once_and_its_password_is_nowhere() {
    let mut setting = with_canary(2);
    for controller in &mut setting.controllers {
        controller.says.account.bind = WRONG;
        controller.says.account.binds = Arc::default();
    }
    let second = Arc::clone(&setting.controllers[1].says.account.binds);
    let (binds, causes, shown) = binds_and_causes(&setting, 3).await;
    // Either use may be the first; the KDC of this world refuses the account too.
    assert!(binds <= 1, "{binds}");
    assert_eq!(second.load(Ordering::SeqCst), 0);
    let wanted = ["degrading logon_refused sign_in canary@corp.example"];
    for causes in causes {
        assert_eq!(causes, wanted);
    }
    assert!(shown.contains("is not tried again until"), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");

    let mut setting = with_account(1);
    setting.says().account.bind = WRONG;
    let (binds, _, _) = binds_and_causes(&setting, 3).await;
    assert_eq!(binds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_goes_to_whom_a_certificate_does_not_prove() {
    for (name, certificate) in [
        ("an unknown authority", Shown::UnknownAuthority),
        ("an expired one", Shown::Expired),
        (
            "another name",
            Shown::OtherName("vip.corp.example".to_owned()),
        ),
    ] {
        let mut setting = with_account(1);
        setting.says().certificate = certificate;
        let (binds, _, shown) = binds_and_causes(&setting, 1).await;
        assert_eq!(binds, 0, "{name}");
        assert!(shown.contains("No password was sent"), "{name}: {shown}");
        assert!(shown.contains("not_tested"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_goes_to_a_host_outside_of_the_domain() {
    let mut setting = with_account(1);
    "dc1.corp.example.evil.test".clone_into(&mut setting.controllers[0].name);
    setting.resolvers.clear();
    setting.add_resolver();
    let (binds, _, shown) = binds_and_causes(&setting, 1).await;
    assert_eq!(binds, 0);
    assert!(shown.contains("has no name within corp.example"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_after_a_password_is_not_asked_again_elsewhere() {
    let mut setting = with_account(2);
    for controller in &mut setting.controllers {
        controller.says.account.bind_bytes = Some(Vec::new());
        controller.says.account.binds = Arc::default();
    }
    let second = Arc::clone(&setting.controllers[1].says.account.binds);
    let (binds, _, _) = binds_and_causes(&setting, 1).await;
    assert_eq!((binds, second.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_memory_the_account_is_not_used() {
    let setting = with_canary(1);
    let binds = Arc::clone(&setting.controllers[0].says.account.binds);
    let world = World::start(&setting);
    std::fs::write(world.store(), "in the way").expect("written");
    let checked = look(&world).await;
    assert_eq!(causes(network(&checked)), Vec::<String>::new());
    let shown = serde_json::to_string(&checked.status).expect("JSON");
    assert!(
        shown.contains("only where a refusal can be remembered"),
        "{shown}"
    );
    assert_eq!(binds.load(Ordering::SeqCst), 0);
}
