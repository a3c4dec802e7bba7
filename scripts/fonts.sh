#!/usr/bin/env bash
# Installs the Debian packages that it is given: fonts for examples/glyphs.
set -u
declare -A why=()
. "$(dirname "$0")/apt.sh"
install_missing "$@"
