# shellcheck shell=bash
# Namespaces, links, addresses, and the files of /etc/netns.

# link NAMESPACE EDGE-ADDRESS ADDRESS…: a link from the edge to that namespace.
link() {
  local where=$1 edge_address=$2 address
  shift 2
  ip link add name "$where" netns "$(ns edge)" type veth peer name eth0 netns "$(ns "$where")"
  {
    for address in "$@"; do printf 'addr add %s dev eth0\n' "$address"; done
    printf 'link set lo up\nlink set eth0 up\nroute add default via %s\n' "${edge_address%/*}"
  } | ip -n "$(ns "$where")" -batch -
  printf 'addr add %s dev %s\nlink set %s up\n' "$edge_address" "$where" "$where" |
    ip -n "$(ns edge)" -batch -
}

net_up() {
  local where
  note_netns_mount
  for where in "${ALL_NAMESPACES[@]}"; do
    ip netns add "$(ns "$where")"
    # The lab is IPv4; without this, servers would publish link-local addresses.
    inside "$where" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  done
  ip -n "$(ns edge)" link set lo up
  link site "$GATEWAY/24" "$SITE_ADDRESS/24"
  # A neighbour of the site, on the same segment.
  ip -n "$(ns edge)" link add link site name rogue address "$DHCP_ROGUE_CARD" type macvlan mode bridge
  ip -n "$(ns edge)" link set rogue netns "$(ns rogue)" name eth0
  printf '%s\n' "addr add $DHCP_ROGUE/24 dev eth0" 'link set lo up' 'link set eth0 up' | ip -n "$(ns rogue)" -batch -
  link inet 203.0.113.1/24 203.0.113.10/24 "$INET_DNS/24" "$INET_TIME/24" "$INET_WEB/24"
  link dc1 10.60.10.1/24 "$DC1/24"
  link dc2 10.60.20.1/24 "$DC2/24"
  link other 10.60.40.1/24 "$OTHER_DC/24"
  vpn_up
  tunnels_up
  single_packets
  ip -n "$(ns edge)" addr add "$RESOLVER_ONE/24" dev site
  ip -n "$(ns edge)" addr add "$RESOLVER_TWO/24" dev site
  ip -n "$(ns edge)" addr add "$PROXY/24" dev site
  ip -n "$(ns edge)" addr add "$PORTAL/24" dev site
  ip -n "$(ns edge)" addr add "$WPAD/24" dev site
  internet_up
  # Packets to this network are swallowed: nobody is there, and nobody says so.
  ip -n "$(ns edge)" route add blackhole "$NOBODY_NETWORK"
  inside edge sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.tcp_syn_retries=1
  inside site sysctl -qw "net.ipv4.ping_group_range=0 2147483647"
  net_files
}

# Every address of the other networks of the Internet is one of inet.
internet_up() {
  local network
  for network in "${INTERNET[@]:1}"; do
    ip -n "$(ns edge)" route add "$network" via 203.0.113.10
    ip -n "$(ns inet)" route add local "$network" dev lo
  done
  inside inet sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0 net.ipv6.ip_nonlocal_bind=1
  printf '%s\n' "addr add $INET6/64 dev eth0 nodad" "addr add $INET_DNS6/64 dev eth0 nodad" "route add local $INTERNET6 dev lo" "route add default via $EDGE6" |
    ip -6 -n "$(ns inet)" -batch -
}

# Each namespace gets its own resolv.conf and hosts by "ip netns exec".
net_files() {
  local where
  for where in "${ALL_NAMESPACES[@]}"; do
    mkdir -p "/etc/netns/$(ns "$where")"
    printf '127.0.0.1 localhost\n' >"/etc/netns/$(ns "$where")/hosts"
  done
  printf 'nameserver %s\n' "$RESOLVER_ONE" "$RESOLVER_TWO" >"/etc/netns/$(ns site)/resolv.conf"
  printf 'search %s\n' "$DOMAIN" >>"/etc/netns/$(ns site)/resolv.conf"
  printf 'nameserver %s\n' "$RESOLVER_ONE" >"/etc/netns/$(ns edge)/resolv.conf"
  printf 'nameserver %s\n' "$INET_DNS" | tee "/etc/netns/$(ns vpngw)/resolv.conf" >"/etc/netns/$(ns inet)/resolv.conf"
  printf 'nameserver %s\nsearch %s\n' "$DC1" "$DOMAIN" | tee "/etc/netns/$(ns dc1)/resolv.conf" \
    >"/etc/netns/$(ns dc2)/resolv.conf"
  printf 'nameserver %s\nsearch %s\n' "$OTHER_DC" "$OTHER_DOMAIN" >"/etc/netns/$(ns other)/resolv.conf"
  printf '%s site\n' "$SITE_ADDRESS" >>"/etc/netns/$(ns site)/hosts"
  printf '%s dc1.%s dc1\n' "$DC1" "$DOMAIN" >>"/etc/netns/$(ns dc1)/hosts"
  printf '%s dc2.%s dc2\n' "$DC2" "$DOMAIN" >>"/etc/netns/$(ns dc2)/hosts"
  printf '%s dc.%s dc\n' "$OTHER_DC" "$OTHER_DOMAIN" >>"/etc/netns/$(ns other)/hosts"
  fill krb5.conf "REALM=$REALM" >"$RUN/krb5.conf"
}

net_down() {
  local where
  for where in "${ALL_NAMESPACES[@]}"; do
    # A file without a namespace is left from before a boot.
    ip netns del "$(ns "$where")" 2>/dev/null || rm -f "/run/netns/$(ns "$where")"
    rm -rf "/etc/netns/$(ns "$where")"
  done
  rmdir /etc/netns 2>/dev/null || true
  drop_netns_mount
}

# "ip netns add" makes /run/netns a mount of its own and leaves it behind; who
# made it the first takes it away with the last namespace.
note_netns_mount() {
  mountpoint -q /run/netns 2>/dev/null || touch /run/sightline-lab/made-netns-mount
}

drop_netns_mount() {
  [[ -e /run/sightline-lab/made-netns-mount && -z $(ls -A /run/netns 2>/dev/null) ]] || return 0
  umount /run/netns 2>/dev/null || true
  rmdir /run/netns 2>/dev/null || true
  rm -f /run/sightline-lab/made-netns-mount
}

# The site's own side of the LAN, as it is when all is well.
site_link_up() {
  local address="$SITE_ADDRESS/24"
  {
    printf 'link set eth0 up\naddr replace %s dev eth0\n' "$address"
    printf 'route replace default via %s\nneigh flush dev eth0\n' "$GATEWAY"
  } | ip -n "$(ns site)" -batch -
}

# Forgets who answered for the gateway and the resolvers.
site_forget_neighbours() { ip -n "$(ns site)" neigh flush dev eth0; }
