//! Which version of the Chat API is spoken, on which side, over which transport.

use std::fmt;
use std::str::FromStr;

/// A version of the Chat API. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.0, August 2019: times in seconds and `order`, `recipients`, whole events in answers.
    V3_0,
    /// 3.1, September 2019: `created_at` of events, bare bodies.
    V3_1,
    /// 3.2, June 2020: today's names of most methods and pushes.
    V3_2,
    /// 3.3, March 2021: `resume_chat`, forms, `organization_id` still `license_id`.
    V3_3,
    /// 3.4, December 2021: `visibility`, `organization_id`.
    V3_4,
    /// 3.5, November 2022.
    V3_5,
    /// 3.6, August 2025: the model inside.
    V3_6,
    /// 3.7, a preview.
    V3_7,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 8] = [
        Self::V3_0,
        Self::V3_1,
        Self::V3_2,
        Self::V3_3,
        Self::V3_4,
        Self::V3_5,
        Self::V3_6,
        Self::V3_7,
    ];

    /// As in `3.6`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V3_2 => "3.2",
            Self::V3_3 => "3.3",
            Self::V3_4 => "3.4",
            Self::V3_5 => "3.5",
            Self::V3_6 => "3.6",
            Self::V3_7 => "3.7",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    /// Reads `3.6` and `v3.6`.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == bare)
            .ok_or_else(|| UnknownVersion { text: text.chars().take(SHOWN_CHARS_MAX).collect() })
    }
}

/// How much of a wrong word is shown back: enough to recognise it, too little to fill a log.
const SHOWN_CHARS_MAX: usize = 40;

/// There is no such version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no version {text:?} of the Chat API; there are 3.0 to 3.7")]
pub struct UnknownVersion {
    /// What was asked for.
    pub text: String,
}

/// Who speaks: which of the three APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The Agent Chat API.
    Agent,
    /// The Customer Chat API.
    Customer,
    /// The Configuration API.
    Configuration,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Customer, Self::Configuration];

    /// As in the address: `agent`, `customer`, `configuration`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Configuration => "configuration",
        }
    }

    /// The API's name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Agent => "Agent Chat API",
            Self::Customer => "Customer Chat API",
            Self::Configuration => "Configuration API",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Side {
    type Err = UnknownSide;

    fn from_str(text: &str) -> Result<Self, UnknownSide> {
        Self::ALL
            .into_iter()
            .find(|side| side.as_str() == text)
            .ok_or_else(|| UnknownSide { text: text.chars().take(SHOWN_CHARS_MAX).collect() })
    }
}

/// There is no such side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no API called {text:?}; there are agent, customer and configuration")]
pub struct UnknownSide {
    /// What was asked for.
    pub text: String,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One HTTP request, one answer.
    Web,
    /// A frame on an open WebSocket.
    Rtm,
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Web, Self::Rtm];

    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "Web",
            Self::Rtm => "RTM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_the_v_and_are_in_order() {
        for version in Version::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
            assert_eq!(format!("v{version}").parse(), Ok(version));
        }
        assert!(Version::ALL.is_sorted());
        for wrong in ["", "v", "3", "3.8", "vv3.6", "3.6 ", "36"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sides_are_read_as_in_the_address() {
        for side in Side::ALL {
            assert_eq!(side.as_str().parse(), Ok(side));
        }
        assert!("Agent".parse::<Side>().is_err());
    }
}
