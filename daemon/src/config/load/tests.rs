use std::path::Path;

use super::*;

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(text: &str) -> Self {
        let scratch = Self(tempfile::tempdir().expect("a scratch directory"));
        scratch.write("sightline.toml", text);
        scratch
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.0.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(file, text).expect("written");
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Config, Errors> {
        load(&Load {
            file: Some(self.0.path().join("sightline.toml")),
            default_file: PathBuf::new(),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            host_name: "box-7".into(),
            overrides: Overrides::default(),
        })
    }
}

pub(super) fn problems(text: &str) -> Vec<String> {
    let scratch = Scratch::new(text);
    let directory = format!("{}/", scratch.0.path().display());
    let errors = scratch.load(&[]).expect_err(text);
    errors
        .problems()
        .iter()
        .map(|problem| problem.to_string().replace(&directory, ""))
        .collect()
}

#[test]
fn an_empty_file_gives_the_defaults_and_the_name_of_the_box() {
    let config = Scratch::new("").load(&[]).expect("valid");
    assert_eq!(config.site.name, "box-7");
    assert_eq!(config.network, Config::default().network);
    assert_eq!(config.ports.ldap, 389);
}

#[test]
fn where_it_listens_is_an_address_with_a_port_and_may_be_nowhere() {
    let place = "sightline.toml:2:10: web.listen";
    for entry in ["127.0.0.1", "127.0.0.1:0", "224.0.0.1:80", "localhost:80"] {
        let problems = problems(&format!("[web]\nlisten = [\"{entry}\"]\n"));
        let expected = format!("{place}: `{entry}` is no address with a port to listen at; write ");
        assert_eq!(problems.len(), 1, "{entry}");
        assert!(problems[0].starts_with(&expected), "{problems:?}");
    }
    let twice = problems("[web]\nlisten = [\"[::1]:80\", \"[::1]:80\"]\n");
    assert_eq!(
        twice,
        [format!("{place}: `[::1]:80` stands in the list twice")]
    );
    assert!(Scratch::new("[web]\nlisten = []\n").load(&[]).is_ok());
}

#[test]
fn an_account_has_a_name_and_a_password_file_or_neither() {
    for (text, problem) in [
        (
            "[account]\nname = \"canary\"\n",
            "sightline.toml:2:8: account.name: it needs account.password_file beside it",
        ),
        (
            "[account]\npassword_file = \"/x\"\n",
            "sightline.toml:2:17: account.password_file: it needs account.name beside it",
        ),
        (
            "[account]\ncanary_logon = true\n",
            "sightline.toml:2:16: account.canary_logon: it needs account.name and account.password_file",
        ),
        (
            "[account]\nname = \"canary\"\npassword_file = \"x\"\n",
            "sightline.toml:3:17: account.password_file: it must be a whole path, from / on",
        ),
        (
            "[account]\nname = \"canary\"\npassword_file = \"/x\"\n",
            "sightline.toml:2:8: account.name: it needs domain.name, since it is used in that domain only",
        ),
        (
            "[store]\npath = \"x\"\n",
            "sightline.toml:2:8: store.path: it must be a whole path, from / on",
        ),
    ] {
        assert_eq!(problems(text), [problem], "{text}");
    }
    for name in [
        "CORP\\\\canary",
        "canary@",
        "@corp.example",
        "a b",
        "canary@corp..example",
    ] {
        let text = format!(
            "[account]\nname = \"{name}\"\npassword_file = \"/x\"\n[domain]\nname = \"corp.example\"\n"
        );
        let problems = problems(&text);
        assert!(problems[0].contains("is no account name"), "{problems:?}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
    for name in ["canary", "Svc-Canary$", "canary@corp.example.com"] {
        let text = format!(
            "[account]\nname = \"{name}\"\npassword_file = \"/x\"\n[domain]\nname = \"corp.example\"\n"
        );
        let config = Scratch::new(&text).load(&[]).expect(name);
        assert_eq!(config.account.name.expect("a name").to_string(), name);
    }
}

#[test]
fn every_problem_has_file_line_and_column() {
    for (text, problem) in [
        (
            "[domain]\nnmae = \"corp.example.com\"\n",
            "sightline.toml:2:1: unknown key `domain.nmae` (did you mean `name`?)",
        ),
        (
            "[domian]\nname = \"corp.example.com\"\n",
            "sightline.toml:1:2: unknown key `domian` (did you mean `domain`?)",
        ),
        (
            "[probe]\ntimeout = 5\n",
            "sightline.toml:2:11: probe.timeout: invalid type: integer `5`, expected a duration in quotes such as \"5s\"",
        ),
        (
            "[probe]\ntimeout = \"soon\"\n",
            "sightline.toml:2:11: probe.timeout: `soon` is no possible duration; write a number with a unit, from \"1s\" to \"1m\"",
        ),
        (
            "[probe]\ntimeout = \"2h\"\n",
            "sightline.toml:2:11: probe.timeout: `2h` is out of range; possible is 1s to 1m",
        ),
        (
            "[domain]\nname = \"corp example\"\n",
            "sightline.toml:2:8: domain.name: `corp example` is no DNS name: ` ` is none of letters, digits, hyphen, underscore and dot",
        ),
        (
            "[[network]]\nresolvers = [\"10.0.0.1\", \"10.0.0.300\"]\n",
            "sightline.toml:2:26: network[0].resolvers[1]: `10.0.0.300` is no address; write \"10.1.0.53\", \"10.1.0.53:53\", \"fd00::53\" or \"[fd00::53]:53\"",
        ),
        (
            "[[network]]\nname = \"a\"\n[[network]]\nname = \"a\"\n",
            "sightline.toml:4:8: network[1].name: another network is called `a` too",
        ),
        (
            "[time]\nmax_skew = \"30s\"\n",
            "sightline.toml:2:12: time.max_skew: it must not be below time.warn_skew",
        ),
        (
            "[ports]\nldap = 70000\n",
            "sightline.toml:2:8: ports.ldap: invalid value: integer `70000`, expected a whole number from 1 to 65535",
        ),
        (
            "[tls]\nextra_public_roots = [\"/nonexistent/root.pem\"]\n",
            "sightline.toml:2:23: tls.extra_public_roots[0]: reading /nonexistent/root.pem: No such file or directory (os error 2)",
        ),
        (
            "[tls]\ncorporate_roots = [\"/nonexistent/ca.pem\"]\n",
            "sightline.toml:2:20: tls.corporate_roots[0]: reading /nonexistent/ca.pem: No such file or directory (os error 2)",
        ),
        (
            "[domain]\nname = corp\n",
            "sightline.toml:2:8: this is no TOML: string values must be quoted, expected literal string",
        ),
        (
            "\"network[4000000000]\" = 1\n",
            "sightline.toml:1:1: unknown key `network[4000000000]`",
        ),
    ] {
        assert_eq!(problems(text), [problem]);
    }
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let found =
        problems("[site]\nnmae = 1\n[probe]\ntimeout = 1\nslow_ping = true\n[ports]\nldap = 0\n");
    let places: Vec<_> = found
        .iter()
        .map(|problem| problem.split(": ").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        places,
        [
            "sightline.toml:2:1",
            "sightline.toml:4:11",
            "sightline.toml:5:13",
            "sightline.toml:7:8"
        ]
    );
}

#[test]
fn a_file_of_another_program_gives_fifty_problems_and_their_number() {
    let text: String = (0..200).map(|i| format!("key{i} = {i}\n")).collect();
    let scratch = Scratch::new(&text);
    let errors = scratch.load(&[]).expect_err("no key is known");
    assert_eq!(errors.problems().len(), 50);
}

#[test]
fn drop_ins_win_in_the_order_of_their_names_and_the_environment_wins_over_them() {
    let scratch = Scratch::new("[site]\nname = \"file\"\n[domain]\ndc_sample = 1\n");
    scratch.write("conf.d/20-b.toml", "[site]\nname = \"second\"\n");
    scratch.write(
        "conf.d/10-a.toml",
        "[site]\nname = \"first\"\n[domain]\ndc_sample = 2\n",
    );
    scratch.write("conf.d/30-c.toml.disabled", "nonsense");
    let config = scratch.load(&[]).expect("valid");
    assert_eq!(config.site.name, "second");
    assert_eq!(config.domain.dc_sample, 2);
    let config = scratch
        .load(&[
            ("SIGHTLINE_SITE__NAME", "from the environment"),
            ("SIGHTLINE_DOMAIN__DC_SAMPLE", "3"),
            ("SIGHTLINE_TIME__SOURCES", "[\"10.0.0.1\"]"),
            ("PATH", "/bin"),
        ])
        .expect("valid");
    assert_eq!(config.site.name, "from the environment");
    assert_eq!(config.domain.dc_sample, 3);
    assert_eq!(config.time.sources, ["10.0.0.1"]);
}

#[test]
fn a_problem_names_the_drop_in_or_the_variable_that_it_came_from() {
    let scratch = Scratch::new("[probe]\ntimeout = \"5s\"\n");
    scratch.write("conf.d/50-x.toml", "[probe]\ntimeout = 3.5\n");
    let text = scratch.load(&[]).expect_err("a number").to_string();
    assert!(
        text.contains("conf.d/50-x.toml:2:11: probe.timeout: invalid type: floating point"),
        "{text}"
    );
    for (name, value, said) in [
        (
            "SIGHTLINE_PROBE__TIMEOUT",
            "soon",
            "environment variable SIGHTLINE_PROBE__TIMEOUT: `soon` is no possible duration",
        ),
        (
            "SIGHTLINE_PROBE__TIMEOTU",
            "5s",
            "environment variable SIGHTLINE_PROBE__TIMEOTU: unknown key `probe.timeotu` (did you mean `timeout`?)",
        ),
        (
            "SIGHTLINE_DOMAN__NAME",
            "corp.example.com",
            "environment variable SIGHTLINE_DOMAN__NAME: unknown key `doman` (did you mean `domain`?)",
        ),
        (
            "SIGHTLINE_NETWORK__NAME",
            "lan",
            "environment variable SIGHTLINE_NETWORK__NAME: invalid type: map, expected a sequence",
        ),
        (
            "SIGHTLINE_DOMAIN_NAME",
            "x",
            "environment variable `SIGHTLINE_DOMAIN_NAME`: no such key",
        ),
    ] {
        let scratch = Scratch::new("");
        let text = scratch.load(&[(name, value)]).expect_err(name).to_string();
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_named_file_must_be_there_and_be_text_and_the_usual_one_need_not() {
    let mut wanted = Load {
        file: Some("/nonexistent/sightline.toml".into()),
        default_file: "/nonexistent/sightline.toml".into(),
        environment: Vec::new(),
        host_name: String::new(),
        overrides: Overrides::default(),
    };
    let text = load(&wanted).expect_err("it is not there").to_string();
    assert!(
        text.contains("reading /nonexistent/sightline.toml: No such file"),
        "{text}"
    );
    wanted.file = None;
    assert_eq!(load(&wanted).expect("defaults").site.name, "site");

    let scratch = Scratch::new("");
    scratch.write("sightline.toml", [0xff, 0xfe]);
    let text = scratch.load(&[]).expect_err("no text").to_string();
    assert!(text.contains("byte 0 is not UTF-8"), "{text}");

    wanted.file = Some(Path::new("/").to_owned());
    let text = load(&wanted).expect_err("a directory").to_string();
    assert!(text.contains("/ is a directory"), "{text}");
}

#[test]
fn the_command_line_wins_and_its_mistakes_are_named() {
    let mut wanted = Load {
        file: None,
        default_file: "/nonexistent/sightline.toml".into(),
        environment: vec![("SIGHTLINE_DOMAIN__NAME".into(), "a.example".into())],
        host_name: "box".into(),
        overrides: Overrides {
            throughput: true,
            domain: Some("B.example.".into()),
        },
    };
    let config = load(&wanted).expect("valid");
    assert!(config.probe.throughput);
    assert_eq!(config.domain.name.expect("a domain").as_str(), "b.example");
    wanted.overrides.domain = Some("no name".into());
    let text = load(&wanted).expect_err("no DNS name").to_string();
    assert!(
        text.starts_with("--domain: `no name` is no DNS name"),
        "{text}"
    );
}

#[test]
fn an_endpoint_is_changed_left_out_or_added() {
    let scratch = Scratch::new(
        "[[endpoint]]\nid = \"wns-client\"\ndisabled = true\n\
         [[endpoint]]\nid = \"ncsi-web-v4\"\nhosts = [\"ncsi.example.com\"]\nports = [\"tcp/8080\"]\n\
         [[endpoint]]\nid = \"own-vpn\"\nstages = [\"device_setup\"]\nrequirement = \"hard\"\n\
         hosts = [\"vpn.example.com\"]\nports = [\"tcp/443\"]\nprotocol = \"https\"\n",
    );
    let config = scratch.load(&[]).expect("valid");
    assert_eq!(config.endpoint.len(), 3);
    let shown = super::super::show(&config);
    scratch.write("sightline.toml", &shown);
    assert_eq!(scratch.load(&[]).expect("valid").endpoint, config.endpoint);
}

#[test]
fn a_wrong_endpoint_is_named_with_its_place() {
    for (text, problem) in [
        (
            "id = \"entra-logn\"\nrequirement = \"soft\"\n",
            "2:6: endpoint[0].id: the list has no `entra-logn`, and a new endpoint needs stages, hosts, ports, protocol too (did you mean `entra-login`?)",
        ),
        (
            "id = \"zzz\"\ndisabled = true\n",
            "2:6: endpoint[0].id: the list has no `zzz` to leave out (`sightline endpoints` lists the ids)",
        ),
        (
            "id = \"wns-client\"\n",
            "2:6: endpoint[0].id: nothing is changed here",
        ),
        (
            "id = \"wns-client\"\ndisabled = true\nrequirement = \"hard\"\n",
            "4:15: endpoint[0].requirement: it means nothing where `disabled` is true",
        ),
        (
            "id = \"ap-ztd\"\nports = [\"udp/443\"]\n",
            "3:9: endpoint[0].ports: `udp/443` does not suit the protocol `https`",
        ),
        (
            "id = \"time-windows\"\npath = \"/\"\n",
            "3:8: endpoint[0].path: the protocol `ntp` has no path",
        ),
        (
            "id = \"time-windows\"\nprotocol = \"https\"\n",
            "3:12: endpoint[0].protocol: the list has another protocol, `ntp`; ports are needed with it",
        ),
        (
            "id = \"ap-ztd\"\nports = [\"443\"]\n",
            "3:10: endpoint[0].ports[0]: `443` is no port; write \"tcp/443\" or \"udp/123\", from 1 to 65535",
        ),
        (
            "id = \"ap-ztd\"\nstages = [\"vpn\"]\n",
            "3:10: endpoint[0].stages: `vpn` asks no endpoint; possible are internet, time, autopilot, updates, device_setup, registration, entra_sign_in, account_setup",
        ),
        (
            "id = \"ap-ztd\"\nhosts = []\n",
            "3:9: endpoint[0].hosts: the list is empty; name at least one",
        ),
        (
            "id = \"ap-ztd\"\npath = \"status\"\n",
            "3:8: endpoint[0].path: `status` is no path: it begins with a slash and has at most 1000 characters, none of them a blank, a `#` or outside ASCII",
        ),
        (
            "id = \"ap-ztd\"\nrequirement = \"hrad\"\n",
            "3:15: endpoint[0].requirement: unknown variant `hrad`, expected one of `hard`, `soft`, `not_needed`",
        ),
    ] {
        let text = format!("[[endpoint]]\n{text}");
        assert_eq!(problems(&text), [format!("sightline.toml:{problem}")]);
    }
    let twice = "[[endpoint]]\nid = \"ap-cs\"\ndisabled = true\n".repeat(2);
    assert_eq!(
        problems(&twice),
        ["sightline.toml:5:6: endpoint[1].id: another entry has the id `ap-cs` too"]
    );
}

#[test]
fn a_region_belongs_to_the_worldwide_cloud() {
    assert_eq!(
        problems("[tenant]\ncloud = \"dod\"\nregion = \"eu\"\n"),
        [
            "sightline.toml:3:10: tenant.region: only the worldwide cloud has regions, and tenant.cloud is `dod`"
        ]
    );
}

#[test]
fn a_tunnel_ends_at_an_interface_of_its_own_in_a_network_that_is_known() {
    let vpn = |name: &str, more: &str| {
        format!(
            "[[vpn]]\nname = \"{name}\"\nkind = \"sstp\"\ngateway = \"vpn.example.com\"\n{more}\n"
        )
    };
    let two = "[[network]]\nname = \"a\"\ninterface = \"eth0\"\n[[network]]\nname = \"b\"\n";
    for (text, problem) in [
        (
            vpn("hq", "resolvers = [\"10.9.0.53\"]"),
            "vpn[0].resolvers: they are asked through the tunnel",
        ),
        (
            vpn("hq", "interface = \"lo\""),
            "vpn[0].interface: no tunnel ends there",
        ),
        (
            vpn("hq", "interface = \"tun0\"") + &vpn("dr", "interface = \"tun0\""),
            "vpn[1].interface: the tunnel of `hq` ends there",
        ),
        (
            vpn("hq", "network = \"c\""),
            "vpn[0].network: no network is called `c`",
        ),
        (
            two.to_owned() + &vpn("hq", "interface = \"tun0\""),
            "vpn[0].interface: the box has several networks",
        ),
        (
            two.to_owned() + &vpn("hq", "interface = \"eth0\"\nnetwork = \"a\""),
            "vpn[0].interface: network `a` has it",
        ),
        (
            vpn("hq", "interface = \"tun0\"\nhandshake_age = true"),
            "vpn[0].handshake_age: only `wireguard` has it",
        ),
    ] {
        let found = problems(&text);
        assert!(
            found.len() == 1 && found[0].contains(problem),
            "{text}{found:?}"
        );
    }
}
