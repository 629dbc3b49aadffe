//! Several models in one process share the cores of the machine.
//!
//! More threads than cores are slow: the threads of llama.cpp spin while they wait for each other. So an engine takes
//! the cores that it needs for a call, and engines that wait get them in the order in which they asked.
//!
//! Models whose weights do not fit into memory together would push each other out of it with every call. Such an engine
//! keeps all cores until it has nothing left to do, or for [`LONGEST`]: a jury of two models is then answered model by
//! model.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::fit;

/// The longest time for which an engine keeps the machine while others wait.
const LONGEST: Duration = Duration::from_secs(60);

/// The cores of a machine, and who waits for them.
pub(super) struct Machine {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cores: usize,
    busy: usize,
    /// The number of the next engine that asks, and of the one that is served next.
    next: u64,
    served: u64,
    /// The weights of all engines, in bytes.
    weights: u64,
}

/// The machine of this process.
static MACHINE: Machine = Machine::new();

impl Machine {
    const fn new() -> Self {
        let state = State { cores: 0, busy: 0, next: 0, served: 0, weights: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The state. A panic while it was locked loses nothing: every change is complete at once.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this many cores.
    fn take(&self, cores: usize) {
        let mut state = self.state();
        let mine = state.next;
        state.next += 1;
        while state.served != mine || state.busy + cores > state.cores {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.served += 1;
        state.busy += cores;
        drop(state);
        self.changed.notify_all();
    }

    /// Whether an engine waits.
    #[cfg(test)]
    fn is_wanted(&self) -> bool {
        let state = self.state();
        state.next > state.served
    }

    fn give(&self, cores: usize) {
        self.state().busy -= cores;
        self.changed.notify_all();
    }
}

/// The turns of one engine on the machine.
pub(super) struct Turns {
    machine: &'static Machine,
    /// The cores that it needs; 0 on a GPU.
    needs: usize,
    /// The size of its weights, in bytes.
    weights: u64,
    /// The memory for the weights of all engines, in bytes.
    memory: u64,
    /// How many cores it has now, and since when.
    held: Option<(usize, Instant)>,
}

impl Turns {
    /// Turns of an engine with this many threads and bytes of weights, on the machine of this process.
    pub(super) fn new(threads: i32, weights: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = usize::try_from(threads).unwrap_or(1);
        let memory = fit::available_memory().unwrap_or(u64::MAX);
        Self::on(&MACHINE, cores, threads, (weights, memory))
    }

    fn on(
        machine: &'static Machine,
        cores: usize,
        threads: usize,
        (weights, memory): (u64, u64),
    ) -> Self {
        let mut state = machine.state();
        state.cores = state.cores.max(cores);
        state.weights += weights;
        let needs = threads.min(state.cores);
        drop(state);
        Self { machine, needs, weights, memory, held: None }
    }

    /// Waits until the engine may compute.
    pub(super) fn take(&mut self) {
        if self.held.is_some() {
            return;
        }
        let cores = if self.fits() { self.needs } else { self.machine.state().cores };
        self.machine.take(cores);
        self.held = Some((cores, Instant::now()));
    }

    /// Lets others compute after a call, unless the models do not fit into memory together.
    pub(super) fn pass(&mut self) {
        let is_over = self.held.is_some_and(|(_, since)| since.elapsed() >= LONGEST);
        if self.fits() || is_over {
            self.leave();
        }
    }

    /// Lets others compute.
    pub(super) fn leave(&mut self) {
        if let Some((cores, _)) = self.held.take() {
            self.machine.give(cores);
        }
    }

    /// Whether the weights of all engines fit into memory.
    fn fits(&self) -> bool {
        self.machine.state().weights <= self.memory
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.leave();
        self.machine.state().weights -= self.weights;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Barrier},
        thread,
    };

    use super::*;

    /// Two engines that need this many cores of two, and have 10 bytes of weights each.
    fn two(threads: usize, memory: u64) -> [Turns; 2] {
        let machine: &'static Machine = Box::leak(Box::new(Machine::new()));
        [(); 2].map(|()| Turns::on(machine, 2, threads, (10, memory)))
    }

    /// Three calls of each engine, in order. Both have something to do all the time.
    fn calls(engines: [Turns; 2]) -> Vec<usize> {
        let log = Arc::new(Mutex::new(Vec::new()));
        // The second one waits before the first one passes.
        let waits = Arc::new(Barrier::new(2));
        let run = |(n, mut turns): (usize, Turns)| {
            let (log, waits) = (log.clone(), waits.clone());
            thread::spawn(move || {
                if n == 1 {
                    waits.wait();
                }
                for call in 0..3 {
                    turns.take();
                    log.lock().unwrap().push(n);
                    if (n, call) == (0, 0) {
                        waits.wait();
                    }
                    while (n, call) == (0, 0) && !turns.machine.is_wanted() {
                        thread::yield_now();
                    }
                    turns.pass();
                }
            })
        };
        let threads: Vec<_> = engines.into_iter().enumerate().map(run).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        log.lock().unwrap().clone()
    }

    #[test]
    fn engines_that_fit_pass_the_machine_to_each_other_after_a_call() {
        let order = calls(two(2, 20));
        assert_eq!(order[..2], [0, 1], "{order:?}");
    }

    #[test]
    fn engines_that_do_not_fit_are_answered_one_after_the_other() {
        assert_eq!(calls(two(1, 19)), [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn engines_that_fit_compute_at_once_where_there_are_cores() {
        let [mut one, mut two] = two(1, 20);
        one.take();
        two.take();
        assert_eq!(one.machine.state().busy, 2);
        let machine = one.machine;
        drop((one, two));
        let State { busy, weights, .. } = *machine.state();
        assert_eq!((busy, weights), (0, 0));
    }
}
