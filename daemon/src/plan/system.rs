//! The resolvers of this box, as `/etc/resolv.conf` and systemd-resolved tell them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The address at which systemd-resolved answers for the real resolvers.
const STUB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));

/// Port of DNS.
const DNS: u16 = 53;

/// As many servers are asked; the system's own library stops at three.
const MOST_SERVERS: usize = 8;

/// Resolvers and search list of this box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemResolvers {
    /// Resolvers in the order of the file.
    pub servers: Vec<SocketAddr>,
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
        let own = read(file).unwrap_or_default();
        let is_stub =
            !own.servers.is_empty() && own.servers.iter().all(|server| server.ip() == STUB);
        match read(upstream) {
            Ok(behind) if is_stub && !behind.servers.is_empty() => behind,
            _ => own,
        }
    }

    /// Reads the format of resolv.conf(5). Lines that make no sense are left out, as the system's
    /// own library does.
    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    if let Some(server) = server
                        && found.servers.len() < MOST_SERVERS
                        && !found.servers.iter().any(|known| known.ip() == server)
                    {
                        found.servers.push(SocketAddr::new(server, DNS));
                    }
                }
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
    }

    #[test]
    fn behind_the_stub_the_real_servers_are_taken() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("resolv.conf");
        let upstream = directory.path().join("upstream");
        std::fs::write(&file, "nameserver 127.0.0.53\nsearch a.example\n").expect("written");
        std::fs::write(&upstream, "nameserver 10.1.0.53\nsearch b.example\n").expect("written");
        let found = SystemResolvers::from_files(&file, &upstream);
        assert_eq!(found.search, ["b.example"]);
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
