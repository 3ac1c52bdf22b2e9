use super::*;
use crate::krb5::KerberosTime;
use crate::vectors::read;

#[test]
fn the_request_has_the_form_of_a_password_change() {
    assert_eq!(request("CORP.EXAMPLE.TEST"), read("kpasswd-req"));
}

#[test]
fn a_healthy_server_refuses_with_a_result_code() {
    let expected = KrbError {
        code: 2,
        server_time: KerberosTime {
            seconds: 1_795_342_380,
            micros: 781_717,
        },
        realm: "CORP.EXAMPLE.TEST".to_owned(),
        client_realm: None,
        text: None,
        salts: Vec::new(),
        padata: Vec::new(),
        nt_status: None,
    };
    assert_eq!(
        parse(&read("kpasswd-rep")),
        Ok(Answer::Error(expected, Some(2)))
    );
}

#[test]
fn an_error_without_the_frame_counts_as_well() {
    let framed = read("kpasswd-rep");
    let Ok(Answer::Error(error, result)) = parse(&framed[6..]) else {
        panic!("a bare KRB-ERROR");
    };
    assert_eq!((error.code, result), (2, Some(2)));
    let Ok(Answer::Error(error, result)) = parse(&read("krb-err-6-rep")) else {
        panic!("a bare KRB-ERROR");
    };
    assert_eq!((error.code, result), (6, None));
}

#[test]
fn an_ap_rep_and_a_krb_priv_are_the_form_of_a_success() {
    let message = [0, 10, 0, 1, 0, 2, AP_REP, 0, KRB_PRIV, 0];
    assert_eq!(parse(&message), Ok(Answer::ApReply));
}

#[test]
fn lengths_that_do_not_add_up_are_malformed() {
    for message in [
        [0, 11, 0, 1, 0, 2, AP_REP, 0, KRB_PRIV, 0].as_slice(),
        &[0, 9, 0, 1, 0, 2, AP_REP, 0, KRB_PRIV, 0],
        &[0, 10, 0, 1, 0, 3, AP_REP, 0, KRB_PRIV, 0],
        &[0, 10, 0, 1, 0xff, 0xff, AP_REP, 0, KRB_PRIV, 0],
        &[0, 10, 0, 1, 0, 2, AP_REP, 1, KRB_PRIV, 0],
        &[0, 6, 0, 1, 0, 0],
        &[0, 4, 0, 1],
        &[],
    ] {
        assert!(parse(message).is_err(), "{message:x?}");
    }
}

#[test]
fn the_request_itself_is_no_answer() {
    assert!(parse(&read("kpasswd-req")).is_err());
}
