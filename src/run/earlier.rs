//! Results that are found in this run, or taken over as they stand from the lines of an earlier one.

use serde_json::{Map, Value};

use super::{Finished, Redo, Reuse};
use crate::{
    error::{Error, Result},
    line::ResultLine,
};

/// The result of a record.
#[derive(Debug)]
pub enum NowOrEarlier<T, L> {
    /// It was found in this run.
    Now(Box<T>),
    /// The line of an earlier run.
    Earlier(Box<L>),
}

/// A line that can be taken over from an earlier run.
pub(super) trait KeptLine: Clone {
    /// Why the record failed.
    fn error(&self) -> Option<Error>;

    /// Whether everything about the record could be found out: neither failed nor unreadable.
    fn is_settled(&self) -> bool;

    /// What every line has.
    fn head(&mut self) -> Head<'_>;
}

/// A line that holds a result line, by which it is kept.
pub(super) trait HoldsResult: Clone {
    /// The result line.
    fn result(&self) -> &ResultLine;

    /// The result line, to be filled in.
    fn result_mut(&mut self) -> &mut ResultLine;
}

impl<L: HoldsResult> KeptLine for L {
    fn error(&self) -> Option<Error> {
        self.result().error.clone().map(Error::from)
    }

    fn is_settled(&self) -> bool {
        self.result().error.is_none() && self.result().unreadable.is_none()
    }

    fn head(&mut self) -> Head<'_> {
        let ResultLine { id, index, key, item, .. } = self.result_mut();
        Head { id, index, key, item }
    }
}

/// What every line has.
pub(super) struct Head<'l> {
    pub(super) id: &'l mut String,
    pub(super) index: &'l mut usize,
    pub(super) key: &'l mut String,
    pub(super) item: &'l mut Option<Map<String, Value>>,
}

/// Whether a line of an earlier run counts. What failed or could not be read is done again by [`Redo::Failures`].
pub(super) fn reused<T, L: KeptLine>(line: &L, redo: Redo) -> Reuse<NowOrEarlier<T, L>> {
    match line.error() {
        // A refused key is not a fault of the record.
        Some(error) if error.is_fatal() => Reuse::Nothing,
        _ if redo == Redo::Failures && !line.is_settled() => Reuse::Nothing,
        Some(error) => Reuse::Keep(Err(error)),
        None => Reuse::Keep(Ok(NowOrEarlier::Earlier(Box::new(line.clone())))),
    }
}

/// The line of a record: the earlier one, or what `make` makes of its result, with what every line has.
pub(super) fn line_of<T, L: KeptLine>(
    finished: &Finished<NowOrEarlier<T, L>>,
    key: &str,
    with_item: bool,
    make: impl Fn(Result<&T, &Error>) -> L,
) -> L {
    let mut line = match &finished.outcome {
        Ok(NowOrEarlier::Earlier(line)) => return (**line).clone(),
        Ok(NowOrEarlier::Now(found)) => make(Ok(found)),
        Err(error) => make(Err(error)),
    };
    let head = line.head();
    *head.id = finished.id();
    *head.index = finished.index;
    key.clone_into(head.key);
    let item = finished.item.as_ref().filter(|_| with_item);
    *head.item = item.map(|item| item.record().clone());
    line
}
