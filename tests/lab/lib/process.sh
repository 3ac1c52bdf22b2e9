# shellcheck shell=bash
# Starting and ending processes. Whatever the lab starts is ended by its recorded pid.

# The moment a process began; tells it from a later one with the same pid. A
# process that has ended and waits for its parent has none.
birth_of() { awk '{ sub(/.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null; }

# The pid of a recorded process that still runs, or failure.
pid_of() {
  local pid born
  read -r pid born 2>/dev/null <"$RUN/pids/$1" || return 1
  [[ -n $born && $(birth_of "$pid") == "$born" ]] || return 1
  printf '%s' "$pid"
}

runs() { pid_of "$1" >/dev/null; }

# Starts a program that stays in the foreground: start NAMESPACE NAME COMMAND…
# It keeps no descriptor of the caller, so that nobody waits for its output.
start() {
  local where=$1 name=$2 pid
  shift 2
  mkdir -p "$RUN/pids" "$RUN/log"
  (
    cd /
    enter "$where" setsid "$@"
  ) </dev/null >>"$RUN/log/$name.log" 2>&1 9>&- &
  pid=$!
  printf '%s %s\n' "$pid" "$(birth_of "$pid")" >"$RUN/pids/$name"
  disown "$pid"
}

# A process and all that it started, oldest first.
tree_of() {
  local pid=$1 child children
  printf '%s\n' "$pid"
  children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || return 0
  for child in $children; do tree_of "$child"; done
}

all_gone() {
  local pid state
  for pid in "$@"; do
    state=$(awk '{ sub(/.*\) /, ""); print $1 }' "/proc/$pid/stat" 2>/dev/null) || continue
    [[ -z $state || $state == Z ]] || return 1
  done
}

# Ends a recorded process with its children: stop NAME [SIGNAL]
stop() {
  local name=$1 signal=${2:-TERM} pid
  local -a tree
  if pid=$(pid_of "$name"); then
    mapfile -t tree < <(tree_of "$pid")
    if [[ $signal == KILL ]]; then
      kill -KILL "${tree[@]}" 2>/dev/null || true
    else
      kill "-$signal" "$pid" 2>/dev/null || true
      kill -CONT "${tree[@]}" 2>/dev/null || true
      wait_for 5 "$name (pid $pid) to end after SIG$signal" all_gone "${tree[@]}" 2>/dev/null ||
        kill -KILL "${tree[@]}" 2>/dev/null || true
    fi
    wait_for 5 "$name (pid $pid) to end after SIGKILL" all_gone "${tree[@]}"
    forget_clocks "${tree[@]}"
  fi
  rm -f "$RUN/pids/$name"
}

# Ends all that runs in the lab's namespaces, also what a test left there.
end_all() {
  local where
  local -a pids=() own=()
  mapfile -t own < <(ancestors)
  for where in "${ALL_NAMESPACES[@]}"; do
    [[ -e /run/netns/$(ns "$where") ]] || continue
    mapfile -t -O "${#pids[@]}" pids < <(ip netns pids "$(ns "$where")" 2>/dev/null | grep -vxF -f <(printf '%s\n' "${own[@]}"))
  done
  ((${#pids[@]})) || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true
  wait_for 10 "the processes of the lab to end: ${pids[*]}" all_gone "${pids[@]}"
  forget_clocks "${pids[@]}"
}

# What libfaketime leaves behind of a process that was killed.
forget_clocks() {
  local pid
  for pid in "$@"; do rm -f "/dev/shm/faketime_shm_$pid" "/dev/shm/sem.faketime_sem_$pid"; done
}

# This process and the ones it comes from: never ended by the lab.
ancestors() {
  local pid=$$
  while ((pid > 0)); do
    printf '%s\n' "$pid"
    pid=$(awk '{ sub(/.*\) /, ""); print $2 }' "/proc/$pid/stat" 2>/dev/null) || return 0
  done
}
