#!/bin/sh
# Installs, upgrades or removes Holdfast on Debian and Raspberry Pi OS, from the folder that it lies in. It needs no network and says what it does.
set -eu

usage() {
  cat <<'END'
usage: install.sh [OPTIONS]            install or upgrade
       install.sh uninstall [OPTIONS]  remove the program; the data stays

  --dry-run     say what would be done, and do nothing
  --init        found a fleet when there is no node yet
  --join TOKEN  join a fleet when there is no node yet; - reads the token from stdin
  --no-start    neither enable nor start the service
  --watchdog    let the machine's own watchdog reset it when the kernel hangs (the next boot arms it)
  --purge       with uninstall: remove the data and the user as well. What was not sent to another node is lost.

DESTDIR=FOLDER installs into a folder, such as the root of an image, and starts nothing.
END
}

here=$(cd "$(dirname "$0")" && pwd -P)
destdir=${DESTDIR:-}
action=install dry='' start=yes watchdog='' purge='' setup='' token=''
while [ $# -gt 0 ]; do
  case $1 in
    install | uninstall) action=$1 ;;
    --dry-run) dry=yes ;;
    --init) setup=init ;;
    --join) [ $# -gt 1 ] || { usage >&2; exit 2; }; setup=join token=$2; shift ;;
    --no-start) start='' ;;
    --watchdog) watchdog=yes ;;
    --purge) purge=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install.sh: what is $1?" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

opt=$destdir/opt/holdfast
data=$destdir/var/lib/holdfast
cache=$destdir/var/cache/holdfast
link=$destdir/usr/local/bin/holdfast
unit=$destdir/etc/systemd/system/holdfast.service
dropin=$destdir/etc/systemd/system/holdfast.service.d/10-backoff.conf
rules=$destdir/etc/udev/rules.d/99-holdfast-serial.rules
sysusers=$destdir/usr/lib/sysusers.d/holdfast.conf
dog=$destdir/etc/systemd/system.conf.d/60-holdfast-watchdog.conf

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
# Says a step and takes it, unless this is a dry run.
do_it() {
  what=$1; shift
  if [ -n "$dry" ]; then say "would $what"; else say "$what"; "$@"; fi
}
have() { command -v "$1" >/dev/null 2>&1; }
# Whether this is the machine that runs it, with a service manager that listens.
live() { [ -z "$destdir" ]; }
managed() { live && [ -d /run/systemd/system ] && have systemctl; }

# The number of the service manager that will read what is installed; 0 where it cannot be told.
systemd_version() {
  for lib in "$destdir"/usr/lib/*/systemd/libsystemd-shared-*.so "$destdir"/usr/lib/systemd/libsystemd-shared-*.so; do
    number=${lib##*-shared-}
    number=${number%%[!0-9]*}
    if [ -e "$lib" ] && [ -n "$number" ]; then echo "$number"; return; fi
  done
  echo 0
}

# A file in one step: a power cut leaves the old one or the new one.
put() { mkdir -p "$(dirname "$2")" && cp "$1" "$2.part" && chmod 0644 "$2.part" && mv -f "$2.part" "$2"; }
put_if_new() { if [ -f "$2" ] && cmp -s "$1" "$2"; then say "$2 is up to date"; else do_it "write $2" put "$1" "$2"; fi; }
point() { ln -sfn "$1" "$2.part" && mv -fT "$2.part" "$2"; }

copy_version() {
  rm -rf "$opt/$version.part" && mkdir -p "$opt/$version.part"
  (cd "$here" && cut -c67- SHA256SUMS | tar -cf - -T - SHA256SUMS) | tar -xf - -C "$opt/$version.part" --no-same-owner
  if live; then chown -R 0:0 "$opt/$version.part"; fi
  chmod -R go-w,a+rX "$opt/$version.part"
  sync
  (cd "$opt/$version.part" && sha256sum -c --quiet SHA256SUMS) || fail "what was copied to $opt/$version.part is not what was read: check the disk"
  # The same version, built anew: what runs from the old files keeps them until it ends.
  if [ -d "$opt/$version" ]; then rm -rf "$opt/$version.old" && mv "$opt/$version" "$opt/$version.old"; fi
  mv "$opt/$version.part" "$opt/$version"
  rm -rf "$opt/$version.old"
}
make_user() {
  if have systemd-sysusers; then systemd-sysusers "$sysusers"; fi
  getent passwd holdfast >/dev/null || useradd --system --user-group --home-dir /var/lib/holdfast --no-create-home --shell /usr/sbin/nologin --comment 'Holdfast node' holdfast
  if getent group dialout >/dev/null; then usermod -a -G dialout holdfast; fi
}
make_data() { mkdir -p "$data" && chmod 0700 "$data" && if live; then chown holdfast:holdfast "$data"; fi; }
as_node() { (cd / && runuser -u holdfast -- env -u HOLDFAST_DIR "$opt/current/bin/holdfast" "$@" --dir "$data"); }
reload_udev() { udevadm control --reload && udevadm trigger --action=change --subsystem-match=tty && udevadm trigger --action=add --subsystem-match=usb; }

# Starts the new version; when it does not come up, the one before is put back.
start_service() {
  systemctl reset-failed holdfast 2>/dev/null || :
  if systemctl restart holdfast; then return; fi
  systemctl --no-pager --lines=20 status holdfast >&2 || :
  if [ -n "$before" ] && [ "$before" != "$version" ] && [ -d "$opt/$before" ]; then
    point "$before" "$opt/current"
    systemctl restart holdfast || :
    fail "version $version does not start; $before runs again"
  fi
  fail "the service does not start; journalctl -u holdfast tells more"
}

install() {
  [ -f "$here/release" ] || fail "run it from the unpacked archive: $here has no release"
  version=$(sed -n 's/^version=//p' "$here/release") target=$(sed -n 's/^target=//p' "$here/release")
  (cd "$here" && sha256sum -c --quiet SHA256SUMS) || fail "the archive is damaged; unpack it anew from a whole copy (sha256sum -c holdfast-….tar.gz.sha256)"
  if live; then
    case $target-$(uname -m) in
      linux-arm64-aarch64 | linux-x64-x86_64) ;;
      *) fail "this is the release for $target, and the machine is $(uname -m) (a 64-bit system is needed: uname -m says aarch64 or x86_64)" ;;
    esac
    [ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0"
    "$here/bin/holdfast" --version >/dev/null || fail "the program does not run here; it needs Debian 12, Raspberry Pi OS Bookworm, or later"
  fi
  before=$(readlink "$opt/current" 2>/dev/null || :)
  say "Holdfast $version for $target${before:+; $before is installed}"

  put_if_new "$here/hw/holdfast-sysusers.conf" "$sysusers"
  if live; then
    if getent passwd holdfast >/dev/null && id -nG holdfast | grep -qw dialout; then say "user holdfast is there"; else do_it "make user holdfast, in group dialout" make_user; fi
  fi
  if [ -f "$opt/$version/SHA256SUMS" ] && cmp -s "$here/SHA256SUMS" "$opt/$version/SHA256SUMS" && (cd "$opt/$version" && sha256sum -c --quiet SHA256SUMS >/dev/null 2>&1); then
    say "$opt/$version is up to date"
  else
    do_it "copy the program to $opt/$version" copy_version
  fi
  if [ "$before" = "$version" ]; then say "$opt/current is $version"; else do_it "point $opt/current to $version" point "$version" "$opt/current"; fi
  if [ "$(readlink "$link" 2>/dev/null || :)" = /opt/holdfast/current/bin/holdfast ]; then
    say "$link is up to date"
  elif [ -e "$link" ] && [ ! -L "$link" ]; then
    say "$link is not ours and stays; the program is /opt/holdfast/current/bin/holdfast"
  else
    do_it "link $link" link_program
  fi
  if [ -d "$data" ]; then say "$data is there and stays as it is"; else do_it "make $data" make_data; fi
  put_if_new "$here/hw/holdfast.service" "$unit"
  if [ "$(systemd_version)" -ge 254 ]; then put_if_new "$here/hw/10-backoff.conf" "$dropin"; fi
  put_if_new "$here/hw/99-holdfast-serial.rules" "$rules"
  if live && have udevadm; then do_it "tell udev of the rules" reload_udev || say "udev does not answer; the rules count from the next boot"; fi
  if [ -n "$watchdog" ]; then put_if_new "$here/hw/60-holdfast-watchdog.conf" "$dog"; fi

  if live && [ -n "$setup" ] && [ ! -e "$data/node.key" ]; then
    case $setup in
      init) do_it "found a fleet" as_node init ;;
      join) do_it "join the fleet" as_node join "$token" ;;
    esac
  fi
  for folder in "$opt"/*; do
    name=${folder##*/}
    case $name in "$version" | "$before" | current | '*') ;; *) do_it "remove the older $folder" rm -rf "$folder" ;; esac
  done

  if [ -n "$start" ] && managed; then
    do_it "tell systemd of the service" systemctl daemon-reload
    do_it "enable the service" systemctl enable --quiet holdfast
    if [ -e "$data/node.key" ]; then do_it "start the service" start_service; fi
  elif [ -n "$start" ] && ! live; then
    do_it "enable the service" enable_offline
  fi
  if live && [ ! -e "$data/node.key" ]; then
    say "There is no node in $data yet. Found a fleet, or join one, then start it:"
    say "  sudo -u holdfast holdfast init --dir $data      or      sudo -u holdfast holdfast join TOKEN --dir $data"
    say "  sudo systemctl start holdfast"
  fi
  say "${dry:+nothing was }done"
}
link_program() { mkdir -p "$(dirname "$link")" && point /opt/holdfast/current/bin/holdfast "$link"; }
# What `systemctl enable` does, in the folder of an image.
enable_offline() { mkdir -p "$destdir/etc/systemd/system/multi-user.target.wants" && point ../holdfast.service "$destdir/etc/systemd/system/multi-user.target.wants/holdfast.service"; }

remove() { if [ -e "$1" ] || [ -L "$1" ]; then do_it "remove $1" rm -rf "$1"; fi; }
# The data may lie behind a link, on another medium, and something may be mounted on its folder: then it is emptied.
remove_data() {
  place=$data
  while [ -L "$place" ]; do
    to=$(readlink "$place")
    case $to in /*) place=$destdir$to ;; *) place=$(dirname "$place")/$to ;; esac
  done
  if [ "$place" != "$data" ] && [ -d "$place" ]; then
    if [ -e "$place/node.key" ] || [ -d "$place/store" ]; then do_it "empty $place, where $data leads" empty "$place"
    else say "$place, where $data leads, holds no node: what lies there stays"; fi
  fi
  if [ -d "$data" ] && [ ! -L "$data" ] && mountpoint -q "$data" 2>/dev/null; then do_it "empty $data, on which something is mounted" empty "$data"; else remove "$data"; fi
}
empty() { find "$1" -mindepth 1 -delete; }
uninstall() {
  live && [ -z "$dry" ] && [ "$(id -u)" != 0 ] && fail "run it as root: sudo $0 uninstall"
  if managed && [ -f "$unit" ]; then do_it "stop and disable the service" stop_service; fi
  if [ "$(readlink "$link" 2>/dev/null || :)" = /opt/holdfast/current/bin/holdfast ]; then remove "$link"; fi
  for path in "$destdir/etc/systemd/system/multi-user.target.wants/holdfast.service" "$unit" "$dropin" "$rules" "$dog" "$cache"; do remove "$path"; done
  rmdir "$(dirname "$dropin")" 2>/dev/null || :
  if managed; then do_it "tell systemd" systemctl daemon-reload; fi
  remove "$opt"
  if [ -z "$purge" ]; then
    if [ -d "$data" ]; then say "$data stays, with the node's key and its events; uninstall --purge removes it"; fi
  else
    remove_data
    remove "$sysusers"
    if live && getent passwd holdfast >/dev/null; then do_it "remove user holdfast" userdel holdfast; fi
  fi
  say "${dry:+nothing was }done"
}
stop_service() { systemctl disable --now --quiet holdfast || :; }

"$action"
