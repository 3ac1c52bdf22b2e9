# shellcheck shell=bash
# shellcheck disable=SC2016  # awk expands them
# Names: the Internet's server, the site's two resolvers, the copy of the AD zones.

readonly COPY='127.0.0.1#5300'

# The program stays in the foreground and takes one thread.
start_named() { start "$1" "$2" named -f -n 1 -c "$3"; }

inet_dns_up() {
  local dir=$RUN/dns/inet
  mkdir -p "$dir"
  fill named-inet.conf "DIR=$dir" "ADDRESS=$INET_DNS" "ADDRESS6=$INET_DNS6" >"$dir/named.conf"
  fill internet.zone "DNS=$INET_DNS" "TIME=$INET_TIME" "WEB=$INET_WEB" >"$dir/internet.zone"
  {
    web_records
    vpn_records
  } >>"$dir/internet.zone"
  start_named inet inet-dns "$dir/named.conf"
}

answers() { inside "$1" dig +time=1 +tries=1 "${@:2}" | grep -q 'status: NOERROR'; }

inet_dns_wait() {
  wait_for 10 "the name server of inet ($RUN/log/inet-dns.log)" answers inet "@$INET_DNS" www.example.org
}

# Brings the resolvers, and the copy behind them, to what the faults in force ask for.
apply_dns() {
  apply_copy
  apply_resolver one "$RESOLVER_ONE"
  apply_resolver two "$RESOLVER_TWO"
  ! in_force second-network || apply_resolver second "$SECOND_RESOLVER"
}

# apply_resolver one|two|second ADDRESS
apply_resolver() {
  local which=$1 address=$2 name=resolver-$1 dir=$RUN/dns/resolver-$1
  mkdir -p "$dir"
  if [[ $which == two ]] && in_force resolver-refusing-port; then
    stop "$name" KILL
    return
  fi
  fill dnsmasq.conf "ADDRESS=$address" "LOG=$RUN/log/$name.log" "SERVERS=$(resolver_servers "$which")" \
    "RECORDS=$(site_records)" >"$dir/new"
  if runs "$name" && cmp -s "$dir/new" "$dir/dnsmasq.conf"; then return; fi
  stop "$name" KILL
  mv "$dir/new" "$dir/dnsmasq.conf"
  start edge "$name" dnsmasq --keep-in-foreground --conf-file="$dir/dnsmasq.conf"
  # dnsmasq knows this name itself: it says that the process listens, whatever is behind.
  wait_for 5 "the resolver $address ($RUN/log/$name.log)" answers edge "@$address" version.bind chaos txt
}

# Whom a resolver asks; lines for dnsmasq, as one line for sed.
resolver_servers() {
  local which=$1 rest=$INET_DNS ad
  ! in_force dns-rewritten || rest=$COPY
  ad="server=/$DOMAIN/$DC1\nserver=/$DOMAIN/$DC2\n"
  ! copy_is_needed || ad="server=/$DOMAIN/$COPY\n"
  if in_force no-direct-path || { [[ $which != second ]] && in_force resolver-lacks-ad-zone; } || { [[ $which == two ]] && in_force resolver-one-lacks-ad-zone; }; then ad=; fi
  ! in_force vpn-name-unknown || printf 'address=/%s/\\n' "$VPN_DOMAIN"
  ! in_force ncsi-dns-wrong || printf 'address=/dns.msftncsi.com/%s\\n' "$INET_WEB"
  printf '%sserver=%s' "$ad" "$rest"
}

# The faults whose names come from the copy: those that change records, and those
# that take away both controllers, with whom the zone would go.
readonly ZONE_FAULTS=(srv-missing srv-nodata srv-target-unresolved srv-target-unresolved-one srv-dead-host
  dns-truncated truncated-tcp-open many-dcs)
readonly COPY_FAULTS=("${ZONE_FAULTS[@]}" dcs-dead dc-stopped dc-frozen)

copy_is_needed() { any_in_force "${COPY_FAULTS[@]}"; }

apply_copy() {
  local dir=$RUN/dns/copy wanted
  if ! copy_is_needed && ! in_force dns-rewritten; then
    stop copy-dns KILL
    rm -rf "$dir"
    return
  fi
  wanted="$(active_of "${ZONE_FAULTS[@]}") $(active_of dns-rewritten)"
  if runs copy-dns && [[ $(cat "$dir/wanted") == "$wanted" ]]; then return; fi
  stop copy-dns KILL
  mkdir -p "$dir"
  write_copy "$dir"
  start_named edge copy-dns "$dir/named.conf"
  wait_for 5 "the copy of the zones ($RUN/log/copy-dns.log)" answers edge -p 5300 @127.0.0.1 "$DOMAIN" soa
  printf '%s' "$wanted" >"$dir/wanted"
}

write_copy() {
  local dir=$1 zone redirect=''
  if in_force dns-rewritten; then
    redirect='zone "." { type redirect; file "redirect.zone"; };'
    fill redirect.zone "ADDRESS=$INET_WEB" >"$dir/redirect.zone"
  fi
  for zone in "$DOMAIN" "_msdcs.$DOMAIN"; do
    edit_zone <"$RUN/zones/$zone" >"$dir/$zone"
  done
  added_hosts >>"$dir/$DOMAIN"
  fill named-copy.conf "DIR=$dir" "FORWARDER=$INET_DNS" "DOMAIN=$DOMAIN" "REDIRECT=$redirect" >"$dir/named.conf"
}

# Changes the records of a zone as the zone fault in force wants it. The fields
# are: name, TTL, IN, SRV, priority, weight, port, target.
edit_zone() {
  local located='^_ldap\._tcp\.([^.]+\._sites\.)?dc\._msdcs\.'
  case $(active_of "${ZONE_FAULTS[@]}") in
    srv-missing) awk -v names="$located" '!($4 == "SRV" && $1 ~ names)' ;;
    srv-nodata) awk -v names="$located" '$4 == "SRV" && $1 ~ names { $0 = $1 " 900 IN TXT \"kept\"" } { print }' ;;
    srv-target-unresolved) retarget dc-gone ;;
    srv-dead-host) retarget dc-dead ;;
    srv-target-unresolved-one) add_to_srv '$8 = "dc3." domain "."; print' ;;
    many-dcs) add_to_srv 'for (i = 3; i <= 40; i++) { $8 = "dc" i "." domain "."; print }' ;;
    dns-truncated | truncated-tcp-open)
      add_to_srv 'for (i = 2; i <= 61; i++) { $6 = 100 + int(i / 2); $8 = "dc" (i % 2 + 1) "." domain "."; print }' ;;
    *) cat ;;
  esac
}

retarget() { awk -v target="$1.$DOMAIN." '$4 == "SRV" { $8 = target } { print }' | sort -u; }

# Runs an awk action after each domain-wide SRV record of dc2.
add_to_srv() {
  awk -v domain="$DOMAIN" "{ print } \$4 == \"SRV\" && \$1 !~ /_sites/ && tolower(\$8) ~ /^dc2\\./ { $1 }"
}

# Addresses for the hosts that the edited records name.
added_hosts() {
  local number
  case $(active_of "${ZONE_FAULTS[@]}") in
    srv-dead-host) printf 'dc-dead.%s. 900 IN A %s\n' "$DOMAIN" "$NOBODY" ;;
    many-dcs)
      for number in {3..40}; do
        printf 'dc%d.%s. 900 IN A %s.%d\n' "$number" "$DOMAIN" "${NOBODY%.*}" $((number + 100))
      done
      ;;
  esac
}
