#!/usr/bin/env bash
# Installs what builds and tests need and this machine does not have: a C++ compiler, cmake, libclang, jq, Rust.
# Prints everything before it is installed, and changes nothing if all of it is there.
set -euo pipefail

wanted=1.90

say() { echo "setup: $*"; }
stop() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null; }

# Installs packages of Debian or Ubuntu.
install() {
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || stop "missing: $*; run as root: apt-get install $*"
    sudo=sudo
  fi
  say "installing the packages $*"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The library that bindgen loads; libclang-cpp is another one.
has_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  local pattern
  for pattern in '/usr/lib*/libclang' '/usr/lib*/*/libclang' '/usr/lib/llvm-*/lib/libclang' '/usr/local/lib*/libclang'; do
    compgen -G "$pattern.so*" >/dev/null || compgen -G "$pattern-[0-9]*.so*" >/dev/null && return 0
  done
  return 1
}

# Installs Rust with rustup, if it is installed or available as a package, or else with rustup's own script into the
# user's home.
install_rust() {
  local parts=(--profile minimal --component clippy --component rustfmt)
  # Not `apt-cache show`: it succeeds for a package that others only mention, as on Debian 12.
  if ! has rustup && has apt-get && apt-cache policy rustup | grep -q 'Candidate: [0-9]'; then
    install rustup
  fi
  if has rustup; then
    say "installing Rust with rustup, into ${RUSTUP_HOME:-$HOME/.rustup}"
    rustup toolchain install stable "${parts[@]}"
    return
  fi
  if ! has curl; then
    has apt-get || stop "Rust $wanted or newer is missing: install it with your package manager and run this again"
    install curl ca-certificates
  fi
  say "installing Rust with the script of https://rustup.rs, into $HOME/.cargo and $HOME/.rustup"
  say "(to use another Rust, press Ctrl-C and install Rust $wanted or newer)"
  script=$(mktemp)
  trap 'rm -f "$script"' EXIT
  if ! curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location https://sh.rustup.rs -o "$script" ||
    ! sh "$script" -y --no-modify-path "${parts[@]}" >/dev/null; then
    stop "Rust could not be installed: install Rust $wanted or newer another way and run this again"
  fi
}

missing=()
has c++ || missing+=(g++)
has cc || missing+=(gcc)
has cmake || missing+=(cmake)
has make || missing+=(make)
# The examples of the pages use it, and a test runs them.
has jq || missing+=(jq)
[ "$(uname)" = Darwin ] || has_libclang || missing+=(libclang-dev)

# llama.cpp is built twice, for the program and for the tests; with ccache the second build is quick.
[ ${#missing[@]} -eq 0 ] || [ "$(uname)" = Darwin ] || has ccache || missing+=(ccache)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(uname)" = Darwin ]; then
    stop "missing: ${missing[*]}; run: xcode-select --install && brew install cmake llvm jq"
  elif ! has apt-get; then
    stop "missing: ${missing[*]}; install a C++17 compiler, cmake, make, libclang and jq with your package manager"
  fi
  install "${missing[@]}"
fi

export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
has cargo || install_rust

found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
  stop "Rust $found is older than $wanted: run 'rustup update stable'"
fi
