//! What people read about each reason. One row a reason; the compiler misses none.

mod elsewhere;

use super::Fixer::{ActiveDirectory, Box as ThisBox, Network, Nobody, Proxy, Site, Vpn};
use super::{Fixer, Reason, Text};

pub(super) use elsewhere::{at_a_gateway, at_a_host, at_a_script};

/// A row, in the order in which a reader wants to know it.
const fn row(fixer: Fixer, headline: &'static str, [means, seen, fix]: [&'static str; 3]) -> Text {
    Text {
        headline,
        means,
        seen,
        fixer,
        fix,
    }
}

const SEES_NOTHING: &str = "Nothing: this is about the box, not about the device.";
const NO_DOMAIN: &str =
    "At sign-in: \"your domain isn't available\" (0x51F), or 0x80070774 on the Autopilot page.";
const NO_NETWORK: &str = "The network screen stays, and Next is not offered.";
const GPO_FAILS: &str = "Sign-in is slow or fails; Group Policy does not apply (event 1129).";
const BEHIND_A_PROXY: &str =
    "No Internet on the network screen, or 0x8007000d and 0x80072f8f at registration.";
const NO_TUNNEL: &str =
    "No tunnel comes up, so that at sign-in \"your domain isn't available\" (0x51F).";
const EMPTY_TUNNEL: &str =
    "The VPN connects, and at sign-in it still says \"your domain isn't available\" (0x51F).";
const NOTHING_TODAY: &str = "Nothing today; it explains odd and rare failures.";

#[rustfmt::skip]
pub(super) const fn text(reason: Reason) -> Text {
    match reason {
        Reason::LinkDown => row(ThisBox, "This box's own link is down or missing: {}.", [
            "The interface has no carrier, is switched off or does not exist, so that nothing could be looked at.",
            SEES_NOTHING,
            "Check the cable, the switch port and the power of this box, and the interface's name in the configuration; everything behind it is unknown until then.",
        ]),
        Reason::ClockUnsynced => row(ThisBox, "The clock of this box cannot be trusted: {}.", [
            "Other clocks agree with each other and not with this box, or it disagrees with the others and no two agree, so that nobody can tell who is wrong. Clocks were not judged.",
            SEES_NOTHING,
            "Let this box synchronise its clock (NTP), then run the check again.",
        ]),
        Reason::NoPermission => row(ThisBox, "This box was not permitted to look at {}.", [
            "The operating system refused a socket or an option that the check needs.",
            SEES_NOTHING,
            "Run as a user with the permission that the evidence names, or look at local firewall rules for outgoing traffic.",
        ]),
        Reason::NotRun => row(ThisBox, "Not looked at: {}.", [
            "Nothing was asked, or the check did not end in this round, or this box lacks what it needs: the configured source address, or an address of that family. The evidence says which.",
            SEES_NOTHING,
            "Give this box what the evidence says it lacks, or run the check again.",
        ]),
        Reason::Overloaded => row(ThisBox, "This box ran out of descriptors or memory while looking at {}.", [
            "The operating system had no descriptor, buffer or port left for a check.",
            SEES_NOTHING,
            "Raise the limits of the process (descriptors first), or take load off this box.",
        ]),
        Reason::InternalError => row(ThisBox, "A check of {} failed because of a fault in sightline itself.", [
            "A broken invariant inside a check; the message is in the evidence.",
            SEES_NOTHING,
            "Report it with the evidence; the other checks are not affected.",
        ]),

        Reason::NoAddress => row(Network, "{} has no usable address.", [
            "The link is up, but neither DHCP nor router advertisements nor a static setting gave an address.",
            NO_NETWORK,
            "Check the DHCP server or relay of this segment and its free addresses; check the VLAN of the switch port.",
        ]),
        Reason::NoRoute => row(Network, "{} has no default route.", [
            "There is an address, but no way out of the segment.",
            NO_NETWORK,
            "Hand out a default gateway: DHCP option 3, or router advertisements for IPv6.",
        ]),
        Reason::GatewayUnreachable => row(Network, "The default gateway {} does not answer on the segment.", [
            "Neighbour resolution (ARP or ND) for the gateway fails: nobody there has that address.",
            NO_NETWORK,
            "Check that the router is up and in this VLAN, and that the gateway address handed out is right.",
        ]),
        Reason::NoResolver => row(Network, "The network on {} hands out no resolver.", [
            "There is an address, but this network hands out no resolver, so that no name can be looked up.",
            "No Internet on the network screen; the flow does not start.",
            "Hand out resolvers that know the Active Directory zone and the Internet: DHCP option 6, or RDNSS for IPv6.",
        ]),
        Reason::DhcpRogue => row(Network, "DHCP servers or routers that do not belong together answer: {}.", [
            "A DHCP server answers, or a router advertises itself (IPv6), that is not one of this network's; or several hand out different settings. Which of them a device hears first is chance.",
            "Now and then a device gets wrong resolvers, another gateway or no domain, and fails where its neighbour succeeds.",
            "Find the server or router by its hardware address on the switches and switch it off; DHCP snooping and RA guard keep the next one away. Those that belong there must hand out the same.",
        ]),
        Reason::InternetUnreachable => row(Network, "Nothing on the Internet can be reached: {}.", [
            "No resolver of this network can resolve any Internet name, or no host on the Internet connects.",
            "No Internet on the network screen; the flow does not start.",
            "Check the uplink, the firewall's rule for outgoing traffic, and the forwarders of the resolvers.",
        ]),

        Reason::ResolverUnreachable => row(Network, "No answer to DNS queries from {}.", [
            "A resolver that this network hands out answers no query, for no name.",
            "Slow or failing name lookups; with all resolvers dead, no network at all.",
            "Start the resolver, let UDP and TCP 53 pass to it, or take it out of DHCP option 6 and RDNSS.",
        ]),
        Reason::ResolverLacksAdZone => row(Network, "The resolver does not know the Active Directory zone: {}.", [
            "The resolver answers, but cannot give the zone's SOA record: it asks the Internet, or its forwarder for the zone is dead.",
            NO_DOMAIN,
            "Add a conditional forwarder for the domain and for _msdcs to the resolver, or hand out (DHCP option 6, RDNSS) only resolvers that know the zone.",
        ]),
        Reason::ResolverLacksInternet => row(Network, "The resolver does not know the Internet: {}.", [
            "The resolver answers, but gives no Internet name, while another resolver does.",
            "Lookups fail now and then, since Windows asks any of its resolvers.",
            "Give the resolver a forwarder for the Internet, or take it out of DHCP option 6 and RDNSS.",
        ]),
        Reason::DnsTimeout => row(Network, "The query was not answered: {}.", [
            "The resolver answers other queries, but not this one.",
            NO_DOMAIN,
            "Look at the resolver's forwarder for this name; a silent forwarder looks like this.",
        ]),
        Reason::DnsRefused => row(Network, "The resolver refused the query: {}.", [
            "REFUSED: the resolver does not serve this client or this zone.",
            NO_DOMAIN,
            "Allow the clients' subnet in the resolver's access list or view.",
        ]),
        Reason::DnsServfail => row(Network, "The resolver failed on the query: {}.", [
            "SERVFAIL: the forwarder is unreachable, validation failed, or the zone has expired on a secondary.",
            NO_DOMAIN,
            "Check from the resolver that it reaches the name servers of the zone; look at its log for this name.",
        ]),
        Reason::DnsNxdomain => row(ActiveDirectory, "The record does not exist: {}.", [
            "The zone is there, but the name is not: no domain controller has registered it, or it was deleted.",
            NO_DOMAIN,
            "On a domain controller run `nltest /dsregdns`, check dynamic updates of the zone, and that _msdcs is delegated or forwarded too.",
        ]),
        Reason::DnsNodata => row(ActiveDirectory, "The name exists without the records that are needed: {}.", [
            "NOERROR without an answer: the name is there, its SRV records are not.",
            NO_DOMAIN,
            "On a domain controller run `nltest /dsregdns`; check that nobody serves a stale or partial copy of the zone.",
        ]),
        Reason::DnsTruncated => row(Network, "The answer does not fit into UDP, and TCP 53 is blocked: {}.", [
            "The resolver cuts the answer short for everybody, or for clients without EDNS0, and does not answer over TCP.",
            NO_DOMAIN,
            "Let TCP 53 pass to the resolver; an SRV set of many controllers needs it.",
        ]),
        Reason::DnsRewritten => row(Network, "The resolver answers for names that do not exist: {}.", [
            "A random name that cannot exist was answered with an address.",
            "Wrong hosts, certificate warnings, and searches for the domain that lead astray.",
            "Switch off NXDOMAIN rewriting at the resolver or its provider, or use another resolver.",
        ]),
        Reason::DnsTargetUnresolved => row(ActiveDirectory, "The SRV record points at a name without an address: {}.", [
            "A domain controller is announced, but its host record is missing, or one resolver does not give it.",
            NO_DOMAIN,
            "Restore the host record (`ipconfig /registerdns` on the controller), or remove the stale SRV record; where a resolver is named, look at its copy of the zone or its forwarder.",
        ]),

        Reason::ConnectTimeout => row(Network, "No connection within the time limit: {}.", [
            "Packets to this port are dropped, or the host is off.",
            "A part of the flow hangs.",
            "Look for a firewall rule between this network and the host that drops this port.",
        ]),
        Reason::ConnectRefused => row(Network, "The connection was refused: {}.", [
            "The host, or a firewall in its name, says that nothing listens there.",
            "A part of the flow fails at once.",
            "Start the service, or look for a firewall rule that rejects this port.",
        ]),
        Reason::HostUnreachable => row(Network, "The host is unreachable: {}.", [
            "A router or the host's own segment reports that it cannot be reached.",
            "A part of the flow fails at once.",
            "Check the route and the host.",
        ]),
        Reason::ClosedEarly => row(Network, "The connection was closed before an answer came: {}.", [
            "Something accepted the connection and ended it: a middlebox, or a service that is not ready.",
            "A part of the flow fails.",
            "Look for a device in between that inspects this protocol; then at the service's own log.",
        ]),
        Reason::ReadTimeout => row(Network, "Connected, and no answer within the time limit: {}.", [
            "Something accepts the connection, but nobody answers: a hung service, or a middlebox that answers for every address.",
            "A part of the flow hangs.",
            "Look at the service on the host; if it is well, at devices in between.",
        ]),
        Reason::ProtocolError => row(Network, "Something else answers in the place of the service: {}.", [
            "Bytes came back that are not this protocol: a portal, a proxy, or a broken service.",
            "A part of the flow fails.",
            "Find out who answers at this address and port; the evidence has the first bytes.",
        ]),

        Reason::DcUnreachable => row(Network, "No directory service answers on {}.", [
            "The domain controller is found in DNS, and none of its directory services answers from here. Ping and time come from the host and prove nothing.",
            NO_DOMAIN,
            "Check that the controller runs, that its address in DNS is right, and the route and firewall between this network and it.",
        ]),
        Reason::DcNotUsable => row(ActiveDirectory, "{} does not offer what a sign-in needs.", [
            "The controller answers the LDAP ping without announcing LDAP, directory and KDC together.",
            NO_DOMAIN,
            "Start the missing service on the controller (KDC, Netlogon, NTDS) and check its own health with `dcdiag`.",
        ]),
        Reason::NoDcUsable => row(ActiveDirectory, "No domain controller can be used: {}.", [
            "Domain controllers are known, and none serves everything that a sign-in needs.",
            NO_DOMAIN,
            "Look at the evidence of each controller.",
        ]),
        Reason::PortBlocked => row(Network, "{} does not answer, while other services of the same host do.", [
            "One port is closed on a host that is alive: a firewall rule, or a service that is not started.",
            "What uses the port fails: of a domain controller sign-in or Group Policy (event 1129), of a resolver the lookup of names.",
            "Open the port from the clients' network to the named hosts; then check that the service runs there.",
        ]),
        Reason::CldapNoAnswer => row(Network, "No answer to the LDAP ping: {}.", [
            "UDP 389 is silent on a controller whose other services answer. Windows finds controllers only by this ping.",
            NO_DOMAIN,
            "Let UDP 389 pass to every domain controller, not only TCP 389.",
        ]),
        Reason::CldapWrongDomain => row(ActiveDirectory, "A directory server answers that does not serve this domain: {}.", [
            "The address in DNS leads to a server of another domain or forest.",
            NO_DOMAIN,
            "Correct the host records of the controllers, or the forwarder that leads into the wrong network.",
        ]),
        Reason::DcPaused => row(ActiveDirectory, "Netlogon is paused on {}.", [
            "The controller answers that it does not take part at present: it is starting, or SYSVOL is not ready.",
            NO_DOMAIN,
            "Wait for the start to end; else check SYSVOL replication and the Netlogon service on the controller.",
        ]),
        Reason::DcNotSynchronised => row(ActiveDirectory, "{} has not finished its initial replication.", [
            "The controller says `isSynchronized: FALSE`.",
            "Accounts and policies may be missing or old.",
            "Check replication on the controller (`repadmin /showrepl`).",
        ]),
        Reason::DcNameMismatch => row(ActiveDirectory, "The controller calls itself by another name: {}.", [
            "The name in the SRV record is an alias, or an address translation leads to another controller.",
            "Kerberos to the announced name may fail.",
            "Let the SRV records name the controllers by their own names, without load balancer or alias.",
        ]),
        Reason::DcSlow => row(Network, "The LDAP ping takes longer than Windows waits: {}.", [
            "Windows waits 0.4 s for a controller before it tries the next.",
            "Sign-in takes long, or a far controller is taken.",
            "Shorten the path, or give this subnet a site with a near controller.",
        ]),
        Reason::SiteUnmapped => row(ActiveDirectory, "This network is not mapped to an Active Directory site: {}.", [
            "The controller finds no subnet object for the address that it sees: the subnet is missing, or NAT hides it.",
            "A far controller may be taken: slow sign-in and Group Policy.",
            "Add the clients' subnet to Active Directory Sites and Services.",
        ]),
        Reason::SiteMismatch => row(ActiveDirectory, "This network is mapped to another Active Directory site than expected: {}.", [
            "The controllers compute another site for this network than the configuration names, or they do not agree on one: the configuration or a subnet object is wrong.",
            "A far controller may be taken: slow sign-in and Group Policy.",
            "Correct the subnet object in Active Directory Sites and Services, or the site in the configuration of this box; the evidence names the sites.",
        ]),
        Reason::SiteFallback => row(ActiveDirectory, "No domain controller of the own site can be used: {}.", [
            "The client's site has no usable controller, so that one of another site is taken.",
            "Slow sign-in and Group Policy.",
            "Give the site a controller, or check the automatic site coverage and the site's SRV records.",
        ]),
        Reason::LdapResult => row(ActiveDirectory, "LDAP answered with an error: {}.", [
            "The directory service is alive and did not give its rootDSE.",
            "Sign-in or Group Policy fails.",
            "Look at the directory service on the controller; the evidence has the result code.",
        ]),
        Reason::SmbRefusedDialect => row(ActiveDirectory, "The SMB server accepts no dialect that Windows offers: {}.", [
            "The file service on the controller refuses SMB 2 and 3.",
            GPO_FAILS,
            "Enable SMB 2 or 3 on the controller.",
        ]),
        Reason::RpcEndpointUnavailable => row(Network, "The RPC endpoint mapper does not lead to Netlogon: {}.", [
            "TCP 135 is closed, or the endpoint mapper does not know the Netlogon service.",
            GPO_FAILS,
            "Open TCP 135 to every domain controller; then check that Netlogon runs there.",
        ]),
        Reason::RpcDynamicPortBlocked => row(Network, "The port that the endpoint mapper names for Netlogon is blocked: {}.", [
            "TCP 135 answers, and the dynamic port behind it does not.",
            GPO_FAILS,
            "Open TCP 49152-65535 to the domain controllers, or pin Netlogon's port there and open that one.",
        ]),

        Reason::KdcNoAnswer => row(Network, "No answer from Kerberos: {}.", [
            "Port 88 is silent over UDP and TCP on a controller whose other services answer.",
            NO_DOMAIN,
            "Let TCP and UDP 88 pass to every domain controller, and check that the KDC service runs.",
        ]),
        Reason::KdcWrongRealm => row(ActiveDirectory, "The KDC serves another realm: {}.", [
            "The Kerberos service at this address does not know the domain.",
            NO_DOMAIN,
            "Correct the records that lead to this controller.",
        ]),
        Reason::KdcEtype => row(ActiveDirectory, "The KDC shares no encryption type with Windows: {}.", [
            "AES was refused: the account or the domain allows only older types.",
            "The password is refused at sign-in.",
            "Enable AES-128 and AES-256 for the domain and its accounts.",
        ]),
        Reason::KdcError => row(ActiveDirectory, "The KDC answered with an error: {}.", [
            "The Kerberos service is alive and cannot serve.",
            NO_DOMAIN,
            "Look at the KDC's event log for the error that the evidence names.",
        ]),
        Reason::ClockSkew => row(ActiveDirectory, "The clock of a domain controller is off: {}.", [
            "Kerberos refuses clocks that differ by more than five minutes.",
            "The password is refused although it is right.",
            "Repair time on the controller; the PDC emulator must follow a reliable source (`w32tm /query /status`).",
        ]),
        Reason::LogonRefused => row(ThisBox, "The account of this box was refused: {}.", [
            "A domain controller did not accept the account that the configuration names in `[account]`, or its password. The evidence has its words. This says nothing about the users' own accounts.",
            "Nothing, as far as this can tell.",
            "Mend the account or the password in its file, whichever the evidence names. It is not tried again until `account` in the configuration or the password file changes: touch the file, or delete `account.json` in `store.path`, if the mistake was in the directory.",
        ]),
        Reason::KerberosUdpBlocked => row(Network, "Kerberos answers over TCP, not over UDP: {}.", [
            "Current Windows uses TCP first, so the flow works; older clients and some appliances do not.",
            NOTHING_TODAY,
            "Let UDP 88 pass to every domain controller.",
        ]),
        Reason::KerberosTcpBlocked => row(Network, "Kerberos answers over UDP, not over TCP: {}.", [
            "Windows speaks Kerberos over TCP; tickets do not fit into UDP.",
            NO_DOMAIN,
            "Let TCP 88 pass to every domain controller.",
        ]),

        Reason::NtpNoAnswer => row(Network, "The time server gives no time: {}.", [
            "UDP 123 is blocked, the server is down, its name does not resolve, or it says itself that it is not synchronised. The evidence says which.",
            "A device whose clock is wrong cannot correct it, and fails at TLS and Kerberos.",
            "Let UDP 123 pass to the time server; check that its name resolves and that it has a source itself; or use one that is in order.",
        ]),
        Reason::ClockOffset => row(Network, "The time source is off: {}.", [
            "The Internet time that this network gives does not agree with the domain and this box.",
            "A device takes the wrong time and then fails at Kerberos.",
            "Look who answers for the time source; a redirected NTP service looks like this.",
        ]),

        Reason::TlsHandshake => row(ActiveDirectory, "The TLS handshake failed: {}.", [
            "The port is open, but no TLS session could be made: the server has no certificate, something in between breaks TLS, or the two share no parameters.",
            "Software that uses LDAPS fails, and the flow itself does not need it; at a host of the Internet the step that needs the host fails.",
            "If LDAPS is wanted, give the controller a server certificate (auto-enrolment); at a host of the Internet, let TLS pass firewall and proxy unchanged.",
        ]),
        Reason::TlsExpired => row(ActiveDirectory, "The certificate has expired: {}.", [
            "The server's certificate is past its end.",
            "Software that uses LDAPS fails; the flow itself does not need it.",
            "Renew the certificate on the controller; check auto-enrolment.",
        ]),
        Reason::TlsNotYetValid => row(ActiveDirectory, "The certificate is not yet valid: {}.", [
            "The certificate begins in the future, or a clock is wrong.",
            "Software that uses LDAPS fails; the flow itself does not need it.",
            "Compare the clocks; then issue the certificate again.",
        ]),
        Reason::TlsUntrusted => row(Nobody, "The certificate comes from a CA that is not configured here: {}.", [
            "The chain ends in a CA that neither this box nor its configuration knows. An enterprise CA looks like this.",
            NOTHING_TODAY,
            "Name the enterprise CA in `tls.corporate_roots` if the chain shall be judged.",
        ]),
        Reason::TlsName => row(ActiveDirectory, "The certificate is for another name: {}.", [
            "The certificate does not carry the controller's name as a subject alternative name.",
            "Software that uses LDAPS fails; the flow itself does not need it.",
            "Issue a certificate with the controller's DNS name.",
        ]),

        Reason::TlsIntercepted => row(Network, "TLS is intercepted, {}.", [
            "The certificate leads to no public CA: a proxy or firewall decrypts the connection and signs it anew.",
            "OOBE ends with a network error, enrolment or registration fails: the device does not know that CA yet.",
            "Exempt the named hosts from TLS inspection; `sightline endpoints --output firewall` prints the list to ask for.",
        ]),

        Reason::CaptivePortal => row(Network, "A portal holds the devices of this network: {}.", [
            "The address by which Windows tests for the Internet was answered by somebody else: a redirect, another page, or status 511. Or the portal that DHCP or a router announces says itself that it holds the devices.",
            "The network screen shows \"sign in to the network\", and the flow does not go on.",
            "Let the devices of this network past the portal, by their network or their address.",
        ]),
        Reason::EndpointUnreachable => row(Network, "Hosts that the flow needs cannot be reached: {}.", [
            "The name does not resolve or nothing answers on the port, while other hosts of the Internet do.",
            "The step that needs the host hangs or fails with an error code.",
            "Open the names and ports in the firewall and the DNS filter; `sightline endpoints --output firewall` prints the list to ask for.",
        ]),
        Reason::HttpStatus => row(Network, "Hosts answer with a server error: {}.", [
            "The connection is good and the answer is a status from 500 on: the service is ill, or a proxy answers for it.",
            "The step that needs the host fails and may be repeated.",
            "Look at the evidence for who answers; check the service's health page, then proxies in between.",
        ]),
        Reason::ContentMismatch => row(Network, "Hosts answer with something else than documented or configured: {}.", [
            "The connection is good and the content is not what this address gives, or not what the configuration says.",
            "The step that needs the host fails.",
            "Look for a filter or proxy that replaces pages.",
        ]),
        Reason::RangeUnsupported => row(Network, "Content hosts do not give parts of a file: {}.", [
            "The request for a part was answered with the whole: a proxy takes the range away. Content is downloaded in parts.",
            "Downloads of apps and updates are slow or fail.",
            "Let HTTP Range requests pass the proxy, or let these hosts past it.",
        ]),
        Reason::ProxyUnreachable => row(Proxy, "The proxy does not answer: {}.", [
            "The clients of this network are sent to a proxy whose name does not resolve, or that answers nothing on its port.",
            BEHIND_A_PROXY,
            "Start the proxy and open its port to this network, or take it out of the script or the configuration that names it.",
        ]),
        Reason::ProxyAuth => row(Proxy, "The proxy asks for a sign-in: {}.", [
            "The proxy answers 407. Before the first sign-in nobody is there to answer it: everything until then is asked by the machine.",
            BEHIND_A_PROXY,
            "Let the hosts of the flow through without a sign-in; `sightline endpoints --output firewall` prints the list to ask for.",
        ]),
        Reason::ProxyRefused => row(Proxy, "The proxy does not let through to {}.", [
            "The proxy answers and refuses to connect to hosts that the flow needs: its filter knows them not, or forbids them.",
            "The step that needs the host fails with an error code.",
            "Allow the names and ports in the proxy; `sightline endpoints --output firewall` prints the list to ask for.",
        ]),
        Reason::ProxyRequired => row(Network, "Only the proxy leads to the Internet: {}.", [
            "Hosts of the Internet answer through the proxy, and most of them or all do not without it. What knows no proxy, such as push notifications, does not get through.",
            "Nothing, while every device finds the proxy; what knows no proxy is slower.",
            "Open TCP 443 to the hosts in the evidence without the proxy. The flow itself passes.",
        ]),
        Reason::WpadMissing => row(Network, "No device can find the proxy by itself: {}.", [
            "The direct way is closed and the proxy works, but the network announces no proxy script, neither by DHCP option 252 nor by the name wpad. Hybrid join with Autopilot requires that where a proxy is mandatory.",
            "No Internet on the network screen, unless the device was given the proxy before.",
            "Publish a proxy script: DHCP option 252 with its address, or the name wpad in the domain that DHCP hands out.",
        ]),

        Reason::ScpMissing => row(ActiveDirectory, "The directory tells no tenant for hybrid join: {}.", [
            "The service connection point, by which a device finds its tenant, is not in the configuration partition, cannot be read, or names none. Where the tenant comes to the devices by policy (`CDJ\\AAD` in the registry, a targeted roll-out), that is as it should be.",
            "Without such a policy the device is not registered: 0x801c001d in the events of User Device Registration.",
            "Let Entra Connect write the service connection point (\"Configure device options\"), or make sure that a policy gives TenantId and TenantName to the devices, and take this for information.",
        ]),
        Reason::ScpWrongTenant => row(ActiveDirectory, "The service connection point names another tenant: {}.", [
            "A device asks the tenant that the directory names, and this is not the one that the configuration names in `domain.tenant`.",
            "The device is not registered, or in the wrong tenant: 0x801c003a or AADSTS90002.",
            "Let Entra Connect write the service connection point anew (\"Configure device options\"). If it is `domain.tenant` that is wrong, correct the configuration.",
        ]),
        Reason::MtuBlackhole => row(Network, "Large packets to domain controllers are lost, and nobody says so: {}.", [
            "Short packets arrive and long ones do not, and no router says how long they may be (ICMP): the sender goes on sending them. A tunnel takes some of the size on the way, and a filter drops what would tell.",
            "Sign-in hangs and ends with an error: answers of Kerberos and LDAP and Group Policy files are long. Where TCP gets through, only what is sent by UDP is lost.",
            "Let ICMP \"fragmentation needed\" (type 3 code 4; ICMPv6 type 2) through on the whole way, in both directions; or let the router in front of the tunnel set the MSS of TCP (MSS clamping) to the value in the evidence.",
        ]),
        Reason::Loss => row(Network, "Packets get lost on the way to domain controllers: {}.", [
            "Of a short burst of small packets, several were not answered, and of a second one, too. What is lost is sent again after a second or more, and what is lost again ends as silence: ports then look closed by chance.",
            "Sign-in and Group Policy are slow, and fail now and then with errors that change.",
            "Look for an overloaded or damaged line (errors and drops at the interfaces on the way), Wi-Fi, a duplex mismatch, or a full tunnel; `probe.loss_warn` says what is tolerated.",
        ]),
        Reason::Slow => row(Network, "The way to domain controllers is long: {}.", [
            "Echoes take longer there and back than a sign-in puts up with: it needs hundreds of round trips, one after the other.",
            "Sign-in and Group Policy take minutes; the status page may end with a time limit.",
            "Let the site use a nearer controller (subnets in AD Sites and Services), or look for a detour or a full queue on the way; `probe.slow_path` says what is tolerated.",
        ]),
        Reason::StsUnreachable => row(ActiveDirectory, "The company's own sign-in service (STS) does not serve a device here: {}.", [
            "The domain is federated: a device registers and a user signs in at the company's own service. It does not answer from here, or it has switched off what Windows asks it for: its metadata (`mex`), or the sign-in of the machine without a prompt (`windowstransport`).",
            "Registration fails in phase auth (0xcaa82ee2, 0xcaa82efd, 0xcaa9002c) or waits for the next directory synchronisation; without the service no user gets a token of Microsoft Entra (event 1088).",
            "Let the service's name resolve and TCP 443 pass to it from this network, directly or through the VPN. On AD FS, enable `mex` and one of `/adfs/services/trust/2005/windowstransport` and `/adfs/services/trust/13/windowstransport`; the latter are for inside only, so the name must lead to the service itself and not to a Web Application Proxy.",
        ]),
        Reason::VpnGatewayUnresolved => row(Vpn, "The name of the VPN gateway does not resolve: {}.", [
            "The resolvers of this network have no address for the gateway that the VPN client is configured with.",
            NO_TUNNEL,
            "Publish the name in the DNS that this network asks, or let its DNS filter pass it; else correct `vpn.gateway` here.",
        ]),
        Reason::VpnGatewayNoAnswer => row(Vpn, "The VPN gateway does not answer: {}.", [
            "Nothing came back from the gateway, or only from one of the ports that the VPN needs. A firewall drops the packets, the gateway is down, or it is silent to strangers by design; the evidence says what silence can mean with this protocol.",
            NO_TUNNEL,
            "Open the ports in the evidence from this network to the gateway and see whether it runs; where it answers only to a key, give that key in `[[vpn]]`.",
        ]),
        Reason::VpnRefused => row(Vpn, "The VPN gateway refuses: {}.", [
            "Somebody at the gateway's address says no: nothing listens on the port, or what answers there does not offer this VPN, or not to this network.",
            NO_TUNNEL,
            "Start the VPN service on the gateway, or correct protocol, port and name; the evidence says what came back.",
        ]),
        Reason::VpnTunnelDown => row(Vpn, "The tunnel of the VPN is not up on this box: {}.", [
            "The interface where the tunnel ends is missing, switched off, not running, or has no address. Nothing is reached through it.",
            "Nothing by itself: the tunnel of the device is another one. Where both fail for the same reason, sign-in says \"your domain isn't available\".",
            "Look at the VPN client of this box and its log; `ip link show` and `ip address show` tell the state of the interface.",
        ]),
        Reason::VpnNoRoute => row(Vpn, "No route leads into the tunnel of the VPN: {}.", [
            "The tunnel is up, and this box has no route through it to a domain controller or resolver: the VPN does not hand out the network that it stands in.",
            EMPTY_TUNNEL,
            "Add the network of the domain controllers to the routes that the VPN hands out (`push \"route …\"`, AllowedIPs, traffic selectors); `ip route show table all` tells what is there.",
        ]),
        Reason::VpnBlackhole => row(Vpn, "Nothing comes back out of the tunnel of the VPN: {}.", [
            "The tunnel is up and packets go into it, and the kernel has counted none that came out: the other end is gone, drops them, or has no way back.",
            EMPTY_TUNNEL,
            "Look at the gateway for the session of this box: whether packets arrive there, whether they are forwarded, and whether the domain has a route back to the addresses of the VPN.",
        ]),
        Reason::VpnHandshakeStale => row(Vpn, "The WireGuard tunnel has no handshake that is still good: {}.", [
            "The interface is up, which WireGuard's always is; its last handshake is older than three minutes though packets were sent, or there never was one.",
            EMPTY_TUNNEL,
            "Compare keys and endpoints of both ends, and see whether UDP passes between them; `wg show` tells the last handshake on either side.",
        ]),

        Reason::Upstream => row(Nobody, "A stage that it needs is not ready: {}.", [
            "The stage was not judged by itself, because something before it stops the flow.",
            "The flow stops earlier.",
            "Mend the cause at the earlier stage.",
        ]),
        Reason::NotTested => row(Site, "Not tested: {}.", [
            "Nothing was asked here, so nothing is said about it. It is no fault.",
            "Nothing can be said.",
            "Configure what is needed for the test, if it is wanted.",
        ]),
    }
}
