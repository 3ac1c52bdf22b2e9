//! Which lengths are tried in which order, and what follows from those that were answered.

/// Lengths of IP packets that often are the limit of a path: PPPoE, IPsec, OpenVPN, WireGuard, the
/// least of IPv6, and one that fits everywhere.
const RUNGS: [usize; 11] = [
    1492, 1460, 1420, 1400, 1380, 1360, 1300, 1280, 1200, 1000, 576,
];

/// With these the search begins.
const COARSE: [usize; 3] = [1400, 1280, 576];

/// As many pings are sent in one run, about.
const MOST: usize = 9;

/// A lost packet is sent once more before anybody says so.
const SENDS: usize = 2;

/// As many long ones have to be lost for a hole.
const LOST: usize = 3;

/// A ping and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// Its length; `None` for one without padding, which fits everywhere.
    pub(super) size: Option<usize>,
    pub(super) is_answered: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send pings of these lengths, and wait a moment.
    Send(Vec<Option<usize>>),
    /// Nothing more can be learned.
    Done(Size),
}

/// What is known of the size of a path. All lengths are of IP packets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// What this box sends gets through.
    Whole,
    /// A router says that less fits, and that does.
    Lowered(usize),
    /// Longer ones are lost, and nobody says so.
    Hole {
        /// The longest that is answered.
        answered: usize,
        /// The shortest that is not.
        lost: usize,
        /// How many were lost.
        count: usize,
    },
    /// Nothing is answered.
    Silent,
    /// No ping with padding is answered, whatever its length: it is the padding.
    Unpadded,
    /// Longer ones are answered and shorter ones lost: it is not the length.
    Scattered,
}

/// What follows from what was tried. `full` is what this box would send, `told` what the kernel
/// believes to fit.
pub(super) fn next(full: usize, told: Option<usize>, tried: &[Try]) -> Step {
    let of = |size: Option<usize>| tried.iter().filter(move |ping| ping.size == size);
    let answered = |size: usize| of(Some(size)).any(|ping| ping.is_answered);
    if answered(full) {
        return Step::Done(Size::Whole);
    }
    let padded = |is_answered: bool| {
        tried
            .iter()
            .filter(move |ping| ping.is_answered == is_answered)
            .filter_map(|ping| ping.size)
    };
    let longest = padded(true).max();
    if longest.is_none() && !of(None).any(|ping| ping.is_answered) {
        return if of(None).count() < SENDS {
            Step::Send(vec![None, Some(full)])
        } else {
            Step::Done(Size::Silent)
        };
    }
    let mut top = full;
    if let Some(told) = told.filter(|told| *told < full) {
        if answered(told) {
            return Step::Done(Size::Lowered(told));
        }
        if of(Some(told)).count() < SENDS {
            return Step::Send(vec![Some(told)]);
        }
        top = told;
    }
    let is_searched = longest.is_some() || padded(false).any(|size| size < top);
    if of(Some(top)).count() < SENDS || !is_searched && tried.len() < MOST {
        let below = COARSE.into_iter().filter(|rung| *rung < top);
        return Step::Send([top].into_iter().chain(below).map(Some).collect());
    }
    let (Some(longest), Some(lost)) = (longest, padded(false).min()) else {
        return Step::Done(Size::Unpadded);
    };
    if lost <= longest {
        return Step::Done(Size::Scattered);
    }
    let count = padded(false).count();
    let mut sizes = between(longest, lost);
    if count + sizes.len() < LOST {
        sizes.insert(0, top);
    }
    if sizes.is_empty() || tried.len() + sizes.len() > MOST {
        return Step::Done(Size::Hole {
            answered: longest,
            lost,
            count,
        });
    }
    Step::Send(sizes.into_iter().map(Some).collect())
}

/// Two rungs at most, which halve what lies between.
fn between(answered: usize, lost: usize) -> Vec<usize> {
    let rungs: Vec<usize> = RUNGS
        .into_iter()
        .filter(|rung| (answered + 1..lost).contains(rung))
        .collect();
    let middle = rungs.len() / 2;
    let around = rungs.get(middle.saturating_sub(usize::from(rungs.len() > 2))..=middle);
    around.unwrap_or(&rungs).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes all the way; `answer` says whether a ping comes back, `tells` what a router says of one.
    fn walk(
        full: usize,
        mut answers: impl FnMut(Option<usize>) -> bool,
        tells: impl Fn(usize) -> Option<usize>,
    ) -> (Size, usize) {
        let (mut tried, mut told) = (Vec::new(), None);
        for _ in 0..20 {
            match next(full, told, &tried) {
                Step::Done(size) => return (size, tried.len()),
                Step::Send(sizes) => {
                    assert!(!sizes.is_empty());
                    for size in sizes {
                        let is_answered = answers(size);
                        told = size.and_then(&tells).or(told);
                        tried.push(Try { size, is_answered });
                    }
                }
            }
        }
        panic!("no end: {tried:?}");
    }

    fn hole(limit: usize) -> (Size, usize) {
        walk(1500, |size| size.is_none_or(|size| size <= limit), |_| None)
    }

    #[test]
    fn a_whole_path_costs_two_pings() {
        assert_eq!(hole(1500), (Size::Whole, 2));
    }

    #[test]
    fn a_hole_is_found_with_few_pings_and_bounded_from_both_sides() {
        for limit in 576..1500 {
            let (size, sends) = hole(limit);
            let Size::Hole {
                answered,
                lost,
                count,
            } = size
            else {
                panic!("{limit}: {size:?}");
            };
            assert!((answered..lost).contains(&limit), "{limit}: {size:?}");
            assert!(count >= LOST, "{limit}: {size:?}");
            assert!(sends <= MOST, "{limit}: {sends}");
        }
        assert!(matches!(hole(1200), (Size::Hole { answered: 1200, .. }, _)));
    }

    #[test]
    fn a_size_that_is_told_and_fits_is_no_hole_and_one_that_does_not_fit_is() {
        let fits = |size: Option<usize>| size.is_none_or(|size| size <= 1300);
        let tells = |says: usize| move |size: usize| (size > 1300).then_some(says);
        assert_eq!(walk(1500, fits, tells(1300)), (Size::Lowered(1300), 3));
        let (size, sends) = walk(1500, fits, tells(1400));
        assert!(
            matches!(size, Size::Hole { answered: 1280, .. }),
            "{size:?}"
        );
        assert!(sends <= MOST);
    }

    #[test]
    fn silence_says_nothing_about_the_size() {
        assert_eq!(walk(1500, |_| false, |_| None), (Size::Silent, 4));
    }

    #[test]
    fn who_does_not_answer_padding_says_nothing_about_the_size() {
        let (size, sends) = walk(1500, |size| size.is_none(), |_| None);
        assert_eq!(size, Size::Unpadded);
        assert!(sends <= MOST);
    }

    #[test]
    fn a_path_below_all_rungs_ends_too() {
        let (size, sends) = walk(500, |size| size.is_none(), |_| None);
        assert_eq!(size, Size::Unpadded);
        assert!(sends <= MOST + 1);
    }

    #[test]
    fn one_lost_packet_or_two_are_no_hole() {
        for first in 0..8_usize {
            for second in first..8 {
                let mut number = 0;
                let (size, _) = walk(
                    1500,
                    |_| {
                        number += 1;
                        number - 1 != first && number - 1 != second
                    },
                    |_| None,
                );
                // Both long ones: whether longer ones than the others fit is asked a third time.
                assert!(
                    matches!(size, Size::Whole | Size::Scattered),
                    "{first} {second}: {size:?}"
                );
            }
        }
    }
}
