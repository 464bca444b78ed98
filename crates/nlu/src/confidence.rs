//! Makes one number of what speaks for an intent, such that it says how often that is right.
//!
//! The number is a logistic function of how well the intent fits, how far it is ahead of the others, and how much of the
//! text the bot knows. Its weights were fitted, by `fit`, to three sets of texts of `tests/it/sentences`, in four
//! languages: those marked `?`; each sentence when the bot is trained without it, which is hard; and each when the bot
//! is trained without its whole intent, so that it must not match. The other constants of this crate were chosen by the
//! same sets, by halving and doubling them one at a time; none of them is sharp. The texts marked `!` were not looked at.

/// What speaks for an intent, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// How near its nearest sentence is.
    pub(crate) near: f64,
    /// How much the words speak for it and not for others.
    pub(crate) spoken: f64,
    /// How much of the text the bot knows at all.
    pub(crate) recognized: f64,
}

/// How much each of [`features`] weighs.
pub(crate) const WEIGHTS: [f64; 4] = [-3.9, 7.5, 3.4, 1.2];

impl Evidence {
    /// How well the intent fits, from 0 to 1. Both readings weigh the same: with another mix, more are wrong.
    pub(crate) fn fit(self) -> f64 {
        f64::midpoint(self.near, self.spoken)
    }

    /// What the confidence is made of, when the best of the others fits so well.
    pub(crate) fn features(self, others: f64) -> [f64; 4] {
        [1.0, self.fit(), self.fit() - others, self.recognized]
    }
}

/// How sure it is that something with these features is right, from 0 to 1.
pub(crate) fn logistic(weights: &[f64; 4], features: &[f64; 4]) -> f64 {
    let sum: f64 = weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// How sure it is that each intent is meant. Who fits better is always surer.
pub(crate) fn confidence(evidence: &[(u32, Evidence)]) -> Vec<(u32, f64)> {
    let mut fits: Vec<f64> = evidence.iter().map(|(_, own)| own.fit()).collect();
    fits.sort_by(|a, b| b.total_cmp(a));
    let best = fits.first().copied().unwrap_or_default();
    let second = fits.get(1).copied().unwrap_or_default();
    evidence
        .iter()
        .map(|(intent, own)| {
            let others = if own.fit() >= best { second } else { best };
            (*intent, logistic(&WEIGHTS, &own.features(others)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leads_is_surer_than_who_is_level() {
        let evidence = |near, spoken| Evidence { near, spoken, recognized: 1.0 };
        let sure = |all: &[Evidence]| -> Vec<String> {
            let all: Vec<(u32, Evidence)> = (0..).zip(all.iter().copied()).collect();
            confidence(&all).iter().map(|(_, sure)| format!("{sure:.2}")).collect()
        };
        assert_eq!(sure(&[evidence(0.8, 0.6), evidence(0.4, 0.1)]), ["0.98", "0.09"]);
        assert_eq!(sure(&[evidence(0.5, 0.4), evidence(0.5, 0.4)]), ["0.66", "0.66"]);
        assert_eq!(sure(&[evidence(0.1, 0.1)]), ["0.17"]);
        assert_eq!(sure(&[]), [""; 0]);
    }
}
