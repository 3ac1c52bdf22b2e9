# shellcheck shell=bash
# Names and addresses of the VPN gateways. Apart from names.sh: the cached domains are not made from them.

# shellcheck disable=SC2034  # the constants are read by the other parts
readonly ALL_NAMESPACES=("${NAMESPACES[@]}" vpngw)
readonly VPN_NETWORK=198.18.60.0/24 VPN_EDGE=198.18.60.1 VPN_DOMAIN=vpn.contoso.com
# IKEv2: one that takes the usual proposal, one that wants another group, one that takes none.
readonly VPN_IKE=198.18.60.10 VPN_IKE_GROUP=198.18.60.11 VPN_IKE_NONE=198.18.60.12
readonly VPN_OPENVPN=198.18.60.20 VPN_WIREGUARD=198.18.60.30 VPN_SSTP=198.18.60.40 VPN_OCSERV=198.18.60.50
readonly VPN_ADDRESSES=("$VPN_IKE" "$VPN_IKE_GROUP" "$VPN_IKE_NONE" "$VPN_OPENVPN" "$VPN_WIREGUARD" "$VPN_SSTP" "$VPN_OCSERV")
readonly VPN_NAMES=("ike $VPN_IKE" "ike-group $VPN_IKE_GROUP" "ike-none $VPN_IKE_NONE" "openvpn $VPN_OPENVPN"
  "wireguard $VPN_WIREGUARD" "sstp $VPN_SSTP" "ocserv $VPN_OCSERV")
readonly SSTP_VERSION=0.6.0
