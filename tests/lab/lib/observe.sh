# shellcheck shell=bash
# What is to be seen from the site, healthy and under each fault. For the selftest.
# An observation leaves what it saw last in SEEN.

readonly SRV=_ldap._tcp.dc._msdcs.$DOMAIN
# shellcheck disable=SC2034  # the selftest goes through them
readonly HEALTHY=(names addresses ldap_pings kerberos directory_tls canary shares rpc clocks echoes service_connection_point web dhcp routers)
SEEN=''

# sees WHAT COMMAND…: the output of a command in the site contains WHAT (a pattern).
sees() {
  local pattern=$1
  shift
  SEEN="$* -> $(inside site "$@" 2>&1 | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ $pattern ]]
}

# through INTERFACE looks…: the same through one interface.
through() { LOOK_THROUGH=$1 "${@:2}"; }

looks() { sees "^$1" "$HERE/tools/look" "${@:2}"; }

# asks WHAT RESOLVER NAME TYPE [OPTION…]
asks() { sees "$1" dig +time=1 +tries=1 "@$2" "$3" "$4" "${@:5}"; }

both_resolvers() {
  local what=$1
  shift
  asks "$what" "$RESOLVER_ONE" "$@" && asks "$what" "$RESOLVER_TWO" "$@"
}

second_resolver_only() {
  asks 'status: NOERROR' "$RESOLVER_ONE" "${@:2}" && asks "$1" "$RESOLVER_TWO" "${@:2}"
}

both_dcs() { looks "$1" "$2" "$DC1" "${@:3}" && looks "$1" "$2" "$DC2" "${@:3}"; }

second_dc_only() { looks "$1" "$3" "$DC1" "${@:4}" && looks "$2" "$3" "$DC2" "${@:4}"; }

healthy_names() {
  local how
  for how in +notcp +tcp; do
    both_resolvers "status: NOERROR.*dc1.$DOMAIN.*dc2.$DOMAIN" "$SRV" srv "$how" || return 1
    both_resolvers 'status: NOERROR.*ANSWER: 1,' "$DOMAIN" soa "$how" || return 1
    both_resolvers 'status: NXDOMAIN' "no-such-name.example.org" a "$how" || return 1
    both_resolvers '131\.107\.255\.255' dns.msftncsi.com a "$how" || return 1
  done
  both_resolvers "389 dc1.$DOMAIN" "_ldap._tcp.Berlin._sites.dc._msdcs.$DOMAIN" srv +short &&
    both_resolvers "389 dc2.$DOMAIN" "_ldap._tcp.Lyon._sites.dc._msdcs.$DOMAIN" srv +short &&
    both_resolvers 'status: NXDOMAIN' "_ldap._tcp.Depot._sites.dc._msdcs.$DOMAIN" srv
}

healthy_addresses() {
  both_resolvers "$DC1" "dc1.$DOMAIN" a +short && both_resolvers "$DC2" "dc2.$DOMAIN" a +short &&
    both_resolvers "$INET_TIME" time.windows.com a +short
}

healthy_ldap_pings() {
  looks "answer opcode=23 flags=0x000013fd .* site=Berlin client_site=Berlin" cldap "$DC1" &&
    looks "answer opcode=23 flags=0x0000137c .* site=Lyon client_site=Berlin" cldap "$DC2"
}

healthy_kerberos() {
  both_dcs 'answer error=25 skew=-?[01] ' kdc-udp && both_dcs 'answer error=25 skew=-?[01] ' kdc-tcp && both_dcs open tcp 464
}

# rootDSE over 389, StartTLS, 636 and 3268, with the lab's CA and the names of the certificates.
healthy_directory_tls() {
  local host
  for host in dc1 dc2; do
    ldap_sees "dnsHostName: $host.$DOMAIN" -H "ldap://$host.$DOMAIN" || return 1
    ldap_sees "dnsHostName: $host.$DOMAIN" -ZZ -H "ldap://$host.$DOMAIN" || return 1
    ldap_sees "dnsHostName: $host.$DOMAIN" -H "ldaps://$host.$DOMAIN" || return 1
    ldap_sees "dnsHostName: $host.$DOMAIN" -H "ldap://$host.$DOMAIN:3268" || return 1
  done
}

# In the site with its resolv.conf: the names matter for the certificates.
ldap_sees() {
  local pattern=$1
  shift
  SEEN="ldapsearch $* -> $("$LAB" in site env "LDAPTLS_CACERT=$CA" ldapsearch -x -LLL -o nettimeout=2 "$@" \
    -s base -b '' dnsHostName 2>&1 | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ $pattern ]]
}

healthy_canary() {
  local cache
  cache=$(mktemp)
  SEEN="kinit -> $("$LAB" in site env "KRB5CCNAME=$cache" kinit "$CANARY@$REALM" <"$PASSWORD_FILE" 2>&1; "$LAB" in site klist -c "$cache" 2>&1 || true)"
  rm -f "$cache"
  [[ $SEEN =~ krbtgt/$REALM ]]
}

# site_binds WHAT: what both controllers say to a bind with the password that the box has.
site_binds() {
  local host
  for host in dc1 dc2; do
    SEEN="ldapwhoami $host -> $("$LAB" in site env "LDAPTLS_CACERT=$CA" ldapwhoami -x -o nettimeout=2 -H "ldaps://$host.$DOMAIN" \
      -D "$CANARY@$DOMAIN" -w "$(cat "$SITE_PASSWORD_FILE")" 2>&1 | tr '\n' ' ' || true)"
    [[ $SEEN =~ $1 ]] || return 1
  done
}

# The same over Kerberos, at whichever controller kinit takes.
site_signs_in() {
  SEEN="kinit -> $("$LAB" in site env KRB5CCNAME=/dev/null kinit "$CANARY@$REALM" <"$SITE_PASSWORD_FILE" 2>&1 | tr '\n' ' ' || true)"
  [[ $SEEN =~ $1 ]]
}

healthy_shares() {
  local host
  for host in dc1 dc2; do
    SEEN="smbclient $host -> $("$LAB" in site smbclient -N -L "//$host.$DOMAIN" 2>&1 || true)"
    [[ $SEEN =~ sysvol ]] || return 1
  done
}

healthy_rpc() { both_dcs 'answer port=[0-9]+ that-port=open' epmap; }

healthy_clocks() {
  both_dcs 'answer stratum=4 skew=-?[01] ' ntp && looks 'answer stratum=2 skew=-?[01] ' ntp "$INET_TIME"
}

healthy_echoes() {
  local address
  for address in "$GATEWAY" "$DC1" "$DC2" "$INET_WEB"; do echoes "$address" || return 1; done
}

echoes() { sees ' 0% packet loss' ping -n -c 1 -W 1 "$1"; }
no_echo() { sees '100% packet loss|unreachable|not permitted' ping -n -c 1 -W 1 "$1"; }

healthy_service_connection_point() {
  scp_sees "azureADName:$TENANT_NAME" && scp_sees "azureADId:$TENANT_ID"
}

# scp_sees WHAT: the answer of either controller for the service connection point matches.
scp_sees() {
  local host base="CN=$SCP_NAME,CN=Device Registration Configuration,CN=Services,CN=Configuration,DC=${DOMAIN//./,DC=}"
  for host in dc1 dc2; do
    SEEN="ldapsearch $host $base -> $("$LAB" in site env "LDAPTLS_CACERT=$CA" ldapsearch -x -LLL -o nettimeout=2 \
      -H "ldaps://$host.$DOMAIN" -D "$CANARY@$DOMAIN" -y "$PASSWORD_FILE" -s base -b "$base" keywords 2>&1 | tr '\n' ' ' || true)"
    [[ $SEEN =~ $1 ]] || return 1
  done
}

# One look at each kind of thing; all of it in about half a second.
healthy_in_short() {
  both_resolvers "status: NOERROR.*dc1.$DOMAIN.*dc2.$DOMAIN" "$SRV" srv +tcp &&
    both_resolvers 'status: NXDOMAIN' no-such-name.example.org a && healthy_ldap_pings && healthy_kerberos &&
    both_dcs open tcp 445 && both_dcs open tcp 636 && both_dcs open tcp 3268 && healthy_rpc && healthy_clocks && healthy_echoes &&
    healthy_service_connection_point && healthy_web_in_short
}

# Whether a fault is to be seen, and what must still be well beside it.
fault_shows() {
  local name=$1 port=both
  [[ $name != *-one ]] || port=second
  case $name in
    udp389-blocked*) port_shows "$port" silent answer cldap && both_dcs open tcp 389 ;;
    tcp389-blocked*) port_shows "$port" silent open tcp 389 && both_dcs answer cldap ;;
    kerberos-udp-blocked*) port_shows "$port" silent answer kdc-udp && both_dcs answer kdc-tcp ;;
    kerberos-tcp-blocked*) port_shows "$port" silent answer kdc-tcp && both_dcs answer kdc-udp ;;
    kerberos-blocked*) port_shows "$port" silent answer kdc-tcp && port_shows "$port" silent answer kdc-udp ;;
    tcp445-blocked*) port_shows "$port" silent open tcp 445 && both_dcs open tcp 389 ;;
    tcp445-refused*) port_shows "$port" refused open tcp 445 ;;
    tcp135-blocked*) port_shows "$port" silent answer epmap && both_dcs open tcp 445 ;;
    rpc-dynamic-blocked*) port_shows "$port" 'answer port=[0-9]+ that-port=silent' 'answer port=[0-9]+ that-port=open' epmap ;;
    gc-blocked*) port_shows "$port" silent open tcp 3268 ;;
    ldaps-blocked*) port_shows "$port" silent open tcp 636 ;;
    kpasswd-blocked*) port_shows "$port" silent open tcp 464 ;;
    web-* | https-* | host-* | soft-* | portal-* | tls-* | range-* | bandwidth-* | clock-box-* | realm-* | sts-* | ipv6-* | ncsi-* | proxy-* | pac-*) web_fault_shows "$name" ;;
    dhcp | dhcp-rogue | wpad-dhcp | capport) dhcp_fault_shows "$name" ;;
    tunnel-*) tunnel_fault_shows "$name" ;;
    no-direct-path | mtu-* | loss | second-*) path_fault_shows "$name" ;;
    ra | ra-rogue | ra-far) ra_fault_shows "$name" ;;
    vpn-*) vpn_fault_shows "$name" ;;
    resolver* | srv-* | dns-* | edns-* | truncated-* | many-dcs) name_fault_shows "$name" ;;
    clock-kept) sees 'Leap status +: Normal' chronyc -h 127.0.0.1 -n tracking && looks 'answer stratum=2 ' ntp "$INET_TIME" ;;
    clock-not-kept) sees 'Leap status +: Not synchronised' chronyc -h 127.0.0.1 -n tracking && looks 'answer stratum=2 ' ntp "$INET_TIME" ;;
    dc-* | dcs-* | clock-* | wrong-domain | ldaps-expired | subnet-* | site-* | slow-* | scp-* | canary-*) controller_fault_shows "$name" ;;
    *) uplink_fault_shows "$name" ;;
  esac
}

# port_shows both|second BAD GOOD LOOK…
port_shows() {
  if [[ $1 == both ]]; then both_dcs "$2" "${@:4}"; else second_dc_only "$3" "$2" "${@:4}"; fi
}

name_fault_shows() {
  local silent='timed out|no servers could be reached|communications error' site="_ldap._tcp.Berlin._sites.dc._msdcs.$DOMAIN"
  case $1 in
    resolvers-dead) both_resolvers "$silent" "$DOMAIN" soa && both_resolvers "$silent" www.example.org a +tcp && echoes "$GATEWAY" ;;
    resolver-one-dead) second_resolver_only "$silent" "$DOMAIN" soa ;;
    resolver-refusing-port) second_resolver_only 'connection refused' "$DOMAIN" soa ;;
    resolver-lacks-ad-zone) both_resolvers 'status: NXDOMAIN' "$DOMAIN" soa && both_resolvers 'status: NXDOMAIN' "$SRV" srv &&
      both_resolvers 'status: NOERROR' www.example.org a ;;
    resolver-one-lacks-ad-zone) second_resolver_only 'status: NXDOMAIN' "$SRV" srv ;;
    srv-missing) both_resolvers 'status: NXDOMAIN' "$SRV" srv && both_resolvers 'status: NXDOMAIN' "$site" srv &&
      both_resolvers 'status: NOERROR.*ANSWER: 1' "$DOMAIN" soa && both_resolvers "$DC1" "dc1.$DOMAIN" a ;;
    srv-nodata) both_resolvers 'status: NOERROR.*ANSWER: 0' "$SRV" srv && both_resolvers 'status: NOERROR.*ANSWER: 0' "$site" srv ;;
    srv-target-unresolved) both_resolvers 'ANSWER: 1,.*dc-gone' "$SRV" srv &&
      both_resolvers 'status: NXDOMAIN' "dc-gone.$DOMAIN" a ;;
    srv-target-unresolved-one) both_resolvers 'ANSWER: 3,' "$SRV" srv && both_resolvers 'status: NXDOMAIN' "dc3.$DOMAIN" a ;;
    srv-dead-host) both_resolvers 'ANSWER: 1,.*dc-dead' "$SRV" srv && both_resolvers "$NOBODY" "dc-dead.$DOMAIN" a && looks silent tcp "$NOBODY" 389 ;;
    dns-truncated) both_resolvers ' tc ' "$SRV" srv +ignore && both_resolvers "$silent" "$SRV" srv +tcp && both_resolvers 'status: NOERROR' "$DOMAIN" soa ;;
    truncated-tcp-open) both_resolvers ' tc ' "$SRV" srv +ignore && both_resolvers 'ANSWER: 6[0-9]' "$SRV" srv ;;
    edns-dropped) both_resolvers "$silent" "$SRV" srv +edns=0 && both_resolvers 'ANSWER: 2,' "$SRV" srv +noedns ;;
    many-dcs) both_resolvers 'ANSWER: 40,' "$SRV" srv && asks "${NOBODY%.*}.107" "$RESOLVER_ONE" "dc7.$DOMAIN" a && looks silent tcp "${NOBODY%.*}.107" 389 ;;
    dns-rewritten) both_resolvers "status: NOERROR.*$INET_WEB" no-such-name.example.org a && both_resolvers 'status: NOERROR' "no-such-$RANDOM.test" a &&
      both_resolvers 'status: NXDOMAIN' "no-such-name.$DOMAIN" a && both_resolvers "$INET_TIME" time.windows.com a ;;
    *) return 1 ;;
  esac
}

controller_fault_shows() {
  local srv='ANSWER: 2,'
  case $1 in
    dc-one-dead) second_dc_only open silent tcp 389 && no_echo "$DC2" && both_resolvers "$srv" "$SRV" srv +tcp && both_resolvers "$srv" "$SRV" srv +notcp ;;
    dc-near-dead) looks silent tcp "$DC1" 389 && looks answer cldap "$DC2" && no_echo "$DC1" && both_resolvers "$srv" "$SRV" srv +tcp && both_resolvers "$srv" "$SRV" srv +notcp ;;
    dcs-dead) both_dcs silent tcp 389 && both_dcs silent cldap && no_echo "$DC1" && both_resolvers "$srv" "$SRV" srv ;;
    clock-dc-off) second_dc_only 'answer.* skew=-?[01] ' 'answer.* skew=(599|600|601) ' kdc-udp && looks 'answer.* skew=600 ' ntp "$DC2" && second_dc_only 'answer.* skew=(-1|0|1) ' 'answer.* skew=(599|600|601) ' ldap ;;
    clock-dcs-off) both_dcs 'answer.* skew=(599|600|601) ' kdc-udp && both_dcs 'answer.* skew=600 ' ntp && both_dcs 'answer.* skew=(599|600|601) ' ldap ;;
    dc-stopped) both_dcs refused tcp 389 && both_dcs refused cldap && echoes "$DC1" && echoes "$DC2" && both_resolvers "$srv" "$SRV" srv ;;
    dc-stopped-one) second_dc_only open refused tcp 389 && echoes "$DC2" && both_resolvers "$srv" "$SRV" srv +tcp ;;
    dc-frozen) both_dcs open tcp 389 && both_dcs silent cldap && both_dcs silent kdc-tcp && both_dcs silent epmap && both_resolvers "$srv" "$SRV" srv ;;
    dc-frozen-one) second_dc_only answer silent cldap && both_dcs open tcp 389 ;;
    wrong-domain) both_dcs open tcp 389 && both_dcs 'answer without netlogon' cldap && both_dcs 'answer error=(6|68) ' kdc-udp &&
      ldap_sees "dnsHostName: dc.$OTHER_DOMAIN" -H "ldap://dc1.$DOMAIN" ;;
    ldaps-expired) certificate_ended "$DC1" && certificate_ended "$DC2" && ldap_sees 'dnsHostName' -H "ldap://dc1.$DOMAIN" &&
      ldap_sees "Can't contact" -H "ldaps://dc1.$DOMAIN" ;;
    subnet-unmapped) both_dcs 'answer.* client_site= $' cldap ;;
    site-without-dc) both_dcs 'answer.* client_site=Depot ' cldap && both_resolvers 'status: NXDOMAIN' "_ldap._tcp.Depot._sites.dc._msdcs.$DOMAIN" srv ;;
    canary-password-wrong) site_binds 'data 52e' && site_signs_in 'Password incorrect|Preauthentication failed' && healthy_canary ;;
    canary-disabled) site_binds 'data 533' && site_signs_in 'revoked' ;;
    canary-locked) site_binds 'data 775' && site_signs_in 'revoked' ;;
    scp-missing) scp_sees 'No such object' ;;
    scp-other-tenant) scp_sees "azureADName:$OTHER_TENANT_NAME" && scp_sees "azureADId:$OTHER_TENANT_ID" && ! scp_sees "$TENANT_NAME" ;;
    slow-dc) both_dcs 'answer.* ms=6[0-9][0-9] .*client_site=Berlin' cldap ;;
    slow-dc-one) second_dc_only 'answer.* ms=[0-9]{1,2} ' 'answer.* ms=6[0-9][0-9] .*client_site=Berlin' cldap ;;
    *) return 1 ;;
  esac
}

certificate_ended() { sees 'certificate has expired' openssl s_client -connect "$1:636" -CAfile "$CA" -verify_return_error -brief; }

uplink_fault_shows() {
  case $1 in
    ntp-blocked) looks silent ntp "$INET_TIME" && looks answer ntp "$DC1" && echoes "$INET_TIME" ;;
    icmp-blocked) no_echo "$GATEWAY" && no_echo "$DC1" && no_echo "$INET_WEB" && both_dcs open tcp 389 ;;
    link-down) sees 'state DOWN' ip -o link show eth0 && looks unreachable tcp "$RESOLVER_ONE" 53 ;;
    link-no-carrier) sees 'NO-CARRIER' ip -o link show eth0 && sees "$SITE_ADDRESS" ip -o -4 addr show dev eth0 ;;
    no-address) sees '^ *$' ip -o -4 addr show dev eth0 && sees ',UP' ip -o link show eth0 ;;
    no-default-route) sees '^ *$' ip route show default && both_resolvers 'status: NOERROR' "$SRV" srv && looks unreachable tcp "$DC1" 389 ;;
    gateway-dead) no_echo "$GATEWAY" && sees 'FAILED|INCOMPLETE' ip neigh show "$GATEWAY" && asks 'timed out|communications error' "$RESOLVER_ONE" "$SRV" srv ;;
    gateway-only-dead) no_echo "$GATEWAY" && sees 'FAILED|INCOMPLETE' ip neigh show "$GATEWAY" && both_resolvers 'status: NOERROR' "$SRV" srv &&
      looks 'unreachable|silent' tcp "$DC1" 389 ;;
    internet-dead) asks 'timed out|communications error' "$RESOLVER_ONE" www.example.org a && no_echo "$INET_WEB" && healthy_ldap_pings &&
      both_resolvers 'status: NOERROR' "$SRV" srv ;;
    black-holed) echoes "$GATEWAY" && looks silent tcp "$DC1" 389 && no_echo "$INET_WEB" && asks 'timed out|communications error' "$RESOLVER_TWO" "$SRV" srv ;;
    *) return 1 ;;
  esac
}
