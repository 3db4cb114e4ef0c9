#!/bin/sh
# SPDX-License-Identifier: MIT
# Tries the packages in a fresh Debian 12: makes one with what they depend on, a C compiler and man,
# cuts off its network, and runs tests/installed.sh in it. Nothing of it is kept.
#
# usage: chroot.sh FOLDER-OF-PACKAGES
set -eu

packages=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$tmp/packages"
for name in pipepoll libpipepoll0 libpipepoll-dev; do
  cp "$packages/${name}"_*.deb "$tmp/packages"
done
cp tests/installed.sh "$tmp/packages"

# Names alone, of the first alternative; not our own.
depends() {
  for package in "$tmp/packages"/*.deb; do
    dpkg-deb -f "$package" Depends | tr ',' '\n'
  done | sed 's/^ *\([^ (|]*\).*/\1/' | grep -v pipepoll | sort -u | paste -sd ,
}

# shellcheck disable=SC2016 # $1, the chroot, is for mmdebstrap's shell
mmdebstrap --quiet --variant=minbase --include="$(depends),gcc,libc6-dev,man-db,pkg-config" \
  --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
  --customize-hook="copy-in $tmp/packages /opt" \
  --customize-hook='unshare --net env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "
    ip link set lo up && exec chroot \"\$1\" sh /opt/packages/installed.sh /opt/packages" sh "$1"' \
  --format=null bookworm /dev/null
