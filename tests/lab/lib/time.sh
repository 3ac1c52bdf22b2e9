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

# The time service of the box, which as a rule has none. Its chronyd follows one on the edge, so that no
# fault of the way out reaches it, and answers chronyc on loopback: its socket would be that of the machine.
apply_keeper() {
  local wanted source=''
  wanted=$(active_of clock-kept clock-not-kept)
  if [[ $(recall keeper) == "$wanted" ]]; then return; fi
  stop site-chrony KILL
  stop edge-chrony KILL
  if [[ $wanted == clock-kept ]]; then
    start_chrony edge 3
    source="server $GATEWAY iburst minpoll 0 maxpoll 4 minsamples 1"
  fi
  if [[ -n $wanted ]]; then
    mkdir -p "$RUN/chrony"
    rm -f "$RUN/chrony/site.pid"
    fill chrony-site.conf "SOURCE=$source" "PID=$RUN/chrony/site.pid" >"$RUN/chrony/site.conf"
    start site site-chrony chronyd -x -d -f "$RUN/chrony/site.conf"
    wait_for 15 "the chronyd of the site to know whether it is synchronised" keeper_says "$wanted"
  fi
  remember keeper "$wanted"
}

keeper_says() {
  local pattern=',Normal$'
  [[ $1 == clock-kept ]] || pattern=',Not synchronised$'
  inside site chronyc -h 127.0.0.1 -n -c tracking | grep -q "$pattern"
}
