# shellcheck shell=bash
# The small helpers that every other part uses.

PREFIX=${LAB_PREFIX:-sl}
RUN=/run/sightline-lab/$PREFIX
readonly STATE=${LAB_STATE:-/var/lib/sightline-lab}
# shellcheck disable=SC2034  # the other parts use it
readonly CACHE=$STATE/cache

say() { printf '%s\n' "lab: $*" >&2; }

die() {
  printf '%s\n' "lab: $*" >&2
  exit 1
}

# The full name of one of the lab's namespaces.
ns() { printf '%s-%s' "$PREFIX" "$1"; }

# Runs a command inside a namespace, without the files of /etc/netns: cheap.
inside() {
  local where=$1
  shift
  nsenter --net="/run/netns/$(ns "$where")" -- "$@"
}

# Becomes a command inside a namespace, with the files of /etc/netns, the host's
# own name (Samba asks for that), and, on a controller, with its own /run/samba:
# Samba's processes look for winbindd there, whatever smb.conf says. So do wg and
# wireguard-go for their sockets in /run/wireguard, under a tunnel.
enter() {
  local where=$1 host=$1 samba='' wireguard=''
  shift
  [[ $where != other ]] || host=dc
  [[ ! -d $RUN/$where/run ]] || samba=$RUN/$where/run
  [[ ! -d $RUN/$where/wireguard ]] || wireguard=$RUN/$where/wireguard
  # shellcheck disable=SC2016  # the inner shell expands them
  exec ip netns exec "$(ns "$where")" unshare --uts --mount -- sh -c '
    hostname "$0" || exit
    [ -z "$1" ] || { mkdir -p /run/samba && mount --bind "$1" /run/samba; } || exit
    [ -z "$2" ] || { mkdir -p /run/wireguard && mount --bind "$2" /run/wireguard; } || exit
    shift 2
    exec "$@"' "$host" "$samba" "$wireguard" "$@"
}

# Waits until a command succeeds: wait_for SECONDS "what it waits for" COMMAND…
wait_for() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$(($(date +%s%N) + seconds * 1000000000))
  until "$@" >/dev/null 2>&1; do
    if (($(date +%s%N) > deadline)); then
      say "waited ${seconds} s in vain for: $what"
      say "the last try was: $*"
      return 1
    fi
    sleep 0.05
  done
}

# One command at a time changes a lab; the others wait for their turn.
# Usage: with_lock FILE COMMAND…
with_lock() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  exec 9>"$file"
  flock --wait 600 9 ||
    die "another lab command has held $file for 600 s; see who: fuser -v $file"
  "$@"
  exec 9>&-
}

# Fills @NAME@ in a template from the variables named: fill TEMPLATE NAME=VALUE…
fill() {
  local template=$1 pair
  local -a edits=()
  shift
  for pair in "$@"; do
    edits+=(-e "s|@${pair%%=*}@|${pair#*=}|g")
  done
  sed "${edits[@]}" "$HERE/conf/$template"
}

# Up in this boot of the machine: /run may outlive a boot.
is_up() { [[ -s $RUN/up && $(cat "$RUN/up") == "$(boot)" ]]; }
boot() { cat /proc/sys/kernel/random/boot_id; }

need_up() { is_up || die "the lab \"$PREFIX\" is not up: run \"$HERE/lab up\" first"; }

need_root() {
  ((EUID == 0)) || die "this needs root, for network namespaces: run it as root (sudo $HERE/lab …)"
}
