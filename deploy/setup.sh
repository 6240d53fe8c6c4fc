#!/usr/bin/env bash
# What a bare Debian or Ubuntu machine lacks: ffmpeg. The .NET SDK is expected to be there. Sourced by run.sh and tests/run.sh.
if ! command -v dotnet >/dev/null; then
    echo "The .NET 10 SDK is needed: https://dotnet.microsoft.com/download" >&2
    exit 1
fi
if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
    as_root=""
    [ "$(id -u)" -eq 0 ] || as_root="sudo"
    if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
        echo "ffmpeg and ffprobe are needed; install them with your package manager (Debian: apt-get install ffmpeg)." >&2
        exit 1
    fi
    echo "Installing ffmpeg ..." >&2
    $as_root apt-get update -qq >&2
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg >&2
fi
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
