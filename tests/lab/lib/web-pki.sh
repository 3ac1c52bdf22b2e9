# shellcheck shell=bash
# The certificates of the Internet side, kept beside the cache: two public authorities, a private
# one, and those that a site has of its own. Made anew each month and when the list of hosts changes.

readonly WEB_CACHE=$STATE/web

web_hosts() {
  "$HERE/tools/web-sites" "$ENDPOINTS" --value "sts_host=$STS_NAME" --value "verified_domain=$TENANT_NAME" hosts
}

# Changes when the certificates have to be made anew.
web_stamp() {
  {
    cat "$HERE/lib/web-pki.sh" "$HERE/lib/names-web.sh"
    web_hosts
    date +%Y-%m
  } | sha256sum | cut -c 1-16
}

# Two labs may share the cache, so each takes a copy: web_certificates [DIR]
web_certificates() {
  (
    flock --wait 120 8 || die "another lab has held $STATE/web.lock for 120 s; see who: fuser -v $STATE/web.lock"
    [[ -e $WEB_CACHE/stamp && $(cat "$WEB_CACHE/stamp") == "$(web_stamp)" ]] || make_web_certificates
    [[ -z ${1:-} ]] || cp -a "$WEB_CACHE" "$1"
  ) 8>"$STATE/web.lock"
}

make_web_certificates() {
  local new=$STATE/web.new
  say "making the certificates of the Internet's hosts"
  rm -rf "$new"
  mkdir -p "$new"
  # In the background, where the first failure ends it.
  (
    cd "$new" || exit
    web_authorities
    web_leaves
    web_stamp >stamp
  ) 2>"$STATE/web-openssl.log" &
  wait $! || die "making the certificates failed; see $STATE/web-openssl.log"
  rm -rf "$WEB_CACHE"
  mv "$new" "$WEB_CACHE"
}

# In the directory for the certificates, as is all below.
web_authorities() {
  local name
  new_key key.pem
  openssl req -new -key key.pem -subj /CN=leaf -out leaf.csr
  new_authority one 'O=Lab Public Trust' 'Lab Public Root' 'Lab Public Issuing CA 1'
  new_authority two 'O=Second Public Trust' 'Second Public Root' 'Second Public Issuing CA 2'
  new_authority private 'O=Lab Microsoft' 'Lab Microsoft Private Root' 'Lab Microsoft Update CA'
  cat one-root.pem two-root.pem >public-ca.pem
  cp private-root.pem private-ca.pem
  new_root inspection 'O=Corp Example' 'Corp Inspection CA'
  cp inspection-root.pem inspection-ca.pem
  new_root portal 'O=Guest WLAN' "$PORTAL_NAME"
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# A root that ends after the leaves: new_root LABEL ORGANISATION NAME
new_root() {
  new_key "$1-root.key"
  at_date "$(date -d '-2 years' +%F)" openssl req -x509 -new -key "$1-root.key" -days 7300 -subj "/$2/CN=$3" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$1-root.pem"
}

# new_authority LABEL ORGANISATION ROOT-NAME ISSUING-NAME
new_authority() {
  new_root "$1" "$2" "$3"
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/$2/CN=$4" -out "$1.csr"
  at_date "$(date -d '-1 year' +%F)" openssl x509 -req -in "$1.csr" -CA "$1-root.pem" -CAkey "$1-root.key" \
    -days 3650 -out "$1.pem" -extfile <(printf '%s\n' 'basicConstraints=critical,CA:TRUE,pathlen:0' \
    'keyUsage=critical,keyCertSign,cRLSign' 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid')
}

# One certificate for each host; it began in the month before this one and lasts for less than a year.
web_leaves() {
  local name authority begin
  begin=$(date -d "$(date +%Y-%m-01) -30 days" +%F)
  while read -r name _ authority _; do
    new_leaf "$name" "$name" "$authority" "$begin" 180
  done < <(web_hosts)
  new_leaf "$PORTAL_NAME" "$PORTAL_NAME" one "$begin" 180
  new_leaf "$EXPIRED_HOST-expired" "$EXPIRED_HOST" one "$(date -d '-200 days' +%F)" 100
  new_leaf "$NOT_YET_VALID_HOST-not-yet-valid" "$NOT_YET_VALID_HOST" one "$(date -d '+60 days' +%F)" 180
  new_leaf "$WRONG_NAME_HOST-wrong-name" www.contoso-shop.example one "$begin" 180
}

# new_leaf FILE HOST AUTHORITY FIRST-DAY DAYS
new_leaf() {
  at_date "$4" openssl x509 -req -in leaf.csr -subj "/CN=$2" -CA "$3.pem" -CAkey "$3.key" -days "$5" \
    -out "$1.pem" -extfile <(printf '%s\n' "subjectAltName=DNS:$2" 'basicConstraints=CA:FALSE' \
    'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth' 'authorityKeyIdentifier=keyid')
  cat "$3.pem" >>"$1.pem"
}
