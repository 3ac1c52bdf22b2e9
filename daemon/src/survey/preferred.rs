//! Which of several is asked, a resolver for names of the Internet or a proxy for hosts: always the same one, as
//! a client asks the next only after the one before has failed it. Two that disagree would make one
//! answer of a race.

/// Those that may be asked, in the order in which the network hands them out, and whether each is of use;
/// `None` until it has been heard of.
#[derive(Debug)]
pub(super) struct Preferred<T> {
    order: Vec<(T, Option<bool>)>,
}

impl<T: Clone + PartialEq> Preferred<T> {
    pub(super) fn new(order: &[T]) -> Self {
        Self {
            order: order.iter().map(|one| (one.clone(), None)).collect(),
        }
    }

    /// Takes what was learned of one; the first that is of use, once all before it are known not to be.
    pub(super) fn heard(&mut self, one: &T, is_of_use: bool) -> Option<T> {
        for (known, answer) in &mut self.order {
            if known == one {
                *answer = Some(is_of_use);
            }
        }
        let mut left = self
            .order
            .iter()
            .skip_while(|(_, answer)| *answer == Some(false));
        left.next()
            .filter(|(_, answer)| *answer == Some(true))
            .map(|(one, _)| one.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn the_first_that_knows_is_asked_however_late_it_answers() {
        let server = |last: u8| SocketAddr::from(([10, 1, 0, last], 53));
        let mut preferred = Preferred::new(&[server(1), server(2), server(3)]);
        assert_eq!(preferred.heard(&server(3), true), None);
        assert_eq!(preferred.heard(&server(2), true), None);
        assert_eq!(preferred.heard(&server(1), true), Some(server(1)));
        let mut preferred = Preferred::new(&[server(1), server(2), server(3)]);
        assert_eq!(preferred.heard(&server(3), true), None);
        assert_eq!(preferred.heard(&server(1), false), None);
        assert_eq!(preferred.heard(&server(2), false), Some(server(3)));
        let mut preferred = Preferred::new(&[server(1)]);
        assert_eq!(preferred.heard(&server(1), false), None);
    }
}
