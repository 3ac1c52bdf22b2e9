# shellcheck shell=bash
# Names and addresses of the tunnels and of the second deployment network. Apart from names.sh: the cached
# domains are not made from them.

# shellcheck disable=SC2034  # the constants are read by the other parts
# The interface in the site, its address and prefix, the gateway's address in the tunnel, and the port.
readonly TUNNEL_OPENVPN=tun0 TUNNEL_OPENVPN_ADDRESS=10.66.10.2 TUNNEL_OPENVPN_GATEWAY=10.66.10.1 TUNNEL_OPENVPN_PORT=1199
readonly TUNNEL_WIREGUARD=wg0 TUNNEL_WIREGUARD_ADDRESS=10.66.20.2 TUNNEL_WIREGUARD_GATEWAY=10.66.20.1 TUNNEL_WIREGUARD_PORT=51821
readonly TUNNEL_NETWORKS=(10.66.10.0/24 10.66.20.0/24)
# The gateway's ends of them, in vpngw.
readonly TUNNEL_ENDS='{ "tunnel0", "tunnel1" }'
readonly DC_NETWORKS=(10.60.10.0/24 10.60.20.0/24)
readonly TUNNELS=(tunnel-openvpn tunnel-wireguard)
# No packet longer than this fits where a fault takes long ones; the smaller MTU of the honest way.
readonly LONGEST_PACKET=1200 SMALL_MTU=1300
readonly SECOND_NETWORK=10.60.2.0/24 SECOND_ADDRESS=10.60.2.20 SECOND_GATEWAY=10.60.2.1 SECOND_RESOLVER=10.60.2.53
