#!/usr/bin/env bash
# Installs what builds and tests need and this machine lacks: a C++ compiler, cmake, libclang, jq, Rust.
set -euo pipefail

say() { echo "setup: $*"; }

# The library that bindgen loads; libclang-cpp alone is not it.
has_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  local pattern
  for pattern in '/usr/lib*/libclang' '/usr/lib*/*/libclang' '/usr/lib/llvm-*/lib/libclang' '/usr/local/lib*/libclang'; do
    compgen -G "$pattern.so*" >/dev/null || compgen -G "$pattern-[0-9]*.so*" >/dev/null && return 0
  done
  return 1
}

missing=()
command -v c++ >/dev/null || missing+=(g++)
command -v cc >/dev/null || missing+=(gcc)
command -v cmake >/dev/null || missing+=(cmake)
command -v make >/dev/null || missing+=(make)
# The blocks of the README use it, and a test runs them.
command -v jq >/dev/null || missing+=(jq)
[ "$(uname)" = Darwin ] || has_libclang || missing+=(libclang-dev)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(uname)" = Darwin ]; then
    say "missing: ${missing[*]}; run: xcode-select --install && brew install cmake llvm jq"
    exit 1
  elif ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]}; install a C++17 compiler, cmake, make and libclang with your package manager"
    exit 1
  fi
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "missing: ${missing[*]}; run as root: apt-get install ${missing[*]}"; exit 1; }
    sudo=sudo
  fi
  say "installing ${missing[*]}"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null; then
  if command -v rustup >/dev/null; then
    say "installing Rust with rustup"
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
  elif command -v apt-get >/dev/null && apt-cache show rustup >/dev/null 2>&1; then
    say "installing rustup"
    sudo=""; [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get install -y -qq rustup >/dev/null
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
  else
    say "Rust 1.90 or newer is missing: install it from https://rustup.rs and run this again"
    exit 1
  fi
fi

wanted=1.90
found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
  say "Rust $found is older than $wanted: run 'rustup update stable'"
  exit 1
fi
