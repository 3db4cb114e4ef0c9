#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian packages of this checkout: pipepoll, libpipepoll0 and libpipepoll-dev, with their debug
# symbols. The build happens in a copy, where the folder debian/ lies at the top; it downloads
# nothing, and its result does not depend on where, when and by whom it is built.
set -eu

usage="usage: package.sh [--nocheck] [--twice] FOLDER
  FOLDER     where the packages go; made if it does not exist
  --nocheck  build no tests, and run none
  --twice    build them a second time in other circumstances, and fail if a byte differs"

die() {
  echo "package.sh: $*" >&2
  exit 1
}

# What belongs to the project, changes that are not committed too; a tarball has no more than that.
files() {
  if [ -e .git ]; then
    git ls-files -z --cached --others --exclude-standard
  else
    find . -path './build*' -prune -o -path ./debian -prune -o -type f -print0
  fi
}

# copy FOLDER: as the umask has it, and of now, as in a clone.
copy() {
  mkdir -p "$1"
  files | tar --create --null --files-from=- --ignore-failed-read |
    tar --extract --touch --no-same-owner --no-same-permissions -C "$1"
  cp -R "$1/src/share/debian" "$1/debian"
}

# build FOLDER: the packages come to lie beside it.
build() {
  copy "$1"
  (cd "$1" && dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary) \
    >"$1.log" 2>&1 || {
    tail -n 60 "$1.log" >&2
    die "the build failed; above are its last lines"
  }
}

# The same by another user, so to speak: elsewhere, with other rights, words, hours and day.
build_elsewhere() {
  umask 077
  export LC_ALL=C TZ=Asia/Kathmandu HOME=/nonexistent USER=other
  build "$1"
}

differing() {
  for package in "$tmp"/*.deb; do
    cmp -s "$package" "$1/${package##*/}" || printf '%s ' "${package##*/}"
  done
}

options=
out=
twice=
for argument; do
  case $argument in
  --nocheck) options="nocheck $options" ;;
  --twice) twice=yes ;;
  -*) echo "$usage" >&2 && exit 2 ;;
  *) [ -z "$out" ] || { echo "$usage" >&2 && exit 2; } && out=$argument ;;
  esac
done
[ -n "$out" ] || { echo "$usage" >&2 && exit 2; }

mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/../.."
command -v dpkg-buildpackage >/dev/null || die "no dpkg-buildpackage: apt-get install dpkg-dev"
tmp=$(mktemp -d)
trap 'wait; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
export DEB_BUILD_OPTIONS="$options${DEB_BUILD_OPTIONS-}"

echo "package.sh: building in a copy${options:+, without tests}; this takes minutes" >&2
second=
if [ -n "$twice" ]; then
  build_elsewhere "$tmp/somewhere/else/entirely/copy" &
  second=$!
fi
build "$tmp/pipepoll"
if [ -n "$twice" ]; then
  wait "$second" || die "the second build failed"
  differ=$(differing "$tmp/somewhere/else/entirely")
  [ -z "$differ" ] || {
    mkdir -p "$out/first" "$out/second"
    mv "$tmp"/*.deb "$out/first"
    mv "$tmp"/somewhere/else/entirely/*.deb "$out/second"
    die "differs from build to build: ${differ}(see first/ and second/ in $out)"
  }
fi
mv "$tmp"/*.deb "$tmp"/*.buildinfo "$tmp"/*.changes "$out"
(cd "$out" && sha256sum -- *.deb)
