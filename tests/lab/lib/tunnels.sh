# shellcheck shell=bash
# Tunnels from the site into vpngw, and from there over the edge to the controllers: OpenVPN and wireguard-go,
# with gateways of their own beside those of vpn.sh. Only under the faults that ask for them.

# The way of the packets behind the gateway.
tunnels_up() {
  local network
  for network in "${TUNNEL_NETWORKS[@]}"; do
    ip -n "$(ns edge)" route add "$network" via "${VPN_ADDRESSES[0]}"
  done
  inside vpngw sysctl -qw net.ipv4.ip_forward=1
}

# Brings both ends of each tunnel to what the faults in force ask for.
apply_tunnels() {
  apply_tunnel openvpn
  apply_tunnel wireguard
  apply_tunnel_routes
  tunnel_rules >"$RUN/tunnels.nft"
  inside vpngw nft -f "$RUN/tunnels.nft" || die "nft did not take the rules in $RUN/tunnels.nft: see above"
}

# apply_tunnel openvpn|wireguard
apply_tunnel() {
  local kind=$1 wanted have
  wanted=$(wanted_tunnel "$kind")
  have=$(recall "tunnel-$kind")
  if [[ $have == "$wanted" ]]; then return; fi
  remember "tunnel-$kind" changing
  stop "tunnel-$kind-site" KILL
  if [[ -z $wanted ]]; then
    stop "tunnel-$kind-gateway" KILL
  else
    lift_packet_rules
    runs "tunnel-$kind-gateway" || "${kind}_gateway"
    [[ $kind != wireguard ]] || wireguard_knows_site "$wanted"
    [[ $wanted == down ]] || "${kind}_site" "$wanted"
  fi
  remember "tunnel-$kind" "$wanted"
}

# What is wanted of a tunnel: nothing, "up", "down" at the site's end, or "stale".
wanted_tunnel() {
  in_force "tunnel-$1" || return 0
  if in_force tunnel-down; then
    printf down
  elif [[ $1 == wireguard ]] && in_force tunnel-handshake-stale; then
    printf stale
  else
    printf up
  fi
}

# A tunnel comes up before packets are dropped on its way; the rules follow anew.
lift_packet_rules() {
  inside edge nft -f - <<'NFT'
add table inet sightline
delete table inet sightline
NFT
  inside vpngw nft -f - <<'NFT'
add table inet tunnels
delete table inet tunnels
NFT
}

# An authority of the firm, and a certificate of it for each end.
tunnel_certificates() {
  [[ ! -e $RUN/vpn/tunnel-site.pem ]] || return 0
  (
    umask 077
    cd "$RUN/vpn" || exit
    new_root tunnel 'O=Corp Example' 'Corp VPN CA'
    tunnel_leaf gateway serverAuth
    tunnel_leaf site clientAuth
  ) 2>>"$RUN/log/vpn-openssl.log" || die "making the certificates of the tunnel failed; see $RUN/log/vpn-openssl.log"
}

# tunnel_leaf NAME USAGE
tunnel_leaf() {
  new_key "tunnel-$1.key"
  openssl req -new -key "tunnel-$1.key" -subj "/O=Corp Example/CN=$1" |
    at_date "$(date -d -1day +%F)" openssl x509 -req -CA tunnel-root.pem -CAkey tunnel-root.key -days 365 -out "tunnel-$1.pem" \
      -extfile <(printf '%s\n' 'basicConstraints=CA:FALSE' 'keyUsage=critical,digitalSignature' "extendedKeyUsage=$2")
}

openvpn_gateway() {
  local dir=$RUN/vpn
  tunnel_certificates
  mkdir -p "$dir/tunnel-clients"
  printf 'ifconfig-push %s 255.255.255.0\n' "$TUNNEL_OPENVPN_ADDRESS" >"$dir/tunnel-clients/DEFAULT"
  fill vpn/tunnel-gateway.conf "NETWORK=${TUNNEL_NETWORKS[0]%/*}" "DIR=$dir" "ADDRESS=$VPN_OPENVPN" "PORT=$TUNNEL_OPENVPN_PORT" \
    >"$dir/tunnel-gateway.conf"
  start_apart tunnel-openvpn-gateway openvpn --config "$dir/tunnel-gateway.conf"
  wait_for 10 "the gateway of OpenVPN ($RUN/log/tunnel-openvpn-gateway.log)" inside vpngw ping -n -c 1 -W 1 "$TUNNEL_OPENVPN_GATEWAY"
}

openvpn_site() {
  local dir=$RUN/vpn
  fill vpn/tunnel-site.conf "INTERFACE=$TUNNEL_OPENVPN" "DIR=$dir" "ADDRESS=$VPN_OPENVPN" "PORT=$TUNNEL_OPENVPN_PORT" \
    >"$dir/tunnel-site.conf"
  start site tunnel-openvpn-site openvpn --config "$dir/tunnel-site.conf"
  wait_for_tunnel openvpn "$TUNNEL_OPENVPN" "$TUNNEL_OPENVPN_GATEWAY"
}

wait_for_tunnel() {
  wait_for 15 "the tunnel $2 ($RUN/log/tunnel-$1-site.log); it cannot come up over a link that is broken already" \
    inside site ping -n -c 1 -W 1 -I "$2" "$3"
}

# wg_of PROCESS COMMAND…: runs wg where that process has its socket.
wg_of() {
  local pid
  pid=$(pid_of "$1") || die "$1 does not run; see $RUN/log/$1.log"
  shift
  nsenter --mount="/proc/$pid/ns/mnt" --net="/proc/$pid/ns/net" wg "$@"
}

# Who knocks with the keys of vpn.sh is answered too, and does not take the tunnel's session.
wireguard_gateway() {
  local dir=$RUN/vpn name=tunnel-wireguard-gateway
  (umask 077 && wg genkey >"$dir/tunnel-wireguard.key")
  wg pubkey <"$dir/tunnel-wireguard.key" >"$dir/tunnel-wireguard.pub"
  start_apart "$name" wireguard-go -f tunnel1
  printf '[Interface]\nPrivateKey = %s\nListenPort = %s\n[Peer]\nPublicKey = %s\n' \
    "$(cat "$dir/gateway.key")" "$TUNNEL_WIREGUARD_PORT" "$(cat "$dir/site.pub")" >"$dir/tunnel-gateway-wg.conf"
  wait_for 5 "the gateway of WireGuard ($RUN/log/$name.log)" wg_of "$name" setconf tunnel1 "$dir/tunnel-gateway-wg.conf"
  printf '%s\n' "addr add $TUNNEL_WIREGUARD_GATEWAY/24 dev tunnel1" 'link set tunnel1 up' | ip -n "$(ns vpngw)" -batch -
}

# The gateway forgets the key of the site's end where there shall be no handshake.
wireguard_knows_site() {
  local -a peer
  peer=(peer "$(cat "$RUN/vpn/tunnel-wireguard.pub")")
  if [[ $1 == stale ]]; then
    wg_of tunnel-wireguard-gateway set tunnel1 "${peer[@]}" remove
  else
    wg_of tunnel-wireguard-gateway set tunnel1 "${peer[@]}" allowed-ips "$TUNNEL_WIREGUARD_ADDRESS/32"
  fi
}

# What "lab in site" runs finds the socket of wireguard-go, so that wg works there.
wireguard_site() {
  local dir=$RUN/vpn name=tunnel-wireguard-site
  start site "$name" wireguard-go -f "$TUNNEL_WIREGUARD"
  {
    printf '[Interface]\nPrivateKey = %s\n[Peer]\nPublicKey = %s\n' "$(cat "$dir/tunnel-wireguard.key")" "$(cat "$dir/gateway.pub")"
    printf 'Endpoint = %s:%s\nPersistentKeepalive = 20\n' "$VPN_WIREGUARD" "$TUNNEL_WIREGUARD_PORT"
    printf 'AllowedIPs = %s, %s, %s\n' "${TUNNEL_NETWORKS[1]}" "${DC_NETWORKS[@]}"
  } >"$dir/tunnel-site-wg.conf"
  wait_for 5 "WireGuard in the site ($RUN/log/$name.log)" wg_of "$name" setconf "$TUNNEL_WIREGUARD" "$dir/tunnel-site-wg.conf"
  printf '%s\n' "addr add $TUNNEL_WIREGUARD_ADDRESS/24 dev $TUNNEL_WIREGUARD" "link set $TUNNEL_WIREGUARD up" | ip -n "$(ns site)" -batch -
  [[ $1 == stale ]] || wait_for_tunnel wireguard "$TUNNEL_WIREGUARD" "$TUNNEL_WIREGUARD_GATEWAY"
}

# The networks of the controllers through each tunnel that is up; OpenVPN comes first where both are.
apply_tunnel_routes() {
  local kind network action=replace
  ! in_force tunnel-no-route || action=del
  for kind in "$TUNNEL_OPENVPN 50" "$TUNNEL_WIREGUARD 100"; do
    ip -n "$(ns site)" link show "${kind% *}" >/dev/null 2>&1 || continue
    for network in "${DC_NETWORKS[@]}"; do
      ip -n "$(ns site)" route "$action" "$network" dev "${kind% *}" metric "${kind#* }" 2>/dev/null || [[ $action == del ]] ||
        die "the site does not take a route to $network by ${kind% *}"
    done
  done
}

# The packet rules in vpngw: one table, written anew each time.
tunnel_rules() {
  local networks dns="ip daddr $DC1 meta l4proto { tcp, udp } th dport 53 accept"
  networks=$(IFS=,; printf '{ %s }' "${DC_NETWORKS[*]}")
  cat <<'NFT'
add table inet tunnels
delete table inet tunnels
table inet tunnels {
  chain input { type filter hook input priority filter; }
  chain forward { type filter hook forward priority filter; }
  chain output { type filter hook output priority filter; }
}
NFT
  if in_force tunnel-dcs-filtered; then
    tunnel_rule "forward iifname $TUNNEL_ENDS $dns"
    tunnel_rule "forward iifname $TUNNEL_ENDS ip daddr $networks counter drop"
  fi
  ! in_force tunnel-one-dc-filtered || tunnel_rule "forward iifname $TUNNEL_ENDS ip daddr $DC2 counter drop"
  if in_force tunnel-black-hole; then
    tunnel_rule "forward iifname $TUNNEL_ENDS counter drop"
    tunnel_rule "input iifname $TUNNEL_ENDS counter drop"
  fi
  if in_force tunnel-mtu-black-hole; then
    tunnel_rule "forward iifname $TUNNEL_ENDS ip length > $LONGEST_PACKET counter drop"
    tunnel_rule "forward oifname $TUNNEL_ENDS ip length > $LONGEST_PACKET counter drop"
    tunnel_rule "input iifname $TUNNEL_ENDS ip length > $LONGEST_PACKET counter drop"
    tunnel_rule "output oifname $TUNNEL_ENDS ip length > $LONGEST_PACKET counter drop"
  fi
}

tunnel_rule() { printf 'add rule inet tunnels %s\n' "$1"; }
