# shellcheck shell=bash
# shellcheck disable=SC2153  # the capital names come from names.sh
# Making the domains once, and keeping them in the cache.

# Changes when anything does that the cache was made from.
cache_stamp() {
  {
    cat "$HERE/lib/provision.sh" "$HERE/lib/names.sh" "$HERE/conf/smb.conf" "$HERE/tools/dump-zones"
    dpkg-query -W -f '${Version}' samba-ad-dc 2>/dev/null || true
  } | sha256sum | cut -c 1-16
}

cache_is_good() { [[ -e $CACHE/stamp && $(cat "$CACHE/stamp") == "$(cache_stamp)" ]]; }

# Makes both domains in a lab of their own and packs them.
provision() {
  local started=$SECONDS other
  PREFIX=$PREFIX-make
  RUN=/run/sightline-lab/$PREFIX
  trap provision_clean EXIT
  provision_clean
  mkdir -p "$RUN/log"
  net_up
  (umask 077 && new_password >"$RUN/admin-password" && new_password >"$RUN/canary-password")
  make_certificates
  say "provisioning $DOMAIN on dc1 and $OTHER_DOMAIN on other (about half a minute)"
  provision_first other "$OTHER_REALM" OTHER Default-First-Site-Name &
  other=$!
  provision_first dc1 "$REALM" "$NETBIOS_DOMAIN" Berlin
  wait "$other" || die "provisioning $OTHER_DOMAIN failed: see above"
  make_sites
  start_for_making dc1
  say "joining dc2"
  join_second
  start_for_making dc2
  say "registering records, replicating"
  make_objects
  register_records
  replicate
  say "packing the domains"
  dc_stop dc1
  dc_stop dc2
  pack
  provision_clean
  trap - EXIT
  say "provisioned in $((SECONDS - started)) s: $CACHE"
}

provision_clean() {
  end_all || true
  net_down
  rm -rf "$RUN"
}

# Without a newline, for ldapmodify -y; with the classes that the policy wants.
new_password() { printf 'Aa1-%s' "$(head -c 18 /dev/urandom | base64 | tr -d '/+=\n')"; }

# A CA, and for each controller a valid and an expired certificate.
make_certificates() {
  local name host
  mkdir -p "$RUN/tls"
  cd "$RUN/tls" || die "cannot use $RUN/tls"
  at_date 2024-01-01 openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 7300 \
    -subj "/O=Sightline lab/CN=Sightline lab CA" -addext "keyUsage=critical,keyCertSign,cRLSign"
  for name in dc1 dc2 other; do
    host=$name.$DOMAIN
    [[ $name != other ]] || host=dc.$OTHER_DOMAIN
    printf 'subjectAltName=DNS:%s,DNS:%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' \
      "$host" "${host#*.}" >"$name.ext"
    openssl req -new -newkey rsa:2048 -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$host"
    at_date 2024-01-02 openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -extfile "$name.ext" \
      -days 7200 -out "$name-valid.pem"
    at_date 2024-01-02 openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -extfile "$name.ext" \
      -days 90 -out "$name-expired.pem"
  done
  rm -f ./*.csr ./*.ext ca.key
  cd /
} 2>>"$RUN/log/openssl.log"

at_date() {
  local date=$1
  shift
  faketime "$date 12:00:00" "$@"
}

# provision_first NAME REALM WORKGROUP AD-SITE
provision_first() {
  local name=$1 realm=$2 workgroup=$3 site=$4
  dc_config "$name"
  quietly "provision-$name" "$name" samba-tool domain provision -s "$RUN/$name/smb.conf" \
    --realm="$realm" --domain="$workgroup" --server-role=dc --dns-backend=SAMBA_INTERNAL \
    --host-ip="$(dc_address "$name")" --site="$site" --adminpass="$(cat "$RUN/admin-password")"
}

# The sites: Berlin (dc1), Lyon (dc2), Depot (nobody); before the first start,
# so that no controller registers records on behalf of Depot.
make_sites() {
  local -a tool=(quietly sites dc1 samba-tool sites)
  local -a to=(-s "$RUN/dc1/smb.conf" -H "$RUN/dc1/private/sam.ldb")
  "${tool[@]}" create Lyon "${to[@]}"
  "${tool[@]}" subnet create 10.60.1.0/24 Berlin "${to[@]}"
  "${tool[@]}" subnet create 10.60.10.0/24 Berlin "${to[@]}"
  "${tool[@]}" subnet create 10.60.20.0/24 Lyon "${to[@]}"
}

start_for_making() {
  dc_config "$1" "$SERVICES, drepl"
  dc_certificate "$1" valid
  dc_start "$1"
  dc_wait "$1"
}

join_second() {
  dc_config dc2
  quietly join dc2 samba-tool domain join "$DOMAIN" DC -s "$RUN/dc2/smb.conf" --server="dc1.$DOMAIN" --site=Lyon \
    --dns-backend=SAMBA_INTERNAL "-UAdministrator%$(cat "$RUN/admin-password")"
}

# The canary, the service connection point, and the site that nobody serves.
make_objects() {
  local base services
  base=DC=${DOMAIN//./,DC=}
  services="CN=Services,CN=Configuration,$base"
  quietly canary dc1 samba-tool user create "$CANARY" "$(cat "$RUN/canary-password")" -s "$RUN/dc1/smb.conf" \
    -H "$RUN/dc1/private/sam.ldb"
  quietly canary dc1 samba-tool user setexpiry "$CANARY" --noexpiry -s "$RUN/dc1/smb.conf" -H "$RUN/dc1/private/sam.ldb"
  quietly canary dc1 samba-tool domain passwordsettings set --max-pwd-age=0 -s "$RUN/dc1/smb.conf" \
    -H "$RUN/dc1/private/sam.ldb"
  dc_modify dc1 <<LDIF
dn: CN=Device Registration Configuration,$services
changetype: add
objectClass: container

dn: CN=$SCP_NAME,CN=Device Registration Configuration,$services
changetype: add
objectClass: serviceConnectionPoint
keywords: azureADName:$TENANT_NAME
keywords: azureADId:$TENANT_ID
LDIF
}

register_records() {
  local name
  for name in dc1 dc2; do
    quietly "dnsupdate-$name" "$name" samba_dnsupdate -s "$RUN/$name/smb.conf" --use-samba-tool --verbose \
      --current-ip="$(dc_address "$name")" --rpc-server-ip="$DC1"
  done
  # After the registration, or the nearest controller would cover it.
  quietly sites dc1 samba-tool sites create Depot -s "$RUN/dc1/smb.conf" -H "$RUN/dc1/private/sam.ldb"
}

# All was written on dc1; dc2 takes each partition from there.
replicate() {
  local base part
  base=DC=${DOMAIN//./,DC=}
  for part in "$base" "CN=Configuration,$base" "CN=Schema,CN=Configuration,$base" "DC=DomainDnsZones,$base" \
    "DC=ForestDnsZones,$base"; do
    quietly replicate dc2 samba-tool drs replicate DC2 DC1 "$part" --local --full-sync -s "$RUN/dc2/smb.conf" \
      "-UAdministrator%$(cat "$RUN/admin-password")"
  done
}

# Runs a step with its output in a log, shown only if it fails: quietly STEP NAMESPACE COMMAND…
quietly() {
  local step=$1 where=$2
  shift 2
  (enter "$where" "$@") </dev/null >>"$RUN/log/$step.log" 2>&1 9>&- || {
    say "the step \"$step\" in $(ns "$where") failed; its last lines:"
    tail -n 15 "$RUN/log/$step.log" >&2
    die "to try again: $HERE/lab install"
  }
}

# The cache: the directories of the controllers, and what tests may read.
pack() {
  local new=$STATE/cache.new
  rm -rf "$new"
  mkdir -p "$new"
  quietly zones dc1 "$HERE/tools/dump-zones" "$RUN/dc1/smb.conf" "$DOMAIN" "$RUN/zones"
  rm -rf "$RUN"/{dc1,dc2,other}/{log,run}
  find "$RUN"/{dc1,dc2,other} -type s -delete
  tar -C "$RUN" -cf "$new/domains.tar" --sparse dc1 dc2 other tls zones admin-password
  install -m 600 "$RUN/canary-password" "$new/canary-password"
  install -m 644 "$RUN/tls/ca.pem" "$new/ca.pem"
  chmod 600 "$new/domains.tar"
  cache_stamp >"$new/stamp"
  rm -rf "$CACHE"
  mv "$new" "$CACHE"
}

# Lays the cached controllers for this lab.
unpack() {
  local name
  tar -C "$RUN" -xf "$CACHE/domains.tar"
  for name in dc1 dc2 other; do
    dc_config "$name"
    dc_certificate "$name" valid
  done
}
