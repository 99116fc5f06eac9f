package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/visibility"
	"istio.io/istio/pkg/util/protomarshal"
	"istio.io/istio/pkg/util/sets"
)

type query struct {
	ClientNamespace string            `json:"clientNamespace"`
	ClientLabels    map[string]string `json:"clientLabels"`
	Proxy           string            `json:"proxy"`
	Host            string            `json:"host"`
	// On which to tell what the proxy listens on; none if 0.
	Port uint32 `json:"port"`
}

type answer struct {
	Visible bool `json:"visible"`
	// The owner of the hostname that this client takes; absent if the host is not visible.
	Service *owner `json:"service,omitempty"`
	// An ExternalName Service: no cluster is built for it.
	Alias            bool     `json:"alias,omitempty"`
	DestinationRules []string `json:"destinationRules,omitempty"`
	Rule             *merged  `json:"rule,omitempty"`
	// Of the host, as "outbound|80|v1|web.shop.svc.cluster.local", if they were asked for.
	Clusters []string `json:"clusters,omitempty"`
	// Of the port that was asked for.
	Listeners []outboundListener `json:"listeners,omitempty"`
}

type owner struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// merged is what became of the DestinationRules.
type merged struct {
	ExportTo      []string          `json:"exportTo,omitempty"`
	Selector      json.RawMessage   `json:"workloadSelector,omitempty"`
	Subsets       []json.RawMessage `json:"subsets,omitempty"`
	TrafficPolicy json.RawMessage   `json:"trafficPolicy,omitempty"`
}

// How istiod calls a proxy, and which way it asks for the rule: a waypoint builds its clusters as inbound ones
// (core/cluster_waypoint.go:buildWaypointInboundVIP).
type proxyType struct {
	node      model.NodeType
	direction model.TrafficDirection
}

var proxyTypes = map[string]proxyType{
	"sidecar":  {model.SidecarProxy, model.TrafficDirectionOutbound},
	"gateway":  {model.Router, model.TrafficDirectionOutbound},
	"waypoint": {model.Waypoint, model.TrafficDirectionInbound},
}

// answerAll asks for gateways and waypoints first: these take a namespace's default sidecar scope if istiod has made it,
// so that their answers would depend on the order.
func answerAll(istio *core.ConfigGenTest, asked request) ([]answer, error) {
	answers := make([]answer, len(asked.Queries))
	for _, isSidecar := range []bool{false, true} {
		for i, one := range asked.Queries {
			if (one.Proxy == "sidecar") != isSidecar {
				continue
			}
			found, err := answerOne(istio, one, asked.Clusters)
			if err != nil {
				return nil, err
			}
			answers[i] = found
		}
	}
	return answers, nil
}

func answerOne(istio *core.ConfigGenTest, asked query, withClusters bool) (answer, error) {
	kind, known := proxyTypes[asked.Proxy]
	if !known {
		return answer{}, fmt.Errorf("unknown proxy %q", asked.Proxy)
	}
	proxy := &model.Proxy{
		Type:            kind.node,
		ConfigNamespace: asked.ClientNamespace,
		Labels:          asked.ClientLabels,
		Metadata:        metadataOf(asked, istio.PushContext().Mesh),
	}
	if asked.Port != 0 {
		return answer{Listeners: listenersOf(istio, proxy, asked.Port)}, nil
	}
	proxy.SetSidecarScope(istio.PushContext())
	hostname := host.Name(asked.Host)
	service := proxy.SidecarScope.GetService(hostname)
	if service == nil {
		return answer{}, nil
	}
	result := answer{Visible: true, Service: ownerOf(service), Alias: service.Resolution == model.Alias}
	if withClusters {
		result.Clusters = clustersOf(istio, proxy, asked.Host)
	}
	found := proxy.SidecarScope.DestinationRule(kind.direction, proxy, hostname)
	if found == nil {
		return result, nil
	}
	for _, from := range found.GetFrom() {
		result.DestinationRules = append(result.DestinationRules, from.String())
	}
	var err error
	result.Rule, err = mergedRule(found)
	return result, err
}

func clustersOf(istio *core.ConfigGenTest, proxy *model.Proxy, hostname string) []string {
	var names []string
	for _, cluster := range istio.Clusters(istio.SetupProxy(proxy)) {
		if strings.HasSuffix(cluster.Name, "|"+hostname) {
			names = append(names, cluster.Name)
		}
	}
	sort.Strings(names)
	return names
}

func ownerOf(service *model.Service) *owner {
	attributes := service.Attributes
	if attributes.ServiceRegistry == provider.Kubernetes {
		return &owner{"Service", attributes.Namespace, attributes.Name}
	}
	return &owner{"ServiceEntry", attributes.Namespace, attributes.K8sAttributes.ObjectName}
}

func mergedRule(found *model.ConsolidatedDestRule) (*merged, error) {
	// The only way to the set of namespaces that it is exported to.
	text, err := found.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var exported struct {
		ExportTo sets.Set[visibility.Instance] `json:"exportTo"`
	}
	if err := json.Unmarshal(text, &exported); err != nil {
		return nil, err
	}
	result := &merged{}
	for _, namespace := range sets.SortedList(exported.ExportTo) {
		result.ExportTo = append(result.ExportTo, string(namespace))
	}
	rule := found.GetRule().Spec.(*networking.DestinationRule)
	for _, subset := range rule.Subsets {
		encoded, err := protomarshal.Marshal(subset)
		if err != nil {
			return nil, err
		}
		result.Subsets = append(result.Subsets, encoded)
	}
	if rule.WorkloadSelector != nil {
		if result.Selector, err = protomarshal.Marshal(rule.WorkloadSelector); err != nil {
			return nil, err
		}
	}
	if rule.TrafficPolicy != nil {
		result.TrafficPolicy, err = protomarshal.Marshal(rule.TrafficPolicy)
	}
	return result, err
}
