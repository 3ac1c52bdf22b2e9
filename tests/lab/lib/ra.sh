# shellcheck shell=bash
# Router advertisements on the site's segment (dnsmasq on the edge). As a rule there are none.

# shellcheck disable=SC2034  # apply.sh brings IPv6 for them
readonly RA_FAULTS=(ra ra-rogue ra-far)

apply_ra() {
  local dir=$RUN/ra wanted
  if in_force ra; then apply_resolver six "$RESOLVER6"; else stop resolver-six KILL; fi
  wanted=$(active_of "${RA_FAULTS[@]}")
  if [[ $(recall ra) == "$wanted" && (-z $wanted || -n $(pid_of router || pid_of rogue-router)) ]]; then return; fi
  stop router KILL
  stop rogue-router KILL
  rm -rf "$dir"
  remember ra "$wanted"
  # Who loses IPv6 loses its addresses with it.
  inside rogue sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
  [[ -n $wanted ]] || return 0
  ! in_force ra || start_router edge router site "$RESOLVER6" "$DOMAIN"
  any_in_force ra-rogue ra-far || return 0
  inside rogue sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.disable_ipv6=0
  ip -6 -n "$(ns rogue)" addr replace "$ROGUE6/64" dev eth0 nodad
  ! in_force ra-rogue || start_router rogue rogue-router eth0 "$INET_DNS6" rogue.example
  ! in_force ra-far || start rogue rogue-router "$HERE/tools/far-router" eth0 "$INET_DNS6"
}

# start_router NAMESPACE NAME INTERFACE RESOLVER SUFFIX
start_router() {
  local dir=$RUN/ra/$2
  mkdir -p "$dir"
  fill ra.conf "DIR=$dir" "LOG=$dir/log" "INTERFACE=$3" "RESOLVER=$4" "SUFFIX=$5" >"$dir/dnsmasq.conf"
  start "$1" "$2" dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf"
  wait_for 5 "the router advertisements on $3 ($dir/log)" grep -q 'router advertisement on' "$dir/log"
}
