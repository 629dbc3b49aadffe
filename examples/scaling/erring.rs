//! A judge that makes errors: the verdicts of a model, some of them turned round.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use async_trait::async_trait;
use tribunal::{
    Backend, Completion, Request, Result,
    request::{Ask, Capabilities, Role},
};

/// A model whose choice between two labels is turned round for this share of its verdicts. The same draw about the
/// same text errs each time; another draw may not.
#[derive(Debug)]
pub(crate) struct Erring {
    model: Arc<dyn Backend>,
    share: f64,
    identity: String,
}

impl Erring {
    pub(crate) fn new(model: Arc<dyn Backend>, share: f64) -> Self {
        let identity = format!("{} with errors in a share of {share}", model.identity());
        Self { model, share, identity }
    }

    /// Whether this verdict is turned round: chance by what was judged, and by the draw.
    fn errs(&self, request: &Request) -> bool {
        let judged = request.messages.iter().filter(|message| message.role == Role::User);
        let mut hasher = DefaultHasher::new();
        judged.for_each(|message| message.text().hash(&mut hasher));
        request.draw.hash(&mut hasher);
        let (chance, all) = (hasher.finish() >> 32, 1_u64 << 32);
        #[expect(clippy::cast_precision_loss, reason = "32 bits are exact")]
        let chance = chance as f64 / all as f64;
        chance < self.share
    }
}

#[async_trait]
impl Backend for Erring {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn capabilities(&self) -> Capabilities {
        // Another draw may err where this one does not.
        self.model.capabilities().await.deterministic(false)
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        // The model itself says the same in every draw: it is asked once, and each draw errs by itself.
        let mut once = request.clone();
        once.draw = 0;
        let mut answer = self.model.complete(&once).await?;
        let Some(menu) = answer
            .distribution
            .as_mut()
            .filter(|_| matches!(request.ask, Ask::Choose { .. }) && self.errs(request))
        else {
            return Ok(answer);
        };
        if let [(_, one), (_, other)] = &mut menu.labels[..] {
            std::mem::swap(one, other);
        }
        let other = menu.labels.iter().map(|(label, _)| label).find(|label| **label != answer.text);
        answer.text = other.cloned().unwrap_or_default();
        Ok(answer)
    }
}
