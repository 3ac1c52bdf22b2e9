//! Everything that makes a socket. A [`NetPath`](crate::path::NetPath) says from which interface
//! and address; whose fault an I/O error is, [`fault`] decides. Nothing here knows a kind of probe.

pub mod dhcp;
pub mod dns;
pub mod exchange;
pub mod fault;
pub mod hops;
pub mod http;
pub mod icmp;
pub mod kerberos;
pub mod ldap;
pub mod lookup;
pub mod names;
pub mod pings;
pub mod proxy;
pub mod ra;
pub mod routes;
pub mod socket;
pub mod tls;
