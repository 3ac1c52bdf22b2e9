# shellcheck shell=bash
# Installing, bringing up, taking down, telling how it is.

install_lab() {
  need_root
  mkdir -p "$STATE"
  with_lock "$STATE/lock" install_locked
}

install_locked() {
  install_packages
  install_sstp
  web_certificates
  if cache_is_good; then
    say "installed: the domains in $CACHE are up to date"
  else
    provision
  fi
}

up() {
  local started controllers
  started=$(date +%s%N)
  if is_up; then
    say "the lab \"$PREFIX\" is up already; \"$HERE/lab status\" tells how it is"
    return
  fi
  cache_is_good ||
    die "the lab is not installed, or its scripts changed since: run \"$HERE/lab install\" first"
  take_down
  mkdir -p "$RUN"/{faults,state,log,pids,site/run,site/wireguard}
  trap abandon EXIT
  net_up
  web_files
  unpack
  lay_canary_password good
  apply_controllers &
  controllers=$!
  inet_dns_up
  start_chrony inet 2
  apply_web
  apply_dns
  apply_rules
  inet_dns_wait
  wait "$controllers" || die "the controllers did not start: see above"
  map_more_subnets
  trap - EXIT
  boot >"$RUN/up"
  say "the lab \"$PREFIX\" is up after $((($(date +%s%N) - started) / 1000000)) ms"
}

# What is half up goes down again; the logs stay.
abandon() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
  rm -rf "$RUN.failed"
  mkdir -p "$RUN.failed"
  cp -a "$RUN/log" "$RUN"/dc?/log "$RUN.failed/" 2>/dev/null || true
  say "bringing the lab up did not succeed; taking it down again, logs in $RUN.failed"
  take_down
}

take_down() {
  rm -f "$RUN/up"
  end_all
  forget_squid proxy inspection
  net_down
  rm -rf "$RUN"
}

down() {
  take_down
  rm -rf "$RUN.failed"
  say "the lab \"$PREFIX\" is down"
}

# Exit status: 0 all well, 1 faults in force, 2 something does not run, 3 down.
status() {
  local name pid record result=0
  if ! is_up; then
    printf 'The lab "%s" is down.\n' "$PREFIX"
    return 3
  fi
  printf 'The lab "%s" is up. Domain %s.\n\nNamespaces\n' "$PREFIX" "$DOMAIN"
  for name in "${ALL_NAMESPACES[@]}"; do
    printf '  %-12s %s\n' "$(ns "$name")" "$(addresses_of "$name")"
  done
  printf '\nProcesses\n'
  for record in "$RUN"/pids/*; do
    name=${record##*/}
    if pid=$(pid_of "$name"); then
      printf '  %-16s pid %s\n' "$name" "$pid"
    else
      printf '  %-16s does not run any more; see %s\n' "$name" "$RUN/log/$name.log"
      result=2
    fi
  done
  printf '\nFaults in force\n'
  for name in $(faults_in_force); do
    printf '  %s\n' "$(list_faults | grep "^$name ")"
    ((result)) || result=1
  done
  [[ -n $(faults_in_force) ]] || printf '  none\n'
  return "$result"
}

addresses_of() {
  ip -n "$(ns "$1")" -brief -4 addr show scope global | awk '{ for (i = 3; i <= NF; i++) printf "%s ", $i }'
}

# What tests need, as KEY=VALUE.
print_env() {
  cat <<ENV
LAB_PREFIX=$PREFIX
LAB_UP=$(is_up && printf 1 || printf 0)
LAB_STATE=$STATE
LAB_RUN=$RUN
LAB_DOMAIN=$DOMAIN
LAB_REALM=$REALM
LAB_SITE_NAMESPACE=$(ns site)
LAB_RESOLVERS=$RESOLVER_ONE,$RESOLVER_TWO
LAB_DC1=$DC1
LAB_DC2=$DC2
LAB_CA_FILE=$CACHE/ca.pem
LAB_PUBLIC_CA_FILE=$RUN/web/tls/public-ca.pem
LAB_PRIVATE_CA_FILE=$RUN/web/tls/private-ca.pem
LAB_INSPECTION_CA_FILE=$RUN/web/tls/inspection-ca.pem
LAB_HOSTS_FILE=$RUN/web/hosts
LAB_PROXY=$PROXY_NAME:$PROXY_PORT
LAB_PROXY_PASSWORD=$PROXY_PASSWORD
LAB_STS_NAME=$STS_NAME
LAB_CANARY=$CANARY@$REALM
LAB_CANARY_PASSWORD_FILE=$CACHE/canary-password
LAB_SITE_PASSWORD_FILE=$RUN/site/canary-password
LAB_TENANT_NAME=$TENANT_NAME
LAB_TENANT_ID=$TENANT_ID
LAB_KRB5_CONFIG=$RUN/krb5.conf
LAB_VPN_DIR=$RUN/vpn
LAB_WIREGUARD_PUBLIC_KEY=$(cat "$RUN/vpn/gateway.pub" 2>/dev/null || true)
ENV
}

# Exit status 3, and one line, if this machine cannot run the lab.
can_run() {
  local missing
  missing=$(what_is_missing)
  [[ -z $missing ]] || {
    printf 'The lab cannot run on this machine: %s.\n' "$missing"
    return 3
  }
}

# The first thing that is missing, tried and not guessed.
what_is_missing() {
  local probe=$PREFIX-can-run-$$ said
  if ((EUID != 0)); then
    printf 'it needs root, and this is user %s' "$(id -un)"
    return
  fi
  if [[ -n $(missing_packages 2>/dev/null) ]] && ! command -v apt-get >/dev/null; then
    printf 'these Debian packages are missing, and there is no apt-get: %s' "$(missing_packages 2>/dev/null | sed 's/ $//')"
    return
  fi
  if ! command -v ip >/dev/null; then
    # "lab install" brings it; the kernel can be asked without it.
    said=$(unshare --net true 2>&1) || printf 'no network namespaces (unshare --net: %s)' "$said"
    return
  fi
  mkdir -p /run/sightline-lab
  note_netns_mount
  if ! said=$(ip netns add "$probe" 2>&1); then
    printf 'no network namespaces (ip netns add: %s)' "$said"
  elif ! said=$(ip -n "$probe" link add name a type veth peer name b 2>&1); then
    printf 'no veth links (ip link add type veth: %s)' "$said"
  elif command -v nft >/dev/null && ! said=$(ip netns exec "$probe" nft add table inet probe 2>&1); then
    printf 'no nftables (nft add table inet: %s)' "$said"
  fi
  ip netns del "$probe" 2>/dev/null || true
  drop_netns_mount
}
