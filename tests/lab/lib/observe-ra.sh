# shellcheck shell=bash
# What routers advertise to the site, seen with rdisc6, and what it leads to. For the selftest.

# advertised WHAT: what comes within a second matches. rdisc6 leaves out what has crossed a router.
advertised() { sees "$1" rdisc6 -m -r 1 -w 1000 eth0; }

# Nobody advertises anything, and the site has no IPv6.
healthy_routers() { sees 'Cannot assign requested address' rdisc6 -1 -r 1 -w 300 eth0 && sees '^$' ip -6 addr show dev eth0; }

ra_fault_shows() {
  case $1 in
    ra) advertised "Recursive DNS server +: $RESOLVER6 .*DNS search list +: $DOMAIN .*from $ROUTER6" &&
      asks "389 dc1.$DOMAIN" "$RESOLVER6" "$SRV" srv +short && asks 'status: NXDOMAIN' "$RESOLVER6" no-such-name.example.org a &&
      asks "$INET_TIME" "$RESOLVER6" time.windows.com a +short && sees '^default via '"$GATEWAY6" ip -6 route show default ;;
    ra-rogue) advertised "Source link-layer address: ${DHCP_ROGUE_CARD^^} .*Recursive DNS server +: $INET_DNS6 .*from $ROGUE_ROUTER6" &&
      asks 'status: NXDOMAIN' "$INET_DNS6" "$DOMAIN" soa && asks "$INET_TIME" "$INET_DNS6" time.windows.com a +short &&
      sees '^default via '"$GATEWAY6" ip -6 route show default ;;
    ra-far) advertised 'No response' && sees 'hlim 64.*router advertisement' timeout 2 tcpdump -c 1 -n -v -i eth0 'icmp6 and ip6[40] == 134' ;;
    *) return 1 ;;
  esac
}
