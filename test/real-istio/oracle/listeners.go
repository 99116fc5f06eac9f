package main

import (
	"sort"
	"strconv"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pkg/wellknown"
)

// outboundListener is what a proxy does with connections to an address.
type outboundListener struct {
	Address string  `json:"address"`
	Chains  []chain `json:"chains"`
}

// chain is what becomes of those that match.
type chain struct {
	// TLS with one of these server names; any if there are none.
	ServerNames []string `json:"serverNames,omitempty"`
	// To one of these blocks of addresses; any if there are none.
	Prefixes []string `json:"prefixes,omitempty"`
	// Only what looks like HTTP.
	IsHTTP bool `json:"isHttp,omitempty"`
	// Where TCP goes: "outbound|3306||db.example.com".
	Cluster string `json:"cluster,omitempty"`
}

// As the agent makes it of the mesh's proxyMetadata, whose names begin with ISTIO_META_.
func metadataOf(asked query, mesh *meshconfig.MeshConfig) *model.NodeMetadata {
	says := func(name string) model.StringBool {
		value, err := strconv.ParseBool(mesh.GetDefaultConfig().GetProxyMetadata()["ISTIO_META_"+name])
		return model.StringBool(err == nil && value)
	}
	return &model.NodeMetadata{
		Namespace:       asked.ClientNamespace,
		Labels:          asked.ClientLabels,
		DNSCapture:      says("DNS_CAPTURE"),
		DNSAutoAllocate: says("DNS_AUTO_ALLOCATE"),
	}
}

func listenersOf(istio *core.ConfigGenTest, proxy *model.Proxy, port uint32) []outboundListener {
	var found []outboundListener
	for _, one := range istio.Listeners(istio.SetupProxy(proxy)) {
		address := one.GetAddress().GetSocketAddress()
		if address.GetPortValue() != port {
			continue
		}
		described := outboundListener{Address: address.GetAddress()}
		for _, filters := range append(one.FilterChains, one.DefaultFilterChain) {
			if filters != nil {
				described.Chains = append(described.Chains, chainOf(filters))
			}
		}
		found = append(found, described)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Address < found[j].Address })
	return found
}

func chainOf(filters *listener.FilterChain) chain {
	match := filters.GetFilterChainMatch()
	described := chain{
		ServerNames: match.GetServerNames(),
		IsHTTP:      len(match.GetApplicationProtocols()) > 0,
	}
	for _, prefix := range match.GetPrefixRanges() {
		length := strconv.Itoa(int(prefix.GetPrefixLen().GetValue()))
		described.Prefixes = append(described.Prefixes, prefix.GetAddressPrefix()+"/"+length)
	}
	for _, filter := range filters.Filters {
		proxy := &tcp.TcpProxy{}
		if filter.Name == wellknown.TCPProxy && filter.GetTypedConfig().UnmarshalTo(proxy) == nil {
			described.Cluster = proxy.GetCluster()
		}
	}
	return described
}
