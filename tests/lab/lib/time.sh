# shellcheck shell=bash
# Time servers. None of them touches the machine's clock (-x).

# The words before a command that give it a clock some seconds ahead; one a line.
# The library is preloaded by hand: the faketime command would stay as the parent.
# Samba's modules would look past it (deep binding) and keep the true time.
clock_ahead() {
  local library
  if [[ $1 == 0 ]]; then
    printf 'env\n'
    return
  fi
  library=$(printf '%s\n' /usr/lib/*/faketime/libfaketimeMT.so.1 | head -n 1)
  printf '%s\n' env "LD_PRELOAD=$library" "FAKETIME=+$1" FAKETIME_DONT_FAKE_MONOTONIC=1 \
    LDB_MODULES_DISABLE_DEEPBIND=1
}

# start_chrony NAMESPACE STRATUM [SECONDS-AHEAD]
start_chrony() {
  local where=$1 stratum=$2
  local -a clock
  mapfile -t clock < <(clock_ahead "${3:-0}")
  mkdir -p "$RUN/chrony"
  stop "$where-chrony" KILL
  rm -f "$RUN/chrony/$where.pid"
  fill chrony.conf "STRATUM=$stratum" "PID=$RUN/chrony/$where.pid" >"$RUN/chrony/$where.conf"
  start "$where" "$where-chrony" "${clock[@]}" chronyd -x -d -f "$RUN/chrony/$where.conf"
}
