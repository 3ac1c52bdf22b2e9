//! What somebody may have meant.

/// The candidate that `word` is most probably a misspelling of.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The words of others may be long, and the distance costs the product of both lengths.
    if word.len() > 100 {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|&(distance, candidate)| distance <= tolerance(&word, candidate))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// A third of the letters may be wrong: more of them, and everything resembles everything.
fn tolerance(word: &str, candidate: &str) -> usize {
    (word.len().max(candidate.len()) / 3).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["name", "interface", "source", "resolvers"];

    #[test]
    fn a_misspelt_key_leads_to_the_right_one() {
        for (word, meant) in [
            ("resolver", "resolvers"),
            ("Name", "name"),
            ("inteface", "interface"),
            ("sorce", "source"),
        ] {
            assert_eq!(nearest(word, KEYS), Some(meant));
        }
    }

    #[test]
    fn a_word_of_its_own_leads_nowhere() {
        assert_eq!(nearest("colour", KEYS), None);
        assert_eq!(nearest(&"n".repeat(5000), KEYS), None);
    }
}
