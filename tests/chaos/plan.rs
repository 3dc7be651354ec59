//! What a client does when: drawn from the seed alone, so that a run with the same seed decides the same.
//!
//! How far a client gets in its plan depends on the machine and the fault; what the plan says does not.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const WORDS: [&str; 12] = [
    "سلام",
    "چاپار",
    "راه",
    "ایستگاه",
    "اسب",
    "نامه",
    "می‌رسد",
    "hello",
    "relay",
    "🐎",
    "فردا",
    "سپیده‌دم",
];

const EMOJI: [&str; 4] = ["👍", "🌷", "😀", "❤️"];

/// A generator of its own for each of the run's decision makers, named by fault and number.
pub(crate) fn generator(seed: u64, fault: &str, who: u64) -> StdRng {
    // FNV-1a, which stays the same over versions of Rust and this crate.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = seed.to_le_bytes().into_iter().chain(fault.bytes());
    for byte in bytes.chain(who.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    StdRng::seed_from_u64(hash)
}

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// How long after the one before.
    pub(crate) pause: Duration,
    /// Which of the client's rooms, counted round.
    pub(crate) room: usize,
    pub(crate) action: Action,
}

/// What to do. `which` picks one of the messages that there are then, counted back from the newest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A new message; `reply` answers one that was seen.
    Send {
        content: String,
        reply: Option<usize>,
    },
    /// One's own.
    Edit { which: usize, content: String },
    /// One's own.
    Delete { which: usize },
    /// Anybody's.
    React {
        which: usize,
        emoji: &'static str,
        added: bool,
    },
}

/// An endless sequence of decisions.
#[derive(Debug)]
pub(crate) struct Plan {
    generator: StdRng,
    pause: Duration,
    words: usize,
}

impl Plan {
    /// About one step in `pause`, messages of up to `words` words.
    pub(crate) fn new(generator: StdRng, pause: Duration, words: usize) -> Self {
        Self {
            generator,
            pause,
            words,
        }
    }

    fn content(&mut self) -> String {
        let count = self
            .generator
            .random_range(self.words.div_ceil(2)..=self.words);
        let words = (0..count).map(|_| WORDS[self.generator.random_range(0..WORDS.len())]);
        words.collect::<Vec<_>>().join(" ")
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let pause = self.pause.mul_f64(self.generator.random_range(0.2..1.8));
        let room = self.generator.random_range(0..1000);
        let which = self.generator.random_range(0..8);
        let action = match self.generator.random_range(0..100) {
            0..70 => Action::Send {
                reply: self.generator.random_bool(0.2).then_some(which),
                content: self.content(),
            },
            70..84 => Action::Edit {
                which,
                content: self.content(),
            },
            84..89 => Action::Delete { which },
            _ => Action::React {
                which,
                emoji: EMOJI[self.generator.random_range(0..EMOJI.len())],
                added: self.generator.random_bool(0.7),
            },
        };
        Some(Step {
            pause,
            room,
            action,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(seed: u64, fault: &str, who: u64) -> Vec<Step> {
        let plan = Plan::new(generator(seed, fault, who), Duration::from_millis(200), 8);
        plan.take(200).collect()
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        assert_eq!(steps(7, "gateway-kill", 3), steps(7, "gateway-kill", 3));
    }

    #[test]
    fn seeds_faults_and_clients_decide_differently() {
        let one = steps(7, "gateway-kill", 3);
        assert_ne!(one, steps(8, "gateway-kill", 3));
        assert_ne!(one, steps(7, "api-kill", 3));
        assert_ne!(one, steps(7, "gateway-kill", 4));
    }

    #[test]
    fn a_plan_does_everything() {
        let steps = steps(1, "calm", 0);
        for (what, is_it) in [
            (
                "send",
                (|action| matches!(action, Action::Send { .. })) as fn(&Action) -> bool,
            ),
            ("edit", |action| matches!(action, Action::Edit { .. })),
            ("delete", |action| matches!(action, Action::Delete { .. })),
            ("react", |action| matches!(action, Action::React { .. })),
        ] {
            assert!(steps.iter().any(|step| is_it(&step.action)), "no {what}");
        }
    }
}
