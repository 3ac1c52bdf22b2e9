//! The configuration as text and as checked values. Knows no kind of probe.
//!
//! The way of a value: the files are read ([`source`]), the crate `config` merges them with the
//! environment, serde judges the merged table ([`settings`]), and what it refuses is looked up in
//! the files again, so that every problem has its place ([`mod@load`]).

mod appliance;
mod endpoint;
mod load;
mod names;
mod problem;
mod proxy;
mod schedule;
mod settings;
mod source;
mod suggest;
mod values;
mod vpn;
mod web;
pub mod web_file;
mod yaml;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use appliance::Appliance;
#[cfg(test)]
pub(crate) use endpoint::is_path;
pub use endpoint::{
    Cloud, Endpoint, Inspection, Port, Protocol, Region, Requirement, Tenant, Transport,
};
pub use load::{Load, Overrides, load};
pub use names::{
    AccountName, DomainName, EndpointId, InterfaceName, NamePattern, NetworkName, SiteName, Unfit,
};
pub use problem::{Errors, Place, Problem};
pub use proxy::Proxy;
pub use schedule::Schedule;
pub(crate) use settings::all_certificates;
pub use settings::{Account, Config, Domain, Network, Ports, Probe, Site, Store, Time, Tls};
pub use values::Resolvers;
pub use vpn::{
    DirectPath, Gateway, KeyDigest, KeyDirection, KeyUse, PublicKey, Vpn, VpnKind, VpnTransport,
    wireguard_key,
};
pub use web::Web;

/// Where the configuration stands if nobody says otherwise. Drop-ins stand in `conf.d` beside it.
pub const DEFAULT_FILE: &str = "/etc/sightline/sightline.toml";

/// The configuration with every key and its comment.
const TEMPLATE: &str = include_str!("../../deploy/sightline.toml");

/// The shipped list of endpoints as text. Here only its ids count: what a site may change.
pub(crate) const ENDPOINTS: &str = include_str!("../../deploy/endpoints.toml");

/// The effective configuration as TOML, with every default. Keys without a value, which TOML cannot
/// write, stand in comments.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut text = toml::to_string(config).unwrap_or_else(|error| format!("# {error}\n"));
    let unset: Vec<_> = [
        ("domain.name", config.domain.name.is_none()),
        ("domain.ad_site", config.domain.ad_site.is_none()),
        ("domain.tenant", config.domain.tenant.is_none()),
        ("account.name", config.account.name.is_none()),
        (
            "account.password_file",
            config.account.password_file.is_none(),
        ),
        ("tenant.region", config.tenant.region.is_none()),
        ("tenant.sts", config.tenant.sts.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, is_unset)| is_unset.then_some(key.to_owned()))
    .chain(
        config
            .network
            .iter()
            .filter(|network| network.interface.is_none())
            .map(|network| format!("interface of network {}", network.name)),
    )
    .collect();
    if !unset.is_empty() {
        text.push_str("\n# not set: ");
        text.push_str(&unset.join(", "));
        text.push('\n');
    }
    text
}

/// What is possible and yet worth a second look, as sentences.
#[must_use]
pub fn remarks(config: &Config) -> Vec<String> {
    let single_label = config
        .domain
        .name
        .iter()
        .filter(|name| name.is_single_label())
        .map(|name| {
            format!(
                "the domain `{name}` has a single label; Windows asks DNS for it only with the \
                 policy AllowSingleLabelDnsDomain or a suffix that completes it"
            )
        });
    single_label
        .chain(cloud_remark(config))
        .chain(password_remark(config))
        .collect()
}

/// What there is to say about who may read the password, without a full stop.
fn password_remark(config: &Config) -> Option<String> {
    const OTHERS: u32 = 0o007;
    let file = config.account.password_file.as_ref()?;
    let mode = match std::fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        // systemd lays credentials only while the service runs.
        Err(_) if file.starts_with("/run/credentials") => return None,
        Err(error) => {
            return Some(format!(
                "the password file {} cannot be looked at: {error}",
                file.display()
            ));
        }
    };
    (mode & OTHERS != 0).then(|| {
        format!(
            "the password in {} is open to every user of this box (mode {:04o}); `chmod o= {}` \
             closes it",
            file.display(),
            mode & 0o7777,
            file.display()
        )
    })
}

/// What there is to say about the cloud of the tenant, without a full stop.
pub(crate) fn cloud_remark(config: &Config) -> Option<String> {
    (config.tenant.cloud != Cloud::Worldwide).then(|| {
        format!(
            "Microsoft documents Windows Autopilot with hybrid join for the worldwide cloud only; \
             the endpoints of {} serve hybrid join and Intune there",
            config.tenant.cloud
        )
    })
}

/// Writes the configuration with every key and its comment to `file`, and makes its directory.
///
/// # Errors
/// A sentence, where the file is there already or cannot be written.
pub fn init(file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!(
            "{} exists and is kept; name another file, or move it away",
            file.display()
        ),
        _ => format!("writing {}: {error}", file.display()),
    };
    if let Some(directory) = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let mut created = std::fs::File::create_new(file).map_err(failed)?;
    io::Write::write_all(&mut created, TEMPLATE.as_bytes()).map_err(failed)
}

/// The JSON schema of the configuration, for editors.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

/// The directory of drop-ins beside a configuration file.
fn drop_ins(file: &Path) -> PathBuf {
    file.with_file_name("conf.d")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Config, Errors> {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("sightline.toml");
        std::fs::write(&file, text).expect("written");
        load(&Load {
            file: Some(file),
            default_file: PathBuf::new(),
            environment: Vec::new(),
            host_name: "box".into(),
            overrides: Overrides::default(),
        })
    }

    /// Takes the comment sign from every line that is a key or a table, not a sentence.
    fn uncommented(template: &str) -> String {
        template
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect()
    }

    #[test]
    fn the_template_is_valid_as_it_is_written() {
        load_text(TEMPLATE).expect("the template is valid");
    }

    #[test]
    fn the_template_has_every_key_with_a_value_that_is_possible() {
        let text = uncommented(TEMPLATE);
        let table: toml::Table = text.parse().expect("the template is TOML");
        let config: Config = serde::Deserialize::deserialize(table.clone()).expect("possible");
        let complete = toml::Table::try_from(&config).expect("every value can be written");
        assert_eq!(keys(&table), keys(&complete));
    }

    fn keys(table: &toml::Table) -> Vec<String> {
        let mut keys: Vec<String> = table
            .iter()
            .flat_map(|(key, value)| {
                let inner = match value {
                    toml::Value::Table(inner) => Some(inner),
                    toml::Value::Array(list) => list.first().and_then(toml::Value::as_table),
                    _ => None,
                };
                inner.map_or_else(
                    || vec![key.clone()],
                    |inner| inner.keys().map(|inner| format!("{key}.{inner}")).collect(),
                )
            })
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn what_is_shown_can_be_read_back_as_the_same() {
        let config = load_text("[domain]\nname = \"corp.example.com\"\n").expect("valid");
        assert_eq!(load_text(&show(&config)).expect("valid"), config);
    }

    #[test]
    fn what_is_not_set_is_said() {
        let config = load_text("").expect("an empty file is valid");
        assert!(show(&config).contains("# not set: domain.name, domain.ad_site, domain.tenant, account.name, account.password_file, tenant.region, tenant.sts, interface of"));
    }

    #[test]
    fn a_domain_of_one_label_is_possible_and_remarked() {
        let config = load_text("[domain]\nname = \"corp\"\n").expect("valid");
        assert!(remarks(&config)[0].contains("`corp` has a single label"));
        let config = load_text("[domain]\nname = \"corp.example\"\n").expect("valid");
        assert!(remarks(&config).is_empty());
    }

    #[test]
    fn a_password_that_others_may_read_is_remarked_and_never_shown() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("password");
        std::fs::write(&file, "Hush-Hush-1!\n").expect("written");
        let text = format!(
            "[account]\nname = \"canary@corp.example\"\npassword_file = \"{}\"\n\
             [domain]\nname = \"corp.example\"\n",
            file.display()
        );
        let config = load_text(&text).expect("valid");
        for (mode, is_remarked) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file, permissions).expect("set");
            let remarks = remarks(&config);
            assert_eq!(!remarks.is_empty(), is_remarked, "{mode:o}: {remarks:?}");
            assert!(!remarks.concat().contains("Hush"));
        }
        std::fs::remove_file(&file).expect("removed");
        assert!(remarks(&config)[0].contains("No such file"));
        assert!(show(&config).contains("password_file"));
        for said in [show(&config), format!("{config:?}")] {
            assert!(!said.contains("Hush"), "{said}");
        }
    }

    #[test]
    fn an_existing_file_is_kept() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("new/sightline.toml");
        init(&file).expect("written");
        std::fs::write(&file, "# mine\n").expect("written");
        assert!(init(&file).expect_err("it is there").contains("is kept"));
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "# mine\n");
    }

    #[test]
    fn the_schema_knows_every_table_and_no_other_keys() {
        let schema = serde_json::to_value(schema()).expect("JSON");
        assert_eq!(schema["additionalProperties"], false);
        for table in [
            "site", "domain", "network", "probe", "time", "ports", "tls", "account", "store",
        ] {
            assert!(schema["properties"].get(table).is_some(), "{table}");
        }
    }
}
