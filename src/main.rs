//! The command line of Tribunal.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tribunal::cli::main().await
}
