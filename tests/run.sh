#!/usr/bin/env bash
# Builds everything and runs every test. Ends with "N passed, N failed, N skipped"; fails when a test fails.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source "$root/deploy/setup.sh"
cd "$root"

dotnet build LlamaVid.Server.sln -c Release -v quiet

# Clients of other languages are asked too where node is there; their packages come once.
if command -v npm >/dev/null && [ ! -d tests/clients/node_modules ]; then
    (cd tests/clients && npm ci --silent --no-audit --no-fund) || echo "The packages of tests/clients could not be installed; tests with them are skipped." >&2
fi

passed=0 failed=0 skipped=0
for project in LlamaVid.Tests LlamaVid.Server.Tests; do
    report="$root/artifacts/$project.txt"
    status=0
    "artifacts/bin/$project/release/$project" -noColor 2>&1 | tee "$report" || status=$?
    # === TEST EXECUTION SUMMARY ===  name  Total: 7, Errors: 0, Failed: 1, Skipped: 2, Not Run: 0, Time: 1.2s
    if ! summary="$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+, Not Run: [0-9]+' "$report" | tail -n 1)" || [ -z "$summary" ]; then
        echo "$project ended without a summary (exit code $status)" >&2
        failed=$((failed + 1))
        continue
    fi
    read -r total errors fails skips idle <<<"$(grep -oE '[0-9]+' <<<"$summary" | tr '\n' ' ')"
    passed=$((passed + total - fails - skips - idle))
    failed=$((failed + fails + errors))
    skipped=$((skipped + skips))
    if [ "$status" -ne 0 ] && [ "$fails" -eq 0 ] && [ "$errors" -eq 0 ]; then failed=$((failed + 1)); fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
