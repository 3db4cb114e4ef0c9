#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare Debian to a built pipepoll: installs what is missing, configures, compiles to build/.
# Run it again at any time; it then only compiles what changed.
set -eu

usage="usage: setup.sh [--tests] [--ci] [--packages-only]
  --tests          also install what all tests need: the clients and servers that are witnesses
  --ci             that, and what the other checks of .ci/run need
  --packages-only  install, do not build"

# In order: compile, link, and test; ca-certificates are the roots that a poll of AWS trusts.
packages="build-essential meson ninja-build pkg-config python3 ca-certificates
  libuv1-dev libcurl4-openssl-dev libssl-dev libjsmn-dev node-llhttp
  libsqlite3-dev libmicrohttpd-dev libgnutls28-dev libjansson-dev libcmocka-dev libnats-dev"
# scdoc makes the manual pages, and man-db shows what is wrong with them; chromium shows the page;
# systemd judges the unit; the client library of Prometheus reads the metrics, and python3-yaml the
# alerts.
test_packages="python3-botocore awscli curl nodejs openssl tinyproxy-bin scdoc man-db chromium
  systemd python3-prometheus-client python3-yaml"
# zsh and fish have completions of pipepoll, as bash has.
# valgrind cannot start without the symbols in libc6-dbg.
# debhelper makes the packages, lintian judges them, and mmdebstrap makes a Debian to try them in;
# reuse judges licences.
ci_packages="clang clang-format libclang-rt-dev valgrind libc6-dbg codespell shellcheck nginx-light
  zsh fish debhelper iproute2 lintian mmdebstrap reuse"

say() {
  echo "setup: $*"
}

die() {
  say "$*" >&2
  exit 1
}

# tell WHAT: each ten seconds how far it is, by the last line of the log.
tell() {
  while sleep 10 >/dev/null 2>&1; do
    say "$1: $(tail -n 1 "$log" | cut -c 1-90)"
  done
}

# run WHAT COMMAND...: its progress now and then, and its last lines when it fails.
run() {
  what=$1
  shift
  tell "$what" &
  teller=$!
  status=0
  "$@" >"$log" 2>&1 || status=$?
  kill "$teller" 2>/dev/null || :
  wait "$teller" 2>/dev/null || :
  teller=
  [ "$status" -eq 0 ] && return
  tail -n 40 "$log" >&2
  die "$what failed; above are its last lines"
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing() {
  for package in $packages; do
    is_installed "$package" || printf '%s ' "$package"
  done
}

# apt-get with root's rights that asks no question, waits while another installs and, by the run
# level, starts no daemon.
apt() {
  set -- env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
  if [ "$(id -u)" -ne 0 ]; then
    set -- sudo "$@"
  fi
  "$@"
}

install_packages() {
  wanted=$(missing)
  if [ -z "$wanted" ]; then
    say "all packages are there"
    return
  fi
  if ! command -v apt-get >/dev/null; then
    die "no apt-get here; install what your system calls: $wanted"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run as root, or install sudo, for: apt-get install $wanted"
    say "using sudo, which may ask for your password"
  fi
  say "to be installed: $wanted"
  # A broken source of something else must not stop us: the installation tells.
  say "reading the lists of packages (apt-get update)"
  apt update >"$log" 2>&1 || say "apt-get update had errors; trying with the lists at hand"
  say "downloading and installing them (apt-get install)"
  # shellcheck disable=SC2086 # a list of words
  run "apt-get install" apt install --no-install-recommends $wanted
}

# promtool judges metrics and alerts. Its package would bring a daemon, so only this file of it is
# taken.
take_promtool() {
  to=$PWD/subprojects/packagecache
  if command -v promtool >/dev/null || [ -x "$to/promtool" ]; then
    return
  fi
  say "downloading promtool, out of the package prometheus"
  (cd "$unpacked" && apt-get -q download prometheus) >"$log" 2>&1 || {
    apt update >"$log" 2>&1 || :
    run "apt-get download prometheus" sh -c "cd '$unpacked' && apt-get -q download prometheus"
  }
  run "unpacking promtool" dpkg -x "$unpacked"/prometheus_*.deb "$unpacked"
  mkdir -p "$to"
  mv "$unpacked/usr/bin/promtool" "$to/promtool"
}

# nats-server is what fleets share. Its package would start a daemon at each boot, so again only
# this file is taken.
take_nats_server() {
  to=$PWD/subprojects/packagecache
  if command -v nats-server >/dev/null || [ -x /usr/sbin/nats-server ] ||
    [ -x "$to/nats-server" ]; then
    return
  fi
  say "downloading nats-server, out of its package"
  (cd "$unpacked" && apt-get -q download nats-server) >"$log" 2>&1 || {
    apt update >"$log" 2>&1 || :
    run "apt-get download nats-server" \
      sh -c "cd '$unpacked' && apt-get -q download nats-server"
  }
  run "unpacking nats-server" dpkg -x "$unpacked"/nats-server_*.deb "$unpacked"
  mkdir -p "$to"
  mv "$unpacked/usr/sbin/nats-server" "$to/nats-server"
}

# AWS's SDK for JavaScript and NATS's client are no packages of Debian's. These are the last
# versions for its Node.js; without the third, another would bring a later one. npm removes what it
# is not asked for, so all come at once. A machine that reaches no registry of npm goes without
# these witnesses, and their tests say so.
take_javascript_clients() {
  to=$PWD/subprojects/packagecache/js
  if [ -d "$to/node_modules/@aws-sdk/client-codepipeline" ] && [ -d "$to/node_modules/nats" ]; then
    return
  fi
  say "downloading the AWS SDK and NATS's client for JavaScript (npm install)"
  mkdir -p "$to"
  timeout 300 npm install --prefix "$to" --no-save --no-package-lock --no-audit --no-fund \
    --ignore-scripts @aws-sdk/client-codepipeline@3.908.0 @aws-sdk/client-s3@3.908.0 \
    @aws-sdk/util-locate-window@3.893.0 nats@2.29.3 >"$log" 2>&1 ||
    say "npm could not install them: $(tail -n 1 "$log")"
}

build() {
  if [ ! -f build/build.ninja ]; then
    say "configuring (meson setup build)"
    run "meson setup" meson setup build
  fi
  say "building in build/ (meson compile -C build), a minute or two at first"
  run "the build" meson compile -C build
}

packages_only=
with_witnesses=
for argument; do
  case $argument in
  --tests) packages="$packages $test_packages" with_witnesses=yes ;;
  --ci) packages="$packages $test_packages $ci_packages" with_witnesses=yes ;;
  --packages-only) packages_only=yes ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
  esac
done

cd "$(dirname "$0")/.."
log=$(mktemp)
unpacked=$(mktemp -d)
teller=
trap 'rm -rf "$log" "$unpacked"; [ -z "$teller" ] || kill "$teller"' EXIT
trap 'exit 1' HUP INT TERM

# Whoever has npm from elsewhere has it with a Node.js that Debian's would replace.
[ -z "$with_witnesses" ] || command -v npm >/dev/null || packages="$packages npm"
install_packages
if [ "$with_witnesses" ]; then
  take_promtool
  take_nats_server
  take_javascript_clients
fi
if [ -z "$packages_only" ]; then
  build
  say "done: try build/pipepoll demo"
fi
