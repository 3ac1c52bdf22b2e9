# shellcheck shell=bash
# The site's DHCP server (dnsmasq on the edge). As a rule the site has none.

readonly DHCP_FAULTS=(dhcp wpad-dhcp capport)

apply_dhcp() {
  local dir=$RUN/dhcp wanted
  wanted=$(active_of "${DHCP_FAULTS[@]}")
  if [[ $(recall dhcp) == "$wanted" && (-z $wanted || -n $(pid_of dhcp-server)) ]]; then return; fi
  stop dhcp-server KILL
  rm -rf "$dir"
  remember dhcp "$wanted"
  [[ -n $wanted ]] || return 0
  mkdir -p "$dir"
  fill dhcp.conf "DIR=$dir" "LOG=$dir/log" "GATEWAY=$GATEWAY" "RESOLVERS=$RESOLVER_ONE,$RESOLVER_TWO" \
    "DOMAIN=$DOMAIN" "OPTIONS=$(dhcp_options)" >"$dir/dnsmasq.conf"
  start edge dhcp-server dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf"
  wait_for 5 "the DHCP server ($dir/log)" grep -q 'IP range' "$dir/log"
}

dhcp_options() {
  ! in_force wpad-dhcp || printf 'dhcp-option=252,"http://%s/wpad.dat\\\\n"' "$DHCP_WPAD_NAME"
  ! in_force capport || printf 'dhcp-option=114,%s' "$PORTAL_API"
}
