//! Names of requests: the same in every process that judges the same item with the same judge.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The name of one request of one judgment.
///
/// It depends only on the judge, the item and the earlier answers. A process that repeats the judgment
/// therefore uses the same names, and answers can be stored in a file under them. As a text it is one
/// word: `d0.o1.r0.e2.s0:strict`. The element is absent if a prompt judges the item as a whole.
///
/// ```
/// use tribunal::judging::AskId;
///
/// let id: AskId = "d0.o1.r0.e2.s0:strict".parse()?;
/// assert_eq!((&*id.member, id.order, id.element), ("strict", 1, Some(2)));
/// assert_eq!(id.to_string(), "d0.o1.r0.e2.s0:strict");
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub struct AskId {
    /// The name of the member whose model receives the request.
    pub member: Arc<str>,
    /// Index of the repeated sample, from 0.
    pub draw: u32,
    /// Index of the order in which this draw shows the answers, from 0.
    pub order: u32,
    /// The number of earlier attempts whose answer could not be read.
    pub reask: u32,
    /// Index of the step, answer, criterion or passage of the conversation, from 0; `None` for the whole item.
    pub element: Option<u32>,
    /// Index of the request in its conversation, from 0.
    pub step: u32,
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, draw, order, reask, element, step } = self;
        write!(f, "d{draw}.o{order}.r{reask}.")?;
        if let Some(element) = element {
            write!(f, "e{element}.")?;
        }
        write!(f, "s{step}:{member}")
    }
}

impl FromStr for AskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parsed(text).ok_or_else(|| {
            Error::new(ErrorKind::Record, format!("`{text}` does not name a request"))
                .hint("a name looks like this: d0.o0.r0.s0:MEMBER")
        })
    }
}

/// The parts of a name; `None` if the text is not a name. The member's name may contain any characters.
fn parsed(text: &str) -> Option<AskId> {
    let (numbers, member) = text.split_once(':')?;
    let mut numbers = numbers.split('.').peekable();
    let number = |part: &str, letter: char| part.strip_prefix(letter)?.parse().ok();
    let mut next = |letter| number(numbers.next()?, letter);
    let (draw, order, reask) = (next('d')?, next('o')?, next('r')?);
    let element = numbers.next_if(|part| part.starts_with('e'));
    let element = element.map(|part| number(part, 'e'));
    let step = number(numbers.next()?, 's')?;
    let is_whole = numbers.next().is_none() && element != Some(None);
    is_whole.then(|| AskId {
        member: member.into(),
        draw,
        order,
        reask,
        element: element.flatten(),
        step,
    })
}

impl TryFrom<String> for AskId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<AskId> for String {
    fn from(id: AskId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn id(member: &str, element: Option<u32>) -> AskId {
        AskId { member: member.into(), draw: 3, order: 1, reask: 2, element, step: 4 }
    }

    #[test]
    fn a_name_is_read_back_whatever_the_member_is_called() {
        for member in ["strict", "openai/gpt-5:latest", "", "d0.o0.r0.s0:x", "ä b"] {
            for element in [None, Some(0), Some(7)] {
                let id = id(member, element);
                assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for text in
            ["", "d0", "d0.o0.r0.s0", "d0.o0.r0.e.s0:x", "d0.o0.r0.s0.s1:x", "d-1.o0.r0.s0:x"]
        {
            assert!(text.parse::<AskId>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_keys_of_files() {
        let answers = BTreeMap::from([(id("a", None), 1), (id("a", Some(1)), 2)]);
        let written = serde_json::to_string(&answers).unwrap();
        assert_eq!(written, r#"{"d3.o1.r2.s4:a":1,"d3.o1.r2.e1.s4:a":2}"#);
        assert_eq!(serde_json::from_str::<BTreeMap<AskId, i32>>(&written).unwrap(), answers);
    }

    #[test]
    fn names_sort_in_the_order_in_which_a_reader_would_ask() {
        let of = |text: &str| text.parse::<AskId>().unwrap();
        let mut ids =
            ["d1.o0.r0.s0:a", "d0.o0.r0.s1:a", "d0.o1.r0.s0:a", "d0.o0.r0.s0:b", "d0.o0.r0.s0:a"]
                .map(of);
        ids.sort();
        let sorted =
            ["d0.o0.r0.s0:a", "d0.o0.r0.s1:a", "d0.o1.r0.s0:a", "d1.o0.r0.s0:a", "d0.o0.r0.s0:b"];
        assert_eq!(ids, sorted.map(of));
    }
}
