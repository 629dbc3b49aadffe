//! Verdicts that are one of a few classes, beside the true ones.

use super::share;

/// How often each class was judged to be each class.
///
/// Classes are numbers from 0. Rows are the truth, columns are the verdicts, as in scikit-learn.
///
/// ```
/// use tribunal::metrics::ConfusionMatrix;
///
/// // 3 of class 0, of which 2 were found; 1 of class 1, which was found.
/// let matrix = ConfusionMatrix::of(2, [(0, 0), (0, 0), (0, 1), (1, 1)]);
/// assert_eq!((matrix.accuracy(), matrix.base_rate()), (Some(0.75), Some(0.75)));
/// assert_eq!((matrix.recall(0), matrix.precision(1)), (Some(2.0 / 3.0), Some(0.5)));
/// let balanced = matrix.balanced_accuracy().unwrap();
/// assert!((balanced - 5.0 / 6.0).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// The counts by row.
    rows: Vec<Vec<usize>>,
}

impl ConfusionMatrix {
    /// A matrix of so many classes without a count.
    pub fn new(classes: usize) -> Self {
        Self { rows: vec![vec![0; classes]; classes] }
    }

    /// The matrix of these pairs of (truth, verdict). It grows where a class is not below `classes`.
    pub fn of(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut matrix = Self::new(classes);
        pairs.into_iter().for_each(|(truth, judged)| matrix.add(truth, judged));
        matrix
    }

    /// Counts one pair.
    pub fn add(&mut self, truth: usize, judged: usize) {
        let classes = self.classes().max(truth + 1).max(judged + 1);
        if classes > self.classes() {
            self.rows.resize(classes, Vec::new());
            self.rows.iter_mut().for_each(|row| row.resize(classes, 0));
        }
        self.rows[truth][judged] += 1;
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// How often the first class was judged to be the second.
    pub fn at(&self, truth: usize, judged: usize) -> usize {
        self.rows.get(truth).and_then(|row| row.get(judged)).copied().unwrap_or(0)
    }

    /// The number of pairs.
    pub fn count(&self) -> usize {
        self.rows.iter().flatten().sum()
    }

    /// The number of pairs whose truth is this class.
    pub fn true_count(&self, class: usize) -> usize {
        self.rows.get(class).map_or(0, |row| row.iter().sum())
    }

    /// The number of pairs whose verdict is this class.
    pub fn judged_count(&self, class: usize) -> usize {
        (0..self.classes()).map(|truth| self.at(truth, class)).sum()
    }

    /// The number of pairs in which both are equal.
    pub fn agreeing(&self) -> usize {
        (0..self.classes()).map(|class| self.at(class, class)).sum()
    }

    /// The share of pairs in which both are equal, 0 to 1; `None` without pairs.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.agreeing(), self.count())
    }

    /// The share of the most frequent true class: the accuracy of a judge that always says it.
    pub fn base_rate(&self) -> Option<f64> {
        let most = (0..self.classes()).map(|class| self.true_count(class)).max()?;
        share(most, self.count())
    }

    /// The share of a class that was judged so, 0 to 1; `None` if the class does not occur.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.at(class, class), self.true_count(class))
    }

    /// The share of the verdicts of this class that are right; `None` if there is no such verdict.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.at(class, class), self.judged_count(class))
    }

    /// The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN); `None` if the class is neither a truth nor a
    /// verdict.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.at(class, class), self.true_count(class) + self.judged_count(class))
    }

    /// The mean recall of the classes that occur (Brodersen et al. 2010, ICPR): half for a judge of two classes that
    /// always says the same.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        mean((0..self.classes()).filter_map(|class| self.recall(class)))
    }

    /// The mean precision of the classes that are a truth or a verdict; one without a verdict counts as 0, as in
    /// scikit-learn.
    pub fn macro_precision(&self) -> Option<f64> {
        mean(self.known().map(|class| self.precision(class).unwrap_or(0.0)))
    }

    /// The mean recall of the classes that are a truth or a verdict; one that is never true counts as 0, as in
    /// scikit-learn.
    pub fn macro_recall(&self) -> Option<f64> {
        mean(self.known().map(|class| self.recall(class).unwrap_or(0.0)))
    }

    /// The mean F1 of the classes that are a truth or a verdict (Opitz and Burst 2019, "Macro F1 and Macro F1": the mean
    /// of the scores, not the score of the means).
    pub fn macro_f1(&self) -> Option<f64> {
        mean(self.known().filter_map(|class| self.f1(class)))
    }

    /// The classes that are a truth or a verdict.
    fn known(&self) -> impl Iterator<Item = usize> {
        let occurs = |class: &usize| self.true_count(*class) + self.judged_count(*class) > 0;
        (0..self.classes()).filter(occurs)
    }
}

/// The mean; `None` without numbers.
fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    super::mean(&numbers.collect::<Vec<_>>())
}
