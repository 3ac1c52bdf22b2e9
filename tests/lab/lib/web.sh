# shellcheck shell=bash
# The hosts of the Internet (nginx in inet), and what a site has on its own edge:
# a portal, the address where clients look for a proxy, the proxies.

# The answers, the certificates and the table of addresses; before the name server starts.
web_files() {
  mkdir -p "$RUN/web/documents"
  # The list may change while the lab is up.
  cp "$ENDPOINTS" "$RUN/web/endpoints.toml"
  web_certificates "$RUN/web/tls"
  web_hosts >"$RUN/web/hosts"
  truncate -s 16M "$RUN/web/documents/content"
}

# The address of one of the hosts.
web_address() { awk -v name="$1" '$1 == name { print $2 }' "$RUN/web/hosts"; }

# Records for the Internet's name server.
web_records() {
  awk '$2 != "-" { printf "%s. IN A %s\n", $1, $2 } $4 { printf "%s. IN AAAA %s\n", $1, $4 }' "$RUN/web/hosts"
}

# The faults that change what the web servers answer.
readonly WEB_FAULTS=(tls-expired tls-not-yet-valid tls-wrong-name host-503 host-silent range-unsupported
  realm-federated realm-federated-open sts-windowstransport-off portal-redirect portal-page proxy-required proxy-auth proxy-filtering proxy-dead pac-broken wpad-dhcp capport)

apply_web() {
  local wanted
  wanted="for $(active_of "${WEB_FAULTS[@]}")"
  if runs inet-web && [[ $(recall web) == "$wanted" ]]; then return; fi
  web_documents
  in_force host-silent || stop silent KILL
  apply_nginx inet internet_servers
  ! in_force host-silent || start_silent
  if [[ -n $(edge_servers) ]]; then apply_nginx edge edge_servers; else drop_nginx edge; fi
  remember web "$wanted"
}

# What is served from files.
web_documents() {
  local name kind=managed
  ! any_in_force realm-federated realm-federated-open || kind=federated
  for name in openid-configuration.json discovery.json mex.xml wpad.dat wpad-broken.dat; do web_document "$name" "$name"; done
  web_document "realm-$kind.json" realm.json
}

web_document() {
  fill "web/$1" "TENANT=$TENANT_NAME" "TENANT_ID=$TENANT_ID" "STS=$STS_NAME" "DOMAIN=$DOMAIN" \
    "PROXY=$PROXY_NAME:$PROXY_PORT" >"$RUN/web/documents/$2"
}

# What the faults in force make of the hosts.
internet_servers() {
  local -a options=()
  ! in_force tls-expired || options+=(--certificate "$EXPIRED_HOST=expired")
  ! in_force tls-not-yet-valid || options+=(--certificate "$NOT_YET_VALID_HOST=not-yet-valid")
  ! in_force tls-wrong-name || options+=(--certificate "$WRONG_NAME_HOST=wrong-name")
  ! in_force host-503 || options+=(--status "$FAILING_HOST=503")
  ! in_force host-silent || options+=(--absent "$SILENT_HOST")
  ! in_force range-unsupported || options+=(--without-ranges)
  ! in_force sts-windowstransport-off || options+=(--without-windowstransport)
  "$HERE/tools/web-sites" "$RUN/web/endpoints.toml" --value "sts_host=$STS_NAME" --value "verified_domain=$TENANT_NAME" \
    "${options[@]}" servers "$RUN/web"
}

# apply_nginx NAMESPACE SERVERS-COMMAND: restarts only if its servers change.
apply_nginx() {
  local where=$1 dir=$RUN/web/$1
  mkdir -p "$dir"
  "$2" >"$dir/servers.new"
  if runs "$where-web" && cmp -s "$dir/servers.new" "$dir/servers.conf"; then return; fi
  stop "$where-web" KILL
  mv "$dir/servers.new" "$dir/servers.conf"
  rm -f "$dir/nginx.pid"
  fill nginx.conf "DIR=$dir" "TLS=$RUN/web/tls" >"$dir/nginx.conf"
  start "$where" "$where-web" nginx -e stderr -c "$dir/nginx.conf"
  # It writes its pid when it listens everywhere.
  wait_for 10 "the web servers of $where ($RUN/log/$where-web.log)" test -s "$dir/nginx.pid"
}

drop_nginx() {
  stop "$1-web" KILL
  rm -rf "$RUN/web/$1"
}

# It takes the place of one of the servers.
start_silent() {
  local address
  if runs silent; then return; fi
  address=$(web_address "$SILENT_HOST")
  start inet silent "$HERE/tools/silent" "$address" 80 443
  wait_for 5 "the silent host ($RUN/log/silent.log)" inside inet nc -z -w 1 "$address" 443
}

# The servers on the edge: a captive portal, and the script by which clients find a proxy.
edge_servers() {
  if in_force portal-redirect; then fill portal-redirect.conf "ADDRESS=$PORTAL" "NAME=$PORTAL_NAME"; fi
  if in_force portal-page; then fill portal-page.conf "ADDRESS=$PORTAL" "NAME=$PORTAL_NAME" "TLS=$RUN/web/tls"; fi
  if in_force capport; then fill capport.conf "ADDRESS=$PORTAL" "NAME=$PORTAL_NAME" "TLS=$RUN/web/tls"; fi
  if in_force pac-broken; then
    fill wpad.conf "ADDRESS=$WPAD" "NAME=$WPAD_NAME" "DIR=$RUN/web/documents" TYPE=text/html SCRIPT=wpad-broken.dat
  elif wpad_is_announced || in_force wpad-dhcp; then
    fill wpad.conf "ADDRESS=$WPAD" "NAME=$WPAD_NAME $DHCP_WPAD_NAME" "DIR=$RUN/web/documents" \
      TYPE=application/x-ns-proxy-autoconfig SCRIPT=wpad.dat
  fi
}

wpad_is_announced() { any_in_force proxy-required proxy-auth proxy-filtering proxy-dead pac-broken; }

# The names of the site's own servers, for its resolvers; lines, as one line for sed.
site_records() {
  printf 'host-record=%s,%s\\nhost-record=%s,%s' "$PORTAL_NAME" "$PORTAL" "$PROXY_NAME" "$PROXY"
  ! in_force wpad-dhcp || printf '\\nhost-record=%s,%s' "$DHCP_WPAD_NAME" "$WPAD"
  ! wpad_is_announced || printf '\\nhost-record=%s,%s' "$WPAD_NAME" "$WPAD"
}

# The proxies: one that clients are told of, one that breaks into TLS.
apply_proxies() {
  local wanted=''
  ! any_in_force proxy-open proxy-required wpad-dhcp || wanted=open
  ! in_force proxy-auth || wanted=auth
  ! in_force proxy-filtering || wanted=filtering
  apply_squid proxy "$wanted"
  wanted=''
  ! any_in_force tls-inspected tls-inspected-one vpn-intercepted || wanted=inspecting
  apply_squid inspection "$wanted"
}

# apply_squid NAME KIND; no kind: it shall not run.
apply_squid() {
  local name=$1 kind=$2 dir=$RUN/squid/$1 port=$PROXY_PORT
  if [[ $(recall "$name") == "$kind" && (-z $kind || -n $(pid_of "$name")) ]]; then return; fi
  stop "$name" KILL
  rm -rf "$dir"
  forget_squid "$name"
  remember "$name" "$kind"
  [[ -n $kind ]] || return 0
  [[ $kind != inspecting ]] || port=$INSPECTION_PORT
  squid_files "$dir" "$kind"
  start edge "$name" squid -N -n "$(squid_service "$name")" -f "$dir/squid.conf"
  # A trial connection that was not detoured would stop it from taking others.
  wait_for 10 "the proxy on port $port ($dir/cache.log)" grep -q "Accepting .* local=[0-9.]*:$port" "$dir/cache.log"
}

# The name by which Squid calls its shared memory: letters and digits only.
squid_service() { printf 'lab%s%s' "${PREFIX//-/}" "$1"; }

# What Squid leaves behind when it is killed: forget_squid NAME…
forget_squid() {
  local name
  for name in "$@"; do rm -f "/dev/shm/$(squid_service "$name")-"*; done
}

# Squid leaves root behind, so it gets what it needs from us.
squid_files() {
  local dir=$1 kind=$2
  mkdir -p "$dir"
  case $kind in
    open) printf 'http_port %s:%s\nhttp_access allow all\n' "$PROXY" "$PROXY_PORT" ;;
    filtering)
      printf 'http_port %s:%s\nacl forbidden dstdomain %s\nhttp_access deny forbidden\nhttp_access allow all\n' \
        "$PROXY" "$PROXY_PORT" "$BLOCKED_HOST"
      ;;
    auth)
      printf '%s:%s\n' "${PROXY_PASSWORD%%:*}" "$(openssl passwd -apr1 "${PROXY_PASSWORD#*:}")" >"$dir/users"
      fill squid-auth.conf "ADDRESS=$PROXY:$PROXY_PORT" "DIR=$dir"
      ;;
    inspecting)
      install -m 600 "$RUN/web/tls/inspection-root.key" "$dir/ca.key"
      cat "$RUN/web/tls/public-ca.pem" "$RUN/web/tls/private-ca.pem" >"$dir/public-ca.pem"
      /usr/lib/squid/security_file_certgen -c -s "$dir/certificates" -M 4MB >/dev/null
      fill squid-inspecting.conf "PORT=$INSPECTION_PORT" "DIR=$dir" "CA=$RUN/web/tls/inspection-ca.pem"
      ;;
  esac >"$dir/kind.conf"
  fill squid.conf "DIR=$dir" "DNS=$INET_DNS" "NAME=$PROXY_NAME" >"$dir/squid.conf"
  chown -R proxy: "$dir"
}
