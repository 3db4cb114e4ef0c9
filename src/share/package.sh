#!/bin/sh
# Debian packages of this checkout: pipepoll, libpipepoll0 and libpipepoll-dev, with their debug
# symbols. The build happens in a copy, where the folder debian/ lies at the top; it downloads
# nothing, and its result does not depend on where, when and by whom it is built.
set -eu

usage="usage: package.sh [--nocheck] FOLDER
  FOLDER     where the packages go; made if it does not exist
  --nocheck  build no tests, and run none"

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

copy() {
  mkdir "$1"
  files | tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$1"
  cp -R "$1/src/share/debian" "$1/debian"
}

build() {
  (cd "$1" && dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary) \
    >"$tmp/log" 2>&1 || {
    tail -n 60 "$tmp/log" >&2
    die "the build failed; above are its last lines"
  }
}

options=
out=
for argument; do
  case $argument in
  --nocheck) options="nocheck $options" ;;
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
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
export DEB_BUILD_OPTIONS="$options${DEB_BUILD_OPTIONS-}"
copy "$tmp/pipepoll"
build "$tmp/pipepoll"
mv "$tmp"/*.*deb "$tmp"/*.buildinfo "$tmp"/*.changes "$out"
