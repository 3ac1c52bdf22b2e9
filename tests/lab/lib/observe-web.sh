# shellcheck shell=bash
# What is to be seen of the Internet's hosts, the portal and the proxies, from the site, with curl,
# openssl and dig. For the selftest; the helpers are in observe.sh.

readonly NCSI=http://www.msftconnecttest.com/connecttest.txt
readonly OPENID=https://login.microsoftonline.com/common/.well-known/openid-configuration
readonly REALM_URL="https://login.microsoftonline.com/common/UserRealm/?user=$TENANT_NAME&api-version=1.0"
readonly STS_URL=https://$STS_NAME/adfs/services/trust/mex
readonly WINDOWSTRANSPORT_URL=https://$STS_NAME/adfs/services/trust/13/windowstransport
readonly CONTENT=dl.delivery.mp.microsoft.com

# fetches WHAT OPTION… URL: what curl says (code of curl, status, then head and body), with the site's
# names and the public authorities, matches.
fetches() {
  local pattern=$1
  shift
  SEEN="curl $* -> $("$LAB" in site curl -sS -i --connect-timeout 1 --max-time 3 --cacert "$PUBLIC_CA" -w '\nstatus=%{http_code} end=%{exitcode} verify=%{ssl_verify_result}' "$@" \
    2>&1 | tr -d '\r\0' | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ $pattern ]]
}

serves() { fetches 'status=[1-4][0-9]* end=0 ' "https://$1/"; }
silent_at() { fetches '(Timeout|timed out).* status=000 end=28 ' "$1"; }
at_proxy() { fetches "$1" --proxy "http://$PROXY_NAME:$PROXY_PORT" "${@:2}"; }

# presents PATTERN HOST: what openssl says of the host's chain.
presents() {
  SEEN="s_client $2 -> $("$LAB" in site timeout 3 openssl s_client -connect "$2:443" -servername "$2" \
    -verify_hostname "$2" -CAfile "$PUBLIC_CA" </dev/null 2>&1 | tr '\n' ' ' || true)"
  [[ ${SEEN#* -> } =~ $1 ]]
}

healthy_web() {
  every_host https 60 && every_host http 0 && healthy_answers && healthy_content && presents 'Lab Public Root.*Verify return code: 0 ' login.live.com &&
    presents 'Second Public Root.*Verify return code: 0 ' "$CONTENT" && both_resolvers 'status: NXDOMAIN' "$WPAD_NAME" a
}

# Every host of the list answers; but for the one with the private root, with a public chain.
every_host() {
  local scheme=$1 private=$2 name rest bad=''
  local -a urls=()
  while read -r name rest _; do [[ $rest == - ]] || urls+=(-o /dev/null "$scheme://$name/"); done <"$HOSTS"
  SEEN=$("$LAB" in site curl -sS --max-time 5 --cacert "$PUBLIC_CA" -w '%{exitcode} %{http_code} %{url}\n' "${urls[@]}" 2>/dev/null || true)
  (($(wc -l <<<"$SEEN") * 3 == ${#urls[@]})) || return 1
  while read -r rest name _; do
    [[ $rest == 0 || ($rest == "$private" && $name == 000) ]] || bad+="$rest "
  done <<<"$SEEN"
  SEEN=$(grep -v '^0 ' <<<"$SEEN" || true)
  [[ -z $bad ]]
}

healthy_answers() {
  fetches ' Microsoft Connect Test status=200 end=0 ' "$NCSI" && fetches '"issuer":.* status=200 ' "$OPENID" &&
    fetches '"NameSpaceType": "Managed".* status=200 ' "$REALM_URL" &&
    fetches '"DeviceRegistrationService".* status=200 ' "https://$WRONG_NAME_HOST/$TENANT_NAME/discover?api-version=1.7" &&
    fetches 'status=200 end=0 ' -L "https://$INSPECTED_HOST/common/oauth2" && fetches 'windowstransport.* status=200 ' "$STS_URL" &&
    fetches '^HTTP/1.1 401 .*Negotiate.* status=401 ' "$WINDOWSTRANSPORT_URL" && fetches ' status=401 ' "${WINDOWSTRANSPORT_URL/13/2005}"
}

healthy_content() {
  fetches '^HTTP/1.1 206 .*Content-Range: bytes 0-99/16777216.* status=206 ' -o /dev/null -D - -r 0-99 "http://$CONTENT/" &&
    fetches ' status=206 end=0 ' -o /dev/null -r 100-199 "https://$CONTENT/"
}

healthy_web_in_short() {
  fetches ' Microsoft Connect Test status=200 end=0 ' "$NCSI" && healthy_web_hosts &&
    fetches '"NameSpaceType": "Managed".* status=200 ' "$REALM_URL" && fetches 'status=200 ' "$STS_URL" &&
    fetches ' status=401 ' "$WINDOWSTRANSPORT_URL" && fetches ' status=206 ' -r 0-9 "http://$CONTENT/" && both_resolvers 'status: NXDOMAIN' "$WPAD_NAME" a
}

healthy_web_hosts() {
  local name
  for name in "$BLOCKED_HOST" "$BLOCKED_SOFT_HOST" "$INSPECTED_HOST" "$EXPIRED_HOST" "$NOT_YET_VALID_HOST" "$WRONG_NAME_HOST" \
    "$FAILING_HOST" "$SILENT_HOST"; do
    serves "$name" || return 1
  done
}

# Whether a fault of the Internet side is to be seen, and what must still be well beside it.
web_fault_shows() {
  case $1 in
    web-dead) silent_at "$NCSI" && silent_at "$OPENID" && asks "$(host_address login.live.com)" "$RESOLVER_ONE" login.live.com a &&
      echoes "$(host_address login.live.com)" ;;
    https-blocked) silent_at "$OPENID" && silent_at https://login.live.com/ && fetches 'Connect Test status=200' "$NCSI" ;;
    host-blocked) silent_at "$OPENID" && serves "$BLOCKED_SOFT_HOST" && serves "$INSPECTED_HOST" ;;
    soft-host-blocked) silent_at "https://$BLOCKED_SOFT_HOST/" && serves "$BLOCKED_HOST" ;;
    host-503) fetches 'status=503 end=0 ' "https://$FAILING_HOST/" && serves discovery.dm.microsoft.com ;;
    host-silent) fetches 'status=000 end=28 ' "https://$SILENT_HOST/" && looks open tcp "$(host_address "$SILENT_HOST")" 443 && serves cs.dds.microsoft.com ;;
    range-unsupported) fetches ' status=200 ' -o /dev/null -r 0-99 "http://$CONTENT/" && fetches ' status=200 ' -o /dev/null -r 0-99 https://swda01-mscdn.manage.microsoft.com/ ;;
    clock-box-wrong) clock_box_is_wrong ;;
    realm-federated-open) fetches "\"Federated\".*https://$STS_NAME/adfs" "$REALM_URL" && fetches 'windowstransport.* status=200 ' "$STS_URL" ;;
    bandwidth-low) fetches ' status=206 end=0 ' -o /dev/null -r 0-99 "http://$CONTENT/" && comes_at 2 3 "http://$CONTENT/" ;;
    sts-windowstransport-off) fetches 'status=503 end=0 ' "$WINDOWSTRANSPORT_URL" && fetches 'status=503 end=0 ' "${WINDOWSTRANSPORT_URL/13/2005}" &&
      fetches 'status=200 ' "$STS_URL" ;;
    ipv6-open) fetches 'Connect Test status=200 ' -6 http://ipv6.msftconnecttest.com/connecttest.txt && fetches 'status=404 end=0 ' -6 https://login.live.com/ ;;
    ipv6-dead) silent_at http://ipv6.msftconnecttest.com/connecttest.txt && fetches 'Timeout.* status=000 ' -6 https://login.live.com/ &&
      fetches 'status=404 end=0 ' -4 https://login.live.com/ && sees "via $GATEWAY6" ip -6 route show default ;;
    ncsi-dns-wrong) both_resolvers "$INET_WEB" dns.msftncsi.com a && asks 'ANSWER: 1,' "$RESOLVER_ONE" time.windows.com a ;;
    realm-federated) fetches "\"Federated\".*https://$STS_NAME/adfs" "$REALM_URL" && silent_at "$STS_URL" && serves "$BLOCKED_HOST" ;;
    portal-*) portal_shows "$1" ;;
    tls-*) tls_fault_shows "$1" ;;
    *) proxy_fault_shows "$1" ;;
  esac
}

# comes_at LEAST MOST URL: so many Mbit/s, by curl; what it has not got after 3 s it need not get.
comes_at() {
  local speed
  speed=$("$LAB" in site curl -sS -o /dev/null --max-time 3 -w '%{speed_download}' "$3" 2>/dev/null || true)
  SEEN="$3 comes at $((${speed%.*} * 8 / 1000)) kbit/s"
  ((${speed%.*} * 8 >= $1 * 1000000 && ${speed%.*} * 8 <= $2 * 1000000))
}

host_address() { awk -v name="$1" '$1 == name { print $2 }' "$HOSTS"; }

clock_box_is_wrong() {
  local there here
  there=$("$LAB" in site date +%s)
  here=$(date +%s)
  SEEN="the box is $((there - here)) s ahead"
  ((there - here >= CLOCK_BOX_AHEAD - 2 && there - here <= CLOCK_BOX_AHEAD + 2)) && presents 'certificate has expired' login.live.com &&
    looks 'answer stratum=2 skew=-?[01] ' ntp "$INET_TIME"
}

portal_shows() {
  case $1 in
    portal-redirect) fetches "302 .*Location: http://$PORTAL_NAME/ .*status=302" "$NCSI" && fetches '302 ' http://no-matter.example.org/ -x '' --resolve "no-matter.example.org:80:$INET_WEB" &&
      fetches 'Guest WLAN.* status=200' -L "$NCSI" && silent_at "$OPENID" ;;
    portal-page) fetches '^HTTP/1.1 200 .*Guest WLAN.* status=200' "$NCSI" && presents "subject=O = Guest WLAN, CN = $PORTAL_NAME" login.live.com &&
      fetches 'end=60 ' "$OPENID" ;;
  esac && asks 131.107.255.255 "$RESOLVER_ONE" dns.msftncsi.com a
}

tls_fault_shows() {
  local inspected='issuer=O = Corp Example, CN = Corp Inspection CA'
  case $1 in
    tls-inspected) presents "$inspected" login.live.com && presents "$inspected" "$INSPECTED_HOST" && fetches 'end=60 ' "$OPENID" &&
      fetches '"issuer":.* status=200 end=0' --cacert "${PUBLIC_CA%/*}/inspection-ca.pem" "$OPENID" && fetches 'Connect Test status=200' "$NCSI" ;;
    tls-inspected-one) presents "$inspected" "$INSPECTED_HOST" && serves "$BLOCKED_HOST" && serves login.live.com ;;
    tls-expired) presents 'certificate has expired' "$EXPIRED_HOST" && serves enrollment.manage.microsoft.com ;;
    tls-not-yet-valid) presents 'certificate is not yet valid' "$NOT_YET_VALID_HOST" && serves "$BLOCKED_HOST" ;;
    tls-wrong-name) presents 'Hostname mismatch|hostname mismatch' "$WRONG_NAME_HOST" && serves "$BLOCKED_HOST" ;;
    *) return 1 ;;
  esac
}

proxy_fault_shows() {
  local script="http://$WPAD_NAME/wpad.dat" announced="ns-proxy-autoconfig.*return \"PROXY $PROXY_NAME:$PROXY_PORT"
  case $1 in
    proxy-open) at_proxy 'Connection established.*"issuer":.* status=200 end=0 ' "$OPENID" && at_proxy 'Connect Test status=200' "$NCSI" && serves "$BLOCKED_HOST" ;;
    proxy-required) silent_at "$OPENID" && silent_at "$NCSI" && fetches "$announced" "$script" && at_proxy '"issuer":.* status=200 end=0 ' "$OPENID" &&
      at_proxy 'Connect Test status=200' "$NCSI" ;;
    proxy-auth) silent_at "$OPENID" && fetches "$announced" "$script" && at_proxy '407 .*Proxy-Authenticate: Basic.* end=56 ' "$OPENID" &&
      at_proxy ' status=407 ' "$NCSI" && at_proxy '"issuer":.* status=200 ' --proxy-user "$PROXY_PASSWORD" "$OPENID" ;;
    proxy-filtering) silent_at "$OPENID" && fetches "$announced" "$script" && at_proxy '403 .* end=56 ' "$OPENID" && at_proxy 'Connect Test status=200' "$NCSI" ;;
    proxy-dead) silent_at "$OPENID" && fetches "$announced" "$script" && at_proxy '(Timeout|timed out).* end=28 ' "$OPENID" ;;
    pac-broken) fetches 'text/html.*<!doctype html>.* status=200' "$script" && serves "$BLOCKED_HOST" ;;
    *) return 1 ;;
  esac
}
