# Sourced by the scripts that install Debian packages: install_missing PACKAGE…
# is quick and silent when all are there. why[PACKAGE], if set, says in the
# list of what is installed what the package is for.

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

install_missing() {
  local p missing=() as_root=() log
  for p in "$@"; do
    installed "$p" || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return 0

  if ! command -v apt-get >/dev/null 2>&1; then
    echo "these Debian packages are missing and there is no apt-get to install them: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      echo "these Debian packages are missing and you may not install them: ask an administrator for: apt-get install ${missing[*]}" >&2
      return 1
    fi
  fi

  echo "installing with apt-get:"
  for p in "${missing[@]}"; do printf '  %-24s %s\n' "$p" "${why[$p]:-}"; done | sed 's/ *$//'
  log=$(mktemp)
  # A new machine has no package lists yet.
  if ! apt_install >"$log" 2>&1; then
    if ! { "${as_root[@]}" apt-get update && apt_install; } >>"$log" 2>&1; then
      tail -n 5 "$log" >&2
      rm -f "$log"
      echo "apt-get could not install ${missing[*]}: mend that, or install them by hand, and try again" >&2
      return 1
    fi
  fi
  rm -f "$log"
}

# apt_install sees install_missing's variables.
apt_install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}
