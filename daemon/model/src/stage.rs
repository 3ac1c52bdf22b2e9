//! The stages of the user flow, in the order in which a device meets them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One step of the user flow. The order of the variants is the order of the flow, so that `min()`
/// gives the earliest stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// S0: link, address, default route, resolvers.
    Network,
    /// S1: the proxy lets the machine through.
    Proxy,
    /// S2: the Internet is there, without a captive portal.
    Internet,
    /// S3: clocks agree.
    Time,
    /// S4: profile hosts.
    Autopilot,
    /// S5: Windows Update, activation.
    Updates,
    /// S6: Intune and its content hosts.
    DeviceSetup,
    /// SV: the VPN that leads to a domain controller.
    Vpn,
    /// S7: a domain controller is found and serves all hard services.
    DomainController,
    /// S7: what the domain controllers answer is good for a logon.
    SignIn,
    /// S8: hybrid device registration.
    Registration,
    /// S9: Entra user sign-in.
    EntraSignIn,
    /// S10: account setup and Group Policy.
    AccountSetup,
}

/// What a stage means to the verdict of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Decides the verdict.
    Hard,
    /// Can only degrade.
    Soft,
    /// Hard if the site's configuration says so, soft otherwise.
    Conditional,
}

/// What a check means to its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Nice to know: a failure is information and changes no verdict.
    Optional,
    /// A failure degrades.
    Soft,
    /// A failure degrades, and where devices cannot do without a VPN the flow cannot pass: what sets the
    /// VPN up comes from there.
    BringsVpn,
    /// The flow cannot pass without it.
    Hard,
}

/// How it stands with a stage, a network or a site. Later is worse, so that `max()` judges.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing stands in the way.
    #[default]
    Ready,
    /// The flow can succeed, and something is wrong.
    Degraded,
    /// We could not look.
    Unknown,
    /// The flow cannot succeed.
    NotReady,
}

/// A row of the stage table.
struct Row {
    id: &'static str,
    step: &'static str,
    title: &'static str,
    question: &'static str,
    class: Class,
    needs: &'static [Stage],
}

impl Stage {
    /// All stages in the order of the flow.
    pub const ALL: [Self; 13] = [
        Self::Network,
        Self::Proxy,
        Self::Internet,
        Self::Time,
        Self::Autopilot,
        Self::Updates,
        Self::DeviceSetup,
        Self::Vpn,
        Self::DomainController,
        Self::SignIn,
        Self::Registration,
        Self::EntraSignIn,
        Self::AccountSetup,
    ];

    /// The machine word: `domain_controller`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().id
    }

    /// The step of the user flow: `S7`.
    #[must_use]
    pub const fn step(self) -> &'static str {
        self.row().step
    }

    /// The stage for people: `Domain controller`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The question that the stage answers.
    #[must_use]
    pub const fn question(self) -> &'static str {
        self.row().question
    }

    /// Whether the stage decides the verdict.
    #[must_use]
    pub const fn class(self) -> Class {
        self.row().class
    }

    /// The stages that must be ready before this one can be; the VPN only where no controller is reached
    /// without one.
    #[must_use]
    pub const fn needs(self) -> &'static [Self] {
        self.row().needs
    }

    /// The stage itself and everything that it needs, directly or not, in the order of the flow.
    #[must_use]
    pub fn with_needs(self) -> Vec<Self> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(stage) = all.get(next).copied() {
            for need in stage.needs() {
                if !all.contains(need) {
                    all.push(*need);
                }
            }
            next += 1;
        }
        all.sort_unstable();
        all
    }

    /// The stages that cannot be ready while this one is not, directly or not.
    #[must_use]
    pub fn dependents(self) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|stage| *stage != self && stage.with_needs().contains(&self))
            .collect()
    }

    const fn row(self) -> Row {
        match self {
            Self::Network => Row {
                id: "network",
                step: "S0",
                title: "Network",
                question: "Do link, address, default route and every resolver work?",
                class: Class::Hard,
                needs: &[],
            },
            Self::Proxy => Row {
                id: "proxy",
                step: "S1",
                title: "Proxy",
                question: "Does the proxy let the machine through without a prompt?",
                class: Class::Conditional,
                needs: &[Self::Network],
            },
            Self::Internet => Row {
                id: "internet",
                step: "S2",
                title: "Internet",
                question: "Is the Internet there, without a captive portal?",
                class: Class::Hard,
                needs: &[Self::Network, Self::Proxy],
            },
            Self::Time => Row {
                id: "time",
                step: "S3",
                title: "Time",
                question: "Do this box, Internet time and the domain agree on the time?",
                class: Class::Conditional,
                needs: &[Self::Internet],
            },
            Self::Autopilot => Row {
                id: "autopilot",
                step: "S4",
                title: "Autopilot profile",
                question: "Are the hosts of the Autopilot profile reachable?",
                class: Class::Hard,
                needs: &[Self::Internet],
            },
            Self::Updates => Row {
                id: "updates",
                step: "S5",
                title: "Updates",
                question: "Are Windows Update and activation reachable?",
                class: Class::Soft,
                needs: &[Self::Internet],
            },
            Self::DeviceSetup => Row {
                id: "device_setup",
                step: "S6",
                title: "Device setup",
                question: "Are Intune and its content hosts reachable?",
                class: Class::Hard,
                needs: &[Self::Internet],
            },
            Self::Vpn => Row {
                id: "vpn",
                step: "SV",
                title: "VPN",
                question: "Does a VPN lead to a domain controller?",
                class: Class::Conditional,
                needs: &[Self::Network],
            },
            Self::DomainController => Row {
                id: "domain_controller",
                step: "S7",
                title: "Domain controller",
                question: "Can a device find and use a domain controller?",
                class: Class::Hard,
                needs: &[Self::Network, Self::Vpn],
            },
            Self::SignIn => Row {
                id: "sign_in",
                step: "S7",
                title: "Windows sign-in",
                question: "Is what the domain controllers answer good for a logon?",
                class: Class::Hard,
                needs: &[Self::DomainController],
            },
            Self::Registration => Row {
                id: "registration",
                step: "S8",
                title: "Device registration",
                question: "Can the device register with Microsoft Entra?",
                class: Class::Hard,
                needs: &[Self::Internet, Self::DomainController],
            },
            Self::EntraSignIn => Row {
                id: "entra_sign_in",
                step: "S9",
                title: "Entra sign-in",
                question: "Are the sign-in hosts of Microsoft Entra reachable?",
                class: Class::Hard,
                needs: &[Self::Internet],
            },
            Self::AccountSetup => Row {
                id: "account_setup",
                step: "S10",
                title: "Account setup",
                question: "Are Intune and Group Policy reachable for the user?",
                class: Class::Hard,
                needs: &[Self::Internet, Self::DomainController],
            },
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Stage {
    type Err = String;

    /// # Errors
    /// A sentence that lists the stages, for a word that is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.id() == text)
            .ok_or_else(|| {
                let ids: Vec<_> = Self::ALL.iter().map(|stage| stage.id()).collect();
                format!("no stage `{text}`; the stages are {}", ids.join(", "))
            })
    }
}

impl Verdict {
    /// The machine word: `not_ready`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::NotReady => "not_ready",
        }
    }

    /// The exit status of `sightline check`, as monitoring plugins have it: 0 ready, 1 degraded,
    /// 2 not ready, 3 unknown.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Degraded => 1,
            Self::NotReady => 2,
            Self::Unknown => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_never_needs_itself_or_a_later_one_than_the_domain_controller_needs() {
        for stage in Stage::ALL {
            assert!(!stage.needs().contains(&stage));
            assert!(stage.needs().iter().all(|need| *need < stage), "{stage}");
        }
    }

    #[test]
    fn sign_in_needs_the_network_through_the_domain_controller() {
        assert_eq!(
            Stage::SignIn.with_needs(),
            [
                Stage::Network,
                Stage::Vpn,
                Stage::DomainController,
                Stage::SignIn
            ]
        );
    }

    #[test]
    fn a_missing_domain_controller_stops_sign_in_registration_and_account_setup() {
        assert_eq!(
            Stage::DomainController.dependents(),
            [Stage::SignIn, Stage::Registration, Stage::AccountSetup]
        );
    }

    #[test]
    fn every_id_reads_back_as_its_stage() {
        for stage in Stage::ALL {
            assert_eq!(stage.id().parse(), Ok(stage));
        }
        assert!("lunch".parse::<Stage>().is_err());
    }
}
