# shellcheck shell=bash
# Names and addresses of the Internet side. Apart from names.sh: the cached domains are not made from them.

# shellcheck disable=SC2034  # the constants are read by the other parts
readonly INTERNET=(203.0.113.0/24 198.51.100.0/24 192.0.2.0/24)
readonly INTERNET6=2001:db8:80::/64 EDGE6=2001:db8:f::1 INET6=2001:db8:f::10 GATEWAY6=2001:db8:1::1 SITE_ADDRESS6=2001:db8:1::20
# The router of the LAN, the resolver that it advertises, and a router that nobody asked for, on the card of
# DHCP_ROGUE, with the resolver of the Internet that it advertises.
readonly ROUTER6=fe80::1 RESOLVER6=2001:db8:1::53
readonly ROGUE_ROUTER6=fe80::5eff:fe10:66 ROGUE6=2001:db8:66::1 INET_DNS6=2001:db8:f::53
readonly ENDPOINTS=$HERE/../../deploy/endpoints.toml
readonly STS_NAME=sts.$TENANT_NAME
readonly OTHER_TENANT_NAME=fabrikam.com OTHER_TENANT_ID=8a1d9e47-02c6-4f3b-b7d5-6c9e10f2a3b4
readonly PROXY=10.60.1.3 PROXY_NAME=proxy.site.example PROXY_PORT=3128 PROXY_PASSWORD=lab:proxy-secret
readonly PORTAL=10.60.1.4 PORTAL_NAME=portal.site.example
readonly WPAD=10.60.1.5 WPAD_NAME=wpad.$DOMAIN
# Only DHCP leads to this name.
readonly DHCP_WPAD_NAME=wpad.site.example DHCP_SERVER=10.60.1.1
readonly DHCP_ROGUE=10.60.1.66 DHCP_ROGUE_CARD=02:00:5e:10:00:66
readonly PORTAL_API=https://$PORTAL_NAME/capport/api
readonly INSPECTION_PORT=3130
# Which host each fault of one host takes. No two take the same, so that they combine.
readonly BLOCKED_HOST=login.microsoftonline.com BLOCKED_SOFT_HOST=go.microsoft.com
readonly INSPECTED_HOST=device.login.microsoftonline.com
readonly EXPIRED_HOST=manage.microsoft.com NOT_YET_VALID_HOST=login.live.com
readonly WRONG_NAME_HOST=enterpriseregistration.windows.net
readonly FAILING_HOST=checkin.dm.microsoft.com SILENT_HOST=ztd.dds.microsoft.com
readonly CLOCK_BOX_AHEAD=31536000
