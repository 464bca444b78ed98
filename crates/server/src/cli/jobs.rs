//! What can be said of jobs: `deliveries recover`, `deliveries replay` and `jobs`.

use clap::{Args, Subcommand};

use super::ServerAnywhere;

/// Options of `deliveries recover`.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The endpoint.
    #[arg(long, value_name = "ID")]
    pub endpoint: String,
    /// Deliveries of events that came since then: a time as 2026-11-22T08:00:00Z, or how long ago, as 90m, 2h or 3d.
    #[arg(long, value_name = "TIME")]
    pub since: When,
    /// Only of events that came before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<When>,
    /// How it is done.
    #[command(flatten)]
    pub how: How,
}

/// Options of `deliveries replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The endpoint.
    #[arg(long, value_name = "ID")]
    pub endpoint: String,
    /// From this event on.
    #[arg(long, value_name = "SEQ", required_unless_present = "since")]
    pub from_seq: Option<u64>,
    /// Up to this event; the last one, unless given.
    #[arg(long, value_name = "SEQ")]
    pub to_seq: Option<u64>,
    /// Events that came since then: a time as 2026-11-22T08:00:00Z, or how long ago, as 90m, 2h or 3d.
    #[arg(long, value_name = "TIME")]
    pub since: Option<When>,
    /// Only events that came before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<When>,
    /// How it is done.
    #[command(flatten)]
    pub how: How,
}

/// How a job is done.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Only these types, aliases or areas as chat.*; separated by commas, or given more than once.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Only say what would be sent.
    #[arg(long)]
    pub dry_run: bool,
    /// Show how far it is until it has ended; ends with 1 if not all was taken.
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
}

/// Options of `jobs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Jobs {
    /// What to do with one of them; they are listed, unless given.
    #[command(subcommand)]
    pub action: Option<JobsAction>,
    /// Which ones are listed.
    #[command(flatten)]
    pub list: JobsList,
    /// The server.
    #[command(flatten)]
    pub server: ServerAnywhere,
}

/// Which jobs are listed, and how.
#[derive(Debug, Args)]
pub(crate) struct JobsList {
    /// Only those of this endpoint.
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
    /// As JSON, one job a line.
    #[arg(long)]
    pub json: bool,
}

/// What to do with a job.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsAction {
    /// Show one.
    Show {
        /// Its id.
        id: String,
        /// Show how far it is until it has ended; ends with 1 if not all was taken.
        #[arg(long)]
        wait: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End one.
    Cancel {
        /// Its id.
        id: String,
    },
}

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// This time.
    At(jiff::Timestamp),
    /// So many seconds ago.
    Ago(i64),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        let wrong =
            || format!("{text:?} is neither a time as 2026-11-22T08:00:00Z nor as 90m, 2h or 3d");
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let seconds: i64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u32 =
            text.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or_else(wrong)?;
        Ok(Self::Ago(i64::from(count) * seconds))
    }
}

impl When {
    /// The time, as it is said to the server.
    pub(crate) fn said(self, now: jiff::Timestamp) -> String {
        match self {
            Self::At(time) => time.to_string(),
            Self::Ago(seconds) => {
                let ago = jiff::SignedDuration::from_secs(seconds);
                now.checked_sub(ago).unwrap_or(jiff::Timestamp::MIN).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_two_ways() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        let said = |text: &str| text.parse::<When>().map(|when| when.said(now));
        assert_eq!(said("2h").as_deref(), Ok("2026-11-22T08:00:00Z"));
        assert_eq!(said("90m").as_deref(), Ok("2026-11-22T08:30:00Z"));
        assert_eq!(said("3d").as_deref(), Ok("2026-11-19T10:00:00Z"));
        assert_eq!(said("2026-11-01T00:00:00Z").as_deref(), Ok("2026-11-01T00:00:00Z"));
        for wrong in ["", "h", "2", "-2h", "2w", "two hours"] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }
}
