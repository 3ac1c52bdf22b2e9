# shellcheck shell=bash
# A second deployment network on the box: its own link (eth1), address, gateway and resolver, under the fault
# "second-network" only. The edge counts what arrives from whom on which of the two links.

apply_second_network() {
  local wanted=''
  ! in_force second-network || wanted=up
  ! in_force second-link-down || wanted=down
  if [[ $(recall second) == "$wanted" ]]; then return; fi
  remember second changing
  [[ -n $wanted ]] || second_network_gone
  [[ -z $wanted || -n $(interface_of edge site2) ]] || second_network_up
  case $wanted in
    up) second_link_up ;;
    down) ip -n "$(ns site)" link set eth1 down ;;
  esac
  remember second "$wanted"
}

# interface_of NAMESPACE NAME: the name, where there is such an interface.
interface_of() { ip -n "$(ns "$1")" -brief link show "$2" 2>/dev/null | cut -d ' ' -f 1; }

second_network_gone() {
  stop resolver-second KILL
  inside edge nft -f - <<'NFT'
add table netdev counts
delete table netdev counts
NFT
  ip -n "$(ns edge)" link del site2 2>/dev/null || true
}

second_network_up() {
  ip link add name site2 netns "$(ns edge)" type veth peer name eth1 netns "$(ns site)"
  printf '%s\n' "addr add $SECOND_GATEWAY/24 dev site2" "addr add $SECOND_RESOLVER/24 dev site2" 'link set site2 up' |
    ip -n "$(ns edge)" -batch -
  second_counters | inside edge nft -f - || die "nft did not take the counters of the second network: see above"
}

# The box has a way out by eth1 for what is bound to it; all else leaves by eth0.
second_link_up() {
  printf '%s\n' "addr replace $SECOND_ADDRESS/24 dev eth1" 'link set eth1 gso_max_segs 1 up' \
    "route replace default via $SECOND_GATEWAY dev eth1 metric 200" | ip -n "$(ns site)" -batch -
}

# What comes in, before any rule drops it: by link and sender, IPv4 and ARP, and what is for a network that
# lies behind the other link.
second_counters() {
  cat <<NFT
table netdev counts {
  counter first_on_site {}
  counter second_on_site {}
  counter for_second_on_site {}
  counter first_on_site2 {}
  counter second_on_site2 {}
  counter for_first_on_site2 {}
  chain site {
    type filter hook ingress device "site" priority 0;
    ip saddr $SITE_ADDRESS counter name first_on_site
    ip saddr $SECOND_ADDRESS counter name second_on_site
    arp saddr ip $SECOND_ADDRESS counter name second_on_site
    ip daddr $SECOND_NETWORK counter name for_second_on_site
  }
  chain site2 {
    type filter hook ingress device "site2" priority 0;
    ip saddr $SECOND_ADDRESS counter name second_on_site2
    ip saddr $SITE_ADDRESS counter name first_on_site2
    arp saddr ip $SITE_ADDRESS counter name first_on_site2
    ip daddr ${GATEWAY%.*}.0/24 counter name for_first_on_site2
  }
}
NFT
}

# The packets that were counted since the second network came up, as NAME=NUMBER.
print_counts() {
  need_up
  in_force second-network || die "only \"second-network\" counts: $HERE/lab fault second-network"
  inside edge nft list counters table netdev counts |
    awk '$1 == "counter" { name = $2 } $1 == "packets" { print name "=" $2 }'
}

second_rules() {
  if in_force second-network-dead; then
    drop_rule "input iifname site2"
    drop_rule "forward iifname site2"
  fi
}
