# shellcheck shell=bash
# The first thing to run on a fresh machine: see it work, see it find a fault.

demo() {
  local missing repository binary was_up=0
  repository=$(cd "$HERE/../.." && pwd)
  missing=$(what_is_missing)
  if [[ -n $missing ]]; then
    printf 'The lab cannot run on this machine: %s. Instead, sightline now looks at peers on loopback.\n' "$missing"
    cd "$repository" || exit
    cargo build --release
    exec cargo run --quiet --release --example peers -- demo
  fi
  command -v cargo >/dev/null ||
    die "there is no cargo in root's PATH; as the user who has Rust: sudo env \"PATH=\$PATH\" $HERE/lab demo"
  "$HERE/lab" install
  say "building sightline (cargo build --release)"
  (cd "$repository" && cargo build --release)
  binary=$(built_binary "$repository")
  if is_up; then
    was_up=1
    say "the lab \"$PREFIX\" is up already and stays up; its faults are healed"
    "$HERE/lab" heal
  else
    trap '"$HERE/lab" down' EXIT
    "$HERE/lab" up
  fi
  demo_looks "$binary"
  if ((!was_up)); then
    trap - EXIT
    "$HERE/lab" down
  fi
  heading "Your own domain"
  cat <<END
From a machine in your deployment network, without configuration and without an account:

  $binary check --domain YOUR.DOMAIN

The program is one file: copy it there. Exit status: 0 ready, 1 degraded, 2 not ready, 3 unknown.
END
}

demo_looks() {
  heading "A healthy network: $DOMAIN with two domain controllers"
  look_expecting 0 "$1"
  heading "The same network after a firewall has closed TCP 445 to the controllers"
  "$HERE/lab" fault tcp445-blocked
  look_expecting 2 "$1"
  "$HERE/lab" heal
}

heading() { printf '\n=== %s ===\n\n' "$*"; }

# look_expecting EXIT-STATUS BINARY
look_expecting() {
  local expected=$1 got=0
  local -a command=("$2" check --domain "$DOMAIN" --stage domain_controller --stage sign_in)
  printf '$ sightline %s\n\n' "${command[*]:1}"
  "$HERE/lab" in site "${command[@]}" || got=$?
  printf '\n(exit status %d)\n' "$got"
  ((got == expected)) ||
    die "that look should have ended with exit status $expected and ended with $got; to look again: \"$HERE/lab up\", then \"$HERE/lab in site ${command[*]}\""
}

# Where cargo puts the binary, whatever CARGO_TARGET_DIR or its configuration say.
built_binary() {
  local target
  target=$(cd "$1" && cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
  [[ -x $target/release/sightline ]] ||
    die "cargo build succeeded, but there is no $target/release/sightline; is another target set in .cargo/config.toml?"
  printf '%s' "$target/release/sightline"
}
