# shellcheck shell=bash
# Brings the lab to what the faults in force ask for: controllers, directory, site,
# relay. Packet rules are in rules.sh, names in dns.sh, web servers and proxies in web.sh.

apply() {
  apply_controllers
  apply_directory
  apply_web
  apply_proxies
  apply_vpn
  apply_second_network
  apply_tunnels
  apply_dns
  apply_dhcp
  apply_rules
  apply_paths
  apply_relay
  apply_site
  apply_ipv6
  apply_ra
  apply_keeper
  apply_bandwidth
}

# What was applied last, per subject: nothing is done twice.
remember() { printf '%s' "$2" >"$RUN/state/$1"; }
recall() { cat "$RUN/state/$1" 2>/dev/null || true; }

apply_controllers() {
  local name pid failed=0
  local -a jobs=()
  for name in dc1 dc2 other; do
    apply_controller "$name" &
    jobs+=($!)
  done
  for pid in "${jobs[@]}"; do wait "$pid" || failed=1; done
  ((!failed)) || die "a controller did not come to what the faults ask for: see above; \"$HERE/lab down\" and \"up\" start afresh"
}

apply_controller() {
  local name=$1 wanted have power
  wanted=$(wanted_controller "$name")
  have=$(recall "$name")
  power=${wanted%% *}
  if [[ $have == frozen* && $wanted != frozen* ]]; then dc_signal "$name" CONT; fi
  if [[ ${have#* } == "${wanted#* }" && $power != stopped ]] && runs "$name-samba"; then
    # Its Samba was started as it is wanted; it may have to stop or go on.
    [[ $power != frozen || $have == frozen* ]] || dc_signal "$name" STOP
    [[ $power == frozen || $have == "$wanted" ]] || dc_wait "$name"
  else
    remember "$name" changing
    stop "$name-samba"
    [[ $power == stopped ]] || controller_start "$name" "$wanted"
  fi
  remember "$name" "$wanted"
}

# "POWER CLOCK CERTIFICATE" of a controller under the faults in force.
wanted_controller() {
  local name=$1 power=running clock=0 certificate=valid
  case $name in
    dc1) ! any_in_force dc-stopped || power=stopped
      ! any_in_force dc-frozen || power=frozen
      ! any_in_force clock-dcs-off || clock=600 ;;
    dc2) ! any_in_force dc-stopped dc-stopped-one || power=stopped
      ! any_in_force dc-frozen dc-frozen-one || power=frozen
      ! any_in_force clock-dcs-off clock-dc-off || clock=600 ;;
    other) in_force wrong-domain || power=stopped ;;
  esac
  ! in_force ldaps-expired || certificate=expired
  printf '%s %s %s' "$power" "$clock" "$certificate"
}

# controller_start NAME "POWER CLOCK CERTIFICATE"
controller_start() {
  local name=$1 power clock certificate
  read -r power clock certificate <<<"$2"
  dc_certificate "$name" "$certificate"
  dc_start "$name" "$clock"
  dc_wait "$name"
  [[ $power != frozen ]] || dc_signal "$name" STOP
}

apply_directory() {
  apply_subnet
  apply_scp
  apply_canary
}

# Which AD site the subnet of the site belongs to, on both controllers at once.
apply_subnet() {
  local have wanted=Berlin
  ! in_force subnet-unmapped || wanted=none
  ! in_force site-without-dc || wanted=Depot
  have=$(recall subnet)
  [[ ${have:=Berlin} != "$wanted" ]] || return 0
  [[ $have != none ]] || move_subnet 10.60.99.0/24 10.60.1.0/24
  if [[ $wanted == none ]]; then
    map_subnet Berlin
    move_subnet 10.60.1.0/24 10.60.99.0/24
  else
    map_subnet "$wanted"
  fi
  remember subnet "$wanted"
}

# The tunnels and the second network belong to Berlin too. Not in the cache, which other labs share.
map_more_subnets() {
  local subnet
  for subnet in "${TUNNEL_NETWORKS[@]}" "$SECOND_NETWORK"; do
    printf 'dn: CN=%s,CN=Subnets,%s\nchangetype: add\nobjectClass: subnet\nsiteObject: CN=Berlin,%s\n\n' "$subnet" "$SITES" "$SITES"
  done | both_dcs_modify
}

readonly SITES=CN=Sites,CN=Configuration,DC=${DOMAIN//./,DC=}

map_subnet() {
  both_dcs_modify <<LDIF
dn: CN=10.60.1.0/24,CN=Subnets,$SITES
changetype: modify
replace: siteObject
siteObject: CN=$1,$SITES
LDIF
}

move_subnet() {
  both_dcs_modify <<LDIF
dn: CN=$1,CN=Subnets,$SITES
changetype: modrdn
newrdn: CN=$2
deleteoldrdn: 1
LDIF
}

# The service connection point for hybrid join.
apply_scp() {
  local have wanted=ours
  ! in_force scp-missing || wanted=none
  ! in_force scp-other-tenant || wanted=other
  have=$(recall scp)
  [[ ${have:=ours} != "$wanted" ]] || return 0
  [[ $have == none ]] || printf 'changetype: delete\n' | scp_modify
  case $wanted in
    ours) scp_of "$TENANT_NAME" "$TENANT_ID" | scp_modify ;;
    other) scp_of "$OTHER_TENANT_NAME" "$OTHER_TENANT_ID" | scp_modify ;;
  esac
  remember scp "$wanted"
}

scp_modify() {
  local change
  change=$(cat)
  both_dcs_modify <<LDIF
dn: CN=$SCP_NAME,CN=Device Registration Configuration,CN=Services,CN=Configuration,DC=${DOMAIN//./,DC=}
$change
LDIF
}

scp_of() {
  cat <<LDIF
changetype: add
objectClass: serviceConnectionPoint
keywords: azureADName:$1
keywords: azureADId:$2
LDIF
}

# The account that may sign in and nothing else, and its password as the box has it.
apply_canary() {
  local have wanted=good
  ! in_force canary-password-wrong || wanted=wrong
  ! in_force canary-disabled || wanted=disabled
  ! in_force canary-locked || wanted=locked
  lay_canary_password "$wanted"
  have=$(recall canary)
  [[ ${have:=good} != "$wanted" ]] || return 0
  case $have in
    wrong) lockout_threshold 0 ;;
    disabled) canary_modify userAccountControl 512 ;;
    locked) lockout_threshold 0 && canary_modify lockoutTime 0 ;;
  esac
  case $wanted in
    # Samba counts wrong passwords only where they may lock an account.
    wrong) canary_modify lockoutTime 0 && lockout_threshold 20 ;;
    disabled) canary_modify userAccountControl 514 ;;
    locked) lockout_threshold 1 && lock_canary ;;
  esac
  remember canary "$wanted"
}

lay_canary_password() {
  local file=$RUN/site/canary-password
  if [[ $1 != wrong ]]; then
    cmp -s "$CACHE/canary-password" "$file" || install -m 600 "$CACHE/canary-password" "$file"
  else
    (umask 077 && printf 'Wrong-Password-1!\n' >"$file")
  fi
}

canary_modify() {
  both_dcs_modify <<LDIF
dn: CN=$CANARY,CN=Users,DC=${DOMAIN//./,DC=}
changetype: modify
replace: $1
$1: $2
LDIF
}

lockout_threshold() {
  both_dcs_modify <<LDIF
dn: DC=${DOMAIN//./,DC=}
changetype: modify
replace: lockoutThreshold
lockoutThreshold: $1
LDIF
}

lock_canary() {
  local name
  for name in dc1 dc2; do
    ! inside "$name" env LDAPTLS_REQCERT=never ldapsearch -x -o nettimeout=5 -H "ldaps://$(dc_address "$name")" \
      -D "$CANARY@$DOMAIN" -w Wrong-Password-1! -s base -b '' dnsHostName >>"$RUN/log/ldapmodify.log" 2>&1 ||
      die "$name took a wrong password of $CANARY"
  done
}

# The LDAP pings of the site take a detour through a relay that holds them.
apply_relay() {
  local wanted=''
  ! in_force slow-dc || wanted="$DC1 $DC2"
  ! in_force slow-dc-one || wanted=$DC2
  if [[ $(recall relay) == "$wanted" ]]; then return; fi
  stop relay KILL
  while ip -n "$(ns edge)" rule del table 389 2>/dev/null; do :; done
  ip -n "$(ns edge)" link del slow0 2>/dev/null || true
  # shellcheck disable=SC2086  # one word per address
  [[ -z $wanted ]] || relay_start $wanted
  remember relay "$wanted"
}

relay_start() {
  local address
  local -a edge=(ip -n "$(ns edge)")
  "${edge[@]}" tuntap add dev slow0 mode tun
  "${edge[@]}" link set slow0 up
  "${edge[@]}" route replace default dev slow0 table 389
  start edge relay "$HERE/tools/slow-relay" slow0 0.6
  wait_for 5 "the relay to hold slow0 ($RUN/log/relay.log)" grep -q ready "$RUN/log/relay.log"
  for address in "$@"; do
    "${edge[@]}" rule add iif site ipproto udp dport 389 to "$address" table 389
  done
}

# IPv6 from the site to the Internet; as a rule the site has none.
apply_ipv6() {
  local wanted='' site_ns edge_ns off=1
  ! any_in_force ipv6-open ipv6-dead "${RA_FAULTS[@]}" || wanted=yes off=0
  if [[ $(recall ipv6) == "$wanted" ]]; then return; fi
  site_ns=$(ns site) edge_ns=$(ns edge)
  # Who loses IPv6 loses its addresses and routes with it.
  # What the site is told by routers, it does not take: only what clients are told is tested.
  inside site sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.disable_ipv6=$off
  ip -n "$edge_ns" link set site addrgenmode none
  inside edge sysctl -qw net.ipv6.conf.site.accept_dad=0 net.ipv6.conf.inet.accept_dad=0 \
    net.ipv6.conf.lo.disable_ipv6=$off net.ipv6.conf.site.disable_ipv6=$off net.ipv6.conf.inet.disable_ipv6=$off net.ipv6.conf.all.forwarding=$((!off))
  if [[ -n $wanted ]]; then
    printf '%s\n' "addr add $GATEWAY6/64 dev site nodad" "addr add $RESOLVER6/64 dev site nodad" "addr add $ROUTER6/64 dev site nodad" "addr add $EDGE6/64 dev inet nodad" \
      "route add $INTERNET6 via $INET6" | ip -6 -n "$edge_ns" -batch -
    printf '%s\n' "addr add $SITE_ADDRESS6/64 dev eth0 nodad" "route add default via $GATEWAY6" | ip -6 -n "$site_ns" -batch -
  fi
  remember ipv6 "$wanted"
}

# The site's link, address and route.
apply_site() {
  local wanted
  wanted=$(active_of link-down link-no-carrier no-address no-default-route gateway-dead gateway-only-dead)
  if [[ $(recall site) == "$wanted" ]]; then return; fi
  ip -n "$(ns edge)" link set site up
  site_link_up
  case $wanted in
    link-down) ip -n "$(ns site)" link set eth0 down ;;
    link-no-carrier) ip -n "$(ns edge)" link set site down ;;
    no-address) ip -n "$(ns site)" addr flush dev eth0 ;;
    no-default-route) ip -n "$(ns site)" route del default ;;
  esac
  ip -n "$(ns edge)" neigh flush dev site
  remember site "$wanted"
}

# How fast the Internet sends. Packets wait rather than get lost, as before a slow line.
apply_bandwidth() {
  local wanted
  wanted=$(active_of bandwidth-low)
  if [[ $(recall bandwidth) == "$wanted" ]]; then return; fi
  inside inet tc qdisc del dev eth0 root 2>/dev/null || true
  [[ -z $wanted ]] || inside inet tc qdisc add dev eth0 root tbf rate 3mbit burst 16kb latency 2s
  remember bandwidth "$wanted"
}
