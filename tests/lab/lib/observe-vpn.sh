# shellcheck shell=bash
# What is to be seen of the VPN gateways from the site, with their own clients' packets, curl, openssl and
# dig. For the selftest; the helpers are in observe.sh and observe-web.sh.

# udp WHAT ADDRESS PORT HEX: what one datagram brings back within a second, as hexadecimal, "silent" or
# "refused"; a blank stands behind it.
udp() { sees "$1" "$HERE/tools/knock" udp "$2" "$3" "$4"; }

# The first message of IKEv2 with a proposal that nobody takes (DES, MD5, group 1); the answer is notify 14.
ike_message() { grep -v '^#' "$HERE/../vectors/wire/ikev2-noprop-req.hex" | tr -d '\n'; }

ike_answers() { udp "^53494748540000010000000000000000292022.*$2 \$" "$1" 500 "$(ike_message)"; }

openvpn_reset() { printf '3853474854000000010000000000'; }

vpn_gateways_show() {
  ike_answers "$VPN_IKE" 0000000e && udp '^00000000.*0000000e $' "$VPN_IKE" 4500 "00000000$(ike_message)" &&
    udp '^40.*534748540000000100000000 $' "$VPN_OPENVPN" 1194 "$(openvpn_reset)" && udp '^silent' "$VPN_OPENVPN" 1195 "$(openvpn_reset)" &&
    udp '^silent' "$VPN_OPENVPN" 1196 "$(openvpn_reset)" && looks open tcp "$VPN_OPENVPN" 1197 && looks open tcp "$VPN_OPENVPN" 1198 &&
    udp '^silent' "$VPN_WIREGUARD" 51820 00 && fetches '<config-auth.* status=200 end=0 ' "https://ocserv.$VPN_DOMAIN/" &&
    presents 'Verify return code: 0 ' "sstp.$VPN_DOMAIN"
}

vpn_fault_shows() {
  local inspected='issuer=O = Corp Example, CN = Corp Inspection CA'
  case $1 in
    vpn-gateways) vpn_gateways_show ;;
    vpn-ike-cookie) ike_cookie_shows ;;
    vpn-gateway-dead) udp '^silent' "$VPN_IKE" 500 "$(ike_message)" && looks silent tcp "$VPN_OCSERV" 443 && no_echo "$VPN_IKE" &&
      asks "$VPN_IKE" "$RESOLVER_ONE" "ike.$VPN_DOMAIN" a && serves "$BLOCKED_HOST" ;;
    vpn-refused) udp '^refused' "$VPN_IKE" 500 "$(ike_message)" && looks refused tcp "$VPN_OCSERV" 443 && echoes "$VPN_IKE" ;;
    vpn-name-unknown) both_resolvers 'status: NXDOMAIN' "ike.$VPN_DOMAIN" a && echoes "$VPN_IKE" && serves "$BLOCKED_HOST" ;;
    vpn-500-only) ike_answers "$VPN_IKE" 0000000e && udp '^silent' "$VPN_IKE" 4500 "00000000$(ike_message)" ;;
    vpn-intercepted) presents "$inspected" "ocserv.$VPN_DOMAIN" && presents "$inspected" "sstp.$VPN_DOMAIN" && serves "$BLOCKED_HOST" ;;
    *) return 1 ;;
  esac
}

ike_question() { sed "/^#/d" "$HERE/../vectors/wire/ikev2-sainit-req.hex" | tr -d "\n"; }

# A question that could be taken gets a cookie.
ike_cookie_shows() {
  udp '^53494748540000010000000000000000292022200000000000.*00004006' "$VPN_IKE" 500 "$(ike_question)"
}

# Each tunnel that is in force: "INTERFACE ADDRESS GATEWAY".
tunnels_in_force() {
  ! in_force tunnel-openvpn || printf '%s\n' "$TUNNEL_OPENVPN $TUNNEL_OPENVPN_ADDRESS $TUNNEL_OPENVPN_GATEWAY"
  ! in_force tunnel-wireguard || printf '%s\n' "$TUNNEL_WIREGUARD $TUNNEL_WIREGUARD_ADDRESS $TUNNEL_WIREGUARD_GATEWAY"
}

# in_each_tunnel COMMAND…: holds for each tunnel; INTERFACE, ADDRESS and GATEWAY_IN are those of the tunnel.
in_each_tunnel() {
  local INTERFACE ADDRESS GATEWAY_IN
  while read -r INTERFACE ADDRESS GATEWAY_IN <&3; do
    "$@" || return 1
  done 3< <(tunnels_in_force)
}

tunnel_is_there() { sees "$ADDRESS/24" ip -o -4 addr show dev "$INTERFACE" && sees ',UP,LOWER_UP' ip -o link show "$INTERFACE"; }
tunnel_has_routes() {
  sees "^${DC_NETWORKS[0]} dev $INTERFACE " ip route get fibmatch "$DC1" oif "$INTERFACE" &&
    sees "^${DC_NETWORKS[1]} dev $INTERFACE " ip route get fibmatch "$DC2" oif "$INTERFACE"
}
echoes_in() { sees ' 0% packet loss' ping -n -c 1 -W 1 -I "$INTERFACE" "$1"; }
no_echo_in() { sees '100% packet loss' ping -n -c 1 -W 1 -I "$INTERFACE" "$1"; }
looks_in() { through "$INTERFACE" looks "$@"; }
# A packet of so many bytes, which nobody may cut.
echoes_long_in() { sees ' 0% packet loss' ping -n -c 1 -W 1 -M 'do' -s $(($1 - 28)) -I "$INTERFACE" "$2"; }
no_echo_long_in() { sees '0 received, 100% packet loss' ping -n -c 1 -W 1 -M 'do' -s $(($1 - 28)) -I "$INTERFACE" "$2"; }

# The controllers as they are to be seen through a tunnel that is well.
tunnel_leads_to_dcs() {
  tunnel_is_there && tunnel_has_routes && echoes_in "$GATEWAY_IN" && echoes_in "$DC1" && echoes_in "$DC2" &&
    looks_in 'answer rcode=0 answers=1' dns "$DC1" && looks_in 'answer .* site=Berlin client_site=Berlin' cldap "$DC1" &&
    looks_in 'answer .* site=Lyon client_site=Berlin' cldap "$DC2" && looks_in open tcp "$DC1" 445 && looks_in open tcp "$DC2" 636
}

# When the site last shook hands with the gateway: wg runs there as anything does that "lab in site" runs.
handshake_is() {
  SEEN="wg show -> $("$LAB" in site wg show "$TUNNEL_WIREGUARD" latest-handshakes 2>&1 | tr '\t\n' '  ' || true)"
  [[ ${SEEN#* -> } =~ ^[A-Za-z0-9+/]{43}=\ $1\ $ ]]
}

handshake_is_fresh() { ! in_force tunnel-wireguard || handshake_is '1[0-9]{9}' || return 1; }

tunnel_fault_shows() {
  case $1 in
    tunnel-openvpn | tunnel-wireguard) in_each_tunnel tunnel_leads_to_dcs && handshake_is_fresh && dcs_are_reached_by "$(tunnels_in_force | cut -d ' ' -f 1)" ;;
    tunnel-down) in_each_tunnel tunnel_is_gone && dcs_are_reached_by eth0 && udp '^40.*534748540000000100000000 $' "$VPN_OPENVPN" "$TUNNEL_OPENVPN_PORT" "$(openvpn_reset)" ;;
    tunnel-no-route) in_each_tunnel tunnel_lacks_routes && handshake_is_fresh && dcs_are_reached_by eth0 ;;
    tunnel-dcs-filtered) in_each_tunnel tunnel_is_filtered && handshake_is_fresh ;;
    tunnel-one-dc-filtered) in_each_tunnel tunnel_is_filtered_for_one ;;
    tunnel-black-hole) in_each_tunnel tunnel_swallows && handshake_is_fresh ;;
    tunnel-mtu-black-hole) in_each_tunnel tunnel_swallows_long && handshake_is_fresh && ldap_sees "dnsHostName: dc1" -H "ldap://$DC1" && ! long_answer "$DC1" ;;
    tunnel-handshake-stale) in_each_tunnel tunnel_is_mute && handshake_is 0 && dcs_are_reached_by "$TUNNEL_WIREGUARD" ;;
    *) return 1 ;;
  esac
}

dcs_are_reached_by() { sees " dev ${1%%$'\n'*} " ip route get "$DC1" && sees " dev ${1%%$'\n'*} " ip route get "$DC2"; }
tunnel_is_gone() { sees 'does not exist' ip link show "$INTERFACE"; }
tunnel_lacks_routes() {
  tunnel_is_there && echoes_in "$GATEWAY_IN" && sees 'No route to host|unreachable' ip route get fibmatch "$DC1" oif "$INTERFACE" &&
    sees 'No route to host|unreachable' ip route get fibmatch "$DC2" oif "$INTERFACE"
}
tunnel_is_filtered() {
  tunnel_is_there && tunnel_has_routes && echoes_in "$GATEWAY_IN" && looks_in 'answer rcode=0 answers=1' dns "$DC1" && looks_in open tcp "$DC1" 53 &&
    looks_in silent tcp "$DC1" 389 && looks_in silent cldap "$DC1" && looks_in silent tcp "$DC2" 53 && no_echo_in "$DC1" && no_echo_in "$DC2"
}
tunnel_is_filtered_for_one() {
  tunnel_is_there && tunnel_has_routes && echoes_in "$GATEWAY_IN" && looks_in answer cldap "$DC1" && looks_in silent cldap "$DC2" && no_echo_in "$DC2"
}
tunnel_swallows() { tunnel_is_there && tunnel_has_routes && no_echo_in "$GATEWAY_IN" && no_echo_in "$DC1" && looks_in silent dns "$DC1" && looks_in silent tcp "$DC2" 389; }
tunnel_swallows_long() {
  tunnel_is_there && tunnel_has_routes && echoes_long_in "$LONGEST_PACKET" "$DC1" && no_echo_long_in $((LONGEST_PACKET + 1)) "$DC1" &&
    no_echo_long_in $((LONGEST_PACKET + 1)) "$DC2" && looks_in open tcp "$DC1" 389
}
tunnel_is_mute() { tunnel_is_there && tunnel_has_routes && no_echo_in "$GATEWAY_IN" && looks_in silent dns "$DC1"; }
