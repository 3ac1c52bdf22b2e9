# shellcheck shell=bash
# What a client of the site gets by DHCP, seen with udhcpc, and what it leads to. For the selftest.

# The lease is taken and not used; an option without a name is shown in hexadecimal.
# leases WHAT: what udhcpc is given matches.
leases() {
  SEEN="udhcpc -> $("$LAB" in site udhcpc -i eth0 -f -n -q -R -t 2 -T 1 -O 114 -O wpad -s "$HERE/tools/show-lease" 2>&1 | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ $1 ]]
}

# offers SERVER: its offer is among those that come to one DISCOVER.
offers() {
  local log=$RUN/dhcp/log
  [[ $1 == "$DHCP_SERVER" ]] || log=$RUN/dhcp/rogue/log
  "$LAB" in site udhcpc -i eth0 -f -n -q -R -t 2 -T 1 -s "$HERE/tools/show-lease" >/dev/null 2>&1 || true
  "$LAB" in site ping -c 1 -W 1 "$1" >/dev/null 2>&1 || true
  SEEN="log of $1 -> $(grep DHCPOFFER "$log" | tail -1)"
  [[ $SEEN == *DHCPOFFER* ]]
}

hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }

# Nobody hands out addresses, and the site keeps its own.
healthy_dhcp() { leases 'no lease, failing' && sees " $SITE_ADDRESS/24 " ip -o -4 addr show dev eth0; }

dhcp_fault_shows() {
  local usual="dns=$RESOLVER_ONE $RESOLVER_TWO domain=$DOMAIN ip=10\\.60\\.1\\.1[0-9][0-9] .*router=$GATEWAY .*serverid=$DHCP_SERVER subnet=255"
  case $1 in
    dhcp) leases "$usual" && [[ ! $SEEN =~ (wpad|opt114)= ]] && healthy_web_in_short ;;
    dhcp-rogue) offers "$DHCP_SERVER" && offers "$DHCP_ROGUE" && sees "$DHCP_ROGUE .*$DHCP_ROGUE_CARD" ip neigh show "$DHCP_ROGUE" ;;
    wpad-dhcp) leases "$usual.* wpad=http://$DHCP_WPAD_NAME/wpad.dat" && silent_at "$OPENID" && silent_at "$NCSI" &&
      both_resolvers 'status: NXDOMAIN' "$WPAD_NAME" a &&
      fetches "ns-proxy-autoconfig.*return \"PROXY $PROXY_NAME:$PROXY_PORT" "http://$DHCP_WPAD_NAME/wpad.dat" &&
      at_proxy '"issuer":.* status=200 end=0 ' "$OPENID" && at_proxy 'Connect Test status=200' "$NCSI" ;;
    capport) leases "$usual" && [[ $SEEN == *" opt114=$(hex "$PORTAL_API") "* ]] && healthy_web_in_short &&
      fetches 'Content-Type: application/captive\+json .*\{"captive": true, "user-portal-url": .* status=200 end=0 ' -H 'Accept: application/captive+json' "$PORTAL_API" ;;
    *) return 1 ;;
  esac
}
