# shellcheck shell=bash
# The packet rules of the faults: one table in the edge, written anew each time.

apply_rules() {
  packet_rules >"$RUN/rules.nft"
  inside edge nft -f "$RUN/rules.nft" || die "nft did not take the rules in $RUN/rules.nft: see above"
}

packet_rules() {
  cat <<'NFT'
add table inet sightline
delete table inet sightline
table inet sightline {
  chain reroute { type nat hook prerouting priority dstnat; }
  chain input { type filter hook input priority filter; }
  chain forward { type filter hook forward priority filter; }
  chain output { type filter hook output priority filter; }
}
add table netdev sightline
delete table netdev sightline
add table arp sightline
delete table arp sightline
NFT
  resolver_rules
  controller_rules
  port_rules
  web_rules
  vpn_rules
  path_rules
  second_rules
  uplink_rules
}

# drop_rule CHAIN MATCH…: drops what matches, and counts it.
drop_rule() { printf 'add rule inet sightline %s counter drop\n' "$*"; }

resolver_rules() {
  local both="{ $RESOLVER_ONE, $RESOLVER_TWO }"
  ! in_force resolvers-dead || drop_rule "input iifname site ip daddr $both"
  ! in_force resolver-one-dead || drop_rule "input iifname site ip daddr $RESOLVER_TWO"
  # The number of additional records in a question stands 18 bytes behind the start of the UDP header.
  ! in_force edns-dropped || drop_rule "input iifname site ip daddr $both udp dport 53 @th,144,16 != 0"
  ! in_force dns-truncated || drop_rule "input iifname site ip daddr $both tcp dport 53"
}

controller_rules() {
  ! in_force dc-one-dead || dead_controller "$DC2"
  ! in_force dc-near-dead || dead_controller "$DC1"
  if in_force dcs-dead; then
    dead_controller "$DC1"
    dead_controller "$DC2"
  fi
  if in_force wrong-domain; then
    printf 'add rule inet sightline reroute iifname site ip daddr { %s, %s } counter dnat ip to %s\n' \
      "$DC1" "$DC2" "$OTHER_DC"
  fi
}

# The resolvers, on the edge, are told at once, so that they ask the other one.
dead_controller() {
  drop_rule "forward ip daddr $1"
  drop_rule "forward ip saddr $1"
  printf 'add rule inet sightline output ip daddr %s meta l4proto tcp counter reject with tcp reset\n' "$1"
  printf 'add rule inet sightline output ip daddr %s counter reject with icmp type host-unreachable\n' "$1"
}

# FAULT MATCH, for both controllers and, with the suffix -one, for dc2.
port_rules() {
  local name match
  while read -r name match; do
    ! in_force "$name" || drop_rule "forward iifname site ip daddr { $DC1, $DC2 } $match"
    ! in_force "$name-one" || drop_rule "forward iifname site ip daddr $DC2 $match"
  done <<'PORTS'
udp389-blocked udp dport 389
tcp389-blocked tcp dport 389
kerberos-udp-blocked udp dport 88
kerberos-tcp-blocked tcp dport 88
kerberos-blocked meta l4proto { tcp, udp } th dport 88
tcp445-blocked tcp dport 445
tcp135-blocked tcp dport 135
rpc-dynamic-blocked tcp dport 49152-65535
gc-blocked tcp dport 3268
ldaps-blocked tcp dport 636
kpasswd-blocked meta l4proto { tcp, udp } th dport 464
PORTS
  local refuse='tcp dport 445 counter reject with tcp reset'
  ! in_force tcp445-refused ||
    printf 'add rule inet sightline forward iifname site ip daddr { %s, %s } %s\n' "$DC1" "$DC2" "$refuse"
  ! in_force tcp445-refused-one ||
    printf 'add rule inet sightline forward iifname site ip daddr %s %s\n' "$DC2" "$refuse"
}

# shellcheck disable=SC2153  # the capital names come from names-web.sh
internet_set() { printf '{ %s }' "$(IFS=,; printf '%s' "${INTERNET[*]},$VPN_NETWORK")"; }

# The order matters where two of them take the same packets: what is dropped on its way into the
# Internet is dropped for the proxies on the edge too.
web_rules() {
  local internet
  internet=$(internet_set)
  ! in_force web-dead || no_way_to "ip daddr $internet tcp dport { 80, 443 }"
  ! in_force https-blocked || no_way_to "ip daddr $internet tcp dport 443"
  ! in_force host-blocked || no_way_to "ip daddr $(web_address "$BLOCKED_HOST")"
  ! in_force soft-host-blocked || no_way_to "ip daddr $(web_address "$BLOCKED_SOFT_HOST")"
  ! in_force realm-federated || no_way_to "ip daddr $(web_address "$STS_NAME")"
  ! in_force portal-redirect || drop_rule "forward iifname site ip daddr $internet tcp dport 443"
  ! in_force portal-page || detour "ip daddr $internet tcp dport 443" "dnat ip to $PORTAL"
  ! any_in_force portal-redirect portal-page || detour "ip daddr $internet tcp dport 80" "dnat ip to $PORTAL"
  ! in_force tls-inspected || detour "ip daddr $internet tcp dport 443" "redirect to :$INSPECTION_PORT"
  ! in_force tls-inspected-one ||
    detour "ip daddr $(web_address "$INSPECTED_HOST") tcp dport 443" "redirect to :$INSPECTION_PORT"
  ! any_in_force proxy-required proxy-auth proxy-filtering proxy-dead wpad-dhcp ||
    drop_rule "forward iifname site ip daddr $internet tcp dport { 80, 443 }"
  ! in_force ipv6-dead || drop_rule "forward iifname site meta nfproto ipv6"
  ! in_force proxy-dead || drop_rule "input iifname site ip daddr $PROXY"
}

# For the site, and for the proxies on the edge.
no_way_to() {
  drop_rule "forward iifname site $1"
  drop_rule "output $1"
}

# detour MATCH WHERE: connections of the site to the Internet end on the edge.
detour() { printf 'add rule inet sightline reroute iifname site %s counter %s\n' "$1" "$2"; }

uplink_rules() {
  local internet
  internet=$(internet_set)
  ! in_force ntp-blocked || drop_rule "forward ip daddr $internet udp dport 123"
  if in_force icmp-blocked; then
    drop_rule "input iifname site icmp type echo-request"
    drop_rule "forward iifname site icmp type echo-request"
  fi
  if in_force internet-dead; then
    drop_rule "forward ip daddr $internet"
    # The answers: a dropped question would tell the resolvers at once.
    drop_rule "input ip saddr $internet"
  fi
  if in_force black-holed; then
    drop_rule "forward iifname site"
    drop_rule "input iifname site ip daddr { $RESOLVER_ONE, $RESOLVER_TWO }"
  fi
  if in_force gateway-dead; then
    printf 'table netdev sightline {\n  chain ingress {\n'
    printf '    type filter hook ingress device "site" priority 0;\n    counter drop\n  }\n}\n'
  fi
  if in_force gateway-only-dead; then
    drop_rule "forward iifname site"
    drop_rule "input iifname site ip daddr $GATEWAY"
    printf 'table arp sightline {\n  chain input {\n    type filter hook input priority 0;\n'
    printf '    arp daddr ip %s counter drop\n  }\n' "$GATEWAY"
    # Packets that are late for the site would make it ask for the site by ARP, and be heard of there.
    printf '  chain output {\n    type filter hook output priority 0;\n'
    printf '    arp saddr ip %s counter drop\n  }\n}\n' "$GATEWAY"
  fi
}
