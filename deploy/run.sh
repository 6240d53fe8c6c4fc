#!/usr/bin/env bash
# Builds the server if needed and starts it, with the embedded model unless another is named.
#
#   bash deploy/run.sh [--urls http://127.0.0.1:8123] [--Model:Path DIR] [--Section:Option VALUE ...]
#   bash deploy/run.sh ask VIDEO "QUESTION" [--Model:Path DIR] [--Section:Option VALUE ...]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source "$root/deploy/setup.sh"

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if ! dotnet build "$root/src/LlamaVid.Server" -c Release -v quiet -p:TorchBackend="${TORCH_BACKEND:-cpu}" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"

# Options given on the command line or in the environment win over these defaults.
export LLAMAVID__Model__Path="${LLAMAVID__Model__Path:-$root/deploy/models/default}"
export LLAMAVID__Engine__FeatureStorePath="${LLAMAVID__Engine__FeatureStorePath-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/llamavid/features}"
export LLAMAVID__Jobs__Path="${LLAMAVID__Jobs__Path-${XDG_DATA_HOME:-${HOME:-/tmp}/.local/share}/llamavid/jobs}"
export LLAMAVID__Files__Path="${LLAMAVID__Files__Path-${XDG_DATA_HOME:-${HOME:-/tmp}/.local/share}/llamavid/files}"
exec dotnet "$root/artifacts/bin/LlamaVid.Server/release/LlamaVid.Server.dll" "$@"
