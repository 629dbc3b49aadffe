//! What a judgment would ask, without asking.

use super::Judge;
use crate::{
    error::Result,
    item::Item,
    prompt::{self, Plan},
    request::Request,
};

impl Judge {
    /// Every request that judging the item takes, over all draws and orders, with made-up answers where a
    /// later request holds an earlier answer.
    ///
    /// # Errors
    /// The record cannot be judged: it lacks a field.
    pub async fn rehearse(&self, item: &Item) -> Result<Vec<Request>> {
        let inner = &*self.0;
        let item = &self.seen(item)?;
        self.check_item(item)?;
        let mark = inner.prompt.mark(item, inner.secret.as_deref());
        let capabilities = inner.backend.capabilities().await;
        let each = inner.prompt.front().each;
        let mut requests = Vec::new();
        for draw in 0..inner.draws {
            for order in self.orders(item, draw) {
                let shown = item.permuted(&order);
                let count = inner.prompt.elements(&shown);
                if let (0, Some(each)) = (count, each) {
                    return Err(item.lacks(each.field()).within(inner.prompt.name()));
                }
                for element in 0..count {
                    let plan = Plan { capabilities, draw, reask: 0 };
                    let element = each.map(|_| element);
                    let program = inner.prompt.program(&shown, element, plan, mark.clone())?;
                    requests.extend(prompt::rehearsed(program)?);
                }
            }
        }
        Ok(requests)
    }
}
