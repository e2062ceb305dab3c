#!/bin/sh
# Raises the version and releases it, as release.yml is told: VERSION, if it says one, else the part that BUMP names.
set -eu
if [ -n "${VERSION:-}" ]; then
    exec tools/release.py prepare --version="$VERSION"
fi
exec tools/release.py prepare --bump="${BUMP:-patch}"
