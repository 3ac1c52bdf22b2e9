# shellcheck shell=bash
# Names and addresses of the lab. The cached domains are made from them.

# shellcheck disable=SC2034  # the constants are read by the other parts
readonly DOMAIN=corp.example.com REALM=CORP.EXAMPLE.COM NETBIOS_DOMAIN=CORP
readonly OTHER_DOMAIN=other.example.net OTHER_REALM=OTHER.EXAMPLE.NET
readonly SITE_ADDRESS=10.60.1.20 GATEWAY=10.60.1.1
readonly RESOLVER_ONE=10.60.1.53 RESOLVER_TWO=10.60.1.54
readonly DC1=10.60.10.10 DC2=10.60.20.10 OTHER_DC=10.60.40.10
readonly NOBODY_NETWORK=10.60.30.0/24 NOBODY=10.60.30.10
readonly INET_DNS=203.0.113.53 INET_TIME=203.0.113.123 INET_WEB=203.0.113.80
readonly TENANT_ID=3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5 TENANT_NAME=contoso.com
readonly SCP_NAME=62a0ff2e-97b9-4513-943f-0d221bd30080
readonly CANARY=canary
readonly NAMESPACES=(site edge inet dc1 dc2 other rogue)
