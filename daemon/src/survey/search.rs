//! The domain, where nobody has named it: the search list of the resolver leads to it.

use std::sync::Arc;

use hickory_proto::rr::RecordType;
use sightline_model::Target;
use tokio::task::JoinSet;

use crate::net::dns::{self, Heard, Question, Transport};
use crate::plan::{Network, Plan};
use crate::probe;
use crate::run::Run;

/// What the search list leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    /// A domain with domain controllers.
    Domain(String),
    /// Resolvers answer, and none of the suffixes has a domain controller.
    Nothing,
    /// There is no resolver, or none answers: that is what is wrong, not the search list.
    Silence,
}

/// Asks every resolver of a network for the domain controllers of each suffix. The first suffix
/// that has some wins.
pub async fn domain_of_search_list(plan: &Plan, network: &Network) -> Searched {
    let mut asked = JoinSet::new();
    for (rank, suffix) in network.search.iter().enumerate() {
        for server in &network.resolvers {
            let Ok(question) = Question::new(&probe::locator_name(suffix), RecordType::SRV) else {
                continue;
            };
            let run = Run::begin(Target::at(*server), Arc::clone(&network.path), plan.timeout);
            let limit = plan.timeout;
            let suffix = suffix.clone();
            asked.spawn(async move {
                let answer = dns::ask(&run, &question, Transport::Udp);
                let answer = tokio::time::timeout(limit, answer).await.ok()?.ok()?;
                Some((rank, has_controllers(&answer, &question).then_some(suffix)))
            });
        }
    }
    let nothing_was_asked = asked.is_empty() && !network.resolvers.is_empty();
    let mut is_answered = nothing_was_asked;
    let mut best: Option<(usize, String)> = None;
    while let Some(ended) = asked.join_next().await {
        let Ok(Some((rank, found))) = ended else {
            continue;
        };
        is_answered = true;
        if let Some(suffix) = found
            && best.as_ref().is_none_or(|(known, _)| rank < *known)
        {
            best = Some((rank, suffix));
        }
        // The first suffix wins; a dead resolver need not be waited for.
        if best.as_ref().is_some_and(|(rank, _)| *rank == 0) {
            break;
        }
    }
    match best {
        Some((_, suffix)) => Searched::Domain(suffix),
        None if is_answered => Searched::Nothing,
        None => Searched::Silence,
    }
}

fn has_controllers(heard: &Heard, question: &Question) -> bool {
    heard.message.metadata.truncation || !dns::srv_records(&heard.message, question).is_empty()
}
