#!/bin/sh
# SPDX-License-Identifier: MIT
# What the image of pipepoll holds, from a Debian where it is installed: the programs, the libraries
# that the loader finds for them, what those are licensed by, roots of trust, and a user.
#
# usage: collect.sh FOLDER
set -eu

to=$1
programs="/usr/bin/pipepoll /usr/bin/pipepoll-sim"
# shellcheck disable=SC2086 # several programs
libraries=$(ldd $programs | grep -o '/lib[^ ]*' | sort -u)

mkdir -p "$to/etc/pipepoll" "$to/tmp" "$to/usr/share/doc/pipepoll"
chmod 1777 "$to/tmp"
for file in $programs $libraries /etc/ssl/certs/ca-certificates.crt; do
  cp --parents --dereference "$file" "$to"
done
for library in $libraries; do
  dpkg-query -S "$library" "/usr$library" 2>/dev/null || :
done | sed 's/:.*//' | sort -u | while read -r package; do
  cp --parents --dereference "/usr/share/doc/$package/copyright" "$to"
done
for deb in /packages/pipepoll_*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar --extract -C "$to" ./usr/share/doc/pipepoll
done

echo 'pipepoll:x:65532:65532::/var/lib/pipepoll:/sbin/nologin' >"$to/etc/passwd"
echo 'pipepoll:x:65532:' >"$to/etc/group"
mkdir -p "$to/var/lib/pipepoll"
chmod 700 "$to/var/lib/pipepoll"
chown 65532:65532 "$to/var/lib/pipepoll"
