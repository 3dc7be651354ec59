//! Whether one listener got one stream whole: every number once, in order.

/// What one arrival means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A number not seen before and above all seen. Those that it passed over are missing until they come.
    Fresh,
    /// A number that later ones came before.
    Disordered,
    /// A number that was there already.
    Doubled,
}

/// The numbers that one listener has of one stream.
#[derive(Clone, Debug)]
pub struct Checker {
    next: u64,
    /// Gaps below `next`, first and last of each, ascending.
    missing: Vec<(u64, u64)>,
}

impl Checker {
    /// Expects the stream from `next` on.
    pub fn from(next: u64) -> Self {
        Self {
            next,
            missing: Vec::new(),
        }
    }

    /// The last number in order of arrival; 0 before the first.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// Takes note of an arrival.
    pub fn see(&mut self, number: u64) -> Verdict {
        if number == self.next {
            self.next += 1;
            return Verdict::Fresh;
        }
        if number > self.next {
            self.missing.push((self.next, number - 1));
            self.next = number + 1;
            return Verdict::Fresh;
        }
        let gap = self
            .missing
            .iter()
            .position(|&(first, last)| (first..=last).contains(&number));
        let Some(gap) = gap else {
            return Verdict::Doubled;
        };
        let (first, last) = self.missing.remove(gap);
        if number < last {
            self.missing.insert(gap, (number + 1, last));
        }
        if first < number {
            self.missing.insert(gap, (first, number - 1));
        }
        Verdict::Disordered
    }

    /// How many numbers up to `published` have not come.
    pub fn lost(&self, published: u64) -> u64 {
        let gaps: u64 = self
            .missing
            .iter()
            .map(|(first, last)| last - first + 1)
            .sum();
        gaps + (published + 1).saturating_sub(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(numbers: &[u64], published: u64) -> (u64, usize, usize) {
        let mut checker = Checker::from(1);
        let verdicts: Vec<_> = numbers.iter().map(|&number| checker.see(number)).collect();
        let count = |wanted| verdicts.iter().filter(|&&it| it == wanted).count();
        (
            checker.lost(published),
            count(Verdict::Doubled),
            count(Verdict::Disordered),
        )
    }

    #[test]
    fn a_whole_stream_is_clean() {
        assert_eq!(run(&[1, 2, 3, 4], 4), (0, 0, 0));
        assert_eq!(run(&[], 0), (0, 0, 0));
    }

    #[test]
    fn lost_messages_are_counted_inside_and_at_the_end() {
        assert_eq!(run(&[1, 2, 5], 5), (2, 0, 0));
        assert_eq!(run(&[1, 2], 5), (3, 0, 0));
        assert_eq!(run(&[], 5), (5, 0, 0));
        assert_eq!(run(&[3], 5), (4, 0, 0));
    }

    #[test]
    fn doubled_messages_are_counted() {
        assert_eq!(run(&[1, 1, 2, 3, 2], 3), (0, 2, 0));
    }

    #[test]
    fn late_messages_are_disordered_and_not_lost() {
        assert_eq!(run(&[1, 3, 2], 3), (0, 0, 1));
        assert_eq!(run(&[1, 6, 4, 4, 2, 3, 5], 6), (0, 1, 4));
        assert_eq!(run(&[1, 6, 4], 6), (3, 0, 1));
    }

    #[test]
    fn a_resumed_stream_goes_on_where_it_was() {
        let mut checker = Checker::from(8);
        assert_eq!(checker.last(), 7);
        assert_eq!(checker.see(7), Verdict::Doubled);
        assert_eq!(checker.see(8), Verdict::Fresh);
        assert_eq!(checker.lost(9), 1);
    }
}
