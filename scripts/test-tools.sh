#!/bin/sh
# usage: test-tools.sh
# Installs the Debian packages that the tests need and this machine lacks: PHP for Composer, PostgreSQL, nginx, wrk,
# Node, sshd, Chromium with a font.
# Needs root or sudo; without either it names what is missing and lets the tests say what they leave out. In CI
# (CI=true) something missing is a failure.
set -eu

# Debian keeps the programs of a database cluster, and a plain user's PATH those of administrators, out of sight.
missing() {
  for pair in php:php-cli unzip:unzip zip:zip git:git curl:curl nginx:nginx-light wrk:wrk node:nodejs npm:npm \
    openssl:openssl ssh:openssh-client sshd:openssh-server chromium:chromium; do
    command -v "${pair%%:*}" >/dev/null || [ -x "/usr/sbin/${pair%%:*}" ] || printf ' %s' "${pair#*:}"
  done
  if command -v php >/dev/null; then
    for extension in curl intl mbstring zip; do php -m | grep -qix "$extension" || printf ' php-%s' "$extension"; done
  else
    printf ' php-curl php-intl php-mbstring php-zip'
  fi
  # A page's system font is Inter in the tests; the other one is for code.
  [ -d /usr/share/fonts/opentype/inter ] || printf ' fonts-inter'
  [ -d /usr/share/fonts/truetype/dejavu ] || printf ' fonts-dejavu-core'
  command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || printf ' postgresql'
}

packages=$(missing)
[ -n "$packages" ] || exit 0

if command -v apt-get >/dev/null; then
  root=
  [ "$(id -u)" -eq 0 ] || root=sudo
  if [ -z "$root" ] || command -v sudo >/dev/null; then
    echo "The tests need:$packages"
    export DEBIAN_FRONTEND=noninteractive
    # RUNLEVEL=1: the tests start their own servers, the packages' need not run
    # shellcheck disable=SC2086 words on purpose
    $root apt-get -qq update && $root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
      apt-get -qq install -y --no-install-recommends $packages >/dev/null || true
    packages=$(missing)
    [ -n "$packages" ] || exit 0
  fi
fi

echo "Missing for the tests:$packages (names of Debian packages). What needs them is left out and says so." >&2
[ -z "${CI:-}" ]
