#!/bin/sh
# Whether the server in this container is ready, for probes. A server with keys asks for one there too: the file that PROBE_KEY_FILE names holds it, with any rights.
key=${PROBE_KEY_FILE:-/keys/probe}
if [ -r "$key" ]; then printf 'Authorization: Bearer %s\n' "$(cat "$key")"; fi |
    curl -fsS -o /dev/null -H @- "${PROBE_URL:-http://127.0.0.1:8080/health/ready}"
