//! The benchmarks, one file each; those that differ in their fields alone share one.

mod alpaca_eval;
mod arena_hard;
mod auto_j;
mod best_of;
mod fair_eval;
mod jetts;
mod jetts_beam;
mod judge_bench;
mod llm_bar;
mod mt_bench;
mod pairs;
mod panda_lm;
mod ppe;
mod prm_bench;
mod process_bench;
mod reward_bench;
mod reward_bench_2;
mod rm_bench;
mod rmb;
mod steps;

use super::about::Benchmark;

/// All benchmarks, in the order in which they are listed.
pub(super) static ALL: [&Benchmark; 27] = [
    &reward_bench::REWARD_BENCH,
    &reward_bench_2::REWARD_BENCH_2,
    &rm_bench::RM_BENCH,
    &rmb::RMB,
    &ppe::PPE_HUMAN,
    &ppe::PPE_CORRECTNESS,
    &pairs::RAG_REWARD_BENCH,
    &best_of::ACE_MATH,
    &judge_bench::JUDGE_BENCH,
    &llm_bar::LLM_BAR,
    &mt_bench::MT_BENCH,
    &alpaca_eval::ALPACA_EVAL,
    &arena_hard::ARENA_HARD,
    &panda_lm::PANDA_LM,
    &auto_j::AUTO_J,
    &fair_eval::FAIR_EVAL,
    &jetts::JETTS,
    &jetts_beam::JETTS_BEAM,
    &jetts::JETTS_REFINE,
    &process_bench::PROCESS_BENCH,
    &prm_bench::PRM_BENCH,
    &steps::UNIVERSAL_BENCH,
    &pairs::VL_REWARD_BENCH,
    &pairs::MULTIMODAL_REWARD_BENCH,
    &pairs::MJ_BENCH,
    &best_of::VIL_BENCH,
    &steps::VISUAL_PROCESS_BENCH,
];
