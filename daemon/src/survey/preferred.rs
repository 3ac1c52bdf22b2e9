//! Which resolver is asked for names of the Internet: always the same one, as a client asks the next
//! only after the one before has failed it. Two that disagree would make one answer of a race.

use std::net::SocketAddr;

/// The resolvers, in the order in which the network hands them out, and whether each knows the
/// Internet; `None` until it has been heard of.
#[derive(Debug)]
pub(super) struct Preferred {
    order: Vec<(SocketAddr, Option<bool>)>,
}

impl Preferred {
    pub(super) fn new(resolvers: &[SocketAddr]) -> Self {
        Self {
            order: resolvers.iter().map(|server| (*server, None)).collect(),
        }
    }

    /// Takes what was learned of one; the first that knows the Internet, once all before it are known
    /// not to.
    pub(super) fn heard(&mut self, server: SocketAddr, knows: bool) -> Option<SocketAddr> {
        for (known, answer) in &mut self.order {
            if *known == server {
                *answer = Some(knows);
            }
        }
        let mut left = self
            .order
            .iter()
            .skip_while(|(_, answer)| *answer == Some(false));
        left.next()
            .filter(|(_, answer)| *answer == Some(true))
            .map(|(server, _)| *server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_knows_is_asked_however_late_it_answers() {
        let server = |last: u8| SocketAddr::from(([10, 1, 0, last], 53));
        let mut preferred = Preferred::new(&[server(1), server(2), server(3)]);
        assert_eq!(preferred.heard(server(3), true), None);
        assert_eq!(preferred.heard(server(2), true), None);
        assert_eq!(preferred.heard(server(1), true), Some(server(1)));
        let mut preferred = Preferred::new(&[server(1), server(2), server(3)]);
        assert_eq!(preferred.heard(server(3), true), None);
        assert_eq!(preferred.heard(server(1), false), None);
        assert_eq!(preferred.heard(server(2), false), Some(server(3)));
        let mut preferred = Preferred::new(&[server(1)]);
        assert_eq!(preferred.heard(server(1), false), None);
    }
}
