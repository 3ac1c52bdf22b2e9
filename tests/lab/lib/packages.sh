# shellcheck shell=bash
# What the lab needs from the distribution.

readonly PACKAGES=(
  gcc libc6-dev iproute2 iputils-ping nftables netcat-openbsd openssl python3
  samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind python3-samba
  bind9 bind9-dnsutils dnsmasq-base chrony libfaketime faketime
  krb5-user ldap-utils smbclient
  curl nginx-light squid-openssl
  openvpn strongswan-charon strongswan-swanctl libcharon-extra-plugins ocserv wireguard-go wireguard-tools python3-venv
  udhcpc ndisc6 tcpdump
  prometheus
)
readonly POLICY=/usr/sbin/policy-rc.d

missing_packages() {
  local name
  for name in "${PACKAGES[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null) == ii* ]] || printf '%s ' "$name"
  done
}

install_packages() {
  local -a missing
  local log=$STATE/apt.log
  read -ra missing <<<"$(missing_packages)"
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    die "these Debian packages are missing, and there is no apt-get to install them: ${missing[*]}"
  say "installing ${#missing[@]} packages: ${missing[*]} (log: $log)"
  hold_services
  trap release_services EXIT
  if ! apt_get install "${missing[@]}" >"$log" 2>&1; then
    # The lists may be older than the mirror.
    { apt_get update && apt_get install "${missing[@]}"; } >>"$log" 2>&1 || {
      tail -n 8 "$log" >&2
      die "apt-get install did not succeed (log: $log); install these by hand: ${missing[*]}"
    }
  fi
  release_services
  trap - EXIT
}

# No package has a server of SSTP: the one of PyPI, in a directory of its own.
install_sstp() {
  [[ ! -e $STATE/sstp/bin/sstpd ]] || return 0
  say "installing sstp-server $SSTP_VERSION from PyPI (log: $STATE/pip.log)"
  rm -rf "$STATE/sstp"
  { /usr/bin/python3 -m venv "$STATE/sstp" && "$STATE/sstp/bin/pip" install -q "sstp-server==$SSTP_VERSION"; } >"$STATE/pip.log" 2>&1 ||
    die "installing sstp-server $SSTP_VERSION did not succeed; see $STATE/pip.log"
}

apt_get() {
  local verb=$1
  shift
  DEBIAN_FRONTEND=noninteractive timeout 600 apt-get "$verb" -y --no-install-recommends "$@" </dev/null
}

# No package may start its service on the machine: the lab starts its own. The
# policy that was there comes back afterwards, as it was.
hold_services() {
  # One that is kept already comes from a run that was cut off: it is the true one.
  if [[ -e $POLICY && ! -e $POLICY.before-sightline-lab ]]; then mv "$POLICY" "$POLICY.before-sightline-lab"; fi
  printf '#!/bin/sh\n# The sightline lab installs packages; it takes this away again.\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}

release_services() {
  rm -f "$POLICY"
  if [[ -e $POLICY.before-sightline-lab ]]; then mv "$POLICY.before-sightline-lab" "$POLICY"; fi
}
