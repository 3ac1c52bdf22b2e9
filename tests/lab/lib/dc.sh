# shellcheck shell=bash
# shellcheck disable=SC2153  # the capital names come from names.sh
# The domain controllers: Samba, each in its namespace, with files below $RUN/NAME.

readonly SERVICES="s3fs, rpc, ldap, cldap, kdc, winbindd, ntp_signd, dns"

dc_address() {
  case $1 in
    dc1) printf %s "$DC1" ;;
    dc2) printf %s "$DC2" ;;
    other) printf %s "$OTHER_DC" ;;
  esac
}

# Writes the configuration of one controller: dc_config NAME [SERVICES]
dc_config() {
  local name=$1 services=${2:-$SERVICES} host=${1^^} realm=$REALM workgroup=$NETBIOS_DOMAIN domain=$DOMAIN
  if [[ $name == other ]]; then
    host=DC realm=$OTHER_REALM workgroup=OTHER domain=$OTHER_DOMAIN
  fi
  mkdir -p "$RUN/$name"/{private,state,cache,run,log,tls,bind-dns}
  fill smb.conf "HOST=$host" "REALM=$realm" "WORKGROUP=$workgroup" "DOMAIN=$domain" "SERVICES=$services" \
    "ADDRESS=$(dc_address "$name")" "DIR=$RUN/$name" >"$RUN/$name/smb.conf"
}

# Lays the certificate for LDAPS: dc_certificate NAME valid|expired
dc_certificate() {
  local name=$1 kind=$2
  install -m 600 "$RUN/tls/$name.key" "$RUN/$name/tls/key.pem"
  install -m 644 "$RUN/tls/$name-$kind.pem" "$RUN/$name/tls/cert.pem"
  install -m 644 "$RUN/tls/ca.pem" "$RUN/$name/tls/ca.pem"
}

# Starts a controller's Samba and its time server: dc_start NAME [SECONDS-AHEAD]
dc_start() {
  local name=$1 ahead=${2:-0}
  local -a clock
  mapfile -t clock < <(clock_ahead "$ahead")
  rm -f "$RUN/$name/run/"*.pid
  start "$name" "$name-samba" "${clock[@]}" samba --foreground --no-process-group -s "$RUN/$name/smb.conf"
  start_chrony "$name" 4 "$ahead"
}

dc_stop() {
  stop "$1-samba"
  stop "$1-chrony" KILL
}

# A controller serves when each of its services takes a connection, and LDAP and
# the name server answer.
dc_serves() {
  local name=$1 address port
  address=$(dc_address "$name")
  for port in 88 135 389 445 464 636 3268 53; do
    inside "$name" nc -z -w 1 "$address" "$port" || return 1
  done
  [[ $(inside "$name" "$HERE/tools/look" ldap "$address") == answer* ]]
}

dc_wait() { wait_for 60 "Samba of $1 to serve (see $RUN/log/$1-samba.log, $RUN/$1/log)" dc_serves "$1"; }

# Sends a signal to all of a controller's Samba: dc_signal NAME STOP|CONT
dc_signal() {
  local pid
  pid=$(pid_of "$1-samba") || die "Samba of $1 does not run, so it cannot be sent SIG$2"
  tree_of "$pid" | xargs kill "-$2"
}

# Changes the directory itself, over LDAP as its administrator; LDIF on stdin.
dc_modify() {
  local name=$1
  (enter "$name" env LDAPTLS_REQCERT=never ldapmodify -x -o nettimeout=5 -H "ldaps://$(dc_address "$name")" \
    -D "administrator@$DOMAIN" -y "$RUN/admin-password") >>"$RUN/log/ldapmodify.log" 9>&-
}

# The same change on both, so that no replication is needed.
both_dcs_modify() {
  local ldif
  ldif=$(cat)
  dc_modify dc1 <<<"$ldif"
  dc_modify dc2 <<<"$ldif"
}
