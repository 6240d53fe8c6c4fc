using System.Net;
using System.Net.Sockets;

namespace LlamaVid.Media;

/// <summary>Which IP addresses belong to the public internet. A table and nothing else: no names, no sockets.</summary>
/// <remarks>
/// From the IANA special-purpose registries. IPv6 is closed unless global unicast (2000::/3); forms that carry an IPv4 address inside
/// (mapped, 6to4, NAT64, Teredo) are refused whatever they carry, because routers on the way may unwrap them.
/// </remarks>
internal static class PublicAddress
{
    private static readonly IPNetwork[] Closed = [.. new[]
    {
        "0.0.0.0/8",            // this network
        "10.0.0.0/8",           // private
        "100.64.0.0/10",        // carrier-grade NAT
        "127.0.0.0/8",          // loopback
        "169.254.0.0/16",       // link-local, cloud metadata
        "172.16.0.0/12",        // private
        "192.0.0.0/24",         // protocol assignments
        "192.0.2.0/24",         // documentation
        "192.31.196.0/24",      // AS112
        "192.52.193.0/24",      // AMT
        "192.88.99.0/24",       // 6to4 relays
        "192.168.0.0/16",       // private
        "192.175.48.0/24",      // AS112
        "198.18.0.0/15",        // benchmarks
        "198.51.100.0/24",      // documentation
        "203.0.113.0/24",       // documentation
        "224.0.0.0/4",          // multicast
        "240.0.0.0/4",          // reserved, broadcast
        "2001::/23",            // protocol assignments, Teredo, ORCHID
        "2001:db8::/32",        // documentation
        "2002::/16",            // 6to4
        "2620:4f:8000::/48",    // AS112
        "3fff::/20",            // documentation
    }.Select(network => IPNetwork.Parse(network))];

    public static bool Is(IPAddress address) =>
        (address.AddressFamily == AddressFamily.InterNetwork || IsGlobalUnicast(address))
        && !Array.Exists(Closed, network => network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address));

    // 2000::/3. Not by IPNetwork, which looks inside mapped addresses.
    private static bool IsGlobalUnicast(IPAddress address) =>
        address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } && (address.GetAddressBytes()[0] & 0xE0) == 0x20;
}
