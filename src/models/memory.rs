//! The memory for models in this process: models that do not fit into it together are loaded one after another.
//!
//! A model is loaded when it is asked. If there is no room for it, models that nobody asks are unloaded first; one that
//! answers requests is waited for. So a jury of two large models is answered model by model: each model answers all
//! requests of the records in flight, and then the other one is loaded. [`Resident::concurrency`] asks for many records
//! in flight where that happens, so that models are seldom exchanged. Nothing is stored on the way: a judgment is
//! complete when both have answered, and a run that ends early is resumed as any other.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{
    backend::{
        Backend, EngineFigures,
        llama::{Llama, LlamaOptions},
    },
    completion::Completion,
    error::Result,
    request::{Capabilities, Request},
};

/// How many requests each model is sent before another one is loaded, where they do not fit together.
const TOGETHER: usize = 512;

/// How long a model has nothing to do before it is unloaded: its next request may depend on the last answer.
const IDLE: Duration = Duration::from_millis(20);

/// The memory for models in this process.
#[derive(Debug, Default)]
pub(crate) struct ModelMemory {
    /// The bytes for the weights of all loaded models; `None` is what is free when the first one is opened.
    limit: Option<u64>,
    state: Mutex<State>,
    /// A model was loaded, or has nothing to do.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    /// The bytes that were free when the first model was opened.
    free: Option<u64>,
    /// Whether a model is being loaded.
    is_busy: bool,
    /// Counts uses, to find the model that was used least recently.
    clock: u64,
    loads: usize,
}

/// The place of one model.
#[derive(Debug)]
struct Slot {
    /// The bytes of its weights.
    bytes: u64,
    model: Option<Arc<Llama>>,
    /// The number of requests that it answers.
    asked: usize,
    used: u64,
    /// What its engine did before it was unloaded.
    figures: EngineFigures,
}

impl ModelMemory {
    /// Memory for this many bytes of weights.
    pub(super) fn of(limit: Option<u64>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The bytes that were set as the limit.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Opens a model: it is loaded once to learn what it can do, and may be unloaded for others.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub(super) async fn open(self: &Arc<Self>, options: LlamaOptions) -> Result<Resident> {
        let place = {
            let mut state = self.state();
            // On a GPU it is not known how much is free.
            let free = || {
                if options.is_on_gpu() {
                    u64::MAX
                } else {
                    crate::backend::llama::available_memory()
                }
            };
            state.free.get_or_insert_with(free);
            let (bytes, figures) = (options.weights.bytes(), EngineFigures::default());
            state.slots.push(Slot { bytes, model: None, asked: 0, used: 0, figures });
            state.slots.len() - 1
        };
        let lease = self.lease(place, &options).await?;
        let model = lease.model.clone();
        let capabilities = model.capabilities().await;
        Ok(Resident {
            name: model.name().to_owned(),
            identity: model.identity().to_owned(),
            aliases: model.aliases(),
            width: model.concurrency(),
            capabilities,
            options,
            place,
            memory: self.clone(),
        })
    }

    /// How often a model was loaded, and how many there are.
    pub(super) fn loads(&self) -> (usize, usize) {
        let state = self.state();
        (state.loads, state.slots.len())
    }

    /// The state. A panic while it was locked loses nothing: every change is complete at once.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the models that were opened do not fit together.
    fn is_tight(&self) -> bool {
        let state = self.state();
        let all: u64 = state.slots.iter().map(|slot| slot.bytes).sum();
        state.slots.len() > 1 && all > self.room(&state)
    }

    /// The bytes for all loaded models.
    fn room(&self, state: &State) -> u64 {
        self.limit.or(state.free).unwrap_or(u64::MAX)
    }

    /// The model at a place, loaded if it is not. It stays loaded while the lease is held.
    ///
    /// # Errors
    /// It cannot be loaded.
    ///
    /// # Cancellation
    /// Dropping the future gives the place in the queue up; a model that is being loaded is dropped.
    async fn lease(self: &Arc<Self>, place: usize, options: &LlamaOptions) -> Result<Lease> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(lease) = self.leased(place) {
                return Ok(lease);
            }
            let Some(loading) = self.loading(place) else {
                changed.await;
                continue;
            };
            if !self.unload_for(place).await {
                drop(loading);
                continue;
            }
            let model = Arc::new(Llama::load(options.clone()).await?);
            let mut state = self.state();
            state.loads += 1;
            state.slots[place].model = Some(model);
        }
    }

    /// The model at a place, if it is loaded.
    fn leased(self: &Arc<Self>, place: usize) -> Option<Lease> {
        let mut state = self.state();
        state.clock += 1;
        let clock = state.clock;
        let slot = state.slots.get_mut(place)?;
        let model = slot.model.clone()?;
        slot.asked += 1;
        slot.used = clock;
        Some(Lease { memory: self.clone(), place, model })
    }

    /// The right to load a model; `None` if another one is being loaded, or there is no room as long as models answer
    /// requests.
    fn loading(self: &Arc<Self>, place: usize) -> Option<Loading> {
        let mut state = self.state();
        if state.is_busy || self.victims(&state, place).is_none() {
            return None;
        }
        state.is_busy = true;
        Some(Loading { memory: self.clone() })
    }

    /// The places of the models to unload, so that there is room for this one: those that were used least recently.
    /// `None` if models that answer requests take the room.
    fn victims(&self, state: &State, place: usize) -> Option<Vec<usize>> {
        let loaded = |slot: &&Slot| slot.model.is_some();
        let mut taken: u64 = state.slots.iter().filter(loaded).map(|slot| slot.bytes).sum();
        let room = self.room(state).saturating_sub(state.slots[place].bytes);
        let mut idle: Vec<usize> = (0..state.slots.len())
            .filter(|n| loaded(&&state.slots[*n]) && state.slots[*n].asked == 0)
            .collect();
        idle.sort_by_key(|n| state.slots[*n].used);
        let mut victims = Vec::new();
        for n in idle {
            if taken <= room {
                break;
            }
            taken -= state.slots[n].bytes;
            victims.push(n);
        }
        // Alone, a model is loaded in any case.
        (taken <= room || taken == 0).then_some(victims)
    }

    /// Unloads models until there is room for one at this place, if they have had nothing to do for a while; returns
    /// whether there is room.
    async fn unload_for(&self, place: usize) -> bool {
        let victims = |state: &State| self.victims(state, place);
        let uses = |state: &State, places: &[usize]| {
            places.iter().map(|n| state.slots[*n].used).collect::<Vec<_>>()
        };
        let before = {
            let state = self.state();
            let Some(places) = victims(&state) else { return false };
            (uses(&state, &places), places)
        };
        if before.1.is_empty() {
            return true;
        }
        #[expect(clippy::disallowed_methods, reason = "an idle model is unloaded after a while")]
        tokio::time::sleep(IDLE).await;
        let unloaded: Vec<Arc<Llama>> = {
            let mut state = self.state();
            let Some(places) = victims(&state).filter(|places| uses(&state, places) == before.0)
            else {
                return false;
            };
            places.into_iter().filter_map(|n| state.slots[n].unload()).collect()
        };
        // Its engine ends with it, which may take a moment.
        let _ = tokio::task::spawn_blocking(move || drop(unloaded)).await;
        true
    }
}

impl Slot {
    /// Takes the model out, and keeps what its engine did.
    fn unload(&mut self) -> Option<Arc<Llama>> {
        let model = self.model.take()?;
        self.figures = std::mem::take(&mut self.figures).and(&model.figures());
        Some(model)
    }
}

/// A model that stays loaded while this is held.
struct Lease {
    memory: Arc<ModelMemory>,
    place: usize,
    model: Arc<Llama>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.memory.state().slots[self.place].asked -= 1;
        self.memory.changed.notify_waiters();
    }
}

/// The right to load a model, given back in any case.
struct Loading {
    memory: Arc<ModelMemory>,
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.memory.state().is_busy = false;
        self.memory.changed.notify_waiters();
    }
}

/// A model in this process that is loaded while it is asked, as far as there is memory.
#[derive(Debug)]
pub(super) struct Resident {
    name: String,
    identity: String,
    aliases: Vec<String>,
    capabilities: Capabilities,
    width: usize,
    options: LlamaOptions,
    place: usize,
    memory: Arc<ModelMemory>,
}

impl Resident {
    /// The model, if it is loaded now.
    fn loaded(&self) -> Option<Arc<Llama>> {
        self.memory.state().slots.get(self.place)?.model.clone()
    }
}

#[async_trait]
impl Backend for Resident {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn aliases(&self) -> Vec<String> {
        self.aliases.clone()
    }

    async fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        self.loaded()?.prompt_tokens(request)
    }

    fn fits(&self, request: &Request) -> Result<()> {
        self.loaded().map_or(Ok(()), |model| model.fits(request))
    }

    /// As many as the model answers at once; many more if it is exchanged with others, so that this is seldom done.
    fn concurrency(&self) -> usize {
        if self.memory.is_tight() { self.width.max(TOGETHER) } else { self.width }
    }

    fn is_in_process(&self) -> bool {
        true
    }

    fn keeps_prompts(&self) -> bool {
        true
    }

    fn engine(&self) -> Option<EngineFigures> {
        let state = self.memory.state();
        let slot = state.slots.get(self.place)?;
        let now = slot.model.as_ref().map(|model| model.figures()).unwrap_or_default();
        Some(slot.figures.clone().and(&now))
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let lease = self.memory.lease(self.place, &self.options).await?;
        lease.model.complete(request).await
    }
}
