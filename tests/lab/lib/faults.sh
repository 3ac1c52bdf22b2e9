# shellcheck shell=bash
# Which faults there are, and which are in force.
#
# A fault in force is a file in $RUN/faults. "apply" (apply.sh, dns.sh) then brings
# the lab to what the files ask for, so that healing is the same step with fewer files.

# NAME|AREAS|SENTENCE: two faults that share an area contradict each other. NAME|AREAS|SENTENCE|NEEDS: one of
# those it needs has to be in force.
fault_table() {
  cat <<'TABLE'
resolvers-dead|r1,r2|Both resolvers are silent: their packets are dropped.
resolver-one-dead|r2|The second resolver (10.60.1.54) is silent.
resolver-refusing-port|r2|The second resolver's program is stopped: its host refuses port 53.
resolver-lacks-ad-zone|r1,r2,zone|Both resolvers know the Internet and say NXDOMAIN for corp.example.com.
resolver-one-lacks-ad-zone|r2|The second resolver says NXDOMAIN for corp.example.com.
srv-missing|zone|The zone is there; _ldap._tcp.dc._msdcs and its site names are NXDOMAIN.
srv-nodata|zone|The zone is there; _ldap._tcp.dc._msdcs and its site names have no SRV records.
srv-target-unresolved|zone|All SRV records name a host that has no address.
srv-target-unresolved-one|zone|Besides the good SRV records, one names a host that has no address (dc3).
srv-dead-host|zone|All SRV records name a host whose address nobody has: packets are swallowed.
dns-truncated|zone,tcp53|The UDP answer for the SRV names is truncated, and TCP 53 to the resolvers is dropped.
truncated-tcp-open|zone,tcp53|Healthy: the UDP answer for the SRV names is truncated, and TCP 53 works.
edns-dropped|edns|Healthy: questions with EDNS0 get lost on the way to the resolvers.
many-dcs|zone|The SRV records name 40 controllers; all but dc1 and dc2 are dead addresses.
dns-rewritten|names|Both resolvers answer every Internet name that does not exist with an address.
dc-one-dead|dc2|All packets of dc2 are dropped.
dc-near-dead|dc1|All packets of dc1, the controller of the site, are dropped.
dcs-dead|dc1,dc2|All packets of both controllers are dropped; the resolvers answer from a copy of the zone.
udp389-blocked|udp389|UDP 389 (LDAP ping) to the controllers is dropped.
tcp389-blocked|tcp389|TCP 389 (LDAP) to the controllers is dropped.
kerberos-udp-blocked|udp88|UDP 88 (Kerberos) to the controllers is dropped.
kerberos-tcp-blocked|tcp88|TCP 88 (Kerberos) to the controllers is dropped.
kerberos-blocked|udp88,tcp88|UDP and TCP 88 (Kerberos) to the controllers are dropped.
tcp445-blocked|tcp445|TCP 445 (SMB) to the controllers is dropped.
tcp445-refused|tcp445|TCP 445 (SMB) to the controllers is refused with a reset.
tcp135-blocked|tcp135|TCP 135 (RPC endpoint mapper) to the controllers is dropped.
rpc-dynamic-blocked|rpc|TCP 49152-65535 (dynamic RPC) to the controllers is dropped.
gc-blocked|tcp3268|TCP 3268 (global catalog) to the controllers is dropped.
ldaps-blocked|tcp636|TCP 636 (LDAPS) to the controllers is dropped.
kpasswd-blocked|464|UDP and TCP 464 (password change) to the controllers are dropped.
udp389-blocked-one|udp389|UDP 389 to dc2 is dropped.
tcp389-blocked-one|tcp389|TCP 389 to dc2 is dropped.
kerberos-udp-blocked-one|udp88|UDP 88 to dc2 is dropped.
kerberos-tcp-blocked-one|tcp88|TCP 88 to dc2 is dropped.
kerberos-blocked-one|udp88,tcp88|UDP and TCP 88 to dc2 are dropped.
tcp445-blocked-one|tcp445|TCP 445 to dc2 is dropped.
tcp445-refused-one|tcp445|TCP 445 to dc2 is refused with a reset.
tcp135-blocked-one|tcp135|TCP 135 to dc2 is dropped.
rpc-dynamic-blocked-one|rpc|TCP 49152-65535 to dc2 is dropped.
gc-blocked-one|tcp3268|TCP 3268 to dc2 is dropped.
ldaps-blocked-one|tcp636|TCP 636 to dc2 is dropped.
kpasswd-blocked-one|464|UDP and TCP 464 to dc2 are dropped.
ntp-blocked|ntp|UDP 123 to the Internet (time.windows.com) is dropped.
icmp-blocked|icmp|Echo requests to the gateway, the controllers and the Internet are dropped.
clock-dc-off|dc2|The clock of dc2 is 10 minutes ahead (restarts its Samba).
clock-dcs-off|dc1,dc2|The clocks of both controllers are 10 minutes ahead (restarts Samba).
dc-stopped|dc1,dc2,directory|Samba is stopped on both controllers; the hosts answer ping, the names come from a copy.
dc-stopped-one|dc2,directory|Samba is stopped on dc2; the host answers ping.
dc-frozen|dc1,dc2,directory|Samba is stopped in its tracks (SIGSTOP) on both: TCP connects, nothing answers.
dc-frozen-one|dc2,directory|Samba is stopped in its tracks (SIGSTOP) on dc2.
wrong-domain|dc1,dc2|The controllers' addresses lead to a controller of other.example.net (starts it).
ldaps-expired|certificate|Both controllers show an expired certificate for LDAPS and StartTLS (restarts Samba).
subnet-unmapped|directory|No AD site has the subnet of the site: the client's site comes back empty.
site-without-dc|directory|The subnet belongs to the AD site Depot, which has no controller and no SRV records.
scp-missing|directory|The directory has no service connection point for hybrid join.
scp-other-tenant|directory|The service connection point names another tenant, fabrikam.com.
canary-password-wrong|directory,canary|The password file of the account, as the box reads it, has a wrong password.
canary-disabled|directory|The account is disabled on both controllers.
canary-locked|directory|The account is locked on both controllers after a wrong password.
slow-dc|ping|Both controllers answer the LDAP ping 600 ms late.
slow-dc-one|ping|dc2 answers the LDAP ping 600 ms late.
link-down|link|The site's interface is set down.
link-no-carrier|link|The site's interface has no carrier: the other end is down.
no-address|link|The site's interface has no address.
no-default-route|link|The site has no default route.
gateway-dead|link|The gateway, which the resolvers stand on, answers nothing from the LAN, not even ARP.
gateway-only-dead|link|The gateway answers nothing, not even ARP; the resolvers on the LAN answer.
internet-dead|internet,tcp80,tcp443|Everything to the Internet is dropped; the AD zone is still answered.
web-dead|tcp80,tcp443|Names of the Internet resolve, and TCP 80 and 443 to it are dropped.
https-blocked|tcp443|TCP 443 to the Internet is dropped; TCP 80 works.
host-blocked|login|All packets to one hard host (login.microsoftonline.com) are dropped.
soft-host-blocked|go|All packets to one soft host (go.microsoft.com) are dropped.
portal-redirect|tcp80,tcp443|A portal answers every request on TCP 80 with 302 to http://portal.site.example/; TCP 443 is dropped.
portal-page|tcp80,tcp443,portal|A portal answers every request on TCP 80 with its own page and 200, and TCP 443 with its own certificate.
tls-inspected|tcp443|A proxy breaks into every connection on TCP 443, with certificates of "Corp Inspection CA".
tls-inspected-one|tcp443|A proxy breaks into TLS to one host (device.login.microsoftonline.com) only.
tls-expired|manage|One hard host (manage.microsoft.com) shows an expired certificate.
tls-not-yet-valid|live|One hard host (login.live.com) shows a certificate that is not valid yet.
tls-wrong-name|drs|One hard host (enterpriseregistration.windows.net) shows a certificate for another name.
host-503|checkin|One hard host (checkin.dm.microsoft.com) answers every request with 503.
host-silent|ztd|One hard host (ztd.dds.microsoft.com) takes connections and answers nothing.
range-unsupported|content|The content hosts answer a request for a byte range with 200 and the whole.
clock-box-wrong|clock|The clock of what "lab in site" runs is one year ahead (libfaketime).
clock-kept|keeper|Healthy: the site has a chronyd that follows one on the edge, and tells so.
clock-not-kept|keeper|The site has a chronyd without a source, and tells so; its clock is right all the same.
realm-federated|realm|The tenant is federated, and its STS (sts.contoso.com) is dead: its packets are dropped.
realm-federated-open|realm|Healthy: the tenant is federated, and its STS answers.
sts-windowstransport-off|windowstransport|The STS (sts.contoso.com) has the sign-in of machines (windowstransport) switched off: 503.
bandwidth-low|bandwidth|What the Internet sends comes at 3 Mbit/s.
ipv6-open|ipv6,tcp80,tcp443|Healthy: the site has IPv6 too, and reaches the Internet with it.
ipv6-dead|ipv6,tcp80,tcp443|The site has an IPv6 address and a gateway, and the gateway swallows IPv6; IPv4 works.
ncsi-dns-wrong|ncsi|Both resolvers answer dns.msftncsi.com, by which old Windows tests DNS, with another address.
proxy-open|proxy|A proxy at proxy.site.example:3128 takes everybody; the direct way works as well.
proxy-required|proxy,tcp80,tcp443|TCP 80 and 443 to the Internet are dropped; WPAD by DNS announces a proxy that works.
proxy-auth|proxy,tcp80,tcp443|As proxy-required, and the proxy answers 407 to who has no password.
proxy-filtering|proxy,tcp80,tcp443|As proxy-required, and the proxy refuses one hard host (login.microsoftonline.com) with 403.
proxy-dead|proxy,tcp80,tcp443|As proxy-required, and the proxy is dead: its packets are dropped.
pac-broken|proxy|WPAD by DNS leads to a page that is no proxy script; the direct way works.
dhcp|dhcp|Healthy: a DHCP server on the LAN hands out gateway, resolvers and domain.
dhcp-rogue|dhcp|As dhcp, and a second DHCP server on the LAN hands out a resolver of the Internet.
wpad-dhcp|dhcp,proxy,tcp80,tcp443|As proxy-required, and the proxy script is announced by DHCP (option 252) and not by DNS.
capport|dhcp,portal|DHCP announces the API of a portal (option 114), which says that the devices are captive; nothing is in the way.
ra|ra|Healthy: the site has IPv6 as under ipv6-open, and its router advertises a resolver and the domain (RDNSS, DNSSL).
ra-rogue|rogue6|The site has IPv6, and a second router on the LAN (fe80::5eff:fe10:66) advertises a resolver of the Internet.
ra-far|rogue6|Healthy: as ra-rogue, but the advertisements have crossed a router on their way (hop limit 64), so that no client takes them.
black-holed|internet,tcp80,tcp443,r1,r2|The gateway answers, and swallows all that leaves the site, also to the resolvers.
vpn-gateways|vpn|Healthy: the VPN gateways run: strongSwan, OpenVPN, ocserv, WireGuard, SSTP.
vpn-ike-cookie|vpn|Healthy: strongSwan runs alone, and asks everybody for its cookie first.
vpn-gateway-dead|vpn|All packets to the VPN gateways are dropped.
vpn-refused|vpn,openvpn-tunnel,wireguard-tunnel|The hosts of the VPN gateways are there, and nothing listens on them: every port is refused.
vpn-name-unknown|vpn|The names of the VPN gateways do not exist.
vpn-500-only|vpn|strongSwan runs, and UDP 4500 to it is dropped.
vpn-intercepted|vpn|ocserv and SSTP run, and a proxy breaks into their TLS with certificates of "Corp Inspection CA".
tunnel-openvpn|openvpn-tunnel|Healthy: a tunnel by OpenVPN (tun0) leads from the site to the networks of the controllers.
tunnel-wireguard|wireguard-tunnel|Healthy: a tunnel by WireGuard (wg0) leads from the site to the networks of the controllers.
no-direct-path|r1,r2,zone,mtu,loss|Healthy with a tunnel: the resolvers do not know the AD zone, and only tunnels lead to the controllers.
tunnel-down|tunnel|The site's ends of the tunnels are stopped: their interfaces are gone.|tunnel-openvpn,tunnel-wireguard
tunnel-no-route|tunnel|The tunnels are up, and the site has no routes to the controllers through them.|tunnel-openvpn,tunnel-wireguard
tunnel-dcs-filtered|tunnel|The VPN gateway lets nothing through to the controllers but DNS to dc1.|tunnel-openvpn,tunnel-wireguard
tunnel-one-dc-filtered|tunnel|The VPN gateway lets nothing through to dc2.|tunnel-openvpn,tunnel-wireguard
tunnel-black-hole|tunnel|The VPN gateway drops all that comes out of the tunnels; they stay up.|tunnel-openvpn,tunnel-wireguard
tunnel-mtu-black-hole|tunnel|The VPN gateway drops packets of more than 1200 bytes in the tunnels, without a word.|tunnel-openvpn,tunnel-wireguard
tunnel-handshake-stale|tunnel|The gateway of WireGuard does not know the site's key: wg0 is up, with routes, and never had a handshake.|tunnel-wireguard
mtu-black-hole|mtu|Packets of more than 1200 bytes between the site and the controllers are dropped, without a word.
mtu-small|mtu|Healthy: between the site and the controllers packets of at most 1300 bytes fit, and the edge says so (ICMP).
second-network|second|Healthy: the box has a second network (eth1, 10.60.2.20) with a gateway and a resolver of its own.
second-network-dead|second-fault|The edge answers ARP on the second network and swallows everything else; its link is up.|second-network
second-link-down|second-fault|The interface of the second network (eth1) is set down.|second-network
loss|loss|Of echoes, of bursts of LDAP pings and of first packets of connections to the controllers every third is lost.
TABLE
}

fault_names() { fault_table | cut -d '|' -f 1; }

list_faults() { fault_table | awk -F '|' '{ printf "%-28s %s\n", $1, $3 }'; }

areas_of() { fault_table | awk -F '|' -v name="$1" '$1 == name { gsub(",", "\n", $2); print $2 }'; }

# What a fault needs one of.
needs_of() { fault_table | awk -F '|' -v name="$1" '$1 == name { gsub(",", " ", $4); print $4 }'; }

need_fault() {
  fault_names | grep -qxF -- "$1" || die "there is no fault \"$1\"; \"$HERE/lab faults\" lists them"
}

in_force() { [[ -e $RUN/faults/$1 ]]; }

any_in_force() {
  local name
  for name in "$@"; do
    if in_force "$name"; then return 0; fi
  done
  return 1
}

# Which of the named faults are in force.
active_of() {
  local name
  for name in "$@"; do
    ! in_force "$name" || printf '%s ' "$name"
  done | sed 's/ $//'
}

faults_in_force() { ls "$RUN/faults" 2>/dev/null || true; }

# inject NAME…
inject() {
  local name
  local -a standing
  need_up
  for name in "$@"; do need_fault "$name"; done
  mapfile -t standing < <(faults_in_force)
  for name in "$@"; do
    need_no_contradiction "$name" "${standing[@]}"
    standing+=("$name")
  done
  for name in "$@"; do need_ground "$name" "${standing[@]}"; done
  for name in "$@"; do touch "$RUN/faults/$name"; done
  apply
}

# need_no_contradiction NAME OTHER…
need_no_contradiction() {
  local name=$1 other
  shift
  for other in "$@"; do
    [[ $other != "$name" ]] || continue
    if areas_of "$name" | grep -qxF -f <(areas_of "$other"); then
      die "\"$name\" contradicts \"$other\"; nothing was injected. Heal what is in force first: $HERE/lab heal"
    fi
  done
}

# need_ground NAME STANDING…: what it needs is among those that stand.
need_ground() {
  local name=$1 needs need
  shift
  needs=$(needs_of "$name")
  [[ -n $needs ]] || return 0
  for need in $needs; do
    # shellcheck disable=SC2076  # a word of the list
    if [[ " $* " =~ " $need " ]]; then return 0; fi
  done
  die "\"$name\" needs one of: $needs; nothing was changed"
}

# heal [NAME…]; without a name, all.
heal() {
  local name
  local -a all=() left=()
  need_up
  for name in "$@"; do need_fault "$name"; done
  if (($#)); then
    mapfile -t left < <(faults_in_force | grep -vxF -f <(printf '%s\n' "$@"))
    for name in "${left[@]}"; do need_ground "$name" "${left[@]}"; done
  fi
  if ((!$#)); then mapfile -t all < <(faults_in_force); fi
  for name in "$@" "${all[@]}"; do rm -f "$RUN/faults/$name"; done
  apply
}
