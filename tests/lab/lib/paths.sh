# shellcheck shell=bash
# What is wrong with the direct way from the site to the controllers: packets that do not fit or get lost.

# Every packet of the controllers and of the site is as long as it is on a wire; the kernel would hand several
# over as one.
single_packets() {
  local where
  for where in site dc1 dc2; do ip -n "$(ns "$where")" link set eth0 gso_max_segs 1; done
}

# A smaller MTU between the site and the controllers, of which the edge tells.
apply_paths() {
  local wanted interface network
  wanted=$(active_of mtu-small)
  if [[ $(recall paths) == "$wanted" ]]; then return; fi
  remember paths changing
  while ip -n "$(ns edge)" rule del lookup 1300 2>/dev/null; do :; done
  ip -n "$(ns edge)" route flush table 1300 2>/dev/null || true
  if [[ -n $wanted ]]; then
    while read -r interface network; do
      ip -n "$(ns edge)" route add "$network" dev "$interface" table 1300 mtu "$SMALL_MTU"
      # Behind the rules of the relay, which sits on the same way.
      ip -n "$(ns edge)" rule add iif "$interface" lookup 1300 pref 32765
    done <<WAYS
site ${GATEWAY%.*}.0/24
dc1 ${DC_NETWORKS[0]}
dc2 ${DC_NETWORKS[1]}
WAYS
  fi
  # What they learned of the way.
  for interface in site dc1 dc2; do ip -n "$(ns "$interface")" route flush cache; done
  remember paths "$wanted"
}

path_rules() {
  local networks
  networks=$(IFS=,; printf '{ %s }' "${DC_NETWORKS[*]}")
  ! in_force no-direct-path || drop_rule "forward iifname { site, site2 } ip daddr $networks"
  if in_force mtu-black-hole; then
    drop_rule "forward iifname site ip daddr $networks ip length > $LONGEST_PACKET"
    drop_rule "forward oifname site ip saddr $networks ip length > $LONGEST_PACKET"
  fi
  if in_force loss; then
    cat <<'NFT'
add set inet sightline bursts { type ipv4_addr . inet_service; flags dynamic; timeout 10s; }
add set inet sightline once { type ipv4_addr . inet_service; flags dynamic; timeout 10s; }
NFT
    loses_to "$DC1"
    loses_to "$DC2"
  fi
}

# Every third packet is lost, by count and not by chance, so that a look finds the same each time: of echoes, of
# LDAP pings that come in a burst, and of the packets that begin a connection. No exchange loses so many
# that it fails.
loses_to() {
  drop_rule "forward iifname site ip daddr $1 icmp type echo-request numgen inc mod 3 == 0"
  drop_rule "forward iifname site ip daddr $1 udp dport 389 update @bursts { ip daddr . udp sport limit rate over 1/second burst 2 packets } numgen inc mod 3 == 0"
  drop_rule "forward iifname site ip daddr $1 tcp flags & (syn | ack) == syn ip daddr . tcp sport != @once numgen inc mod 3 == 0 add @once { ip daddr . tcp sport }"
}
