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
    loss) loses "$DC1" '[1-5][0-9]' && loses "$DC2" '[1-5][0-9]' && loses "$GATEWAY" 0 && loses "$INET_WEB" 0 ;;
    *) return 1 ;;
  esac
}

# The first packet that is too long brings word of the way; the next is stopped on the box.
edge_tells_mtu() { sees "(Frag needed and DF set .mtu = $SMALL_MTU.|message too long, mtu=$SMALL_MTU)" ping -n -c 1 -W 1 -M 'do' -s $((SMALL_MTU + 1 - 28)) "$1"; }

# loses ADDRESS PER-CENT: of 100 small packets.
loses() { sees " $2(\.[0-9]+)?% packet loss" ping -n -q -c 100 -i 0.01 -W 1 "$1"; }
