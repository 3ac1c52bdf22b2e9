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
