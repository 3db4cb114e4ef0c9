#!/bin/sh
# SPDX-License-Identifier: MIT
# The packages as a user has them, in a fresh Debian without network: they install, run and work
# jobs, a program compiles with them, and after a purge nothing is left.
#
# usage: installed.sh FOLDER-OF-PACKAGES, as root in a chroot to throw away (.ci/chroot.sh)
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
packages=$1
ini=/etc/pipepoll/pipepoll.ini
jobs=5
work=$(mktemp -d)
sim=
run=

leave() {
  for process in $run $sim; do
    kill "$process" 2>/dev/null || :
  done
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

step() {
  echo "installed: $*"
}

# die WHAT [NAME-OF-OUTPUT]: shows its end
die() {
  [ -z "${2-}" ] || tail -n 30 "$work/$2"
  step "FAILED: $1"
  exit 1
}

# within SECONDS COMMAND...: until it succeeds
within() {
  tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# All that lies on this system, but for what dpkg, apt and others keep about any package.
contents() {
  find / -xdev \( -path "$work" -o -path "$packages" -o -path /proc -o -path /sys -o -path /dev \
    -o -path /run -o -path /tmp -o -path /var/cache/apt -o -path /var/cache/ldconfig \
    -o -path /var/cache/man -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log \) \
    -prune -o -print | sort
}

has_ended() {
  pipepoll jobs --config "$ini" --state ended --output json >"$work/jobs.txt" &&
    [ "$(grep -c '"succeeded"' "$work/jobs.txt")" -eq "$jobs" ]
}

mkdir -p /var/lib/private # which is systemd's
chmod 700 /var/lib/private
contents >"$work/before"

step "apt-get install, which asks nobody and starts nothing"
apt-get -q -y --no-install-recommends install "$packages"/*.deb >"$work/apt.txt" 2>&1 ||
  die "apt-get install" apt.txt

step "programs, manual pages, the service's files"
pipepoll --version
for page in pipepoll pipepoll-run pipepoll-sim pipepoll.ini pipepoll-handler libpipepoll; do
  man -w "$page" >/dev/null || die "no manual page $page"
done
pipepoll run --print-config "$ini" >"$work/config.txt" 2>&1 ||
  die "the config file as installed" config.txt
grep -q '^ExecStart=/usr/bin/pipepoll run ' /lib/systemd/system/pipepoll.service || die "the unit"
grep -q pipepoll /usr/share/bash-completion/completions/pipepoll || die "completions"
test -s /usr/share/pipepoll/prometheus/pipepoll.rules.yml || die "the alerts"
grep -q '"SPDX-2.3"' /usr/share/doc/pipepoll/pipepoll.spdx.json || die "the bill of materials"

step "pipepoll demo"
pipepoll demo --seconds 2 --regions 3 >"$work/demo.txt" 2>&1 || die "pipepoll demo" demo.txt

step "$jobs jobs from the simulated service, worked"
pipepoll sim --jobs "$jobs" --port-file "$work/port" >"$work/sim.txt" 2>&1 &
sim=$!
within 10 test -s "$work/port" || die "the simulated service does not listen" sim.txt
mkdir -m 700 /var/lib/private/pipepoll # as systemd does for a dynamic user
ln -s private/pipepoll /var/lib/pipepoll
echo '# none' >/etc/pipepoll/client-tokens # which the unit names
cat >"$work/token-of" <<'END'
#!/bin/sh
echo "token-$1"
END
chmod 755 "$work/token-of"
cat >"$ini" <<END
[pipepoll]
state-dir = /var/lib/pipepoll
client-tokens-command = $work/token-of
interval = 500ms
endpoint-url = http://127.0.0.1:$(cat "$work/port")

[target builds]
regions = us-east-1
category = Build
provider = Acme
version = 1
handler = build

[handler build]
command = /bin/true
END
pipepoll check "$ini" >"$work/check.txt" 2>&1 || die "pipepoll check" check.txt
pipepoll run "$ini" >"$work/run.txt" 2>&1 &
run=$!
within 20 has_ended || die "not all jobs succeeded" run.txt
kill "$run"
wait "$run" || die "pipepoll run ended with $?" run.txt
run=
kill "$sim"
wait "$sim" || :
sim=

step "a program with libpipepoll-dev"
cat >"$work/app.c" <<'END'
#include <pipepoll.h>
#include <stdio.h>
#include <uv.h>
static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer) {}
int main(void)
{
    struct pipepoll_sink sink = PIPEPOLL_SINK_INIT;
    struct pipepoll_options options = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_error why;
    struct pipepoll *poller;
    sink.deliver = deliver;
    options.sink = &sink;
    if (pipepoll_open(&poller, uv_default_loop(), &options, &why))
        return puts(why.text), 1;
    pipepoll_close(poller, NULL, NULL);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
END
# shellcheck disable=SC2046 # several arguments
cc -Wall -Wextra -Wno-unused-parameter -Werror "$work/app.c" -o "$work/app" \
  $(pkg-config --cflags --libs pipepoll libuv) || die "it does not compile"
"$work/app" || die "it does not run"

step "apt-get purge leaves nothing"
apt-get -q -y purge pipepoll libpipepoll0 libpipepoll-dev >"$work/apt.txt" 2>&1 ||
  die "apt-get purge" apt.txt
contents >"$work/after"
diff "$work/before" "$work/after" >"$work/left.txt" ||
  die "what is left (>) or missing (<)" left.txt
step "all is well"
