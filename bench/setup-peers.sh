#!/bin/sh
# SPDX-License-Identifier: MIT
# The AWS SDKs that bench/run.py measures beside pipepoll: boto3 and the SDK for Go from Debian, the
# SDK for JavaScript from npm. All that is not a package lands in build-bench/peers. One that cannot
# be had is said here and named again, as a gap, beside the figures; the others go on.
set -u

cd "$(dirname "$0")/.." || exit 1
peers=${1:-build-bench/peers}
mkdir -p "$peers" || exit 1
peers=$(cd "$peers" && pwd) || exit 1
missing=0

# peer WHAT COMMAND...
peer() {
  what=$1
  shift
  if "$@" >"$peers/setup.log" 2>&1; then
    echo "peers: $what is there"
    return
  fi
  missing=$((missing + 1))
  echo "peers: no $what; the last lines of $peers/setup.log:" >&2
  tail -n 5 "$peers/setup.log" >&2
}

# apt PACKAGE...: installs what is missing, by the run level without starting a daemon.
apt() {
  dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed |
    grep -qx $# && return
  set -- env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -q -y install --no-install-recommends "$@"
  [ "$(id -u)" -eq 0 ] || set -- sudo "$@"
  "$@"
}

javascript() {
  # Some have Node.js from elsewhere, with npm in it.
  command -v npm >/dev/null || apt nodejs npm || return
  npm install --prefix "$peers" --no-audit --no-fund --ignore-scripts \
    @aws-sdk/client-codepipeline@3
}

go_sdk() {
  apt golang-go golang-github-aws-aws-sdk-go-v2-dev || return
  GO111MODULE=off GOPATH=/usr/share/gocode go build -o "$peers/go_polls" bench/sdk/go_polls.go
}

peer 'nginx and h2load' apt nginx-light nghttp2-client openssl
peer 'boto3' apt python3-boto3
peer 'AWS SDK for JavaScript v3' javascript
peer 'AWS SDK for Go v2' go_sdk
[ "$missing" -eq 0 ]
