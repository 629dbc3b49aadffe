//! What reading and writing one entry of the store takes, one after the other.

#![expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at what it did not expect")]

use std::time::{Duration, Instant};

use tribunal::{Completion, backend::cache::CacheStore};

const COUNT: u32 = 5_000;

fn key(n: u32) -> String {
    blake3::hash(&n.to_le_bytes()).to_hex().to_string()
}

/// The middle and the slowest hundredth of many times.
fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e6;
    println!("{what:<44} {:>8.1} us, the slowest hundredth {:.1} us", at(50), at(99));
}

fn timed<T>(mut work: impl FnMut(u32) -> T) -> Vec<Duration> {
    let one = |n| {
        let started = Instant::now();
        std::hint::black_box(work(n));
        started.elapsed()
    };
    (0..COUNT).map(one).collect()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = CacheStore::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = |n: u32| {
        Completion::text(format!("{n} is plain and right, as far as I can see. ").repeat(40))
    };
    told(
        "store: write an entry of 2 KB",
        timed(|n| runtime.block_on(store.put(&key(n), "m", &answer(n))).unwrap()),
    );
    told("store: read it", timed(|n| store.get(&key(n)).unwrap().unwrap()));
    told("store: miss", timed(|n| store.get(&key(COUNT + n)).unwrap()));
}
