# shellcheck shell=bash
# The VPN gateways on the Internet side, in vpngw: strongSwan, OpenVPN, ocserv, wireguard-go and a server of
# SSTP. They run only under the faults that need them.

# Their network, and the keys that the site has too.
vpn_up() {
  local address dir=$RUN/vpn
  link vpngw "$VPN_EDGE/24" "${VPN_ADDRESSES[@]/%//24}"
  mkdir -p "$dir"
  for address in tls-auth tls-crypt; do openvpn --genkey secret "$dir/$address.key"; done
  (umask 077 && wg genkey >"$dir/site.key" && wg genkey >"$dir/gateway.key")
  wg pubkey <"$dir/site.key" >"$dir/site.pub"
  wg pubkey <"$dir/gateway.key" >"$dir/gateway.pub"
}

# Records for the Internet's name server.
vpn_records() { printf '%s\n' "${VPN_NAMES[@]}" | awk -v domain="$VPN_DOMAIN" '{ printf "%s.%s. IN A %s\n", $1, domain, $2 }'; }

# Brings the gateways to what the faults in force ask for.
apply_vpn() {
  local wanted=''
  ! in_force vpn-500-only || wanted=ike
  ! in_force vpn-ike-cookie || wanted='ike cookie'
  ! in_force vpn-intercepted || wanted='ocserv sstp'
  ! in_force vpn-gateways || wanted='ike ocserv openvpn sstp wireguard'
  if [[ $(recall vpn) == "$wanted" ]]; then return; fi
  vpn_stop
  remember vpn changing
  [[ ! $wanted =~ ike ]] || vpn_ike "$wanted"
  [[ ! $wanted =~ openvpn ]] || vpn_openvpn
  [[ ! $wanted =~ wireguard ]] || vpn_wireguard
  [[ ! $wanted =~ sstp ]] || vpn_sstp
  [[ ! $wanted =~ ocserv ]] || vpn_ocserv
  remember vpn "$wanted"
}

vpn_stop() {
  local record
  for record in "$RUN"/pids/vpn-*; do
    [[ ! -e $record ]] || stop "${record##*/}" KILL
  done
  ip -n "$(ns vpngw)" link del "$(vpn_interface)" 2>/dev/null || true
}

start_vpn() { start_apart "vpn-$1" "${@:2}"; }

# start_apart NAME COMMAND…: in vpngw, with a /run of its own, where some leave files of a fixed name.
start_apart() {
  local name=$1
  shift
  # shellcheck disable=SC2016  # the inner shell expands them
  start vpngw "$name" unshare --mount sh -c '
    mount --bind "$0" /mnt && mount -t tmpfs run /run && mkdir -p "$0" && mount --move /mnt "$0" || exit
    exec "$@"' "$RUN/vpn" "$@"
}

vpn_ike() {
  local dir=$RUN/vpn cookies=1000 seconds=30
  [[ ! $1 =~ cookie ]] || cookies=1 seconds=3600
  fill vpn/strongswan.conf "DIR=$dir" "COOKIES=$cookies" "SECONDS=$seconds" >"$dir/strongswan.conf"
  fill vpn/swanctl.conf "PLAIN=$VPN_IKE" "GROUP=$VPN_IKE_GROUP" "NONE=$VPN_IKE_NONE" >"$dir/swanctl.conf"
  rm -f "$dir/charon.vici" "$dir/charon.log"
  start_vpn charon env STRONGSWAN_CONF="$dir/strongswan.conf" /usr/lib/ipsec/charon
  wait_for 10 "strongSwan ($RUN/log/vpn-charon.log)" test -S "$dir/charon.vici"
  STRONGSWAN_CONF=$dir/strongswan.conf swanctl --load-conns --uri "unix://$dir/charon.vici" --file "$dir/swanctl.conf" >>"$RUN/log/vpn-charon.log" 2>&1 ||
    die "strongSwan did not take $dir/swanctl.conf; see $RUN/log/vpn-charon.log"
  # One exchange that stays half open, and all others are asked for their cookie.
  [[ ! $1 =~ cookie ]] || inside site "$HERE/tools/knock" udp "$VPN_IKE" 500 "$(ike_question)" >/dev/null
}

# A first message that strongSwan takes.
ike_question() { sed '/^#/d' "$HERE/../vectors/wire/ikev2-sainit-req.hex" | tr -d '\n'; }

# vpn_leaf NAME: a certificate of a public authority, as NAME.pem and NAME.key.
vpn_leaf() {
  local begin
  begin=$(date -d "$(date +%Y-%m-01) -30 days" +%F)
  (
    cd "$RUN/web/tls" || exit
    new_leaf "$RUN/vpn/$1" "$1.$VPN_DOMAIN" one "$begin" 180
    cp key.pem "$RUN/vpn/$1.key"
  ) 2>>"$RUN/log/vpn-openssl.log"
}

# vpn_openvpn: plain, tls-auth and tls-crypt over UDP, plain and tls-crypt over TCP.
vpn_openvpn() {
  local dir=$RUN/vpn kind transport port=1194
  vpn_leaf openvpn
  cp "$RUN/web/tls/public-ca.pem" "$dir/ca.pem"
  for kind in udp-plain udp-tls-auth udp-tls-crypt tcp-plain tcp-tls-crypt; do
    transport=${kind%%-*}
    fill vpn/openvpn.conf "DIR=$dir" "ADDRESS=$VPN_OPENVPN" "PORT=$port" "TRANSPORT=${transport/tcp/tcp-server}" "NUMBER=${port:2}" >"$dir/openvpn-$kind.conf"
    case $kind in
      *-tls-auth) printf 'tls-auth %s/tls-auth.key 0\nauth SHA256\n' "$dir" ;;
      *-tls-crypt) printf 'tls-crypt %s/tls-crypt.key\n' "$dir" ;;
    esac >>"$dir/openvpn-$kind.conf"
    start_vpn "openvpn-$kind" openvpn --config "$dir/openvpn-$kind.conf"
    port=$((port + 1))
  done
  for kind in udp-plain udp-tls-auth udp-tls-crypt tcp-plain tcp-tls-crypt; do
    wait_for 10 "OpenVPN ($RUN/log/vpn-openvpn-$kind.log)" grep -q 'Initialization Sequence Completed' "$RUN/log/vpn-openvpn-$kind.log"
  done
}

# At most 15 letters.
vpn_interface() { printf 'wg%.12s' "${PREFIX//-/}"; }

vpn_wireguard() {
  local dir=$RUN/vpn pid
  start_vpn wireguard wireguard-go -f "$(vpn_interface)"
  wait_for 5 "WireGuard ($RUN/log/vpn-wireguard.log)" ip -n "$(ns vpngw)" link show "$(vpn_interface)"
  pid=$(pid_of vpn-wireguard)
  printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n[Peer]\nPublicKey = %s\n' \
    "$(cat "$dir/gateway.key")" "$(cat "$dir/site.pub")" >"$dir/wg.conf"
  wait_for 5 "the keys of WireGuard" nsenter --mount="/proc/$pid/ns/mnt" --net="/proc/$pid/ns/net" \
    wg setconf "$(vpn_interface)" "$dir/wg.conf"
  ip -n "$(ns vpngw)" link set "$(vpn_interface)" up
}

vpn_sstp() {
  local dir=$RUN/vpn
  vpn_leaf sstp
  start_vpn sstp "$STATE/sstp/bin/python3" -u "$STATE/sstp/bin/sstpd" -l "$VPN_SSTP" -p 443 -c "$dir/sstp.pem" -k "$dir/sstp.key" \
    --pppd /usr/bin/true --local 10.66.40.1 --remote 10.66.40.0/24 -v 10
  wait_for 10 "the server of SSTP ($RUN/log/vpn-sstp.log)" inside vpngw nc -z -w 1 "$VPN_SSTP" 443
}

vpn_ocserv() {
  local dir=$RUN/vpn
  vpn_leaf ocserv
  : >"$dir/ocserv.passwd"
  fill vpn/ocserv.conf "DIR=$dir" "ADDRESS=$VPN_OCSERV" >"$dir/ocserv.conf"
  start_vpn ocserv ocserv -f -d 3 -p "$dir/ocserv.pid" -c "$dir/ocserv.conf"
  wait_for 10 "ocserv ($RUN/log/vpn-ocserv.log)" inside vpngw nc -z -w 1 "$VPN_OCSERV" 443
}

vpn_rules() {
  ! in_force vpn-gateway-dead || no_way_to "ip daddr $VPN_NETWORK"
  ! in_force vpn-500-only || no_way_to "ip daddr $VPN_NETWORK udp dport 4500"
  ! in_force vpn-intercepted || detour "ip daddr $VPN_NETWORK tcp dport 443" "redirect to :$INSPECTION_PORT"
}
