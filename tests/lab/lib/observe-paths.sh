# shellcheck shell=bash
# What is to be seen of the direct way to the controllers and of the second network, with ping, ip and ldapsearch.
# For the selftest; the helpers are in observe.sh.

# All attributes of a controller's rootDSE, which fill several packets.
long_answer() {
  SEEN="ldapsearch $1 -> $(inside site timeout 4 ldapsearch -x -LLL -H "ldap://$1" -o nettimeout=2 -l 2 -s base -b '' '*' + 2>&1 | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ supportedCapabilities.*isGlobalCatalogReady|isGlobalCatalogReady.*supportedCapabilities ]]
}

# A packet of so many bytes, which nobody may cut: echoes_long BYTES ADDRESS
echoes_long() { sees ' 0% packet loss' ping -n -c 1 -W 1 -M 'do' -s $(($1 - 28)) "$2"; }

# It gets lost, and nobody says so.
no_echo_long() { sees '1 packets transmitted, 0 received, 100% packet loss' ping -n -c 1 -W 1 -M 'do' -s $(($1 - 28)) "$2"; }

path_fault_shows() {
  case $1 in
    no-direct-path) both_dcs silent tcp 389 && no_echo "$DC1" && no_echo "$DC2" && both_resolvers 'status: NXDOMAIN' "$SRV" srv &&
      echoes "$INET_WEB" && echoes "$VPN_OPENVPN" && dcs_are_reached_by eth0 && serves "$BLOCKED_HOST" ;;
    mtu-black-hole) both_dcs open tcp 389 && echoes_long "$LONGEST_PACKET" "$DC1" && no_echo_long $((LONGEST_PACKET + 1)) "$DC1" &&
      no_echo_long $((LONGEST_PACKET + 1)) "$DC2" && echoes_long 1500 "$INET_WEB" && ! long_answer "$DC1" ;;
    mtu-small) echoes_long "$SMALL_MTU" "$DC1" && echoes_long 1500 "$INET_WEB" && edge_tells_mtu "$DC1" && edge_tells_mtu "$DC2" &&
      long_answer "$DC1" && long_answer "$DC2" ;;
    loss) loses "$DC1" '3[34]' && loses "$DC2" '3[34]' && loses "$GATEWAY" 0 && loses "$INET_WEB" 0 ;;
    second-network) second_network_leads_out && leaks_are_counted ;;
    second-network-dead) sees ',UP,LOWER_UP' ip -o link show eth1 && second_network_is_mute && sees 'REACHABLE|DELAY|STALE' ip neigh show "$SECOND_GATEWAY" dev eth1 &&
      counted second_on_site2 '[1-9][0-9]*' && counted second_on_site 0 && counted first_on_site2 0 && leaks_are_counted && healthy_in_short ;;
    second-link-down) sees 'state DOWN' ip -o link show eth1 && counted second_on_site2 0 && counted second_on_site 0 &&
      through eth1 looks unreachable tcp "$DC1" 389 && sees "^default via $GATEWAY dev eth0 *$" ip route show default && healthy_in_short ;;
    *) return 1 ;;
  esac
}

# The first packet that is too long brings word of the way; the next is stopped on the box.
edge_tells_mtu() { sees "(Frag needed and DF set .mtu = $SMALL_MTU.|message too long, mtu=$SMALL_MTU)" ping -n -c 1 -W 1 -M 'do' -s $((SMALL_MTU + 1 - 28)) "$1"; }

# loses ADDRESS PER-CENT: of 100 small packets.
loses() { sees " $2(\.[0-9]+)?% packet loss" ping -n -q -c 100 -i 0.01 -W 1 "$1"; }

# What leaves by eth1 comes back; what is bound to nothing leaves by eth0.
second_network_leads_out() {
  sees "$SECOND_ADDRESS/24" ip -o -4 addr show dev eth1 && sees " dev eth0 src $SITE_ADDRESS " ip route get "$DC1" &&
    sees "via $SECOND_GATEWAY dev eth1 src $SECOND_ADDRESS " ip route get "$DC1" oif eth1 && echoes_by_eth1 "$SECOND_GATEWAY" && echoes_by_eth1 "$INET_WEB" &&
    through eth1 looks 'answer rcode=0 answers=1' dns "$SECOND_RESOLVER" && through eth1 looks 'answer stratum=2 ' ntp "$INET_TIME" &&
    through eth1 looks 'answer .* site=Berlin client_site=Berlin' cldap "$DC1" && through eth1 looks open tcp "$DC2" 636 &&
    sees 'status: NXDOMAIN' dig +time=1 +tries=1 -b "$SECOND_ADDRESS" "@$SECOND_RESOLVER" no-such-name.example.org
}

echoes_by_eth1() { sees ' 0% packet loss' ping -n -c 1 -W 1 -I eth1 "$1"; }
second_network_is_mute() {
  sees '100% packet loss' ping -n -c 1 -W 1 -I eth1 "$SECOND_GATEWAY" && through eth1 looks silent dns "$SECOND_RESOLVER" &&
    through eth1 looks silent tcp "$DC1" 389 && sees '100% packet loss' ping -n -c 1 -W 1 -I eth1 "$INET_WEB"
}

# counted NAME NUMBER: what the edge has counted so far.
counted() {
  SEEN="$("$LAB" counts 2>&1 | tr '\n' ' ' || true)"
  [[ " $SEEN" =~ \ $1=$2\  ]]
}

# Packets on the wrong link are counted: with the address of the other network, and for the other network.
leaks_are_counted() {
  counted second_on_site 0 && counted first_on_site2 0 && counted for_second_on_site 0 && counted for_first_on_site2 0 || return 1
  inside site ping -n -c 1 -W 0.1 -I "$SECOND_ADDRESS" "$DC1" >/dev/null || true
  LOOK_THROUGH=eth0 inside site "$HERE/tools/look" tcp "$SECOND_RESOLVER" 53 >/dev/null
  LOOK_THROUGH=eth1 inside site "$HERE/tools/look" tcp "$RESOLVER_ONE" 53 >/dev/null
  counted second_on_site '[1-9][0-9]*' && counted for_second_on_site '[1-9][0-9]*' && counted for_first_on_site2 '[1-9][0-9]*'
}
