# shellcheck shell=bash
# The site's DHCP server (dnsmasq on the edge). As a rule the site has none.

readonly DHCP_FAULTS=(dhcp wpad-dhcp capport dhcp-rogue)

apply_dhcp() {
  local dir=$RUN/dhcp wanted
  wanted=$(active_of "${DHCP_FAULTS[@]}")
  if [[ $(recall dhcp) == "$wanted" && (-z $wanted || -n $(pid_of dhcp-server)) ]]; then return; fi
  stop dhcp-server KILL
  stop dhcp-rogue KILL
  rm -rf "$dir"
  remember dhcp "$wanted"
  [[ -n $wanted ]] || return 0
  mkdir -p "$dir"
  fill dhcp.conf "DIR=$dir" "LOG=$dir/log" "GATEWAY=$GATEWAY" "RESOLVERS=$RESOLVER_ONE,$RESOLVER_TWO" \
    "DOMAIN=$DOMAIN" "OPTIONS=$(dhcp_options)" >"$dir/dnsmasq.conf"
  start edge dhcp-server dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf"
  wait_for 5 "the DHCP server ($dir/log)" grep -q 'IP range' "$dir/log"
  ! in_force dhcp-rogue || start_rogue "$dir/rogue"
}

# A second server, which nobody asked for, with a network card of its own.
start_rogue() {
  local dir=$1
  mkdir -p "$dir"
  fill dhcp-rogue.conf "DIR=$dir" "LOG=$dir/log" "GATEWAY=$GATEWAY" "RESOLVERS=$INET_DNS" >"$dir/dnsmasq.conf"
  start rogue dhcp-rogue dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf"
  wait_for 5 "the rogue DHCP server ($dir/log)" grep -q 'IP range' "$dir/log"
}

dhcp_options() {
  ! in_force wpad-dhcp || printf 'dhcp-option=252,"http://%s/wpad.dat\\\\n"' "$DHCP_WPAD_NAME"
  ! in_force capport || printf 'dhcp-option=114,%s' "$PORTAL_API"
}
