//! What is known of a revision that nobody wrote down: the one of the store when the history began.

/// A set of revisions: an interval without some of its points. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Base {
    least: i64,
    most: i64,
    /// Sorted, and strictly inside.
    without: Vec<i64>,
}

impl Base {
    pub(super) fn any() -> Self {
        // So far from the ends that sums with the number of operations stay inside.
        Base { least: 0, most: i64::MAX / 4, without: Vec::new() }
    }

    /// `None` if nothing is left.
    fn narrowed(&self, least: i64, most: i64, but: Option<i64>) -> Option<Base> {
        let mut without = self.without.clone();
        if let Some(but) = but
            && let Err(at) = without.binary_search(&but)
        {
            without.insert(at, but);
        }
        let (mut least, mut most) = (least.max(self.least), most.min(self.most));
        while without.binary_search(&least).is_ok() {
            least += 1;
        }
        while least <= most && without.binary_search(&most).is_ok() {
            most -= 1;
        }
        without.retain(|point| (least..=most).contains(point));
        (least <= most).then_some(Base { least, most, without })
    }

    pub(super) fn is(&self, n: i64) -> Option<Base> {
        self.narrowed(n, n, None)
    }

    pub(super) fn is_not(&self, n: i64) -> Option<Base> {
        self.narrowed(self.least, self.most, Some(n))
    }

    pub(super) fn below(&self, n: i64) -> Option<Base> {
        self.narrowed(self.least, n.saturating_sub(1), None)
    }

    pub(super) fn above(&self, n: i64) -> Option<Base> {
        self.narrowed(n.saturating_add(1), self.most, None)
    }

    /// A revision so many changes later, in words.
    pub(super) fn describe(&self, changes: i64) -> String {
        if self.least == self.most {
            (self.least + changes).to_string()
        } else {
            format!("first + {changes}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_narrows_until_nothing_is_left() {
        let base = Base::any().above(2).unwrap().below(6).unwrap();
        assert_eq!(base, Base { least: 3, most: 5, without: vec![] });
        let base = base.is_not(4).unwrap();
        assert_eq!(base, Base { least: 3, most: 5, without: vec![4] });
        assert_eq!(base.is(4), None);
        assert_eq!(base.is_not(3).unwrap(), base.is(5).unwrap());
        assert_eq!(base.is_not(5).unwrap().is_not(3), None);
        assert_eq!(base.below(3), None);
        assert_eq!(base.above(i64::MAX), None);
        assert_eq!((base.describe(2), base.is(3).unwrap().describe(2)), ("first + 2".into(), "5".into()));
    }
}
