//! The resolvers of this box, as `/etc/resolv.conf` and systemd-resolved tell them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The addresses at which systemd-resolved answers for the real resolvers: with everything that it
/// does itself, and passing on only.
const STUBS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];

/// Port of DNS.
const DNS: u16 = 53;

/// As many servers are asked; the system's own library stops at three.
const MOST_SERVERS: usize = 8;

/// Characters of what stands in the place of an address.
const LONGEST_WORD: usize = 60;

/// Resolvers and search list of this box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemResolvers {
    /// Resolvers in the order of the file.
    pub servers: Vec<SocketAddr>,
    /// Resolvers that stand in the file and cannot be asked, each with the reason.
    pub unusable: Vec<String>,
    /// Suffixes in the order of the file.
    pub search: Vec<String>,
}

impl SystemResolvers {
    /// Reads them. Behind the stub of systemd-resolved stand the servers that were handed out:
    /// those are the ones to test.
    #[must_use]
    pub fn read() -> Self {
        Self::from_files(
            Path::new("/etc/resolv.conf"),
            Path::new("/run/systemd/resolve/resolv.conf"),
        )
    }

    fn from_files(file: &Path, upstream: &Path) -> Self {
        let read = |path| std::fs::read_to_string(path).map(|text| Self::parse(&text));
        let mut own = read(file).unwrap_or_default();
        let is_stub = |server: &SocketAddr| STUBS.contains(&server.ip());
        if own.servers.is_empty() || !own.servers.iter().all(is_stub) {
            return own;
        }
        match read(upstream) {
            Ok(behind) if !behind.servers.is_empty() => behind,
            // The stub can ask whom we cannot.
            Ok(behind) => {
                own.unusable.extend(behind.unusable);
                own
            }
            Err(_) => own,
        }
    }

    /// Reads the format of resolv.conf(5). Lines that make no sense are left out, as the system's
    /// own library does; a resolver among them is kept as unusable.
    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => match words.next().map(server) {
                    Some(Ok(server)) => add(&mut found.servers, SocketAddr::new(server, DNS)),
                    Some(Err(why)) => add(&mut found.unusable, why),
                    None => {}
                },
                // The last of these lines counts.
                Some("search" | "domain") => {
                    found.search = words
                        .map(|word| word.trim_end_matches('.').to_ascii_lowercase())
                        .filter(|word| !word.is_empty())
                        .collect();
                }
                _ => {}
            }
        }
        found
    }
}

fn add<T: PartialEq>(known: &mut Vec<T>, new: T) {
    if known.len() < MOST_SERVERS && !known.contains(&new) {
        known.push(new);
    }
}

/// The address that a line names, or the word with the reason why nobody can be asked there.
fn server(word: &str) -> Result<IpAddr, String> {
    let (address, zone) = match word.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (word, None),
    };
    let why = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) if v6.is_unicast_link_local() => {
            "link-local addresses are not supported yet"
        }
        Ok(address) if zone.is_none() => return Ok(address),
        _ => "it is no address",
    };
    let word: String = word.chars().take(LONGEST_WORD).collect();
    Err(format!("{word} ({why})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_suffixes_are_read_and_nonsense_is_left_out() {
        let found = SystemResolvers::parse(
            "# made by hand\nnameserver 10.0.0.1\nnameserver nonsense\nnameserver\n\
             nameserver 10.0.0.1 ; twice\nnameserver fd00::1\ndomain old.example\n\
             search Corp.Example. lab.example\noptions ndots:1\n",
        );
        assert_eq!(
            found.servers,
            [
                "10.0.0.1:53".parse().expect("an address"),
                "[fd00::1]:53".parse().expect("an address")
            ]
        );
        assert_eq!(found.search, ["corp.example", "lab.example"]);
        assert_eq!(found.unusable, ["nonsense (it is no address)"]);
    }

    #[test]
    fn a_resolver_that_cannot_be_asked_is_kept_with_the_reason() {
        let found = SystemResolvers::parse(
            "nameserver fe80::1%eth0\nnameserver fe80::1%eth0\nnameserver fe80::2\n\
             nameserver 10.0.0.300\nnameserver 10.0.0.1%eth0\n",
        );
        assert_eq!(found.servers, []);
        assert_eq!(
            found.unusable,
            [
                "fe80::1%eth0 (link-local addresses are not supported yet)",
                "fe80::2 (link-local addresses are not supported yet)",
                "10.0.0.300 (it is no address)",
                "10.0.0.1%eth0 (it is no address)",
            ]
        );
        let long = format!("nameserver {}\n", "x".repeat(5000)).repeat(100);
        let found = SystemResolvers::parse(&long);
        assert_eq!(found.unusable.len(), 1);
        assert!(found.unusable[0].len() < 100);
    }

    #[test]
    fn behind_the_stub_the_real_servers_are_taken() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("resolv.conf");
        let upstream = directory.path().join("upstream");
        std::fs::write(&upstream, "nameserver 10.1.0.53\nsearch b.example\n").expect("written");
        for stub in [
            "nameserver 127.0.0.53\nsearch a.example\n",
            "nameserver 127.0.0.54\n",
            "nameserver 127.0.0.54\nnameserver 127.0.0.53\n",
        ] {
            std::fs::write(&file, stub).expect("written");
            let found = SystemResolvers::from_files(&file, &upstream);
            assert_eq!(found.search, ["b.example"], "{stub}");
        }
        std::fs::write(&upstream, "nameserver fe80::1%eth0\n").expect("written");
        let found = SystemResolvers::from_files(&file, &upstream);
        assert_eq!(found.servers.len(), 2);
        assert_eq!(
            found.unusable,
            ["fe80::1%eth0 (link-local addresses are not supported yet)"]
        );
        std::fs::write(&file, "nameserver 10.9.9.9\n").expect("written");
        let found = SystemResolvers::from_files(&file, &upstream);
        assert_eq!(found.servers, ["10.9.9.9:53".parse().expect("an address")]);
    }

    #[test]
    fn no_file_means_no_resolvers() {
        let none = Path::new("/nonexistent/resolv.conf");
        assert_eq!(
            SystemResolvers::from_files(none, none),
            SystemResolvers::default()
        );
    }
}
